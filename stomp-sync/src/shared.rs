//! What the handles and the threads of a client share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stomp_commands::ReceiptId;
use stomp_session::SubscriptionKey;

use crate::dialer::{Dialer, Link};
use crate::inboxes::Arrival;
use crate::state::State;
use crate::wire::Wire;
use crate::{Cause, Error, Event};

/// One mutex, and one condition: something has changed.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Where no thread of ours does the work, whoever waits takes this and does it.
    pub(crate) manual: Option<Mutex<Dialer>>,
}

impl Shared {
    pub(crate) fn new(link: Link, manual: Option<Dialer>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::new(link.session, link.wire)),
            changed: Condvar::new(),
            manual: manual.map(Mutex::new),
        })
    }

    /// Locks. Nobody panics while holding it, and if somebody did, the session is still whole: each
    /// of its methods leaves it so.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for a change.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits for a change, until `deadline` at most. Without threads of ours, works meanwhile.
    pub(crate) fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        match &self.manual {
            None => self.wait_for_others(state, deadline),
            Some(dialer) => self.drive(dialer, state, deadline),
        }
    }

    /// Waits until another thread has changed something, until `deadline` at most.
    pub(crate) fn wait_for_others<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(deadline) = deadline else {
            let woken = self.changed.wait(state);
            return woken.unwrap_or_else(PoisonError::into_inner);
        };
        let patience = deadline.saturating_duration_since(Instant::now());
        let woken = self.changed.wait_timeout(state, patience);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until the state is `ready` for a command, for `patience` at most.
    pub(crate) fn turn(
        &self,
        patience: Duration,
        ready: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>, Error> {
        let deadline = Instant::now().checked_add(patience);
        let mut state = self.lock();
        loop {
            if state.quit || state.end.is_some() {
                return Err(state.closed_error());
            }
            if ready(&state) {
                return Ok(state);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Error::NotSent(Cause::Deadline(patience)));
            }
            state = self.wait_hungry(state, deadline);
        }
    }

    /// Has what was done to the session take its course.
    pub(crate) fn done(&self, mut state: MutexGuard<'_, State>) {
        state.sort();
        self.notify();
        if self.manual.is_some()
            && let Some(wire) = state.wire.clone()
        {
            drop(state);
            wire.flush(self);
        }
    }

    /// Waits until a frame is answered. Each receipt has a deadline in the session, so this ends.
    pub(crate) fn answer(&self, receipt: &ReceiptId) -> Result<(), Error> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.take_answer(receipt) {
                return result;
            }
            if let Some(cause) = state.end.clone() {
                state.forget(receipt);
                return Err(Error::Unconfirmed(cause));
            }
            state = self.wait(state, None);
        }
    }

    /// Takes the next message of a subscription. `Ok(None)` means that time is up.
    pub(crate) fn take(
        &self,
        key: SubscriptionKey,
        deadline: Option<Instant>,
    ) -> Result<Option<Arrival>, Error> {
        let mut state = self.lock();
        loop {
            if let Some(arrival) = state.inboxes.pop(key) {
                if state.balance() {
                    self.notify();
                }
                return Ok(Some(arrival));
            }
            let Some(inbox) = state.inboxes.get(key) else {
                return Err(state.closed_error());
            };
            if let Some(why) = &inbox.refused {
                return Err(Error::SubscriptionRefused(why.clone()));
            }
            if state.end.is_some() {
                return Err(state.closed_error());
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
            state = self.wait_hungry(state, deadline);
        }
    }

    /// Waits for something that only comes if reading goes on.
    fn wait_hungry<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        state.waiting += 1;
        if state.balance() {
            self.notify();
        }
        state = self.wait(state, deadline);
        state.waiting -= 1;
        state
    }

    /// Takes note that a connection is over, and says whether there shall be another one.
    pub(crate) fn lost(&self, wire: &Wire, dialer: &mut Dialer) -> bool {
        let mut state = self.lock();
        state.wire = None;
        state.paused = false;
        let reason = state.closed.take();
        if state.quit || state.end.is_some() {
            drop(state);
            self.end(match reason {
                Some(reason) if reason.is_orderly() => Cause::Disconnected,
                Some(reason) => reason.into(),
                None => Cause::Disconnected,
            });
            return false;
        }
        if let Some(reason) = reason {
            dialer.lost(wire.stable_for(), &reason);
            state.tell(Event::Disconnected { reason });
        }
        self.notify();
        true
    }

    /// Makes the attempt that the dialer has decided on, and puts the new connection in place of the
    /// old one.
    pub(crate) fn attempt(&self, dialer: &mut Dialer) -> Result<(), Error> {
        let mut state = self.lock();
        state.away = true;
        let subscriptions = std::mem::take(state.session.subscriptions_mut());
        drop(state);
        let result = dialer.attempt(subscriptions)?;
        let mut state = self.lock();
        state.away = false;
        match result {
            Ok(link) => {
                state.session = link.session;
                state.wire = Some(Arc::new(link.wire));
                state.tell(link.event);
            }
            Err(left) => *state.session.subscriptions_mut() = left,
        }
        state.sort();
        self.notify();
        Ok(())
    }

    /// Closes the client, if it is not closed already.
    pub(crate) fn end(&self, cause: Cause) {
        let mut state = self.lock();
        if let Cause::Exhausted(exhausted) = &cause
            && state.end.is_none()
        {
            let exhausted = exhausted.clone();
            state.tell(Event::GaveUp { exhausted });
        }
        state.quit = true;
        state.end.get_or_insert(cause);
        self.notify();
    }
}
