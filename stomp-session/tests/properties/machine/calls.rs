//! What the application does.

use stomp_commands::{Abort, Ack, Begin, Commit, Disconnect, Send, Subscribe};
use stomp_session::{SessionState, Settled, UsageError, With};

use super::{Bug, MODES, Machine, QUEUES};
use crate::books::Transaction;
use crate::step::Step;

impl Machine {
    pub(super) fn call(&mut self, step: Step) {
        let connected = self.session.state() == SessionState::Connected;
        match step {
            Step::Send {
                queue,
                receipt,
                in_transaction,
            } => self.send(queue, receipt, in_transaction),
            Step::Subscribe { at, receipt } if connected && self.subscriptions[at].is_none() => {
                self.subscribe(at, receipt);
            }
            Step::Unsubscribe(at) => {
                if let Some(key) = self.subscriptions[at]
                    && self.session.wire_id(key).is_some()
                {
                    let now = self.seen();
                    let left = self.session.unsubscribe(key, With::nothing(), now);
                    if self.is_done(left) {
                        self.subscriptions[at] = None;
                    }
                }
            }
            Step::Settle {
                token,
                nack,
                receipt,
                in_transaction,
            } if !self.tokens.is_empty() => {
                self.settle(token % self.tokens.len(), nack, receipt, in_transaction);
            }
            Step::Begin if self.books.open.is_none() => {
                let id = self.session.new_transaction();
                let now = self.seen();
                let begun = self.session.begin(Begin::new(&id), now);
                if self.is_done(begun) {
                    let bodies = Vec::new();
                    self.books.open = Some(Transaction { id, bodies });
                }
            }
            Step::Commit { receipt } => self.commit(receipt),
            Step::Abort => {
                if let Some(transaction) = &self.books.open {
                    let id = transaction.id.clone();
                    let now = self.seen();
                    let aborted = self.session.abort(Abort::new(&id), now);
                    if self.is_done(aborted) {
                        self.books.ended_without(&id);
                    }
                }
            }
            Step::Disconnect { receipt } => {
                let receipt = receipt.then(|| self.session.new_receipt());
                let mut disconnect = Disconnect::new();
                disconnect.receipt = receipt.clone();
                let now = self.seen();
                if self.session.disconnect(disconnect, now).is_ok()
                    && let Some(receipt) = &receipt
                {
                    self.books.wait(receipt);
                    self.disconnect = Some(receipt.clone());
                }
            }
            Step::Wrong(which) => self.wrong(which),
            _ => {}
        }
    }

    /// A command is done, or refused because of the connection or of a limit, and for no other
    /// reason.
    fn is_done<T>(&self, result: Result<T, UsageError>) -> bool {
        match result {
            Ok(_) => true,
            Err(UsageError::NotConnected) => {
                assert_ne!(self.session.state(), SessionState::Connected);
                false
            }
            Err(error) => {
                assert!(error.is_back_pressure(), "refused without reason: {error}");
                assert!(self.session.is_congested(), "nothing is congested: {error}");
                false
            }
        }
    }

    fn send(&mut self, queue: usize, receipt: bool, in_transaction: bool) {
        let receipt = receipt.then(|| self.session.new_receipt());
        let body = self.new_body();
        let mut send = Send::to(QUEUES[queue]).text(body.as_str());
        send.receipt = receipt.clone();
        let open = self.books.open.as_ref().filter(|_| in_transaction);
        send.transaction = open.map(|transaction| transaction.id.clone());
        let in_transaction = send.transaction.is_some();
        let now = self.seen();
        let sent = self.session.send(send, now);
        if !self.is_done(sent) {
            return;
        }
        if let Some(receipt) = &receipt {
            self.books.wait(receipt);
        }
        match (&mut self.books.open, receipt) {
            (Some(transaction), _) if in_transaction => transaction.bodies.push(body),
            (_, Some(_)) if self.bug == Bug::ConfirmEarly => self.books.is_sent(&body),
            (_, Some(receipt)) => self.books.sent(&receipt, body),
            (_, None) => {}
        }
    }

    fn subscribe(&mut self, at: usize, receipt: bool) {
        let receipt = receipt.then(|| self.session.new_receipt());
        self.names += 1;
        let mut subscribe = Subscribe::to(QUEUES[at % 2])
            .ack(MODES[at / 2])
            .id(format!("n{}", self.names));
        subscribe.receipt = receipt.clone();
        let now = self.seen();
        let key = self.session.subscribe(subscribe, now);
        if let Ok(key) = key {
            self.subscriptions[at] = Some(key);
            if let Some(receipt) = &receipt {
                self.books.wait(receipt);
            }
        }
        self.is_done(key);
    }

    fn settle(&mut self, at: usize, nack: bool, receipt: bool, in_transaction: bool) {
        let (token, name) = self.tokens[at].clone();
        let receipt = receipt.then(|| self.session.new_receipt());
        let mut with = With::nothing();
        with.receipt = receipt.clone();
        let open = self.books.open.as_ref().filter(|_| in_transaction);
        with.transaction = open.map(|transaction| transaction.id.clone());
        let now = self.seen();
        let connected = self.session.state() == SessionState::Connected;
        let verdict = match nack {
            true => self.session.nack(&token, with, now),
            false => self.session.ack(&token, with, now),
        };
        if let (Ok(Settled::Sent), Some(receipt)) = (&verdict, &receipt) {
            self.books.wait(receipt);
        }
        let dead = token.epoch() != self.session.epoch();
        if dead && connected && self.bug == Bug::StaleAck {
            let ack = Ack::of(name).into_frame(self.config.versions[0]);
            self.plant(&ack.expect("it was good once"));
        }
        let stale = verdict == Ok(Settled::Stale) && self.bug != Bug::LieAboutStale;
        assert_eq!(stale, dead, "the verdict on a delivery is {verdict:?}");
    }

    fn commit(&mut self, receipt: bool) {
        let Some(transaction) = &self.books.open else {
            return;
        };
        let receipt = receipt.then(|| self.session.new_receipt());
        let mut commit = Commit::new(&transaction.id);
        commit.receipt = receipt.clone();
        let now = self.seen();
        let committed = self.session.commit(commit, now);
        if self.is_done(committed) {
            if let Some(receipt) = &receipt {
                self.books.wait(receipt);
            }
            self.books.committed(receipt);
        }
    }

    /// Calls that are refused in every state, and change nothing.
    fn wrong(&mut self, which: usize) {
        let now = self.seen();
        let session = &mut self.session;
        let before = (session.outbound(), session.poll_timeout());
        let refused = match which {
            0 => session.begin(Begin::new("t\0"), now),
            1 => session.commit(Commit::new("never begun"), now),
            2 => session.send(Send::to("/queue/a").transaction("never begun"), now),
            3 => session.send(Send::to("/queue/a").header("k", "\0"), now),
            4 => {
                let Some(wait) = self.books.waits.first() else {
                    return;
                };
                session.send(Send::to("/queue/a").receipt(wait), now)
            }
            _ => {
                let subscribe = Subscribe::to("/queue/a").id("x\0");
                session.subscribe(subscribe, now).map(drop)
            }
        };
        assert!(refused.is_err());
        let after = (session.outbound(), session.poll_timeout());
        assert_eq!(before, after, "a refused call changed something");
    }
}
