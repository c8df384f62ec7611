//! Runs scenarios, each under a watchdog.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::adapters::ADAPTERS;
use crate::client::Adapter;
use crate::suite::SUITES;
use crate::world::{Link, World};

/// A scenario, and what it is run over.
pub(crate) struct Scenario {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) links: &'static [(&'static str, Link)],
    pub(crate) run: fn(&World),
}

/// No scenario takes a fraction of this.
const PATIENCE: Duration = Duration::from_secs(20);
/// Scenarios mostly wait, so more of them are under way than there are processors.
const AT_A_TIME: usize = 12;

/// The test of one scenario with one kind of client.
pub(crate) fn judge(name: [&'static str; 4]) {
    let case = cases().into_iter().find(|case| case.name() == name);
    let case = case.unwrap_or_else(|| panic!("{name:?} is not in the suite"));
    // Whoever asks for one wants it by itself; others run beside each other.
    let outcome = match case.is_asked_for_among_others() {
        true => Pool::get().outcome(name),
        false => case.run(),
    };
    if let Err(why) = outcome {
        panic!("{}: {why}", name.join("::"));
    }
}

/// A scenario with one kind of client over one kind of link.
struct Case {
    scenario: &'static Scenario,
    adapter: &'static dyn Adapter,
    link: (&'static str, Link),
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for scenario in SUITES.iter().copied().flatten() {
        for &link in scenario.links {
            cases.extend(ADAPTERS.iter().map(|&adapter| Case {
                scenario,
                adapter,
                link,
            }));
        }
    }
    cases
}

impl Case {
    fn name(&self) -> [&'static str; 4] {
        let Scenario { group, name, .. } = self.scenario;
        [group, name, self.link.0, self.adapter.name()]
    }

    /// Its name as cargo has it.
    fn test(&self) -> String {
        let suite = match self.link.0.contains("websocket") {
            true => "over_websocket",
            false => "behaviour",
        };
        format!("suite::{suite}::{}", self.name().join("::"))
    }

    fn is_asked_for_among_others(&self) -> bool {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let test = self.test();
        let mut words = arguments.iter().filter(|word| !word.starts_with('-'));
        match words.clone().count() {
            0 => true,
            _ if arguments.iter().any(|word| word == "--exact") => false,
            _ => words.any(|word| test.contains(word)),
        }
    }

    fn run(&self) -> Result<(), String> {
        self.attempt(PATIENCE)
    }

    fn attempt(&self, patience: Duration) -> Result<(), String> {
        keep_panics();
        let over = Arc::new(AtomicBool::new(false));
        let world = World {
            adapter: self.adapter,
            link: self.link.1,
            over: over.clone(),
            test: self.test(),
        };
        let run = self.scenario.run;
        let (done, result) = channel();
        let thread = std::thread::Builder::new().name(NAME.to_owned());
        let spawned = thread.spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(&world)));
            let outcome = outcome.map_err(|_| PANIC.with(RefCell::take));
            let _ = done.send(outcome);
        });
        spawned.expect("a thread");
        let outcome = result.recv_timeout(patience);
        over.store(true, Ordering::Relaxed);
        match outcome {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Err(format!("not done within {patience:?}")),
            Err(RecvTimeoutError::Disconnected) => Err("it ended without a result".into()),
        }
    }
}

/// Works on all cases that were asked for, several at a time, in the order of the suite.
struct Pool {
    cases: Vec<Case>,
    outcomes: Mutex<HashMap<[&'static str; 4], Result<(), String>>>,
    changed: Condvar,
    next: AtomicUsize,
}

impl Pool {
    fn get() -> &'static Self {
        static POOL: OnceLock<Pool> = OnceLock::new();
        static STARTED: Once = Once::new();
        let pool = POOL.get_or_init(|| {
            let mut cases = cases();
            cases.retain(Case::is_asked_for_among_others);
            Self {
                cases,
                outcomes: Mutex::default(),
                changed: Condvar::new(),
                next: AtomicUsize::new(0),
            }
        });
        STARTED.call_once(|| {
            for _ in 0..AT_A_TIME {
                std::thread::spawn(|| pool.work());
            }
        });
        pool
    }

    fn work(&self) {
        while let Some(case) = self.cases.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let begin = Instant::now();
            let outcome = case.run();
            if std::env::var_os("BEHAVIOUR_TIMES").is_some() {
                eprintln!("{:>9.2?} {}", begin.elapsed(), case.test());
            }
            self.lock().insert(case.name(), outcome);
            self.changed.notify_all();
        }
    }

    fn outcome(&self, name: [&'static str; 4]) -> Result<(), String> {
        let mut outcomes = self.lock();
        loop {
            if let Some(outcome) = outcomes.remove(&name) {
                return outcome;
            }
            let woken = self.changed.wait(outcomes);
            outcomes = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[&'static str; 4], Result<(), String>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the threads whose panics are kept.
const NAME: &str = "scenario";

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Has a scenario's panic, with its place, kept for the test that reports it.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some(NAME) {
                PANIC.with(|kept| *kept.borrow_mut() = panic.to_string());
            } else {
                before(panic);
            }
        }));
    });
}
