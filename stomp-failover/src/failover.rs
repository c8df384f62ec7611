mod attempt;
mod backoff;
mod budget;
mod exhausted;
mod history;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::broker::Broker;
use crate::options::{CountBy, Jitter, Options};
use crate::rng::SplitMix64;
use crate::source::ServerSource;
use crate::uri::FailoverUri;

pub use attempt::Attempt;
use attempt::Purpose;
use backoff::Backoff;
use budget::Budget;
pub use exhausted::{Count, Exhausted, Limit, Tried};
use history::History;

/// The sequence of attempts that a URI means.
///
/// It neither connects nor sleeps nor reads a clock: it says where to connect and how long to wait,
/// and is told how it went. The same seed and the same reports give the same sequence.
///
/// ```text
///            ┌────────────── failed ◄─────────────┐
///            ▼                                    │
///   new ──► next ──► sleep(delay) ──► connect ────┤
///            ▲                                    ▼
///            └────── lost(stable_for) ◄────── succeeded ──► fail_back, if a broker is preferred
///            │
///            └──► Exhausted
/// ```
///
/// An attempt has succeeded when the broker said CONNECTED, not when it accepted a socket.
///
/// ```
/// use std::time::Duration;
/// use stomp_failover::{Exhausted, Failover, FailoverUri};
/// # #[derive(Debug)] struct Connection(u32);
/// # fn sleep(_: Duration) {}
/// # fn connect(broker: &stomp_failover::Broker) -> Result<Connection, &'static str> {
/// #     if broker.host() == "down" { Err("connection refused") } else { Ok(Connection(2)) }
/// # }
/// # impl Connection { fn run(self) -> (Duration, &'static str) { (Duration::from_secs(60), "connection reset") } }
///
/// fn run(uri: FailoverUri, seed: u64) -> Result<(), Exhausted> {
///     let mut failover = Failover::new(uri, seed);
///     loop {
///         let attempt = failover.next()?;
///         sleep(attempt.delay);
///         match connect(&attempt.broker) {
///             Err(error) => failover.failed(&attempt, error),
///             Ok(connection) => {
///                 failover.succeeded(&attempt);
///                 let (stable_for, reason) = connection.run();
///                 failover.lost(stable_for, reason);
///             }
///         }
///     }
/// }
///
/// let uri = "failover:(stomp://down,stomp://up)?reconnectSupported=false".parse()?;
/// let exhausted = run(uri, 42).unwrap_err();
/// assert!(exhausted.to_string().contains("stomp://up:61613: connection reset (not tried again; "));
/// # Ok::<(), stomp_failover::UriError>(())
/// ```
///
/// # When delays and counts start over
///
/// A connection that lasted for [`Options::stable_after`] (10 s) was a good one: after it delays
/// are short again and all attempts are there again. One that was lost sooner counts as a failed
/// attempt, so that a broker that accepts and drops is not hammered, and does not keep its client
/// from the other brokers. Of the two limits `startupMaxReconnectAttempts` holds until there has
/// been a connection, however short, and `maxReconnectAttempts` from then on.
pub struct Failover {
    options: Options,
    /// At least one.
    brokers: Vec<Broker>,
    source: Option<Box<dyn ServerSource>>,
    local_hosts: Vec<String>,
    rng: SplitMix64,
    budget: Budget,
    backoff: Backoff,
    history: History,
    /// Set if the next attempt does not wait.
    immediate: bool,
    /// What is left of the current round.
    round: VecDeque<Broker>,
    rounds: u32,
    attempts: u32,
    connected: Option<Broker>,
    lost: Option<Broker>,
    fail_back: FailBack,
}

impl Failover {
    /// Starts the sequence. Clients should have different seeds, so that they do not move in step;
    /// tests the same one.
    pub fn new(uri: impl Into<FailoverUri>, seed: u64) -> Self {
        let (brokers, options) = uri.into().into_parts();
        Self {
            options,
            brokers,
            source: None,
            local_hosts: Vec::new(),
            rng: SplitMix64::new(seed),
            budget: Budget::default(),
            backoff: Backoff::default(),
            history: History::default(),
            immediate: true,
            round: VecDeque::new(),
            rounds: 0,
            attempts: 0,
            connected: None,
            lost: None,
            fail_back: FailBack::default(),
        }
    }

    /// Asks `source` for the brokers before each round.
    #[must_use]
    pub fn with_source(mut self, source: impl ServerSource + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Names this machine, for `priorityBackup=true&countBy=broker`: host names and addresses that
    /// count as local beside `localhost` and the loopback addresses. The sequence asks no resolver.
    #[must_use]
    pub fn with_local_hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.local_hosts = hosts
            .into_iter()
            .map(|host| host.into().to_ascii_lowercase())
            .collect();
        self
    }

    /// Returns the next attempt. An attempt that was not reported counts as failed, a connection
    /// whose loss was not reported as lost at once.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if the options allow no further attempt. Asking again gives the same answer.
    // An `Iterator` could not be told how an attempt went.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Attempt, Exhausted> {
        self.lost(Duration::ZERO, "not reported");
        let starts_round = self.round.is_empty();
        let waits = starts_round || self.options.count_by == CountBy::Broker;
        if waits {
            let tried = &self.history;
            self.budget
                .spend(&self.options)
                .map_err(|limit| Exhausted {
                    limit,
                    tried: tried.to_vec(),
                })?;
        }
        if starts_round {
            self.start_round();
        }
        let broker = self
            .round
            .pop_front()
            .expect("a round has a broker, as the list has one");
        self.attempts = self.attempts.saturating_add(1);
        self.history.attempt(&broker);
        Ok(Attempt {
            broker,
            delay: if waits { self.delay() } else { Duration::ZERO },
            number: self.attempts,
            round: self.rounds,
            warn: waits && self.is_time_to_warn(),
            purpose: Purpose::Connect,
        })
    }

    /// Reports that an attempt led to a connection.
    pub fn succeeded(&mut self, attempt: &Attempt) {
        self.budget.connected();
        self.fail_back.reset();
        self.connected = Some(attempt.broker.clone());
    }

    /// Reports that an attempt failed. The error is kept for [`Exhausted`]; it must not hold
    /// secrets.
    pub fn failed(&mut self, attempt: &Attempt, error: impl fmt::Display) {
        if attempt.purpose == Purpose::Connect {
            self.history.error(&attempt.broker, error.to_string());
        }
    }

    /// Reports that the connection was lost, having lasted for `stable_for`. The reason is kept for
    /// [`Exhausted`]. Without a connection this does nothing.
    pub fn lost(&mut self, stable_for: Duration, reason: impl fmt::Display) {
        let Some(broker) = self.connected.take() else {
            return;
        };
        if stable_for >= self.options.stable_after {
            self.start_over();
        }
        if self.options.count_by == CountBy::Round {
            // Whoever is left of this round would not wait, and all who lost the same broker would
            // be there at once.
            self.round.clear();
        }
        self.history.error(&broker, reason.to_string());
        self.lost = Some(broker);
    }

    /// Returns an attempt to go back to a preferred broker, if there is a connection to one that is
    /// not (`priorityBackup=true`).
    ///
    /// The present connection stays until this attempt succeeded; then
    /// [`succeeded`](Self::succeeded) makes it the one that counts. After [`failed`](Self::failed)
    /// ask again: preferred brokers are tried in turn, with delays of their own, and without limit.
    pub fn fail_back(&mut self) -> Option<Attempt> {
        let connected = self.connected.as_ref()?;
        if !self.options.priority_backup || self.is_preferred(connected) {
            return None;
        }
        let preferred: Vec<&Broker> = self
            .brokers
            .iter()
            .filter(|broker| self.is_preferred(broker))
            .collect();
        let index = self.fail_back.attempts as usize % preferred.len().max(1);
        let broker = (*preferred.get(index)?).clone();
        let delay = self.fail_back.backoff.next(&self.options, &mut self.rng);
        let round = self.fail_back.attempts / preferred.len() as u32 + 1;
        self.fail_back.attempts = self.fail_back.attempts.saturating_add(1);
        let number = self.fail_back.attempts;
        Some(Attempt {
            broker,
            delay,
            number,
            round,
            warn: false,
            purpose: Purpose::FailBack,
        })
    }

    /// Replaces the brokers, from the next round on. An empty list changes nothing.
    pub fn update(&mut self, brokers: Vec<Broker>) {
        if !brokers.is_empty() {
            self.brokers = brokers;
        }
    }

    /// Returns the brokers as they were last listed.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// Returns the options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the broker there is a connection to.
    pub fn connected(&self) -> Option<&Broker> {
        self.connected.as_ref()
    }

    /// Tells whether there has ever been a connection, so that the start-up is over.
    pub fn has_ever_connected(&self) -> bool {
        self.budget.ever_connected()
    }

    fn start_over(&mut self) {
        self.budget.reset();
        self.backoff.reset();
        self.history.clear();
        self.round.clear();
        self.rounds = 0;
        self.attempts = 0;
        // stompest comes back at once. Who asks for full jitter does not want that.
        self.immediate =
            self.options.count_by == CountBy::Broker && self.options.jitter == Jitter::None;
    }

    fn start_round(&mut self) {
        if let Some(source) = &mut self.source {
            let brokers = source.brokers();
            self.update(brokers);
        }
        let mut brokers = self.brokers.clone();
        if self.options.randomize {
            self.rng.shuffle(&mut brokers);
        }
        if self.options.priority_backup {
            brokers.sort_by_key(|broker| !self.is_preferred(broker));
        }
        if self.options.count_by == CountBy::Round {
            brokers.sort_by_key(|broker| self.lost.as_ref() == Some(broker));
        }
        self.round = brokers.into();
        self.rounds = self.rounds.saturating_add(1);
    }

    fn delay(&mut self) -> Duration {
        if std::mem::take(&mut self.immediate) {
            return Duration::ZERO;
        }
        self.backoff.next(&self.options, &mut self.rng)
    }

    fn is_time_to_warn(&self) -> bool {
        let failures = self.budget.failures();
        let every = self.options.warn_after_reconnect_attempts;
        every.is_some_and(|every| failures > 0 && failures.checked_rem(every) == Some(0))
    }

    fn is_preferred(&self, broker: &Broker) -> bool {
        let named = &self.options.priority_uris;
        if !named.is_empty() {
            return named
                .iter()
                .any(|preferred| preferred.is_same_endpoint(broker));
        }
        match self.options.count_by {
            CountBy::Round => self
                .brokers
                .first()
                .is_some_and(|first| first.is_same_endpoint(broker)),
            CountBy::Broker => {
                broker.is_loopback() || self.local_hosts.iter().any(|host| host == broker.host())
            }
        }
    }
}

/// Without the source, which cannot be shown.
impl fmt::Debug for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failover")
            .field("brokers", &self.brokers)
            .field("connected", &self.connected)
            .field("attempts", &self.attempts)
            .field("round", &self.rounds)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The series of attempts to go back to a preferred broker.
#[derive(Debug, Default)]
struct FailBack {
    attempts: u32,
    backoff: Backoff,
}

impl FailBack {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
