use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use crate::call::{Call, Reply, Ticket};
use crate::{Cause, Error, Event};

/// The way to the driver. The client lives as long as one of these.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    /// Unbounded as a channel; bounded by `room`, of which every waiting frame holds a share.
    pub(crate) calls: mpsc::UnboundedSender<Call>,
    pub(crate) common: Arc<Common>,
}

/// What all handles of a client share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) room: Arc<Semaphore>,
    pub(crate) units: u32,
    pub(crate) events: broadcast::WeakSender<Event>,
    pub(crate) back_pressure: BackPressure,
    /// Why the client is closed, once it is.
    pub(crate) end: watch::Receiver<Option<Cause>>,
    pub(crate) send_timeout: Duration,
}

/// What inboxes tell the driver while one of them is full.
#[derive(Debug, Default)]
pub(crate) struct BackPressure {
    pub(crate) on: AtomicBool,
    /// There is room in a full inbox again, or somebody waits at an empty one.
    pub(crate) changed: Notify,
    /// How many wait at an empty inbox.
    hungry: AtomicUsize,
}

impl BackPressure {
    pub(crate) fn taken(&self) {
        if self.on.load(Ordering::Acquire) {
            self.changed.notify_one();
        }
    }

    pub(crate) fn begin_to_wait(&self) {
        self.hungry.fetch_add(1, Ordering::AcqRel);
        self.taken();
    }

    pub(crate) fn end_to_wait(&self) {
        self.hungry.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn is_anybody_hungry(&self) -> bool {
        self.hungry.load(Ordering::Acquire) > 0
    }
}

/// Octets that count as one unit of room. A frame takes at least one.
pub(crate) const UNIT: usize = 1 << 10;

impl Handle {
    /// Hands a call over, and waits for the answer.
    ///
    /// Until the driver claims the call, it can be given up without a trace: when `patience` runs
    /// out, or when the future is dropped.
    pub(crate) async fn call<T>(
        &self,
        octets: usize,
        patience: Duration,
        call: impl FnOnce(Ticket, Reply<T>) -> Call,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + patience;
        let too_late = || Error::NotSent(Cause::Deadline(patience));
        let units = u32::try_from(octets / UNIT + 1).unwrap_or(u32::MAX);
        let room = self.common.room.clone();
        let room = room.acquire_many_owned(units.min(self.common.units));
        let room = match timeout_at(deadline, room).await {
            Ok(room) => room.ok(),
            Err(_) => return Err(too_late()),
        };
        let (ticket, claim) = Ticket::new(room);
        let (reply, mut answer) = oneshot::channel();
        if self.calls.send(call(ticket, reply)).is_err() {
            return Err(self.closed());
        }
        let answer = match timeout_at(deadline, &mut answer).await {
            Ok(answer) => answer,
            Err(_) if claim.give_up() => return Err(too_late()),
            // It was claimed, so it will be answered: each receipt has a deadline of its own.
            Err(_) => answer.await,
        };
        answer.unwrap_or_else(|_| Err(self.closed()))
    }

    pub(crate) fn closed(&self) -> Error {
        let cause = self.common.end.borrow().clone();
        Error::Closed(cause.unwrap_or(Cause::Disconnected))
    }

    /// Why the client is closed, if nobody wanted that.
    pub(crate) fn failure(&self) -> Option<Error> {
        match &*self.common.end.borrow() {
            None | Some(Cause::Disconnected) => None,
            Some(cause) => Some(Error::Closed(cause.clone())),
        }
    }
}

impl Handle {
    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle {
            calls: self.calls.downgrade(),
            common: self.common.clone(),
        }
    }
}

/// A handle that does not keep the client alive.
#[derive(Clone, Debug)]
pub(crate) struct WeakHandle {
    calls: mpsc::WeakUnboundedSender<Call>,
    pub(crate) common: Arc<Common>,
}

impl WeakHandle {
    pub(crate) fn upgrade(&self) -> Option<Handle> {
        Some(Handle {
            calls: self.calls.upgrade()?,
            common: self.common.clone(),
        })
    }
}
