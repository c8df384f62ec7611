//! What the application knows, and what must not be in its books.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use stomp_commands::{ReceiptId, TransactionId};
use stomp_session::ReceiptFailure;

#[derive(Default)]
pub(crate) struct Books {
    /// Receipts asked for and not answered, in the order of their frames.
    pub(crate) waits: Vec<ReceiptId>,
    /// What the frames that wait are about.
    sends: HashMap<ReceiptId, String>,
    commits: HashMap<ReceiptId, Transaction>,
    /// Bodies that the broker has for sure.
    confirmed: BTreeSet<String>,
    /// Bodies received, and how often.
    received: BTreeMap<String, u32>,
    pub(crate) open: Option<Transaction>,
    ended: Vec<(Transaction, Outcome)>,
}

#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) id: TransactionId,
    pub(crate) bodies: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    TookPlace,
    DidNot,
    InDoubt,
}

impl Books {
    pub(crate) fn wait(&mut self, receipt: &ReceiptId) {
        self.waits.push(receipt.clone());
    }

    pub(crate) fn sent(&mut self, receipt: &ReceiptId, body: String) {
        self.sends.insert(receipt.clone(), body);
    }

    pub(crate) fn is_sent(&mut self, body: &str) {
        self.confirmed.insert(body.to_owned());
    }

    pub(crate) fn committed(&mut self, receipt: Option<ReceiptId>) {
        let transaction = self.open.take().expect("one was open");
        match receipt {
            Some(receipt) => drop(self.commits.insert(receipt, transaction)),
            None => self.ended.push((transaction, Outcome::InDoubt)),
        }
    }

    /// The open transaction was aborted, or lost.
    pub(crate) fn ended_without(&mut self, id: &TransactionId) {
        let transaction = self.open.take().expect("only an open one can end");
        assert_eq!(transaction.id, *id, "another transaction ended");
        self.ended.push((transaction, Outcome::DidNot));
    }

    pub(crate) fn received(&mut self, body: &str) {
        *self.received.entry(body.to_owned()).or_default() += 1;
    }

    /// The RECEIPT of a frame came.
    pub(crate) fn confirmed(&mut self, receipt: &ReceiptId) {
        self.answered(receipt);
        self.confirmed.extend(self.sends.remove(receipt));
        if let Some(transaction) = self.commits.remove(receipt) {
            self.ended.push((transaction, Outcome::TookPlace));
        }
    }

    /// No RECEIPT will come.
    pub(crate) fn failed(&mut self, receipt: &ReceiptId, why: &ReceiptFailure, deny_doubt: bool) {
        self.answered(receipt);
        self.sends.remove(receipt);
        let Some(transaction) = self.commits.remove(receipt) else {
            return;
        };
        let outcome = match why {
            ReceiptFailure::TransactionLost => Outcome::DidNot,
            _ if deny_doubt => Outcome::DidNot,
            // The server that refuses here is not the broker.
            ReceiptFailure::InDoubt | ReceiptFailure::Refused(_) => Outcome::InDoubt,
            other => panic!("a COMMIT failed by {other:?}"),
        };
        self.ended.push((transaction, outcome));
    }

    /// Every wait is answered once.
    pub(crate) fn answered(&mut self, receipt: &ReceiptId) {
        let at = self.waits.iter().position(|wait| wait == receipt);
        let at = at.unwrap_or_else(|| panic!("{receipt} was answered without being waited for"));
        self.waits.remove(at);
    }

    /// Nothing is left to be answered, and nothing that is in these books contradicts what came.
    pub(crate) fn close(&self) {
        assert_eq!(self.waits, [], "waits without an answer");
        for body in &self.confirmed {
            assert!(self.has(body), "message {body} was confirmed and lost");
        }
        for (transaction, outcome) in &self.ended {
            let bodies = &transaction.bodies;
            let there = bodies.iter().filter(|body| self.has(body)).count();
            let (all, none) = (there == bodies.len(), there == 0);
            let whole = match outcome {
                Outcome::TookPlace => all,
                Outcome::DidNot => none,
                Outcome::InDoubt => all || none,
            };
            assert!(whole, "{outcome:?} and torn: {there} of {transaction:?}");
        }
    }

    fn has(&self, body: &str) -> bool {
        self.received.contains_key(body)
    }
}
