use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::Broker;
use crate::shared::Shared;

/// Something that a test waits for: `.await` it, or call [`wait`](Self::wait).
///
/// Nothing is polled: the condition is looked at again when the broker has changed. If it does not
/// hold in time the test fails with a message that shows the whole conversation.
#[must_use = "it waits only when it is awaited, or when `wait` is called"]
pub struct Wait<'a> {
    shared: &'a Arc<Shared>,
    what: String,
    patience: Duration,
    condition: Box<dyn Fn(&Broker) -> bool + Send + Sync>,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        what: String,
        patience: Duration,
        condition: impl Fn(&Broker) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared,
            what,
            patience,
            condition: Box::new(condition),
        }
    }

    /// Waits no longer than this.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Blocks until the condition holds.
    ///
    /// # Panics
    ///
    /// When it does not in time.
    #[track_caller]
    pub fn wait(self) {
        let deadline = Instant::now() + self.patience;
        let held = self.shared.wait_with(Some(deadline), |broker| {
            if (self.condition)(broker) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        if held.is_none() {
            self.fail(Location::caller());
        }
    }

    fn fail(&self, caller: &Location<'_>) -> ! {
        let report = self.shared.look(Broker::report);
        panic!(
            "the test broker waited {:?} for {}, in vain (at {caller})\n{report}\
             ^^^ here {} was missing",
            self.patience, self.what, self.what,
        );
    }
}

/// Waits without blocking the runtime; the patience goes by the runtime's clock.
impl<'a> IntoFuture for Wait<'a> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        let caller = Location::caller();
        Box::pin(async move {
            let condition = poll_fn(|cx| {
                let check = |broker: &Broker| (self.condition)(broker).then_some(());
                self.shared.poll_watch(cx, check)
            });
            if tokio::time::timeout(self.patience, condition)
                .await
                .is_err()
            {
                self.fail(caller);
            }
        })
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("what", &self.what)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
