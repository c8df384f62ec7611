//! Time, as the checker has it: nothing takes any, until somebody waits for an instant.
//!
//! All threads of a model are run by one thread of the system, so its thread-local storage is what
//! they share, and looking at it is no step that could be interleaved with another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use shuttle::scheduler::TaskId;

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

struct Clock {
    began: Instant,
    now: Instant,
    /// Who waits until when.
    waits: BTreeMap<(Instant, u64), Waiting>,
    waited: u64,
    /// The task that lets time pass.
    task: Option<TaskId>,
    waker: Option<Waker>,
    /// The model has begun.
    begun: bool,
    stopped: bool,
}

struct Waiting {
    waker: Waker,
    again: bool,
}

/// Nothing that is modelled takes as long. Somebody goes round without end.
const FOR_EVER: Duration = Duration::from_secs(200);

/// Begins an execution. The future lets time pass; run it as a task.
pub(crate) fn start() -> impl Future<Output = ()> + Send + 'static {
    let now = Instant::now();
    CLOCK.set(Some(Clock {
        began: now,
        now,
        waits: BTreeMap::new(),
        waited: 0,
        task: None,
        waker: None,
        begun: false,
        stopped: false,
    }));
    run()
}

/// Nobody waits any more.
pub(crate) fn stop() {
    let waker = with(|clock| {
        clock.stopped = true;
        clock.waker.take()
    });
    waker.into_iter().for_each(Waker::wake);
}

pub(crate) fn now() -> Instant {
    with(|clock| clock.now)
}

/// Everything is in its place: what is to be checked begins.
pub(crate) fn begin() {
    with(|clock| {
        clock.began = clock.now;
        clock.begun = true;
    });
}

pub(crate) fn has_begun() -> bool {
    CLOCK.with_borrow(|clock| clock.as_ref().is_some_and(|clock| clock.begun))
}

/// How much time has passed since then.
pub(crate) fn elapsed() -> Duration {
    with(|clock| clock.now - clock.began)
}

/// The task that lets time pass, once there is one.
pub(crate) fn task() -> Option<TaskId> {
    CLOCK.with_borrow(|clock| clock.as_ref()?.task)
}

/// Somebody who waits for an instant.
#[derive(Debug)]
pub(crate) struct Wait((Instant, u64));

impl Wait {
    /// Wakes him when it has come; `again` and again until this is dropped, if he is one who may
    /// miss it since he is about to fall asleep.
    pub(crate) fn until(instant: Instant, again: bool, waker: Waker) -> Self {
        let (key, clock) = with(|clock| {
            clock.waited += 1;
            let key = (instant, clock.waited);
            clock.waits.insert(key, Waiting { waker, again });
            (key, clock.waker.take())
        });
        clock.into_iter().for_each(Waker::wake);
        Self(key)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let waiting = CLOCK.with_borrow_mut(|clock| clock.as_mut()?.waits.remove(&self.0));
        drop(waiting);
    }
}

async fn run() {
    loop {
        let due = poll_fn(|cx| {
            with(|clock| {
                clock.task = Some(shuttle::current::me());
                if clock.stopped {
                    return Poll::Ready(None);
                }
                let Some((&(next, _), _)) = clock.waits.first_key_value() else {
                    clock.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                };
                clock.now = clock.now.max(next);
                assert!(
                    clock.now - clock.began < FOR_EVER,
                    "somebody waits again and again, and nothing comes of it"
                );
                let later = clock.waits.split_off(&(clock.now, u64::MAX));
                let passed = std::mem::replace(&mut clock.waits, later);
                let mut due = Vec::new();
                for (key, waiting) in passed {
                    due.push(waiting.waker.clone());
                    if waiting.again {
                        clock.waits.insert(key, waiting);
                    }
                }
                Poll::Ready(Some(due))
            })
        });
        let Some(due) = due.await else { return };
        due.into_iter().for_each(Waker::wake);
        shuttle::future::yield_now().await;
    }
}

fn with<T>(work: impl FnOnce(&mut Clock) -> T) -> T {
    CLOCK.with_borrow_mut(|clock| work(clock.as_mut().expect("a model has a clock")))
}
