//! The application: sends, receives, settles and uses transactions, and keeps books.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use fastrand::Rng;
use stomp_commands::{
    Abort, Ack, AckMode, Begin, Commit, Delivery, Frame, ReceiptId, Send, Subscribe, TransactionId,
    Version,
};
use stomp_session::{
    AckToken, Event, ReceiptFailure, Session, Settled, SubscriptionKey, UsageError, With,
};

use crate::report::Report;
use crate::world::Plant;

pub(crate) const QUEUES: [&str; 2] = ["/queue/a", "/queue/b"];

/// Sends waited for at a time.
const WINDOW: usize = 16;

/// What the application knows.
pub(crate) struct Application {
    pub(crate) plant: Plant,
    ack: AckMode,
    /// Messages that are still to be sent, or sent again.
    to_do: BTreeSet<u32>,
    confirmed: BTreeSet<u32>,
    under_way: HashMap<ReceiptId, u32>,
    /// Bodies received, and how often.
    received: BTreeMap<String, u32>,
    /// Deliveries that are not settled, oldest first.
    held: Vec<AckToken>,
    /// Deliveries of connections that are gone.
    stale: Vec<AckToken>,
    /// Transactions that are still to be begun.
    transactions_left: u32,
    open: Option<Transaction>,
    committing: HashMap<ReceiptId, Transaction>,
    ended: Vec<(Transaction, Outcome)>,
    subscriptions: [Option<SubscriptionKey>; 2],
    /// How often each receipt was asked for, less how often it was answered.
    waits: HashMap<ReceiptId, i32>,
    /// What a session without epochs would write.
    pub(crate) planted: Vec<Frame>,
    names: HashMap<AckToken, Delivery>,
    pub(crate) report: Report,
}

struct Transaction {
    id: TransactionId,
    bodies: Vec<String>,
    acked: Vec<AckToken>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    TookPlace,
    DidNot,
    InDoubt,
}

impl Application {
    pub(crate) fn new(plant: Plant, rng: &mut Rng, messages: u32) -> Self {
        let modes = [AckMode::Client, AckMode::ClientIndividual];
        Self {
            plant,
            ack: modes[rng.usize(..2)],
            to_do: (0..messages).collect(),
            confirmed: BTreeSet::new(),
            under_way: HashMap::new(),
            received: BTreeMap::new(),
            held: Vec::new(),
            stale: Vec::new(),
            transactions_left: 10,
            open: None,
            committing: HashMap::new(),
            ended: Vec::new(),
            subscriptions: [None; 2],
            waits: HashMap::new(),
            planted: Vec::new(),
            names: HashMap::new(),
            report: Report::default(),
        }
    }

    /// Tells whether everything was sent and confirmed.
    pub(crate) fn has_sent_all(&self) -> bool {
        let waits = self.under_way.is_empty() && self.committing.is_empty();
        self.to_do.is_empty() && waits && self.transactions_left == 0 && self.open.is_none()
    }

    pub(crate) fn holds_nothing(&self) -> bool {
        self.held.is_empty()
    }

    /// Does one thing.
    pub(crate) fn act(&mut self, session: &mut Session, rng: &mut Rng, now: Instant) {
        if session.connection().is_none() || session.is_replaying() {
            return;
        }
        for (at, queue) in QUEUES.into_iter().enumerate() {
            if self.subscriptions[at].is_none() {
                let receipt = self.wait(session);
                // In 1.0 nobody needs to name a subscription. But then what is still under way
                // when one is left looks like a message for the next one to the same destination.
                let name = format!("{at}.{receipt}");
                let subscribe = Subscribe::to(queue).id(name).ack(self.ack);
                let subscribe = subscribe.receipt(receipt);
                let key = session.subscribe(subscribe, now).expect("connected");
                self.subscriptions[at] = Some(key);
            }
        }
        match rng.u32(..12) {
            0..5 => self.send(session, rng, now),
            5..8 => self.settle(session, rng, now),
            8..10 => self.advance_transaction(session, rng, now),
            10 => self.settle_stale(session, rng, now),
            _ if self.open.is_none() && rng.u32(..8) == 0 => self.resubscribe(session, rng, now),
            _ => {}
        }
    }

    fn send(&mut self, session: &mut Session, rng: &mut Rng, now: Instant) {
        let Some(&number) = self.to_do.first() else {
            return;
        };
        if self.under_way.len() >= WINDOW {
            return;
        }
        let receipt = self.wait(session);
        let send = Send::to(QUEUES[rng.usize(..2)])
            .text(number.to_string())
            .receipt(&receipt);
        session.send(send, now).expect("connected");
        self.to_do.remove(&number);
        self.report.attempts += 1;
        if self.plant == Plant::ConfirmEarly {
            self.confirmed.insert(number);
        } else {
            self.under_way.insert(receipt, number);
        }
    }

    fn settle(&mut self, session: &mut Session, rng: &mut Rng, now: Instant) {
        if self.held.is_empty() {
            return;
        }
        let at = rng.usize(..self.held.len());
        let token = self.held.remove(at);
        let mut with = With::nothing();
        with.receipt = rng.bool().then(|| self.wait(session));
        let receipt = with.receipt.clone();
        let nack = session.connection().expect("connected").version > Version::V1_0;
        let result = match nack && rng.u32(..8) == 0 {
            true => session.nack(&token, with, now),
            false => session.ack(&token, with, now),
        };
        if !self.check_settled(result, token) {
            // A command that was refused asks for no receipt.
            receipt.map(|receipt| self.waits.remove(&receipt));
        }
    }

    /// The session has the last word on what is settled already: in ack mode `client` an ACK
    /// settles all earlier deliveries.
    fn check_settled(&mut self, result: Result<Settled, UsageError>, token: AckToken) -> bool {
        match result {
            Ok(Settled::Sent) => return true,
            Ok(Settled::Stale) => self.go_stale(token),
            Err(UsageError::AlreadySettled) if self.ack == AckMode::Client => {}
            // It was on its way through the application when its subscription was left.
            Err(UsageError::UnknownMessage) if !self.subscribes(token.subscription()) => {}
            Ok(Settled::NotNeeded) | Err(_) => self.report.errors += 1,
        }
        false
    }

    fn subscribes(&self, key: SubscriptionKey) -> bool {
        self.subscriptions.contains(&Some(key))
    }

    fn go_stale(&mut self, token: AckToken) {
        self.report.stale += 1;
        self.stale.push(token);
    }

    /// Acknowledges a delivery of a connection that is gone, as late handlers do.
    fn settle_stale(&mut self, session: &mut Session, rng: &mut Rng, now: Instant) {
        if self.stale.is_empty() {
            return;
        }
        let token = self.stale.swap_remove(rng.usize(..self.stale.len()));
        if let Some(name) = self.names.get(&token) {
            let version = session.connection().expect("connected").version;
            let ack = Ack::of(name.clone()).into_frame(version);
            self.planted.push(ack.expect("it was good once"));
        }
        match session.ack(&token, With::nothing(), now) {
            Ok(Settled::Stale) => self.report.stale += 1,
            // So says a session without the check of epochs; the wiretap has seen it.
            Ok(Settled::Sent | Settled::NotNeeded) | Err(_) => {}
        }
    }

    /// Leaves a queue and comes back. What it held goes back to the queue.
    fn resubscribe(&mut self, session: &mut Session, rng: &mut Rng, now: Instant) {
        let at = rng.usize(..2);
        let Some(key) = self.subscriptions[at].take() else {
            return;
        };
        if let Err(error) = session.unsubscribe(key, With::nothing(), now) {
            assert_eq!(self.plant, Plant::ForgetSubscriptions, "{error}");
            self.subscriptions[at] = Some(key);
            return;
        }
        let (gone, held) = self
            .held
            .drain(..)
            .partition(|token| token.subscription() == key);
        self.held = held;
        for token in Vec::from_iter::<Vec<AckToken>>(gone) {
            let refused = session.ack(&token, With::nothing(), now);
            assert_eq!(refused, Err(UsageError::UnknownMessage));
        }
    }

    fn advance_transaction(&mut self, session: &mut Session, rng: &mut Rng, now: Instant) {
        let Some(mut open) = self.open.take() else {
            if self.transactions_left > 0 {
                self.transactions_left -= 1;
                self.report.transactions += 1;
                let id = session.new_transaction();
                session.begin(Begin::new(&id), now).expect("connected");
                self.open = Some(Transaction {
                    id,
                    bodies: Vec::new(),
                    acked: Vec::new(),
                });
            }
            return;
        };
        match rng.u32(..6) {
            0..3 => {
                let body = format!("{}:{}", self.report.transactions, open.bodies.len());
                let mut send = Send::to(QUEUES[rng.usize(..2)])
                    .text(body.as_str())
                    .transaction(&open.id);
                if rng.bool() {
                    send = send.receipt(self.wait(session));
                }
                session.send(send, now).expect("connected");
                open.bodies.push(body);
                self.open = Some(open);
            }
            3 if !self.held.is_empty() => {
                let token = self.held.remove(rng.usize(..self.held.len()));
                let with = With::nothing().transaction(&open.id);
                let result = session.ack(&token, with, now);
                if self.check_settled(result, token.clone()) {
                    open.acked.push(token);
                }
                self.open = Some(open);
            }
            4 => {
                session.abort(Abort::new(&open.id), now).expect("connected");
                self.held.append(&mut open.acked);
                self.ended.push((open, Outcome::DidNot));
            }
            _ => {
                let receipt = self.wait(session);
                let commit = Commit::new(&open.id).receipt(&receipt);
                session.commit(commit, now).expect("connected");
                self.committing.insert(receipt, open);
            }
        }
    }

    fn wait(&mut self, session: &mut Session) -> ReceiptId {
        let receipt = session.new_receipt();
        *self.waits.entry(receipt.clone()).or_default() += 1;
        receipt
    }

    /// Takes note of an event.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Message(delivery) => {
                let body = delivery.message.text().expect("all bodies are text");
                *self.received.entry(body.to_owned()).or_default() += 1;
                self.held.push(delivery.token.clone());
                if self.plant == Plant::StaleAcks {
                    let name = Delivery::from(&delivery.message);
                    self.names.insert(delivery.token.clone(), name);
                }
            }
            Event::Receipt { receipt, .. } => {
                self.answered(receipt);
                if let Some(number) = self.under_way.remove(receipt) {
                    self.confirmed.insert(number);
                }
                if let Some(transaction) = self.committing.remove(receipt) {
                    self.ended.push((transaction, Outcome::TookPlace));
                }
            }
            Event::ReceiptFailed { receipt, why } => {
                if self.plant == Plant::ForgetWaits {
                    return;
                }
                self.answered(receipt);
                if let Some(number) = self.under_way.remove(receipt) {
                    self.to_do.insert(number);
                }
                if let Some(transaction) = self.committing.remove(receipt) {
                    let outcome = self.outcome(why);
                    self.ended.push((transaction, outcome));
                }
            }
            Event::TransactionLost { transaction } => {
                let open = self.open.take().expect("only open transactions are lost");
                assert_eq!(open.id, *transaction);
                self.ended.push((open, Outcome::DidNot));
            }
            Event::Error(_) => self.report.errors += 1,
            Event::Closed(_) => {
                let held = std::mem::take(&mut self.held);
                self.stale.extend(held);
            }
            _ => {}
        }
    }

    fn outcome(&mut self, why: &ReceiptFailure) -> Outcome {
        match why {
            ReceiptFailure::InDoubt => {
                self.report.in_doubt += 1;
                match self.plant {
                    Plant::DenyDoubt => Outcome::DidNot,
                    _ => Outcome::InDoubt,
                }
            }
            ReceiptFailure::TransactionLost => Outcome::DidNot,
            other => panic!("a COMMIT failed by {other:?}"),
        }
    }

    fn answered(&mut self, receipt: &ReceiptId) {
        *self.waits.entry(receipt.clone()).or_default() -= 1;
    }

    /// Closes the books.
    pub(crate) fn finish(mut self) -> Report {
        let count = |body: &str| self.received.get(body).copied().unwrap_or(0);
        self.report.confirmed = self.confirmed.len() as u64;
        for number in &self.confirmed {
            self.report.lost += u64::from(count(&number.to_string()) == 0);
        }
        for times in self.received.values() {
            self.report.duplicated += u64::from(times - 1);
        }
        for (transaction, outcome) in &self.ended {
            let there = transaction
                .bodies
                .iter()
                .filter(|body| count(body) > 0)
                .count();
            let all = there == transaction.bodies.len();
            let whole = match outcome {
                Outcome::TookPlace => all,
                Outcome::DidNot => there == 0,
                Outcome::InDoubt => all || there == 0,
            };
            self.report.torn += u64::from(!whole);
        }
        self.report.unresolved = self.waits.values().filter(|&&count| count != 0).count() as u64;
        self.report
    }
}
