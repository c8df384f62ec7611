use std::collections::HashMap;
use std::task::Waker;

use rustc_hash::FxBuildHasher;
use stomp_session::engine::Wake;

/// Whom to wake for which report of the engine. It lies under the lock: nothing here clones, wakes
/// or drops a waker.
#[derive(Debug, Default)]
pub(crate) struct Wakers(HashMap<Wake, Waker, FxBuildHasher>);

impl Wakers {
    /// Tells whether this very waker is kept already.
    pub(crate) fn has(&self, wake: Wake, waker: &Waker) -> bool {
        self.0.get(&wake).is_some_and(|kept| kept.will_wake(waker))
    }

    /// Keeps a waker, and gives back the one that it replaces.
    #[must_use = "it is to be dropped without the lock"]
    pub(crate) fn keep(&mut self, wake: Wake, waker: Waker) -> Option<Waker> {
        self.0.insert(wake, waker)
    }

    /// Gives back a waker that nobody needs any more.
    #[must_use = "it is to be dropped without the lock"]
    pub(crate) fn forget(&mut self, wake: Wake) -> Option<Waker> {
        self.0.remove(&wake)
    }

    /// Moves those who are meant behind what is in `woken`.
    pub(crate) fn take(&mut self, wake: Wake, woken: &mut Vec<Waker>) {
        match wake {
            Wake::Everybody => woken.extend(self.0.drain().map(|(_, waker)| waker)),
            // One task does both.
            Wake::Reader => woken.extend(self.0.remove(&Wake::Driver)),
            wake => woken.extend(self.0.remove(&wake)),
        }
    }
}
