use bytes::Bytes;
use stomp_frame::Frame;

use super::{TestBroker, Wait};
use crate::{ConnectionId, Transcript};

/// What a test can wait for.
impl TestBroker {
    /// Waits until there is a subscription to the destination.
    pub fn subscribed(&self, destination: &str) -> Wait<'_> {
        let name = destination.to_owned();
        self.until(format!("a subscription to {destination}"), move |broker| {
            broker.subscribers(&name) > 0
        })
    }

    /// Waits until `count` messages were sent to the destination, since the broker started.
    pub fn received(&self, destination: &str, count: u64) -> Wait<'_> {
        let name = destination.to_owned();
        self.until(
            format!("{count} messages sent to {destination}"),
            move |broker| broker.sent(&name) >= count,
        )
    }

    /// Waits until `count` messages of the destination are done with, since the broker started:
    /// acknowledged, or delivered with `ack:auto`.
    pub fn consumed(&self, destination: &str, count: u64) -> Wait<'_> {
        let name = destination.to_owned();
        self.until(
            format!("{count} messages of {destination} consumed"),
            move |broker| broker.consumed(&name) >= count,
        )
    }

    /// Waits until exactly `count` clients are connected: CONNECTED was sent, and neither side has
    /// ended it.
    pub fn connected(&self, count: usize) -> Wait<'_> {
        self.until(format!("{count} connected clients"), move |broker| {
            broker.connections().count() == count
        })
    }

    /// Waits until nothing is under way: all that was received is understood, all output was taken,
    /// and no message is with a client that still has to acknowledge it.
    pub fn idle(&self) -> Wait<'_> {
        self.until("nothing under way", crate::Broker::is_idle)
    }

    /// Waits until `condition` holds; `what` says in a few words what that means.
    pub fn until(
        &self,
        what: impl Into<String>,
        condition: impl Fn(&crate::Broker) -> bool + Send + Sync + 'static,
    ) -> Wait<'_> {
        Wait::new(&self.shared, what.into(), self.patience, condition)
    }
}

/// Looks into the broker, and puts messages into it.
impl TestBroker {
    /// Counts the messages that wait in a queue, or for the subscribers of a topic; those in the
    /// hands of clients are not among them.
    #[must_use]
    pub fn depth(&self, destination: &str) -> usize {
        self.shared.look(|broker| broker.depth(destination))
    }

    /// Counts the messages that clients have got and not acknowledged yet.
    #[must_use]
    pub fn unacked(&self, destination: &str) -> usize {
        self.shared.look(|broker| broker.unacked(destination))
    }

    /// Counts the subscriptions to a destination.
    #[must_use]
    pub fn subscribers(&self, destination: &str) -> usize {
        self.shared.look(|broker| broker.subscribers(destination))
    }

    /// Returns the messages that wait in a queue, first one first, as SEND frames.
    #[must_use]
    pub fn peek(&self, destination: &str) -> Vec<Frame> {
        self.shared.look(|broker| broker.peek(destination))
    }

    /// Puts a message into a queue or topic, as if a client had sent it.
    ///
    /// # Panics
    ///
    /// When the broker is full: see [`Caps`](crate::Caps).
    #[track_caller]
    pub fn push(&self, destination: &str, body: impl Into<Bytes>) {
        let now = crate::link::now();
        let pushed = self
            .shared
            .with(|broker| broker.push(destination, body, now));
        if let Err(failure) = pushed {
            panic!("cannot push a message to {destination}: {failure}");
        }
    }

    /// Returns the clients that are connected, in the order in which they came.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.shared.look(|broker| broker.connections().collect())
    }

    /// Returns the conversation so far.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.shared.look(|broker| broker.transcript().clone())
    }
}
