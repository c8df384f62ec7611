//! What the application asks for. Each call returns at once.

use std::time::{Duration, Instant};

use stomp_commands::{ReceiptId, Send, Subscribe};

use super::operation::{Asked, Patience};
use super::{Engine, Error, Event, ListenerId, OpId, Outcome, Stage, Taken};
use crate::{AckToken, Settled, SubscriptionKey, UsageError, Verdict, With};

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a client has to deal with each")]
pub enum Sent {
    /// It is queued for the connection that is up, and nothing more is waited for.
    Done,
    /// It is queued, and [`outcome`](Engine::outcome) will tell what the broker says.
    Asked(OpId),
    /// There is no connection, or no room, for now. This is a place in the line: come again with it
    /// and the same command when a [`Wake::Operation`](super::Wake) says that it is its turn.
    Wait(OpId),
}

impl Engine {
    /// Queues SEND, straight for the connection that is up; `confirm` asks for a RECEIPT.
    ///
    /// `timeout` is for all of it, the answer included; without it the frame has
    /// [`send_timeout`](super::Settings::send_timeout) until its first octet is handed to the
    /// transport, and then the receipt has its own time. `place` is what [`Sent::Wait`] gave.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when the command cannot be written, [`Error::NotSent`] when its time in the
    /// line is up, [`Error::Closed`] when the client is. The place is gone then.
    pub fn send(
        &mut self,
        command: &Send,
        confirm: bool,
        timeout: Option<Duration>,
        place: Option<OpId>,
        now: Instant,
    ) -> Result<Sent, Error> {
        self.advance(now);
        let result = self.try_send(command, confirm, timeout, place);
        self.settle_down();
        result
    }

    fn try_send(
        &mut self,
        command: &Send,
        confirm: bool,
        timeout: Option<Duration>,
        place: Option<OpId>,
    ) -> Result<Sent, Error> {
        if let Some(wait) = self.queue_up(timeout, place)? {
            return Ok(wait);
        }
        let Some(link) = &mut self.link else {
            return Err(self.closed());
        };
        let receipt = confirm.then(|| link.session.new_receipt());
        let start = link.session.place();
        let written = link.session.send_with(command, receipt.clone(), self.now);
        if let Err(error) = written {
            self.leave_line(place);
            return Err(error.into());
        }
        let frame = start..link.session.place();
        match receipt {
            None => {
                link.fired.push_back(start);
                self.leave_line(place);
                Ok(Sent::Done)
            }
            Some(receipt) => Ok(Sent::Asked(self.ask(
                place,
                timeout,
                Asked {
                    receipt,
                    place: frame,
                    subscription: None,
                },
            ))),
        }
    }

    /// Subscribes, and remembers it: it is subscribed anew on every further connection. `capacity`
    /// is how many messages are held at most, and asked for, unless the command says otherwise.
    ///
    /// The rest is as with [`send`](Self::send); the outcome is [`Outcome::Subscribed`].
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn subscribe(
        &mut self,
        command: &Subscribe,
        capacity: usize,
        timeout: Option<Duration>,
        place: Option<OpId>,
        now: Instant,
    ) -> Result<Sent, Error> {
        self.advance(now);
        let result = self.try_subscribe(command, capacity, timeout, place);
        self.settle_down();
        result
    }

    fn try_subscribe(
        &mut self,
        command: &Subscribe,
        capacity: usize,
        timeout: Option<Duration>,
        place: Option<OpId>,
    ) -> Result<Sent, Error> {
        if let Some(wait) = self.queue_up(timeout, place)? {
            return Ok(wait);
        }
        let Some(link) = &mut self.link else {
            return Err(self.closed());
        };
        let receipt = link.session.new_receipt();
        let start = link.session.place();
        let mut command = command.clone().receipt(&receipt);
        if command.prefetch.is_none() {
            let messages = u32::try_from(capacity).unwrap_or(u32::MAX);
            command = command.prefetch_hint(messages);
        }
        let key = match link.session.subscribe(command, self.now) {
            Ok(key) => key,
            Err(error) => {
                self.leave_line(place);
                return Err(error.into());
            }
        };
        let frame = start..link.session.place();
        // No message can come too early for it.
        self.inboxes.open(key, capacity.max(1));
        let op = self.ask(
            place,
            timeout,
            Asked {
                receipt,
                place: frame,
                subscription: Some(key),
            },
        );
        self.presume_later(key);
        Ok(Sent::Asked(op))
    }

    /// Tells whether it is the turn of a place in the line, or its time is up: come again with the
    /// command. If not, a [`Wake::Operation`](super::Wake) will tell.
    pub fn is_turn(&mut self, place: OpId) -> bool {
        self.operations.is_turn(place)
    }

    /// Returns when the time of an operation is up, if it has one: whoever waits for it may call
    /// [`handle_timeout`](Self::handle_timeout) then, so that it does not depend on another thread.
    #[must_use]
    pub fn deadline(&self, op: OpId) -> Option<Instant> {
        self.operations.deadline(op)
    }

    /// Tells whether any subscription has a message to be taken. If not, a
    /// [`Wake::Watcher`](super::Wake) will tell when anything has happened: a message or an event
    /// came, or an operation has ended.
    pub fn watch(&mut self) -> bool {
        self.wakes.watch();
        !self.inboxes.is_empty()
    }

    /// Tells how an operation has ended, once. `None`: not yet, and a
    /// [`Wake::Operation`](super::Wake) will tell when to ask again.
    ///
    /// Of an operation that nobody knows (any more) it is `None` for ever.
    pub fn outcome(&mut self, op: OpId) -> Option<Result<Outcome, Error>> {
        self.operations.take(op)
    }

    /// Nobody wants to know the outcome of an operation any more.
    ///
    /// A frame of which no octet was handed to the transport is not sent then. Otherwise it has gone
    /// out, and whatever comes of it comes; a subscription is ended.
    pub fn abandon(&mut self, op: OpId, now: Instant) {
        self.advance(now);
        if let Some(operation) = self.operations.remove(op) {
            match operation.stage {
                Stage::Asked(asked) => {
                    self.waiters.remove(&asked.receipt);
                    self.take_back(&asked);
                    self.drop_subscription(asked.subscription);
                }
                Stage::Done(Ok(Outcome::Subscribed(key))) => self.drop_subscription(Some(key)),
                _ => {}
            }
        }
        self.settle_down();
    }

    /// Settles a delivery. Never waits, and is never refused for lack of room.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when it cannot be said, or is settled already; [`Error::Closed`] when the
    /// client is.
    pub fn settle(
        &mut self,
        verdict: Verdict,
        token: &AckToken,
        now: Instant,
    ) -> Result<Settled, Error> {
        self.advance(now);
        if self.end.is_some() {
            return Err(self.closed());
        }
        if !token.is_ackable() {
            return Ok(Settled::NotNeeded);
        }
        let Some(link) = &mut self.link else {
            return Ok(Settled::Stale);
        };
        let nothing = With::nothing();
        let settled = match verdict {
            Verdict::Ack => link.session.ack(token, nothing, self.now),
            Verdict::Nack(refusal) => {
                let mut with = nothing;
                with.refusal = refusal;
                link.session.nack(token, with, self.now)
            }
        };
        if settled == Ok(Settled::Sent) {
            link.settled.get_or_insert(self.now);
        }
        self.check_ending(token.subscription());
        self.settle_down();
        match settled {
            // The session is over, or says goodbye: the broker takes the message back.
            Err(UsageError::NotConnected) => Ok(Settled::Stale),
            settled => Ok(settled?),
        }
    }

    /// Takes note that the application has dropped a message without settling it.
    pub fn release(&mut self, token: &AckToken, now: Instant) {
        self.advance(now);
        if token.is_ackable() && !self.is_stale(token) {
            self.stats.released += 1;
            if let Some(link) = &mut self.link {
                link.session.release(token);
            }
            self.check_ending(token.subscription());
        }
        self.settle_down();
    }

    /// Tells whether a message came on an earlier connection, so that settling it has no effect.
    #[must_use]
    pub fn is_stale(&self, token: &AckToken) -> bool {
        let link = self.link.as_ref();
        link.is_none_or(|link| link.session.epoch() != token.epoch())
    }

    /// Takes the next message of a subscription.
    pub fn take(&mut self, subscription: SubscriptionKey, now: Instant) -> Taken {
        self.advance(now);
        let taken = match self.inboxes.take(subscription) {
            Taken::Nothing if self.end.is_some() => {
                self.inboxes.stop_waiting(subscription);
                self.inboxes.close(subscription);
                Taken::Ended(match &self.end {
                    None | Some(super::Cause::Disconnected) => None,
                    Some(cause) => Some(Error::Closed(cause.clone())),
                })
            }
            Taken::Nothing if self.leaving.is_some() => {
                self.inboxes.stop_waiting(subscription);
                Taken::Ended(None)
            }
            taken => taken,
        };
        self.settle_down();
        taken
    }

    /// Nobody waits for a message of this subscription any more.
    pub fn stop_waiting(&mut self, subscription: SubscriptionKey, now: Instant) {
        self.advance(now);
        self.inboxes.stop_waiting(subscription);
        self.settle_down();
    }

    /// Keeps events from now on, until they are taken or [given up](Self::unlisten): 64 at most, of
    /// which the oldest go first.
    pub fn listen(&mut self) -> ListenerId {
        self.listeners.add()
    }

    /// Takes the next event. `None`: there is none yet, and a [`Wake::Listener`](super::Wake) will
    /// tell.
    pub fn event(&mut self, listener: ListenerId) -> Option<Event> {
        self.listeners.take(listener)
    }

    /// Nobody wants these events any more.
    pub fn unlisten(&mut self, listener: ListenerId) {
        self.listeners.remove(listener);
    }

    /// The error of whoever comes after the end.
    pub(super) fn closed(&self) -> Error {
        let cause = self.end.clone();
        Error::Closed(cause.unwrap_or(super::Cause::Disconnected))
    }

    /// Puts a command into the line, unless it is its turn and there is room.
    fn queue_up(
        &mut self,
        timeout: Option<Duration>,
        place: Option<OpId>,
    ) -> Result<Option<Sent>, Error> {
        if let Some(op) = place {
            match self.operations.get(op).map(|operation| &operation.stage) {
                Some(Stage::InLine { .. }) => {}
                Some(Stage::Done(_)) => {
                    let ended = self.operations.take(op);
                    return Err(ended.and_then(Result::err).unwrap_or_else(|| self.closed()));
                }
                _ => return Err(self.closed()),
            }
        } else if self.end.is_some() || self.leaving.is_some() {
            return Err(self.closed());
        }
        let first = self.first_in_line();
        let is_turn = match place {
            None => first.is_none(),
            Some(op) => first == Some(op),
        };
        if is_turn && self.has_room() {
            return Ok(None);
        }
        let op = match place {
            Some(op) => op,
            None => {
                let patience = Patience::of(timeout, self.settings.send_timeout, self.now);
                let stage = Stage::InLine { called: false };
                let op = self.operations.add(stage, patience);
                self.line.push_back(op);
                op
            }
        };
        self.operations.requeue(op);
        Ok(Some(Sent::Wait(op)))
    }

    /// Tells whether a frame of the application would be taken now.
    fn has_room(&self) -> bool {
        let link = self.link.as_ref().filter(|link| link.is_ready());
        link.is_some_and(|link| link.session.outbound() < self.settings.outbox)
    }

    /// Whose turn it is. Those who have gone away are forgotten.
    fn first_in_line(&mut self) -> Option<OpId> {
        while let Some(&op) = self.line.front() {
            let operation = self.operations.get(op);
            if operation.is_some_and(|op| matches!(op.stage, Stage::InLine { .. })) {
                return Some(op);
            }
            self.line.pop_front();
        }
        None
    }

    /// Tells whether anybody stands in the line.
    pub(super) fn is_line_empty(&mut self) -> bool {
        self.first_in_line().is_none()
    }

    /// Tells the first in the line when there is room.
    pub(super) fn call_next(&mut self) {
        if let Some(op) = self.first_in_line()
            && self.has_room()
        {
            self.operations.call(op, &mut self.wakes);
        }
    }

    fn leave_line(&mut self, place: Option<OpId>) {
        if let Some(op) = place {
            self.operations.remove(op);
        }
    }

    /// Waits for the answer to a frame that was just queued.
    fn ask(&mut self, place: Option<OpId>, timeout: Option<Duration>, asked: Asked) -> OpId {
        let op = place.unwrap_or_else(|| {
            let patience = Patience::of(timeout, self.settings.send_timeout, self.now);
            self.operations.add(Stage::Waiting, patience)
        });
        self.waiters.insert(asked.receipt.clone(), op);
        if let Some(link) = &mut self.link {
            link.unsent.push_back((asked.place.start, op));
        }
        self.operations.ask(op, asked);
        op
    }

    /// Withdraws a frame, if no octet of it was offered, and does not wait for its receipt any
    /// longer. Says whether it was withdrawn.
    pub(super) fn take_back(&mut self, asked: &Asked) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        link.session.give_up(&asked.receipt);
        let withdrawn = link.session.withdraw(asked.place.clone());
        if withdrawn {
            let start = |&(start, _): &(u64, OpId)| start;
            if let Ok(at) = link.unsent.binary_search_by_key(&asked.place.start, start) {
                link.unsent.remove(at);
            }
            if let Some(key) = asked.subscription {
                link.session.forget_unsent(key);
            }
        }
        while let Some(garbage) = link.session.poll_garbage() {
            self.garbage.push(garbage);
        }
        withdrawn
    }

    /// Whoever waits for this RECEIPT.
    pub(super) fn waiter(&mut self, receipt: &ReceiptId) -> Option<OpId> {
        self.waiters.remove(receipt)
    }
}
