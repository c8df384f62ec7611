use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use stomp_commands::AckMode;
use stomp_session::engine::Outcome;

use crate::call::Call;
use crate::shared::Handle;
use crate::{Error, Subscription};

/// A subscription in the making. Made by [`Client::subscribe`](crate::Client::subscribe); opened by `.await`.
///
/// `Ok` means that the broker has confirmed it, or has left it unanswered for 2 s on a connection
/// that lives, as some servers do that refuse by ERROR alone. From then on it is made anew on every
/// further connection, until it is dropped.
///
/// # Cancel safety
///
/// Dropping the future ends the subscription, if it was asked for already.
#[derive(Debug)]
#[must_use = "nothing is subscribed until this is awaited"]
pub struct Subscribe {
    handle: Arc<Handle>,
    command: stomp_commands::Subscribe,
    capacity: usize,
}

impl Subscribe {
    /// Messages that a subscription holds by default.
    pub const CAPACITY: usize = 100;

    pub(crate) fn new(handle: Arc<Handle>, destination: String) -> Self {
        Self {
            handle,
            command: stomp_commands::Subscribe::to(destination).ack(AckMode::ClientIndividual),
            capacity: Self::CAPACITY,
        }
    }

    /// Chooses how messages are acknowledged. Default `client-individual`: a message counts as
    /// consumed when it was acknowledged by itself. `auto` loses messages when this process ends.
    pub fn ack(mut self, mode: AckMode) -> Self {
        self.command = self.command.ack(mode);
        self
    }

    /// Sets how many messages are held for the application. Default 100, at least 1.
    ///
    /// The broker is asked for as many and no more, if it has a word for that. If it sends more,
    /// the client stops reading until there is room, while heart-beats go on. It reads on, within
    /// [`Builder::inbox`](crate::Builder::inbox) and 8 MiB more, as long as somebody waits for an
    /// answer or at another subscription.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages.max(1);
        self
    }

    /// Adds a header of your own.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.command = self.command.header(name, value);
        self
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, Error>;
    type IntoFuture = Subscribing;

    fn into_future(self) -> Subscribing {
        let Self {
            handle,
            command,
            capacity,
        } = self;
        Subscribing {
            call: Call::new(handle),
            command,
            capacity,
        }
    }
}

/// A subscription that is being opened: what [`Subscribe`] becomes by `.await`.
#[derive(Debug)]
#[must_use = "nothing is subscribed until this is awaited"]
pub struct Subscribing {
    call: Call,
    command: stomp_commands::Subscribe,
    capacity: usize,
}

impl Future for Subscribing {
    type Output = Result<Subscription, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            call,
            command,
            capacity,
        } = self.get_mut();
        let answer = ready!(call.poll(cx, |engine, place, now| {
            engine.subscribe(command, *capacity, None, place, now)
        }));
        Poll::Ready(match answer? {
            Some(Outcome::Subscribed(key)) => {
                let destination = command.destination.clone();
                Ok(Subscription::new(call.handle.clone(), key, destination))
            }
            other => unreachable!("SUBSCRIBE is answered by a subscription, not {other:?}"),
        })
    }
}
