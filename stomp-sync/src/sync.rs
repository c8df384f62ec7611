//! Locks, threads and the clock, all that is taken of the standard library for waiting.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A lock that goes on behind a panic: what it guards says by itself whether it is whole.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.0.is_poisoned()
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Somebody who waits: for one thing, with a condition variable of his own.
#[derive(Debug, Default)]
pub(crate) struct Sleeper {
    woken: Condvar,
    /// How many sleep, since a call of the system is made for nobody, too. It is counted under the
    /// lock: whoever changes something there finds him counted who has not seen it.
    asleep: AtomicUsize,
}

impl Sleeper {
    /// Sleeps until woken, until `deadline` at most.
    pub(crate) fn sleep<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        self.asleep.fetch_add(1, Ordering::SeqCst);
        let guard = self.doze(guard, deadline);
        self.asleep.fetch_sub(1, Ordering::SeqCst);
        guard
    }

    fn doze<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        let Some(deadline) = deadline else {
            let woken = self.woken.wait(guard);
            return woken.unwrap_or_else(PoisonError::into_inner);
        };
        let patience = deadline.saturating_duration_since(now());
        // Longer than any clock of the system counts is as good as this.
        let patience = patience.min(Duration::from_secs(1 << 30));
        let woken = self.woken.wait_timeout(guard, patience);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) > 0 {
            self.woken.notify_all();
        }
    }
}
