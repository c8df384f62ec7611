//! What a client knows, and what becomes of what its session says.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_commands::ReceiptId;
use stomp_session::{
    CloseReason, DecodeError, Delivery, Event as Said, Session, SessionState, SubscriptionKey, With,
};

use crate::event::Listeners;
use crate::inboxes::{Arrival, Inboxes};
use crate::wire::Wire;
use crate::{Cause, Error, Event};

#[derive(Debug)]
pub(crate) struct State {
    /// The session of the connection that is up; between two connections the last one, which is
    /// closed.
    pub(crate) session: Session,
    /// The connection, until somebody has taken note that it is over.
    pub(crate) wire: Option<Arc<Wire>>,
    /// Why the session is over, until somebody has taken note.
    pub(crate) closed: Option<CloseReason>,
    /// The subscriptions are taken out of the session, for the next one.
    pub(crate) away: bool,
    /// Some inbox is over-full, so nobody reads.
    pub(crate) paused: bool,
    /// How many wait for an answer, or for room in the session.
    pub(crate) waiting: usize,
    /// The last handle is gone, or `disconnect` was called: no reconnection any more.
    pub(crate) quit: bool,
    /// The client is closed, and why.
    pub(crate) end: Option<Cause>,
    pub(crate) inboxes: Inboxes,
    pub(crate) listeners: Listeners,
    answers: HashMap<ReceiptId, Answer>,
    /// Subscriptions that nobody reads any more, and that the broker still has to be told of.
    unwanted: Vec<SubscriptionKey>,
}

/// What becomes of a frame whose RECEIPT somebody waits for.
#[derive(Debug, Default)]
struct Answer {
    /// What the frame subscribes to.
    subscription: Option<SubscriptionKey>,
    /// `None` while it is not known.
    result: Option<Result<(), Error>>,
}

/// Octets that inboxes may hold beyond their capacities while somebody waits for an answer.
const OVERFLOW: usize = 8 << 20;

impl State {
    pub(crate) fn new(session: Session, wire: Wire) -> Self {
        Self {
            session,
            wire: Some(Arc::new(wire)),
            closed: None,
            away: false,
            paused: false,
            waiting: 0,
            quit: false,
            end: None,
            inboxes: Inboxes::default(),
            listeners: Listeners::default(),
            answers: HashMap::new(),
            unwanted: Vec::new(),
        }
    }

    /// Tells whether the session takes another command. After a reconnect the subscriptions come
    /// first, so that no answer to what is sent finds nobody there.
    pub(crate) fn takes_commands(&self) -> bool {
        self.session.state() == SessionState::Connected
            && !self.session.is_replaying()
            && !self.session.is_congested()
    }

    /// Takes what the session says, until it has nothing more to say.
    pub(crate) fn sort(&mut self) {
        while let Some(said) = self.session.poll_event() {
            match said {
                Said::Message(delivery) => self.deliver(delivery, None),
                Said::MessageUnreadable {
                    delivery,
                    why,
                    length,
                } => self.deliver(delivery, Some((why, length))),
                Said::Receipt { receipt, .. } => self.settle(&receipt, Ok(())),
                Said::ReceiptFailed { receipt, why } => {
                    let patience = self.session.config().receipt_timeout;
                    self.settle(&receipt, Err(Error::no_receipt(why, patience)));
                }
                Said::SubscriptionRefused { subscription, why } => {
                    self.inboxes.refuse(subscription, why.clone());
                    self.tell(Event::SubscriptionRefused { subscription, why });
                }
                Said::Replayed => self.tell(Event::Replayed),
                Said::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
        self.unsubscribe_unwanted();
        self.balance();
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.listeners.tell(&event);
    }

    fn deliver(&mut self, delivery: Delivery, unreadable: Option<(DecodeError, Option<u64>)>) {
        if self.quit && self.inboxes.octets() >= OVERFLOW {
            // The broker takes it back. Who is leaving reads on all the same, for the receipts.
            return;
        }
        self.inboxes.push(Arrival {
            delivery,
            unreadable,
        });
    }

    /// Stops reading while an inbox holds more than it should, and reads on afterwards. Says whether
    /// that has changed.
    ///
    /// An answer comes behind the messages, and so do those for another inbox: while somebody waits
    /// for one, reading goes on as long as memory allows, since whoever waits may be the very thread
    /// that empties the inbox.
    pub(crate) fn balance(&mut self) -> bool {
        let patient = self.quit || self.waiting > 0 && self.inboxes.octets() < OVERFLOW;
        let pause = self.inboxes.is_over_full() && !patient;
        if pause == self.paused || self.session.is_closed() {
            return false;
        }
        if pause {
            self.session.handle_pause();
        } else {
            self.session.handle_resume(Instant::now());
        }
        self.paused = pause;
        true
    }

    /// Gives up a subscription that nobody reads any more.
    pub(crate) fn leave(&mut self, subscription: SubscriptionKey) {
        self.inboxes.close(subscription);
        self.unwanted.push(subscription);
        self.unsubscribe_unwanted();
        self.balance();
    }

    /// Tells the broker which subscriptions are over, as soon as there is one to tell, and room.
    pub(crate) fn unsubscribe_unwanted(&mut self) {
        if self.away {
            return;
        }
        while let Some(&key) = self.unwanted.last() {
            let now = Instant::now();
            match self.session.unsubscribe(key, With::nothing(), now) {
                Err(error) if error.is_back_pressure() => return,
                Ok(()) => {}
                // It is in quarantine, or the session is at its end.
                Err(_) => self.session.subscriptions_mut().forget(key),
            }
            self.unwanted.pop();
        }
    }

    /// Promises to wait for a receipt. Must be called before its frame is on its way.
    pub(crate) fn expect(&mut self, receipt: ReceiptId, subscription: Option<SubscriptionKey>) {
        let answer = Answer {
            subscription,
            result: None,
        };
        self.answers.insert(receipt, answer);
        self.waiting += 1;
    }

    fn settle(&mut self, receipt: &ReceiptId, result: Result<(), Error>) {
        let Some(answer) = self.answers.get_mut(receipt) else {
            return;
        };
        let refused = answer.subscription.filter(|_| result.is_err());
        answer.result = Some(result);
        self.waiting -= 1;
        if let Some(subscription) = refused {
            // Before there is another connection to make it anew on.
            self.leave(subscription);
        }
    }

    /// Takes the answer to a frame, if it is there.
    pub(crate) fn take_answer(&mut self, receipt: &ReceiptId) -> Option<Result<(), Error>> {
        let result = self.answers.get_mut(receipt)?.result.take()?;
        self.answers.remove(receipt);
        Some(result)
    }

    /// Does not wait for an answer any more.
    pub(crate) fn forget(&mut self, receipt: &ReceiptId) {
        if self
            .answers
            .remove(receipt)
            .is_some_and(|answer| answer.result.is_none())
        {
            self.waiting -= 1;
        }
    }

    pub(crate) fn closed_error(&self) -> Error {
        Error::Closed(self.end.clone().unwrap_or(Cause::Disconnected))
    }

    /// How long disconnecting may take.
    pub(crate) fn disconnect_timeout(&self) -> Duration {
        self.session.config().disconnect_timeout
    }
}
