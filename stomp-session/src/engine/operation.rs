use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use stomp_commands::ReceiptId;

use super::Error;
use super::wake::{Wake, Wakes};
use crate::SubscriptionKey;

/// Names something that takes time, for as long as somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    index: u32,
    generation: u32,
}

/// How an operation ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// There is a connection, for the first time.
    Connected,
    /// The broker has confirmed the frame.
    Confirmed,
    /// The broker has accepted the subscription.
    Subscribed(SubscriptionKey),
    /// The subscription is over.
    Unsubscribed,
    /// The connection has ended in order.
    Disconnected,
}

/// Where an operation stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has a place in the line. When it was called, it is its turn.
    InLine { called: bool },
    /// Its frame is queued or written, and the answer is waited for.
    Asked(Asked),
    /// Something else is waited for.
    Waiting,
    /// It is over, and nobody has asked yet how.
    Done(Result<Outcome, Error>),
}

/// A frame that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) receipt: ReceiptId,
    /// Where the frame stands in the outgoing stream.
    pub(super) place: Range<u64>,
    /// What is subscribed by it.
    pub(super) subscription: Option<SubscriptionKey>,
}

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) stage: Stage,
    pub(super) patience: Patience,
    deadline: Option<Instant>,
    /// Its owner has found it unfinished, and is to be told.
    waiting: bool,
}

/// How long an operation may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Until the first octet is offered to the transport.
    pub(super) send: Option<Instant>,
    /// All of it.
    pub(super) total: Option<Instant>,
    /// What was asked for, to be told.
    pub(super) asked: Duration,
}

impl Patience {
    pub(super) const ENDLESS: Self = Self {
        send: None,
        total: None,
        asked: Duration::MAX,
    };

    /// A time that the caller named is for all of it; the usual one ends with the first octet.
    pub(super) fn of(named: Option<Duration>, usual: Duration, now: Instant) -> Self {
        match named {
            Some(all) => Self {
                send: None,
                total: now.checked_add(all),
                asked: all,
            },
            None => Self {
                send: now.checked_add(usual),
                total: None,
                asked: usual,
            },
        }
    }
}

/// The operations that are under way or not asked for yet.
#[derive(Debug, Default)]
pub(super) struct Operations {
    slots: Vec<Slot>,
    free: Vec<u32>,
    deadlines: BTreeSet<(Instant, OpId)>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    operation: Option<Operation>,
}

impl Operations {
    pub(super) fn add(&mut self, stage: Stage, patience: Patience) -> OpId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                operation: None,
            });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.operation = Some(Operation {
            stage,
            patience,
            deadline: None,
            waiting: false,
        });
        let op = OpId {
            index,
            generation: slot.generation,
        };
        let earlier = [patience.send, patience.total].into_iter().flatten().min();
        self.set_deadline(op, earlier);
        op
    }

    pub(super) fn get(&self, op: OpId) -> Option<&Operation> {
        let slot = self.slots.get(op.index as usize)?;
        slot.operation
            .as_ref()
            .filter(|_| slot.generation == op.generation)
    }

    pub(super) fn get_mut(&mut self, op: OpId) -> Option<&mut Operation> {
        let slot = self.slots.get_mut(op.index as usize)?;
        slot.operation
            .as_mut()
            .filter(|_| slot.generation == op.generation)
    }

    pub(super) fn remove(&mut self, op: OpId) -> Option<Operation> {
        self.set_deadline(op, None);
        let slot = self.slots.get_mut(op.index as usize)?;
        if slot.generation != op.generation {
            return None;
        }
        let operation = slot.operation.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(op.index);
        Some(operation)
    }

    /// Ends an operation, and tells its owner if he waits.
    pub(super) fn finish(&mut self, op: OpId, result: Result<Outcome, Error>, wakes: &mut Wakes) {
        self.set_deadline(op, None);
        if let Some(operation) = self.get_mut(op)
            && !matches!(operation.stage, Stage::Done(_))
        {
            operation.stage = Stage::Done(result);
            wakes.happened();
            if std::mem::take(&mut operation.waiting) {
                wakes.push(Wake::Operation(op));
            }
        }
    }

    /// The owner has come, and it was not his turn: he is to be called again.
    pub(super) fn requeue(&mut self, op: OpId) {
        if let Some(operation) = self.get_mut(op) {
            operation.stage = Stage::InLine { called: false };
            operation.waiting = true;
        }
    }

    /// Tells whether the owner is to come. If not, he is to be told.
    pub(super) fn is_turn(&mut self, op: OpId) -> bool {
        let Some(operation) = self.get_mut(op) else {
            return true;
        };
        let is_turn = !matches!(operation.stage, Stage::InLine { called: false });
        operation.waiting = !is_turn;
        is_turn
    }

    /// Tells the owner that it is its turn.
    pub(super) fn call(&mut self, op: OpId, wakes: &mut Wakes) {
        if let Some(operation) = self.get_mut(op)
            && let Stage::InLine { called } = &mut operation.stage
            && !std::mem::replace(called, true)
            && std::mem::take(&mut operation.waiting)
        {
            wakes.push(Wake::Operation(op));
        }
    }

    /// Takes out how an operation ended, and frees its id. Whoever finds that it has not is told
    /// when that changes.
    pub(super) fn take(&mut self, op: OpId) -> Option<Result<Outcome, Error>> {
        let operation = self.get_mut(op)?;
        if !matches!(operation.stage, Stage::Done(_)) {
            operation.waiting = true;
            return None;
        }
        match self.remove(op)?.stage {
            Stage::Done(result) => Some(result),
            _ => None,
        }
    }

    /// Goes from the line to waiting for an answer.
    pub(super) fn ask(&mut self, op: OpId, asked: Asked) {
        if let Some(operation) = self.get_mut(op) {
            operation.stage = Stage::Asked(asked);
        }
    }

    /// The first octet was offered: from now on only the time for all of it counts.
    pub(super) fn offered(&mut self, op: OpId) {
        let total = self.get(op).and_then(|operation| operation.patience.total);
        self.set_deadline(op, total);
    }

    /// Takes out an operation whose time is up.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<OpId> {
        let &(deadline, op) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.set_deadline(op, None);
        Some(op)
    }

    pub(super) fn deadline(&self, op: OpId) -> Option<Instant> {
        self.get(op)?.deadline
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// All that are not over.
    pub(super) fn unfinished(&self) -> Vec<OpId> {
        let unfinished = |(index, slot): (usize, &Slot)| {
            let operation = slot.operation.as_ref()?;
            let op = OpId {
                index: index as u32,
                generation: slot.generation,
            };
            (!matches!(operation.stage, Stage::Done(_))).then_some(op)
        };
        self.slots
            .iter()
            .enumerate()
            .filter_map(unfinished)
            .collect()
    }

    fn set_deadline(&mut self, op: OpId, deadline: Option<Instant>) {
        let Some(operation) = self.get_mut(op) else {
            return;
        };
        let before = std::mem::replace(&mut operation.deadline, deadline);
        if before != deadline {
            if let Some(before) = before {
                self.deadlines.remove(&(before, op));
            }
            self.deadlines
                .extend(deadline.map(|deadline| (deadline, op)));
        }
    }
}
