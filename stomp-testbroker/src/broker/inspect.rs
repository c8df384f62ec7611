use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use stomp_frame::{Command, Frame, header};

use super::connection::{Connection, State};
use super::queue::{Counts, Queue, Target};
use super::{Broker, ConnectionId, Failure};
use crate::Transcript;

/// Looks into the broker, and puts messages into it. For tests.
impl Broker {
    /// Counts the messages that wait in a queue, or for the subscribers of a topic; those in the
    /// hands of clients are not among them.
    #[must_use]
    pub fn depth(&self, destination: &str) -> usize {
        self.queues_of(destination)
            .map(|queue| queue.entries.len())
            .sum()
    }

    /// Returns the conversation so far.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Counts the messages that clients have got and not acknowledged yet.
    #[must_use]
    pub fn unacked(&self, destination: &str) -> usize {
        self.queues_of(destination)
            .map(|queue| queue.unsettled)
            .sum()
    }

    /// Counts the subscriptions.
    #[must_use]
    pub fn subscribers(&self, destination: &str) -> usize {
        self.queues_of(destination)
            .map(|queue| queue.consumers.len())
            .sum()
    }

    /// Counts the messages that were sent there since the broker started.
    #[must_use]
    pub fn sent(&self, destination: &str) -> u64 {
        self.counts(destination).sends
    }

    /// Counts the messages that are done with: acknowledged, or delivered with `ack:auto`.
    #[must_use]
    pub fn consumed(&self, destination: &str) -> u64 {
        self.queues_of(destination)
            .map(|queue| queue.counts.settled)
            .sum()
    }

    /// Returns the messages that wait in a queue, first one first, as SEND frames.
    #[must_use]
    pub fn peek(&self, destination: &str) -> Vec<Frame> {
        self.queues_of(destination)
            .flat_map(|queue| &queue.entries)
            .map(|entry| {
                let mut frame = entry.message.frame.clone();
                let destination = &entry.message.destination;
                frame.headers.append(header::DESTINATION, destination);
                frame
            })
            .collect()
    }

    /// Puts a message into a queue or topic, as if a client had sent it.
    ///
    /// # Errors
    ///
    /// When one of the [`Caps`](crate::Caps) is reached.
    pub fn push(
        &mut self,
        destination: &str,
        body: impl Into<Bytes>,
        now: Instant,
    ) -> Result<(), Failure> {
        let frame = Frame::new(Command::Send)
            .header(header::DESTINATION, destination)
            .body(body);
        let message = self.take_message(None, frame, now)?;
        self.route(Arc::new(message), now);
        Ok(())
    }

    /// Returns the clients that are connected, in the order in which they came.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.connections
            .iter()
            .filter(|(_, connection)| connection.state == State::Connected)
            .map(|(id, _)| *id)
    }

    /// Tells whether nothing is under way: all that was received is understood, all output was
    /// taken, and no message is with a client that still has to acknowledge it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let quiet = |connection: &Connection| {
            connection.input.is_empty()
                && connection.output.is_empty()
                && connection.transactions.is_empty()
        };
        self.connections.values().all(quiet)
            && self.destinations.queues().all(|queue| queue.unsettled == 0)
    }

    /// Names the queues that hold messages, waiting or in the hands of clients.
    pub fn occupied(&self) -> impl Iterator<Item = &str> {
        self.destinations
            .queues()
            .filter(|queue| !queue.entries.is_empty() || queue.unsettled > 0)
            .map(|queue| &*queue.name)
    }

    /// Returns the octets of all messages that wait somewhere, as [`Caps::stored`] counts them.
    ///
    /// [`Caps::stored`]: crate::Caps::stored
    #[must_use]
    pub fn stored(&self) -> usize {
        self.stored
    }

    fn counts(&self, destination: &str) -> Counts {
        match self.destinations.find(destination) {
            Some(Target::Queue(id)) => self.destinations.queue(id).map(|queue| queue.counts),
            Some(Target::Topic(topic)) => Some(self.destinations.topic(topic).counts),
            None => None,
        }
        .unwrap_or_default()
    }

    fn queues_of(&self, destination: &str) -> impl Iterator<Item = &Queue> {
        let ids = match self.destinations.find(destination) {
            Some(Target::Queue(id)) => vec![id],
            Some(Target::Topic(topic)) => self.destinations.topic(topic).subscribers.clone(),
            None => Vec::new(),
        };
        ids.into_iter().filter_map(|id| self.destinations.queue(id))
    }
}
