//! What is measured.

use std::fmt;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Current,
    Multi,
    Threads,
    Manual,
}

impl Mode {
    pub const ALL: [(Self, &str); 4] = [
        (Self::Current, "current"),
        (Self::Multi, "multi"),
        (Self::Threads, "threads"),
        (Self::Manual, "manual"),
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(m, _)| *m)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Fired, one after the other; a confirmed one at the end tells that all have arrived.
    Publish,
    /// Confirmed, one after the other.
    Confirmed,
    /// Confirmed, 64 under way, by tasks or threads.
    Confirmed64,
    Auto,
    Ack,
    /// The same over 1,000 subscriptions.
    Ack1000,
    /// One publishes while another consumes: how long a call takes.
    Latency,
}

pub const SUBSCRIPTIONS: usize = 1_000;
pub const UNDER_WAY: u64 = 64;

impl Work {
    /// With how many messages it is run.
    pub const ALL: [(Self, &str, u64); 7] = [
        (Self::Publish, "publish", 100_000),
        (Self::Confirmed, "confirmed", 10_000),
        (Self::Confirmed64, "confirmed64", 40_000),
        (Self::Auto, "auto", 200_000),
        (Self::Ack, "ack", 50_000),
        (Self::Ack1000, "ack1000", 50_000),
        (Self::Latency, "latency", 50_000),
    ];

    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(_, n, _)| *n == name).map(|(work, ..)| *work)
    }

    /// Who has no threads has nobody to wait for at the lock.
    pub fn is_for(self, mode: Mode) -> bool {
        self != Self::Latency || matches!(mode, Mode::Multi | Mode::Threads)
    }
}

pub const BODY: &[u8; 100] = &[b'x'; 100];

/// How it went.
pub struct Report {
    pub messages: u64,
    pub elapsed: Duration,
    /// How long calls took: firing, and asking for what lies behind the lock.
    pub calls: Option<(Vec<Duration>, Vec<Duration>)>,
}

impl Report {
    pub fn new(messages: u64, begin: Instant) -> Self {
        Self {
            messages,
            elapsed: begin.elapsed(),
            calls: None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.messages as f64 / self.elapsed.as_secs_f64();
        write!(f, "rate {rate:.0}")?;
        if let Some((fired, asked)) = &self.calls {
            for (name, calls) in [("fire", fired), ("lock", asked)] {
                let mut calls = calls.clone();
                calls.sort_unstable();
                let at = |share: f64| calls.get((calls.len() as f64 * share) as usize);
                if let (Some(half), Some(late)) = (at(0.5), at(0.99)) {
                    let (half, late) = (half.as_nanos(), late.as_nanos());
                    write!(f, " {name}50 {half} {name}99 {late}")?;
                }
            }
        }
        Ok(())
    }
}
