use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_commands::AckMode;
use stomp_session::SubscriptionKey;
use stomp_session::engine::{Outcome, Taken, Wake};

use crate::handle::Handle;
use crate::sync::now;
use crate::{Cause, Error, Message};

/// A subscription in the making. Made by [`Client::subscribe`](crate::Client::subscribe).
#[derive(Debug)]
#[must_use = "nothing is subscribed until `open` is called"]
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
    /// the client stops reading until there is room, while heart-beats go on. It reads on, and holds
    /// up to 8 MiB more, as long as somebody waits for an answer or at another subscription.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages.max(1);
        self
    }

    /// Adds a header of your own.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.command = self.command.header(name, value);
        self
    }

    /// Subscribes, and waits until the broker has confirmed it, or has left it unanswered for 2 s on
    /// a connection that lives, as some servers do that refuse by ERROR alone. From then on the
    /// subscription is made anew on every further connection, until it is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the broker refuses, [`Error::Unconfirmed`] when it does not answer,
    /// [`Error::NotSent`] when there is no connection in time.
    pub fn open(self) -> Result<Subscription, Error> {
        let Self {
            handle,
            command,
            capacity,
        } = self;
        let shared = &handle.shared;
        let asked = shared
            .enter(|engine, place| engine.subscribe(&command, capacity, None, place, now()))?;
        let outcome = match asked {
            Some(op) => shared.answer(op)?,
            None => return Err(shared.closed()),
        };
        let Outcome::Subscribed(key) = outcome else {
            return Err(shared.closed());
        };
        let destination = command.destination;
        Ok(Subscription {
            handle,
            key,
            destination,
            ended: false,
        })
    }
}

/// The messages of a destination, as an [`Iterator`] that waits for the next one.
///
/// An error is the last item, but for [`Error::Unreadable`]. A lost connection is none: the client
/// reconnects, subscribes anew, and messages go on, with a higher [`epoch`](Message::epoch).
///
/// Dropping it unsubscribes: what it holds goes back to the broker, and what you have in hand can
/// still be settled.
#[derive(Debug)]
pub struct Subscription {
    handle: Arc<Handle>,
    key: SubscriptionKey,
    destination: String,
    /// The last item was yielded.
    ended: bool,
}

impl Subscription {
    /// Waits for the next message, for `patience` at most. `Ok(None)` means that time is up.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] in place of a message beyond the limits, [`Error::Closed`] when the
    /// client is closed, [`Error::SubscriptionRefused`] when the broker did not want the
    /// subscription on a further connection.
    pub fn next_timeout(&mut self, patience: Duration) -> Result<Option<Message>, Error> {
        self.take(now().checked_add(patience))
    }

    /// Returns where the messages come from, as it was subscribed.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Returns the key by which [events](crate::Event) name this subscription.
    #[must_use]
    pub fn key(&self) -> SubscriptionKey {
        self.key
    }

    fn take(&mut self, deadline: Option<Instant>) -> Result<Option<Message>, Error> {
        let (shared, key) = (&self.handle.shared, self.key);
        let taken = shared.wait(Wake::Inbox(key), deadline, |engine| {
            match engine.take(key, now()) {
                Taken::Nothing => None,
                taken => Some(taken),
            }
        });
        match taken {
            Some(Taken::Message(arrival)) => Message::new(arrival, self.handle.clone()).map(Some),
            Some(Taken::Ended(Some(error))) => Err(error),
            Some(_) => Err(shared.closed()),
            None => {
                shared.with(|engine| engine.stop_waiting(key, now()));
                Ok(None)
            }
        }
    }
}

impl Iterator for Subscription {
    type Item = Result<Message, Error>;

    /// Waits for the next message; `None` when the client was disconnected, and behind an error
    /// that was the last item.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = match self.take(None) {
            Err(Error::Closed(Cause::Disconnected)) => None,
            result => result.transpose(),
        };
        self.ended = !matches!(item, Some(Ok(_) | Err(Error::Unreadable(_))));
        item
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let shared = &self.handle.shared;
        shared.call(|engine| engine.drop_subscriber(self.key, now()));
    }
}
