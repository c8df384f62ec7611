//! Working without threads of ours: whoever waits does the work.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::dialer::Dialer;
use crate::keeper::cause_of;
use crate::shared::Shared;
use crate::state::State;
use crate::wire::{Flushed, Wire};

/// How soon a peer that took nothing is tried again.
const SOON: Duration = Duration::from_millis(100);

impl Shared {
    /// Works until something has changed, until `deadline` at most. Of several threads that wait,
    /// one works, and the others wait for what it brings about.
    pub(crate) fn drive<'a>(
        &'a self,
        dialer: &Mutex<Dialer>,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let mut dialer = match dialer.try_lock() {
            Ok(dialer) => dialer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let until = earliest(deadline, state.session.poll_timeout());
                let mut state = self.wait_for_others(state, until);
                state.session.handle_timeout(Instant::now());
                state.sort();
                return state;
            }
        };
        drop(state);
        self.step(&mut dialer, deadline);
        drop(dialer);
        // Behind the lock, so that nobody who has just failed to get it misses that it is free.
        let state = self.lock();
        self.notify();
        state
    }

    fn step(&self, dialer: &mut Dialer, deadline: Option<Instant>) {
        let wire = self.lock().wire.clone();
        match wire {
            Some(wire) => self.exchange(&wire, dialer, deadline),
            None => self.redial(dialer, deadline),
        }
    }

    /// Writes and reads, once.
    fn exchange(&self, wire: &Wire, dialer: &mut Dialer, deadline: Option<Instant>) {
        let flushed = wire.flush(self);
        let state = self.lock();
        if state.closed.is_none() {
            let mut until = earliest(deadline, state.session.poll_timeout());
            if flushed == Flushed::Stuck {
                until = earliest(until, Instant::now().checked_add(SOON));
            }
            if state.paused {
                drop(self.wait_for_others(state, until));
            } else {
                drop(state);
                wire.read(self, until);
            }
        } else {
            drop(state);
        }
        let mut state = self.lock();
        state.session.handle_timeout(Instant::now());
        state.sort();
        let over = state.closed.is_some();
        drop(state);
        // What came may want an answer, and a session that is over may have a DISCONNECT to say.
        wire.flush(self);
        if over {
            wire.close();
            self.lost(wire, dialer);
        }
    }

    /// Waits for the next attempt to connect, and makes it when it is due.
    fn redial(&self, dialer: &mut Dialer, deadline: Option<Instant>) {
        let due = match dialer.plan() {
            Ok((due, event)) => {
                let mut state = self.lock();
                event.into_iter().for_each(|event| state.tell(event));
                due
            }
            Err(error) => return self.end(cause_of(error)),
        };
        let state = self.lock();
        if state.quit {
            return;
        }
        let state = self.wait_for_others(state, earliest(deadline, Some(due)));
        let go = !state.quit && Instant::now() >= due;
        drop(state);
        if go && let Err(error) = self.attempt(dialer) {
            self.end(cause_of(error));
        }
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
