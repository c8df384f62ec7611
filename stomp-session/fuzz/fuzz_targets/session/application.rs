use std::collections::{HashMap, HashSet};
use std::time::Instant;

use stomp_commands::{
    Abort, AckMode, Begin, Commit, Disconnect, ReceiptId, Send, Subscribe, TransactionId,
};
use stomp_frame_fuzz::Choices;
use stomp_session::{
    AckToken, Delivery, Event, ReceiptFailure, Session, Settled, SubscriptionKey, UsageError, With,
};

use crate::peer::Peer;

/// The application: calls, and keeps books of what it was promised.
#[derive(Default)]
pub(crate) struct Application {
    /// Receipts that are waited for, on this connection.
    waits: HashSet<ReceiptId>,
    /// How many frames may be on the wire that ask for this receipt.
    sent: HashMap<ReceiptId, usize>,
    transactions: HashSet<TransactionId>,
    /// The receipt of DISCONNECT, which ends in `Closed`.
    leaving: Option<ReceiptId>,
    /// What ACK of a delivery of this connection says.
    delivered: HashSet<String>,
    is_connected: bool,
    is_closed: bool,
    /// Deliveries of all connections.
    tokens: Vec<AckToken>,
    subscriptions: Vec<SubscriptionKey>,
    durable: HashSet<String>,
}

impl Application {
    /// The books of a connection are closed with it.
    pub(crate) fn begin_connection(&mut self) {
        *self = Self {
            tokens: std::mem::take(&mut self.tokens),
            subscriptions: std::mem::take(&mut self.subscriptions),
            durable: std::mem::take(&mut self.durable),
            ..Self::default()
        };
    }

    pub(crate) fn is_durable(&self, id: &str) -> bool {
        self.durable.contains(id)
    }

    pub(crate) fn was_delivered(&self, ack_id: &str) -> bool {
        self.delivered.contains(ack_id)
    }

    /// Checks that the connection ended once, and that nothing is left open.
    pub(crate) fn must_be_closed(&self, peer: &Peer) {
        assert!(self.is_closed, "no Closed");
        for (receipt, &most) in &self.sent {
            assert!(peer.asked_for(receipt) <= most, "{receipt:?} was sent");
        }
    }

    pub(crate) fn take_events(&mut self, session: &mut Session) {
        while let Some(event) = session.poll_event() {
            assert!(!self.is_closed, "behind Closed: {event:?}");
            self.take_event(event, session);
        }
        assert_eq!(self.is_closed, session.is_closed());
    }

    fn take_event(&mut self, event: Event, session: &Session) {
        match event {
            Event::Connected(connection) => {
                assert!(!self.is_connected, "connected twice");
                assert_eq!(connection.epoch, session.epoch());
                self.is_connected = true;
            }
            Event::Message(delivery) | Event::MessageUnreadable { delivery, .. } => {
                let Delivery { message, token, .. } = delivery;
                assert_eq!(token.epoch(), session.epoch());
                self.delivered.insert(message.message_id().to_owned());
                self.delivered.extend(message.ack_id().map(str::to_owned));
                self.tokens.push(token);
            }
            Event::Receipt {
                receipt,
                also_received,
            } => {
                assert!(
                    self.waits.remove(&receipt),
                    "{receipt:?} was not waited for"
                );
                assert!(also_received.iter().all(|r| self.is_waited_for(r)));
            }
            Event::ReceiptFailed { receipt, why } => {
                assert!(
                    self.waits.remove(&receipt),
                    "{receipt:?} was not waited for"
                );
                if matches!(why, ReceiptFailure::NotSent(_)) {
                    *self.sent.entry(receipt).or_default() -= 1;
                }
            }
            Event::TransactionLost { transaction } => {
                assert!(self.transactions.remove(&transaction), "it was not open");
            }
            Event::Closed(_) => {
                assert!(self.waits.is_empty(), "unresolved: {:?}", self.waits);
                assert!(self.transactions.is_empty(), "{:?}", self.transactions);
                self.is_closed = true;
            }
            _ => {}
        }
    }

    fn is_waited_for(&self, receipt: &ReceiptId) -> bool {
        self.waits.contains(receipt) || self.leaving.as_ref() == Some(receipt)
    }

    /// Makes a call, and notes what came of it. One that fails has queued nothing.
    pub(crate) fn call(
        &mut self,
        letter: u8,
        mut choices: Choices,
        session: &mut Session,
        now: Instant,
    ) {
        let outbound = session.outbound();
        let receipt = match choices.below(4) {
            0 => None,
            1 => Some(session.new_receipt()),
            _ => Some(ReceiptId::from("mine")),
        };
        let result = match letter {
            b's' => self.send(receipt.clone(), choices, session, now),
            b'S' => self.subscribe(receipt.clone(), choices, session, now),
            b'U' => self.unsubscribe(receipt.clone(), choices, session, now),
            b'a' | b'n' => self.settle(letter, receipt.clone(), choices, session, now),
            b'b' | b'k' | b'z' => self.transact(letter, receipt.clone(), choices, session, now),
            b'D' => return self.disconnect(receipt, session, now),
            _ => return self.manage(choices, session),
        };
        match result {
            Ok(Settled::Sent) => {
                assert!(session.outbound() > outbound);
                assert!(session.connection().is_some());
                if let Some(receipt) = receipt {
                    *self.sent.entry(receipt.clone()).or_default() += 1;
                    self.waits.insert(receipt);
                }
            }
            Ok(Settled::Stale | Settled::NotNeeded) | Err(_) => {
                assert_eq!(session.outbound(), outbound);
            }
        }
    }

    fn send(
        &mut self,
        receipt: Option<ReceiptId>,
        mut choices: Choices,
        session: &mut Session,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        let mut send = Send::to("/queue/a");
        send.receipt = receipt;
        send.transaction = transaction(&mut choices);
        let header = choices.below(4);
        let body = choices.rest();
        let text = String::from_utf8_lossy(body);
        let send = match header {
            0 => send.body(body.to_vec()),
            1 => send.text(text),
            2 => send.header("k", text),
            _ => send.header(text, "v"),
        };
        session.send(send, now).map(|()| Settled::Sent)
    }

    fn subscribe(
        &mut self,
        receipt: Option<ReceiptId>,
        mut choices: Choices,
        session: &mut Session,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        let mode = choices.one_of(AckMode::ALL);
        let destination = choices.one_of(["/queue/a", "/topic/b", "/temp-queue/c"]);
        let mut subscribe = Subscribe::to(destination).ack(mode);
        subscribe.receipt = receipt;
        // Some look like those that are generated, or like those of a later connection.
        match choices.below(6) {
            0 => {}
            n => subscribe = subscribe.id(["mine", "s1", "s2-", "s1.e2", "mine.e2"][n - 1]),
        }
        if choices.yes() {
            let name = "durable.e2";
            let id = subscribe.id.as_ref().map_or(name, |id| id.as_str());
            self.durable.insert(id.to_owned());
            subscribe = subscribe.durable(name);
        }
        self.subscriptions.push(session.subscribe(subscribe, now)?);
        Ok(Settled::Sent)
    }

    fn unsubscribe(
        &mut self,
        receipt: Option<ReceiptId>,
        mut choices: Choices,
        session: &mut Session,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        let Some(subscription) = self.subscription(&mut choices) else {
            return Err(UsageError::UnknownSubscription);
        };
        let mut with = With::nothing();
        with.receipt = receipt;
        with.delete = choices.yes();
        session.unsubscribe(subscription, with, now)?;
        Ok(Settled::Sent)
    }

    fn settle(
        &mut self,
        letter: u8,
        receipt: Option<ReceiptId>,
        mut choices: Choices,
        session: &mut Session,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        let mut with = With::nothing();
        with.receipt = receipt;
        with.transaction = transaction(&mut choices);
        let Some(token) = self.tokens.iter().rev().nth(choices.below(16)) else {
            return Err(UsageError::UnknownMessage);
        };
        let result = match letter {
            b'a' => session.ack(token, with, now),
            _ => session.nack(token, with, now),
        };
        let is_stale = token.epoch() != session.epoch() || session.is_closed();
        assert_eq!(result == Ok(Settled::Stale), is_stale);
        result
    }

    fn transact(
        &mut self,
        letter: u8,
        receipt: Option<ReceiptId>,
        mut choices: Choices,
        session: &mut Session,
        now: Instant,
    ) -> Result<Settled, UsageError> {
        let id = transaction(&mut choices).unwrap_or_else(|| session.new_transaction());
        match letter {
            b'b' => {
                let mut begin = Begin::new(&id);
                begin.receipt = receipt;
                session.begin(begin, now)?;
                assert!(self.transactions.insert(id), "it was open already");
            }
            b'k' => {
                let mut commit = Commit::new(&id);
                commit.receipt = receipt;
                session.commit(commit, now)?;
                assert!(self.transactions.remove(&id), "it was not open");
            }
            _ => {
                let mut abort = Abort::new(&id);
                abort.receipt = receipt;
                session.abort(abort, now)?;
                assert!(self.transactions.remove(&id), "it was not open");
            }
        }
        Ok(Settled::Sent)
    }

    fn disconnect(&mut self, receipt: Option<ReceiptId>, session: &mut Session, now: Instant) {
        let mut disconnect = Disconnect::new();
        disconnect.receipt = receipt.clone();
        if session.disconnect(disconnect, now).is_ok() {
            self.leaving = receipt.clone();
            if let Some(receipt) = receipt {
                *self.sent.entry(receipt).or_default() += 1;
            }
        }
    }

    fn manage(&mut self, mut choices: Choices, session: &mut Session) {
        let Some(subscription) = self.subscription(&mut choices) else {
            return;
        };
        match choices.below(3) {
            0 => session.subscriptions_mut().forget(subscription),
            1 => session.subscriptions_mut().release(subscription),
            _ => session.subscriptions_mut().clear(),
        }
    }

    fn subscription(&self, choices: &mut Choices) -> Option<SubscriptionKey> {
        self.subscriptions
            .iter()
            .rev()
            .nth(choices.below(8))
            .copied()
    }
}

fn transaction(choices: &mut Choices) -> Option<TransactionId> {
    choices
        .one_of([None, Some("t1"), Some("t2"), Some("mine")])
        .map(TransactionId::from)
}
