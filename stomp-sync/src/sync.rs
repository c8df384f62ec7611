//! Locks, threads and the clock, all that is taken of the standard library for waiting.

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
pub(crate) struct Sleeper(Condvar);

impl Sleeper {
    /// Sleeps until woken, until `deadline` at most.
    pub(crate) fn sleep<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        let Some(deadline) = deadline else {
            let woken = self.0.wait(guard);
            return woken.unwrap_or_else(PoisonError::into_inner);
        };
        let patience = deadline.saturating_duration_since(now());
        // Longer than any clock of the system counts is as good as this.
        let patience = patience.min(Duration::from_secs(1 << 30));
        let woken = self.0.wait_timeout(guard, patience);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn wake(&self) {
        self.0.notify_all();
    }
}
