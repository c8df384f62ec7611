//! Runs a model again and again, each time with its threads interleaved in another way.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use super::clock;

/// When time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// When nobody can do anything without it: what takes none in a model takes none at all, and who
    /// waits in vain is found by what it has taken.
    Late,
    /// Whenever it likes, once the model has begun: what is due comes before, behind and in the
    /// middle of everything else.
    Anywhere,
}

thread_local! {
    static TIME: Cell<Time> = const { Cell::new(Time::Late) };
}

/// When time passes in the model that runs.
pub(crate) fn time() -> Time {
    TIME.get()
}

/// How often a model is run, unless `MODEL_ITERATIONS` says so.
const ITERATIONS: usize = 2000;

/// The same at each run; `MODEL_SEED` is another one.
const SEED: u64 = 7;

/// Runs a model, which fails if it panics, or if somebody in it waits for ever.
pub(crate) fn check(model: fn()) {
    for time in [Time::Late, Time::Anywhere] {
        check_with(time, model);
    }
}

/// The same for a model of which only one kind of time is asked.
pub(crate) fn check_with(time: Time, model: fn()) {
    let (iterations, seed) = (
        setting("MODEL_ITERATIONS", ITERATIONS),
        setting("MODEL_SEED", SEED),
    );
    let each = iterations.div_ceil(4).max(2);
    run(time, RandomScheduler::new_from_seed(seed, each), model);
    for depth in [2, 4] {
        let each = each.div_ceil(2).max(2);
        run(time, PctScheduler::new_from_seed(seed, depth, each), model);
    }
}

fn run<S: Scheduler + Debug + 'static>(time: Time, scheduler: S, model: fn()) {
    let mut config = Config::new();
    // The whole engine runs on it, without optimisation.
    config.stack_size = 1 << 20;
    config.max_steps = MaxSteps::FailAfter(100_000);
    config.silence_warnings = true;
    // The seed is shorter.
    config.failure_persistence = FailurePersistence::None;
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = begun.clone();
    let name = std::any::type_name::<S>();
    TIME.set(time);
    let runner = Runner::new(ClockLast { scheduler, time }, config);
    let checked = catch_unwind(AssertUnwindSafe(move || {
        runner.run(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            let clock = shuttle::future::spawn(clock::start());
            while clock::task().is_none() {
                shuttle::thread::yield_now();
            }
            model();
            super::join_all();
            clock::stop();
            let ended = shuttle::future::block_on(clock);
            ended.expect("nobody aborts the clock");
        })
    }));
    let begun = begun.load(Ordering::Relaxed);
    let name = name.rsplit("::").next().unwrap_or(name);
    if let Err(panic) = checked {
        println!("found in iteration {begun} of {name}, time {time:?}");
        resume_unwind(panic);
    }
    println!("{begun} iterations of {name}, time {time:?}");
}

/// Lets time pass only if nobody else can do anything, where it is wanted so.
#[derive(Debug)]
struct ClockLast<S> {
    scheduler: S,
    time: Time,
}

impl<S: Scheduler> Scheduler for ClockLast<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.scheduler.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let free = self.time == Time::Anywhere && clock::has_begun();
        let clock = clock::task().filter(|_| !free);
        let others = runnable.iter().filter(|task| Some(task.id()) != clock);
        let others: Vec<_> = others.copied().collect();
        match others.is_empty() {
            true => self.scheduler.next_task(runnable, current, is_yielding),
            false => self.scheduler.next_task(&others, current, is_yielding),
        }
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}
