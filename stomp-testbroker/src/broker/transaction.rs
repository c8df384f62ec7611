use std::sync::Arc;
use std::time::Instant;

use stomp_frame::{Frame, header};

use super::Broker;
use super::channel::Settling;
use super::connection::{Confirm, ConnectionId};
use super::failure::{Failure, require};
use super::queue::Message;
use super::settle::{Taken, Verdict};

/// What a client did between BEGIN and COMMIT.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) steps: Vec<Step>,
    /// RECEIPTs of its SENDs that come after COMMIT (RabbitMQ).
    pub(crate) confirms: Vec<Confirm>,
}

#[derive(Debug)]
pub(crate) enum Step {
    Send(Arc<Message>),
    /// The deliveries are kept here, so that nobody can settle them a second time.
    Settle {
        taken: Taken,
        verdict: Verdict,
    },
    /// They are looked for at COMMIT (RabbitMQ).
    SettleOnChannel(Settling),
}

impl Broker {
    pub(crate) fn begin(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let name = require(frame, header::TRANSACTION)?;
        let cap = self.config.caps.transactions;
        if self.manners.begin_restarts
            && let Some(open) = self.connection(id).transactions.remove(name)
        {
            self.undo(id, open.steps, now);
        }
        let transactions = &mut self.connection(id).transactions;
        if transactions.contains_key(name) {
            return Err(Failure::DuplicateTransaction);
        }
        if transactions.len() >= cap {
            return Err(Failure::TooMany("open transactions"));
        }
        transactions.insert(name.to_owned(), Transaction::default());
        Ok(())
    }

    pub(crate) fn commit(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let transaction = self.end_transaction(id, frame)?;
        let mut steps = transaction.steps.into_iter();
        while let Some(step) = steps.next() {
            if let Err(failure) = self.take_step(id, step, now) {
                // What was done stays done; the rest is not.
                self.undo(id, steps.collect(), now);
                return Err(failure);
            }
        }
        self.connection(id).confirms.extend(transaction.confirms);
        Ok(())
    }

    fn take_step(&mut self, id: ConnectionId, step: Step, now: Instant) -> Result<(), Failure> {
        match step {
            Step::Send(message) => {
                self.stored -= message.weight();
                self.route(message, now);
            }
            Step::Settle { taken, verdict } => {
                self.apply(taken.queue, taken.deliveries, verdict, now);
            }
            Step::SettleOnChannel(settling) => self.settle_number(id, settling, now)?,
        }
        Ok(())
    }

    pub(crate) fn abort(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let transaction = self.end_transaction(id, frame)?;
        self.undo(id, transaction.steps, now);
        Ok(())
    }

    fn end_transaction(&mut self, id: ConnectionId, frame: &Frame) -> Result<Transaction, Failure> {
        let name = require(frame, header::TRANSACTION)?;
        let transactions = &mut self.connection(id).transactions;
        transactions.remove(name).ok_or(Failure::UnknownTransaction)
    }

    /// Forgets the sends; the messages that were settled are outstanding again on the subscription
    /// that got them, or back in their queue if that has ended.
    pub(crate) fn undo(&mut self, id: ConnectionId, steps: Vec<Step>, now: Instant) {
        for step in steps {
            match step {
                Step::Send(message) => self.stored -= message.weight(),
                Step::SettleOnChannel(_) => {}
                Step::Settle { taken, .. } => {
                    let Taken {
                        subscription,
                        queue,
                        deliveries,
                    } = taken;
                    let connection = self.connection(id);
                    match connection.subscriptions.get_mut(&subscription) {
                        Some(subscription) => {
                            subscription.unsettled.extend(deliveries);
                            let unsettled = subscription.unsettled.make_contiguous();
                            unsettled.sort_by_key(|delivery| delivery.number);
                        }
                        None => {
                            self.give_back(queue, deliveries, now);
                            self.dispatch(queue, now);
                        }
                    }
                }
            }
        }
    }

    /// Finds the open transaction that a SEND, ACK or NACK names.
    pub(crate) fn check_transaction(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
    ) -> Result<Option<String>, Failure> {
        let Some(name) = frame.headers.get(header::TRANSACTION) else {
            return Ok(None);
        };
        if self.manners.ignores_settling {
            return Ok(None);
        }
        let cap = self.config.caps.transaction_frames;
        let transactions = &self.connection(id).transactions;
        let transaction = transactions.get(name).ok_or(Failure::UnknownTransaction)?;
        if transaction.steps.len() >= cap {
            return Err(Failure::TooMany("frames in a transaction"));
        }
        Ok(Some(name.to_owned()))
    }

    pub(crate) fn add_step(&mut self, id: ConnectionId, transaction: &str, step: Step) {
        let transactions = &mut self.connection(id).transactions;
        let transaction = transactions
            .get_mut(transaction)
            .expect("looked up by `check_transaction` for this very frame");
        transaction.steps.push(step);
    }
}
