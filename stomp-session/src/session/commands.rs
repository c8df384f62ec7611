//! Commands of the application.

use std::borrow::Borrow;
use std::time::Instant;

use stomp_commands::{
    Abort, Begin, Commit, Disconnect, ReceiptId, Send, Subscribe, TransactionId, Unsubscribe,
};
use stomp_frame::{Command, ContentLength, Frame, Limits, header};

use super::Session;
use crate::live::Slot;
use crate::receipts::Purpose;
use crate::state::{Connected, State};
use crate::timers::Timer;
use crate::{CloseReason, Event, ReceiptFailure, SubscriptionKey, UsageError, With};

impl Session {
    /// Queues SEND.
    ///
    /// # Errors
    ///
    /// When not connected; when the transaction or the receipt id is not good; when the version
    /// cannot carry a header; when too much is under way.
    pub fn send(&mut self, command: impl Borrow<Send>, now: Instant) -> Result<(), UsageError> {
        let command = command.borrow();
        self.send_with(command, command.receipt.clone(), now)
    }

    /// Queues SEND, and asks for this receipt if the command itself asks for none.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_with(
        &mut self,
        command: &Send,
        receipt: Option<ReceiptId>,
        now: Instant,
    ) -> Result<(), UsageError> {
        self.advance(now);
        let receipt = command.receipt.clone().or(receipt);
        let peer = self.peer()?;
        let purpose = match &command.transaction {
            None => Purpose::Other,
            Some(transaction) => {
                self.check_open(transaction)?;
                Purpose::InTransaction(transaction.clone())
            }
        };
        let content_length = command.content_length(peer.dialect);
        let mut frame = command.to_frame(peer)?;
        if let Some(id) = &receipt
            && command.receipt.is_none()
        {
            frame.headers.append(header::RECEIPT, id);
        }
        self.check_size(&frame)?;
        self.submit(&frame, content_length, receipt, purpose)
    }

    /// Queues SUBSCRIBE, and remembers it: it is replayed on every further connection until it is
    /// [unsubscribed](Self::unsubscribe) or refused.
    ///
    /// A subscription without id gets one, except in 1.0, where it may do without. On the wire the
    /// id is followed by the epoch from the second connection on. With a receipt,
    /// [`Event::Subscribed`] tells that the broker has confirmed it.
    ///
    /// # Errors
    ///
    /// When not connected; when the id is taken; when the broker has no word for what is asked;
    /// when there are too many subscriptions, or too much is under way.
    pub fn subscribe(
        &mut self,
        mut command: Subscribe,
        now: Instant,
    ) -> Result<SubscriptionKey, UsageError> {
        self.advance(now);
        let peer = self.peer()?;
        if self.subscriptions.len() >= self.config.flow.subscriptions {
            return Err(UsageError::TooManySubscriptions);
        }
        let key = self.subscriptions.next_key();
        let receipt = command.receipt.take();
        self.name(key, &mut command, peer.version);
        let id = self.on_wire(&command);
        self.check_free(id.as_ref(), &command)?;
        let mut wire = command.clone();
        wire.id = id.clone();
        wire.receipt = receipt.clone();
        self.narrow(&mut wire);
        let frame = wire.into_frame(peer)?;
        let purpose = Purpose::Subscribe {
            subscription: key,
            replay: false,
        };
        self.submit(&frame, ContentLength::Auto, receipt, purpose)?;
        self.enliven(key, Slot::new(id, &command));
        self.subscriptions.insert(command);
        Ok(key)
    }

    /// Queues UNSUBSCRIBE, and forgets the subscription. Messages that are on their way become
    /// [`Event::OrphanMessage`].
    ///
    /// # Errors
    ///
    /// When not connected; when there is no such subscription on this connection (one in
    /// quarantine is [forgotten](crate::Subscriptions::forget) instead); when `with` names a
    /// transaction; when too much is under way.
    pub fn unsubscribe(
        &mut self,
        subscription: SubscriptionKey,
        with: With,
        now: Instant,
    ) -> Result<(), UsageError> {
        self.advance(now);
        with.refuse_for(Command::Unsubscribe)?;
        let receipt = with.receipt.clone();
        let frame = self.unsubscribing(subscription, with)?;
        self.check_room(receipt.as_ref())?;
        self.finish_unsubscribe(subscription, &frame, receipt)
    }

    /// Builds UNSUBSCRIBE.
    pub(super) fn unsubscribing(
        &self,
        subscription: SubscriptionKey,
        with: With,
    ) -> Result<Frame, UsageError> {
        let peer = self.peer()?;
        let slot = self
            .state
            .established()
            .and_then(|connected| connected.live.get(subscription))
            .ok_or(UsageError::UnknownSubscription)?;
        let mut command = match &slot.id {
            Some(id) => Unsubscribe::id(id),
            None => Unsubscribe::destination(slot.destination.as_str()),
        };
        if with.delete {
            command.durable = self.subscriptions.durable(subscription).map(str::to_owned);
        }
        command.receipt = with.receipt;
        command.headers = with.headers;
        Ok(command.into_frame(peer)?)
    }

    /// Queues UNSUBSCRIBE, whatever waits already, and forgets the subscription.
    pub(super) fn finish_unsubscribe(
        &mut self,
        subscription: SubscriptionKey,
        frame: &Frame,
        receipt: Option<ReceiptId>,
    ) -> Result<(), UsageError> {
        self.enqueue(frame, ContentLength::Auto, receipt, Purpose::Other)?;
        if let Some(connected) = self.state.established_mut() {
            connected.live.depart(subscription);
        }
        self.subscriptions.forget(subscription);
        Ok(())
    }

    /// Queues BEGIN. Ids come from [`new_transaction`](Self::new_transaction), or from you.
    ///
    /// # Errors
    ///
    /// When not connected; when the transaction is open already; when too many are, or too much is
    /// under way.
    pub fn begin(&mut self, command: Begin, now: Instant) -> Result<(), UsageError> {
        self.advance(now);
        let peer = self.peer()?;
        let transactions = &self.connected()?.transactions;
        if transactions.contains(&command.transaction) {
            return Err(UsageError::DuplicateTransaction);
        }
        if transactions.len() >= self.config.flow.transactions {
            return Err(UsageError::TooManyTransactions);
        }
        let (transaction, receipt) = (command.transaction.clone(), command.receipt.clone());
        let frame = command.into_frame(peer)?;
        self.submit(&frame, ContentLength::Auto, receipt, Purpose::Other)?;
        self.subscriptions.forget_lost(&transaction);
        self.connected_mut()?.transactions.push(transaction);
        Ok(())
    }

    /// Queues COMMIT. With a receipt the outcome is known: [`Event::Receipt`] when it took place,
    /// [`ReceiptFailure::InDoubt`] when nobody can tell.
    ///
    /// # Errors
    ///
    /// When not connected; when the transaction is not open, or was lost; when too much is under
    /// way.
    pub fn commit(&mut self, command: Commit, now: Instant) -> Result<(), UsageError> {
        self.advance(now);
        let peer = self.peer()?;
        self.check_open(&command.transaction)?;
        let (transaction, receipt) = (command.transaction.clone(), command.receipt.clone());
        let frame = command.into_frame(peer)?;
        self.submit(
            &frame,
            ContentLength::Auto,
            receipt,
            Purpose::Commit(transaction.clone()),
        )?;
        let end = self.transmit.queued();
        let connected = self.connected_mut()?;
        connected.transactions.retain(|open| *open != transaction);
        connected.live.commit(&transaction);
        connected.receipts.commit(&transaction, Some(end));
        Ok(())
    }

    /// Queues ABORT. What the transaction acknowledged is open again. Receipts of its frames are
    /// still waited for, unless the broker sends them with COMMIT only.
    ///
    /// # Errors
    ///
    /// When not connected; when the transaction is not open, or was lost; when too much is under
    /// way.
    pub fn abort(&mut self, command: Abort, now: Instant) -> Result<(), UsageError> {
        self.advance(now);
        let peer = self.peer()?;
        self.check_open(&command.transaction)?;
        let (transaction, receipt) = (command.transaction.clone(), command.receipt.clone());
        let frame = command.into_frame(peer)?;
        self.submit(&frame, ContentLength::Auto, receipt, Purpose::Other)?;
        let answered_after_commit = self.answers_after_commit();
        let connected = self.connected_mut()?;
        connected.transactions.retain(|open| *open != transaction);
        connected.live.abort(&transaction);
        if !answered_after_commit {
            // The receipts are under way: whoever used their ids again would take them for his own.
            connected.receipts.commit(&transaction, None);
            return Ok(());
        }
        for pending in connected.receipts.remove_transaction(&transaction) {
            self.events.push_back(Event::ReceiptFailed {
                receipt: pending.id,
                why: ReceiptFailure::Aborted,
            });
        }
        Ok(())
    }

    /// Queues DISCONNECT, whatever waits already. Nothing else can be sent from now on.
    ///
    /// With a receipt the session waits for it, or for the end of the connection, and goes on
    /// delivering until then; the answer is [`CloseReason::Disconnected`], not a receipt event.
    /// Without one it is closed at once.
    ///
    /// RabbitMQ never sends the receipts that are still missing then, so wait for those first.
    ///
    /// # Errors
    ///
    /// When not connected, or when the receipt id is waited for already.
    pub fn disconnect(&mut self, command: Disconnect, now: Instant) -> Result<(), UsageError> {
        self.advance(now);
        let peer = self.peer()?;
        let receipt = command.receipt.clone();
        let receipts = &self.connected()?.receipts;
        if receipt.as_ref().is_some_and(|id| receipts.contains(id)) {
            return Err(UsageError::DuplicateReceipt);
        }
        let frame = command.into_frame(peer)?;
        let waits = receipt.is_some();
        self.enqueue(&frame, ContentLength::Auto, receipt, Purpose::Disconnect)?;
        if !waits {
            self.close(CloseReason::Disconnected { confirmed: false });
            return Ok(());
        }
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Connected(connected) => State::Disconnecting(connected),
            other => other,
        };
        self.suspicious = false;
        self.timers.set(Timer::Beat, None);
        self.timers.set(Timer::Silence, None);
        let deadline = self.now.checked_add(self.config.disconnect_timeout);
        self.timers.set(Timer::Disconnect, deadline);
        Ok(())
    }

    /// Refuses a message that could not be received, or that this server does not take: either would
    /// end connections.
    fn check_size(&self, frame: &Frame) -> Result<(), UsageError> {
        let body = frame.body.len() as u64;
        let (mut head, mut longest) = (0, 0);
        for (name, value) in &frame.headers {
            let line = (name.len() + 1 + value.len()) as u64;
            head += line;
            longest = line.max(longest);
        }
        if let Some(connection) = self.connection() {
            let server = connection.server.as_deref();
            let limit = connection.dialect.largest_frame(server);
            if let Some(limit) = limit.filter(|limit| head + body > *limit) {
                return Err(UsageError::BeyondServer {
                    server: server.unwrap_or_default().to_owned(),
                    octets: head + body,
                    limit,
                });
            }
        }
        if !self.config.refuse_unreadable {
            return Ok(());
        }
        // Whoever receives less than others do may still send to them.
        let (ours, usual) = (&self.config.limits, Limits::client());
        let parts = [
            ("a body", body, ours.body.max(usual.body)),
            ("a head", head, ours.head.max(usual.head) as u64),
            (
                "a header line",
                longest,
                ours.header_line.max(usual.header_line) as u64,
            ),
        ];
        match parts.into_iter().find(|(_, octets, limit)| octets > limit) {
            None => Ok(()),
            Some((what, octets, limit)) => Err(UsageError::BeyondLimits {
                what,
                octets,
                limit,
            }),
        }
    }

    /// Refuses a transaction that is not open.
    pub(super) fn check_open(&self, transaction: &TransactionId) -> Result<(), UsageError> {
        if self.connected()?.transactions.contains(transaction) {
            Ok(())
        } else if self.subscriptions.is_lost(transaction) {
            Err(UsageError::TransactionLost)
        } else {
            Err(UsageError::UnknownTransaction)
        }
    }

    pub(super) fn connected(&self) -> Result<&Connected, UsageError> {
        match &self.state {
            State::Connected(connected) => Ok(connected),
            _ => Err(UsageError::NotConnected),
        }
    }

    pub(super) fn connected_mut(&mut self) -> Result<&mut Connected, UsageError> {
        match &mut self.state {
            State::Connected(connected) => Ok(connected),
            _ => Err(UsageError::NotConnected),
        }
    }
}
