//! Everything at once: engine, driver, network, broker, application, and time.

use std::time::{Duration, Instant};

use fastrand::Rng;
use stomp_commands::{Frame, HeartBeat, Version};
use stomp_session::CloseReason;
use stomp_session::engine::{Engine, Event, Settings};
use stomp_testbroker::{Broker, Config, NackPolicy, Profile};

use crate::application::{Application, QUEUES};
use crate::books::Books;
use crate::driver::{Driver, Plant};
use crate::report::Report;

/// How long after the last kill everything may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Why no connection comes about in a world where nobody makes mistakes.
const EXPECTED: [&str; 4] = [
    "refused",
    "closed before CONNECTED",
    "no answer within",
    "the connection was lost",
];

/// The largest frame there is, and what one slice may hold beside it.
const SLACK: usize = (100 << 10) + (16 << 10) + 65 * 1_024;

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) engine: Engine,
    pub(crate) broker: Broker,
    pub(crate) driver: Driver,
    pub(crate) application: Application,
    pub(crate) books: Books,
    pub(crate) plant: Plant,
    profile: Profile,
    pub(crate) kills_left: u32,
    /// The reader says that there was nothing; a blocked one cannot.
    pub(crate) answers_dry: bool,
    /// Whether to look for sleepers who could go on. Looking may wake them.
    looks: bool,
    /// Tasks are only looked at.
    pub(crate) looking: bool,
    settled: Option<Instant>,
    pub(crate) tell: fn(Duration, &dyn std::fmt::Debug),
}

impl World {
    /// Lives through one world, from its seed to its end.
    pub(crate) fn run(seed: u64, plant: Plant, tell: fn(Duration, &dyn std::fmt::Debug)) -> Report {
        let mut world = Self::new(seed, plant, tell);
        while !world.is_over() && world.step() {}
        world.finish()
    }

    /// Prints what happens.
    #[allow(dead_code)] // the tests tell nothing
    pub(crate) fn tell(at: Duration, what: &dyn std::fmt::Debug) {
        println!("{at:>14?}  {what:?}");
    }

    pub(crate) fn ignore(_: Duration, _: &dyn std::fmt::Debug) {}

    fn new(seed: u64, plant: Plant, tell: fn(Duration, &dyn std::fmt::Debug)) -> Self {
        let mut rng = Rng::with_seed(seed);
        let now = Instant::now();
        let beats = match rng.bool() {
            true => HeartBeat::new(10_000, 10_000),
            false => HeartBeat::NONE,
        };
        let mut broker = Config::default();
        let profiles = [Profile::Strict, Profile::RabbitMq, Profile::ActiveMq];
        let profile = profiles[rng.usize(..profiles.len())];
        broker.profile = profile;
        broker.heart_beat = beats;
        broker.nack = Some(NackPolicy::Requeue);
        broker.transcript = 0;
        let settings = settings(&mut rng, beats);
        (tell)(Duration::ZERO, &(broker.profile, &settings));
        let uri = "failover:(stomp://a,stomp://b)?initialReconnectDelay=10&maxReconnectDelay=500\
                   &startupMaxReconnectAttempts=-1";
        let uri = uri.parse().expect("a good URI");
        let mut engine = Engine::new(settings, uri, seed, now).expect("good settings");
        let connecting = engine.connect(now);
        Self {
            application: Application::new(&mut rng, now, connecting),
            start: now,
            now,
            engine,
            broker: Broker::new(broker),
            driver: Driver::awake(),
            books: Books::default(),
            plant,
            profile,
            kills_left: rng.u32(..7),
            answers_dry: rng.bool(),
            looks: rng.bool(),
            looking: false,
            settled: None,
            tell,
            rng,
        }
    }

    fn is_over(&self) -> bool {
        let is_late = self.settled.is_some_and(|at| self.now > at + PATIENCE);
        self.application.is_over() && self.driver.has_ended || is_late
    }

    /// Runs one of those who can run; if nobody can, time passes. Says whether anything is left
    /// that could ever happen.
    fn step(&mut self) -> bool {
        if self.kills_left == 0 && self.settled.is_none() {
            self.settled = Some(self.now);
        }
        self.let_things_happen();
        let tasks = self.application.runnable(self.now);
        let runs = tasks.len() + usize::from(self.driver.runnable);
        let runs = runs + usize::from(self.driver.reader_runnable);
        if runs > 0 {
            match self.rng.usize(..runs) {
                at if at < tasks.len() => {
                    self.run_task(tasks[at]);
                }
                at if at == tasks.len() && self.driver.runnable => self.drive(),
                _ => self.read(),
            }
            return true;
        }
        if self.looks {
            self.look_for_sleepers();
        }
        if self.stop_if_all_is_done() {
            return true;
        }
        let Some(next) = self.next_instant() else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some((at, id)) = self.broker.poll_next_timeout()
            && at <= self.now
        {
            self.broker.handle_timeout(id, self.now);
            if self.broker.poll_next_timeout() == Some((at, id)) {
                break;
            }
        }
        true
    }

    fn next_instant(&self) -> Option<Instant> {
        let broker = self.broker.poll_next_timeout().map(|(at, _)| at);
        let application = self.application.next_instant();
        let others = broker.into_iter().chain(application);
        self.driver_instants().chain(others).min()
    }

    /// Nobody can run: is there anybody who would get on if he looked?
    fn look_for_sleepers(&mut self) {
        if self.has_driver_overslept() {
            self.books.report.slept += 1;
            self.driver.runnable = true;
            self.driver.reader_runnable = true;
        }
        self.looking = true;
        for task in self.application.sleepers() {
            if self.run_task(task) {
                self.books.report.slept += 1;
                (self.tell)(self.now - self.start, &("nobody woke", task));
            }
        }
        self.looking = false;
    }

    /// Tells whether everything is done that the application had in mind, but for leaving.
    pub(crate) fn is_drained(&self) -> bool {
        let waits = QUEUES.iter().any(|queue| self.broker.depth(queue) > 0);
        self.settled.is_some() && !waits && (self.in_hands() == 0 || self.is_stranded())
    }

    pub(crate) fn in_hands(&self) -> usize {
        QUEUES.iter().map(|queue| self.broker.unacked(queue)).sum()
    }

    /// RabbitMQ keeps a message that meets its UNSUBSCRIBE until the connection ends, and nothing
    /// is known that always helps.
    fn is_stranded(&self) -> bool {
        let rabbitmq = self.profile == Profile::RabbitMq;
        rabbitmq && self.engine.inbox_octets() == 0 && self.application.is_empty_handed()
    }

    pub(crate) fn note(&mut self, event: &Event) {
        (self.tell)(self.now - self.start, event);
        let bad = match event {
            Event::Disconnected { reason } => {
                matches!(reason, CloseReason::Misbehaviour(_) | CloseReason::Error(_))
            }
            Event::ServerError { .. } => {
                self.books.report.bounced += 1;
                self.profile != Profile::RabbitMq
            }
            Event::SubscriptionRefused { .. } => true,
            // Whatever breaks, nobody says what is no STOMP.
            Event::AttemptFailed { why, .. } => !EXPECTED.iter().any(|text| why.starts_with(text)),
            _ => false,
        };
        self.books.report.errors += u64::from(bad);
    }

    pub(crate) fn check_budgets(&mut self) {
        let settings = self.engine.settings();
        let most = settings.inbox + settings.overflow + SLACK;
        self.books.report.over_budget += u64::from(self.engine.inbox_octets() > most);
        // What gives something back is never refused; it is small.
        let most = settings.outbox + SLACK;
        self.books.report.over_budget += u64::from(self.engine.outbox_octets() > most);
    }

    fn finish(mut self) -> Report {
        let mut left: Vec<Frame> = Vec::new();
        for queue in QUEUES {
            let held = (self.broker.depth(queue), self.broker.unacked(queue));
            (self.tell)(self.now - self.start, &("waiting, in hands", queue, held));
        }
        self.broker.close_all(self.now);
        for queue in QUEUES {
            left.extend(self.broker.peek(queue));
        }
        self.books.report.unfinished += self.application.unfinished();
        self.books.report.unfinished += u64::from(!self.driver.has_ended);
        if self.driver.has_ended {
            self.books.report.unfinished += u64::from(self.engine.poll_timeout().is_some());
        }
        self.books.report.stale = self.engine.stats().stale_dropped;
        self.books.close(&left)
    }
}

fn settings(rng: &mut Rng, beats: HeartBeat) -> Settings {
    let mut settings = Settings::default();
    let versions: &[Version] = match rng.bool() {
        true => &[Version::V1_2],
        false => &[Version::V1_1],
    };
    settings.session = settings
        .session
        .versions(versions)
        .heart_beat(beats)
        .receipt_timeout(Duration::from_secs(rng.u64(2..20)));
    settings.connect_timeout = Duration::from_secs(2);
    settings.send_timeout = Duration::from_millis(rng.u64(200..10_000));
    settings.outbox = 1 << rng.u32(10..16);
    settings.inbox = 1 << rng.u32(12..17);
    settings.overflow = 1 << rng.u32(10..16);
    settings
}
