//! What the handles ask of the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stomp_commands::{Send, Subscribe};
use stomp_session::{AckToken, Settled, SubscriptionKey};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::Error;
use crate::inboxes::Item;

pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

#[derive(Debug)]
pub(crate) enum Call {
    Send {
        command: Send,
        confirm: Confirm,
        ticket: Ticket,
        reply: Reply<()>,
    },
    Subscribe {
        command: Subscribe,
        inbox: mpsc::Sender<Item>,
        ticket: Ticket,
        reply: Reply<SubscriptionKey>,
    },
    Settle {
        verdict: Verdict,
        token: AckToken,
        ticket: Ticket,
        reply: Reply<Settled>,
    },
    Unsubscribe {
        subscription: SubscriptionKey,
    },
    Disconnect {
        reply: Reply<()>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// Answer when the session has taken the frame.
    Taken,
    /// Answer when its RECEIPT came.
    Receipt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ack,
    Nack,
}

/// Lets a call be carried out or given up, but not both.
///
/// The caller gives up when its time is over or its future is dropped; the driver claims the call
/// before it touches the session. Whoever is first decides, so "not sent" is never a guess.
#[derive(Debug)]
pub(crate) struct Ticket {
    claimed: Arc<AtomicBool>,
    /// The room that the call takes up while it waits.
    _room: Option<OwnedSemaphorePermit>,
}

impl Ticket {
    pub(crate) fn new(room: Option<OwnedSemaphorePermit>) -> (Self, Claim) {
        let claimed = Arc::new(AtomicBool::new(false));
        let claim = Claim(claimed.clone());
        (
            Self {
                claimed,
                _room: room,
            },
            claim,
        )
    }

    /// Tells whether to carry the call out.
    pub(crate) fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }
}

/// The caller's side of a [`Ticket`]. Dropping it gives the call up.
#[derive(Debug)]
pub(crate) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Tells whether the call was given up in time: then it will not be carried out.
    pub(crate) fn give_up(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.give_up();
    }
}
