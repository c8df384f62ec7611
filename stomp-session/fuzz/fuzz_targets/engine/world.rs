use std::time::{Duration, Instant};

use stomp_commands::HeartBeat;
use stomp_frame_fuzz::Choices;
use stomp_session::engine::{Engine, Settings, Wake};

use crate::application::Application;
use crate::driver::Driver;

/// An engine between an application and a driver, both of whom keep books.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) application: Application,
    pub(crate) driver: Driver,
    pub(crate) now: Instant,
    start: Instant,
    /// The latest instant that the engine was told.
    latest: Instant,
}

const URIS: [&str; 4] = [
    "failover:(stomp://a)?initialReconnectDelay=10",
    "stomp://a",
    "failover:(stomp://a,stomp+tls://me:secret@b)?startupMaxReconnectAttempts=-1",
    "failover:(stomp://a)?startupMaxReconnectAttempts=1&maxReconnectAttempts=2",
];

/// What one slice may hold beyond the budgets: octets, messages, and the frame that it ends in.
const SLACK: usize = (32 << 10) + 65 * 1_024;

/// Nothing that is waited for takes longer than this.
const AGE: Duration = Duration::from_secs(600);

impl World {
    pub(crate) fn new(choices: &[u8]) -> Self {
        let mut choices = Choices::of(choices);
        let uri = choices.one_of(URIS).parse().expect("a good URI");
        let settings = configure(choices);
        let now = Instant::now();
        let mut engine = Engine::new(settings, uri, 1, now).expect("good settings");
        let connecting = engine.connect(now);
        let mut world = Self {
            application: Application::new(connecting),
            driver: Driver::default(),
            engine,
            start: now,
            now,
            latest: now,
        };
        world.look_around();
        world
    }

    pub(crate) fn step(&mut self, letter: u8, rest: &[u8]) {
        let choices = Choices::of(rest);
        match letter {
            b't' => self.move_clock(choices),
            b'h' => self.handle_timeout(),
            b's' | b'S' | b'b' | b'U' | b'u' | b'a' | b'n' | b'l' | b'k' | b'K' | b'q' | b'g'
            | b'i' | b'v' | b'B' | b'A' => self.call(letter, choices),
            _ => self.drive(letter, choices, rest),
        }
        self.look_around();
    }

    /// What must hold after every call.
    pub(crate) fn look_around(&mut self) {
        self.latest = self.latest.max(self.now);
        let mut wakes = 0;
        while let Some(wake) = self.engine.poll_wake() {
            self.application.wake(wake);
            self.driver.wake(wake);
            wakes += 1;
            assert!(wakes < 100_000, "wakes without end");
        }
        while self.engine.poll_garbage().is_some() {}
        while self.engine.poll_log().is_some() {}
        self.driver.must_be_awake_if_needed(&self.engine);
        let settings = self.engine.settings();
        let most = settings.inbox + settings.overflow + SLACK;
        let held = self.engine.inbox_octets();
        assert!(held <= most, "{held} octets of messages are held");
        if self.engine.end().is_some() {
            assert_eq!(self.engine.poll_timeout(), None, "it waits behind the end");
            assert!(self.engine.connection().is_none());
        }
    }

    /// Moves the clock, which is as bad as clocks are.
    fn move_clock(&mut self, mut choices: Choices) {
        let milliseconds = [1, 10, 50, 500, 1_000, 2_000, 15_000, 60_000, 10_000_000];
        let step = Duration::from_millis(choices.one_of(milliseconds));
        self.now = match choices.yes() {
            false => self.now + step,
            true => self.now.checked_sub(step).unwrap_or(self.start),
        }
        .max(self.start);
    }

    /// Everything that is due is done in a few calls, or the driver would call for ever.
    pub(crate) fn handle_timeout(&mut self) {
        self.latest = self.latest.max(self.now);
        for _ in 0..20 {
            // A clock that went back would have nothing be due.
            self.engine.handle_timeout(self.latest);
            self.look_around();
            let due = self.engine.poll_timeout();
            if due.is_none_or(|due| due > self.latest) {
                return;
            }
        }
        panic!("still due after it was handled");
    }

    /// Time passes, the driver does what it should, and nobody else does anything any more.
    fn grow_old(&mut self) {
        let end = self.latest + AGE;
        self.now = self.latest;
        for _ in 0..20_000 {
            self.drive_on();
            let due = self.engine.poll_timeout();
            let Some(due) = due.filter(|due| *due <= end) else {
                return;
            };
            self.now = self.now.max(due);
            self.handle_timeout();
        }
        panic!("it never rests");
    }

    pub(crate) fn end(mut self) {
        for leaves in [false, true] {
            if leaves {
                self.call(b'B', Choices::of(b""));
                self.look_around();
            }
            self.let_go();
            self.grow_old();
            self.let_go();
            self.grow_old();
            self.must_be_over(leaves);
        }
        assert!(self.engine.end().is_some());
        assert!(self.driver.has_ended, "nobody was told to stop");
        assert_eq!(self.engine.poll_timeout(), None);
        assert_eq!(self.engine.poll_wake(), None::<Wake>);
    }
}

fn configure(mut choices: Choices) -> Settings {
    let mut settings = Settings::default();
    let beat = choices.one_of([0, 100, 10_000]);
    let receipt_timeout = choices.one_of([15_000, 0, 1, 60_000]);
    settings.session = settings
        .session
        .heart_beat(HeartBeat::new(beat, beat))
        .receipt_timeout(Duration::from_millis(receipt_timeout));
    if choices.yes() {
        settings.inbox = 2_000;
        settings.overflow = 2_000;
    }
    if choices.yes() {
        settings.outbox = 300;
    }
    if choices.yes() {
        let limits = settings.session.limits;
        settings.session.limits = limits.headers(8).header_line(60).head(200).body(20);
    }
    if choices.yes() {
        settings.send_timeout = Duration::from_millis(100);
        settings.connect_timeout = Duration::from_millis(50);
    }
    settings
}
