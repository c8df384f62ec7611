mod draft;
mod names;
mod serialized;

use std::time::Duration;

use crate::broker::Broker;

pub(crate) use draft::{Draft, Value, quotable};

/// How to try: the options of a failover URI, by their names there, with their defaults.
///
/// | option | unit or values | default | meaning |
/// | --- | --- | --- | --- |
/// | `initialReconnectDelay` | ms | 500, see [below](#delays) | the first delay |
/// | `maxReconnectDelay` | ms | 30000 | no delay is longer |
/// | `useExponentialBackOff` | `true`, `false` | `true` | whether delays grow |
/// | `backOffMultiplier`, `reconnectDelayExponent` | factor ≥ 1 | 2.0 | by how much they grow |
/// | `jitter` | `full`, `none` | `full`, see [below](#delays) | draw each delay from zero up to its full length |
/// | `reconnectDelayJitter` | ms | 0 | adds a random time below this one to each delay |
/// | `stableAfter` | ms | 10000 | how long a connection must last to reset delays and counts |
/// | `countBy` | `round`, `broker` | `round` | what counts as one attempt, see [`CountBy`] |
/// | `startupMaxReconnectAttempts` | attempts, -1 = no limit | 0 | how often to try until there has been a first connection |
/// | `maxReconnectAttempts`, `maxReconnects` | attempts, -1 = no limit | -1 | how often to try after a connection was lost |
/// | `reconnectSupported` | `true`, `false` | `true` | `false`: one life, no reconnection |
/// | `randomize` | `true`, `false` | `true` | shuffle the brokers anew for each round |
/// | `priorityBackup` | `true`, `false` | `false` | prefer some brokers, and go back to them |
/// | `priorityURIs` | URIs, by `,` | none, see [`CountBy`] | which brokers to prefer |
/// | `warnAfterReconnectAttempts` | attempts, 0 = never | 10 | each so many failures [`Attempt::warn`](crate::Attempt::warn) is set |
/// | `timeout` | ms, -1 = none | -1 | for the client: how long to wait for a connection when sending |
/// | `trackMessages` | `true`, `false` | `false` | for the client: keep unconfirmed messages and send them again |
/// | `maxCacheSize` | bytes | 131072 | for the client: how much `trackMessages` may keep |
/// | `nested.NAME` | any | | [`Broker::option`] `NAME` of every broker in the list |
///
/// `backup`, `backupPoolSize`, `rebalanceUpdateURIs`, `reconnectDelay`,
/// `trackTransactionProducers`, `updateURIsSupported` and `updateURIsURL` of ActiveMQ's transport
/// are accepted and do nothing; [`warnings`](Self::warnings) says so, with the reason. Any other
/// name is refused. If an option comes twice the last one holds, with a warning.
///
/// # Delays
///
/// Unless a URI says otherwise each delay has **full jitter**: it is drawn from zero up to 500 ms,
/// then 1 s, 2 s, and so on up to 30 s. A thousand clients that lose the same broker thus come back
/// spread out, not in a herd. A URI that names `initialReconnectDelay` or `reconnectDelayJitter`
/// was written for ActiveMQ or stompest, and has their delays to the millisecond: `jitter` is then
/// `none`, and the first delay is 10 ms if only the other one is named. `jitter=full` beside them
/// brings full jitter back.
///
/// # From JSON, TOML and the like
///
/// `Options` implements serde's traits, with the names of the table. Values may have their own type
/// or be strings; one table of options serves URIs and configuration files alike. A format has to
/// be self-describing, as JSON and TOML are.
///
/// ```
/// use std::time::Duration;
/// use stomp_failover::Options;
///
/// let options: Options = serde_json::from_str(r#"{"maxReconnectDelay": 5000, "randomize": false}"#)?;
/// assert_eq!(options.max_reconnect_delay, Duration::from_secs(5));
///
/// let typo = serde_json::from_str::<Options>(r#"{"randomise": false}"#).unwrap_err();
/// assert!(typo.to_string().starts_with("unknown option `randomise`; did you mean `randomize`?"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The first delay. Default 500 ms; a shorter one reconnects sooner and in denser herds.
    pub initial_reconnect_delay: Duration,
    /// The longest delay. Default 30 s; it is also the longest a client may sleep through a
    /// broker's return.
    pub max_reconnect_delay: Duration,
    /// Whether delays grow. Default true.
    pub use_exponential_back_off: bool,
    /// The factor by which delays grow. Default 2.0; a value below 1 or not a number counts as 1.
    pub back_off_multiplier: f64,
    /// How delays are spread. Default [`Jitter::Full`].
    pub jitter: Jitter,
    /// A random time below this one is added to each delay. Default 0.
    pub reconnect_delay_jitter: Duration,
    /// How long a connection must have lasted to reset delays and counts. Default 10 s; at 0 a
    /// broker that accepts and drops is tried again and again after the shortest delay.
    pub stable_after: Duration,
    /// What counts as one attempt. Default [`CountBy::Round`].
    pub count_by: CountBy,
    /// The limit until there has been a first connection; `None` is no limit. Default 0: fail fast,
    /// so that a wrong address shows at once.
    pub startup_max_reconnect_attempts: Option<u32>,
    /// The limit after a connection was lost; `None` is no limit. Default `None`.
    pub max_reconnect_attempts: Option<u32>,
    /// Whether to reconnect at all. Default true.
    pub reconnect_supported: bool,
    /// Whether to shuffle the brokers anew for each round. Default true; the order of the list
    /// spreads no load.
    pub randomize: bool,
    /// Whether to prefer some brokers, and to go back to them. Default false.
    pub priority_backup: bool,
    /// The brokers to prefer, compared by scheme, host and port. Default none, which means what
    /// [`CountBy`] says.
    pub priority_uris: Vec<Broker>,
    /// Each so many failures [`Attempt::warn`](crate::Attempt::warn) is set. Default 10; `None` is
    /// never.
    pub warn_after_reconnect_attempts: Option<u32>,
    /// For the client: how long to wait for a connection when sending. Default `None`: as long as
    /// it takes.
    pub timeout: Option<Duration>,
    /// For the client: whether to keep unconfirmed messages and send them again. Default false.
    pub track_messages: bool,
    /// For the client: how many bytes `track_messages` may keep. Default 131072.
    pub max_cache_size: u64,
    pub(crate) warnings: Warnings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            initial_reconnect_delay: Duration::from_millis(500),
            max_reconnect_delay: Duration::from_secs(30),
            use_exponential_back_off: true,
            back_off_multiplier: 2.0,
            jitter: Jitter::Full,
            reconnect_delay_jitter: Duration::ZERO,
            stable_after: Duration::from_secs(10),
            count_by: CountBy::Round,
            startup_max_reconnect_attempts: Some(0),
            max_reconnect_attempts: None,
            reconnect_supported: true,
            randomize: true,
            priority_backup: false,
            priority_uris: Vec::new(),
            warn_after_reconnect_attempts: Some(10),
            timeout: None,
            track_messages: false,
            max_cache_size: 128 * 1024,
            warnings: Warnings::default(),
        }
    }
}

impl Options {
    /// Returns what was read but does not do what its author may have hoped for. Log it.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings.0
    }
}

/// How the ancestors count, and where they differ beside.
///
/// Both try every broker in turn; what differs is what the two limits count, and where the delays
/// are.
///
/// | | `round` (ActiveMQ, default) | `broker` (stompest) |
/// | --- | --- | --- |
/// | one attempt is | a round through all brokers | one broker |
/// | delay | before each round, none within | before each broker |
/// | first delay after a loss | the initial one | none (with full jitter: the initial one) |
/// | startup limit 0, 1, 3 | 1, 1, 3 rounds | 1, 2, 4 brokers |
/// | startup limit -1 | as `maxReconnectAttempts` | no limit |
/// | limit 0, 1, 3 after a loss | 0, 1, 3 rounds | 1, 2, 4 brokers |
/// | the broker just lost | is tried last | keeps its place |
/// | preferred brokers, unless named | the first one | those on this machine |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CountBy {
    /// As ActiveMQ: a round is one attempt.
    Round,
    /// As stompest: each broker is one attempt.
    Broker,
}

/// How delays are spread, so that clients that lost the same broker do not come back all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Each delay is drawn evenly from zero up to its full length.
    Full,
    /// Delays keep their length, but for `reconnectDelayJitter`.
    None,
}

/// Something in the options that was read and yet does not do what its author may have hoped for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// An option of ActiveMQ's transport that has no meaning here.
    #[error("option `{name}` is ignored: {reason}")]
    Ignored {
        /// The option.
        name: &'static str,
        /// Why it has no meaning, and what to do instead.
        reason: &'static str,
    },
    /// An option came more than once; the last one holds.
    #[error("option `{name}` is repeated: the last one holds")]
    Repeated {
        /// The option.
        name: &'static str,
    },
    /// The delays are zero and stay so: a broker that is down is tried without any rest.
    #[error("option `{name}` is 0: a broker that is down is tried again without any delay")]
    NoDelay {
        /// The option.
        name: &'static str,
    },
    /// `priorityURIs` without `priorityBackup=true`.
    #[error("option `priorityURIs` does nothing without `priorityBackup=true`")]
    PriorityUnused,
}

/// What was warned of does not make two options different: they do the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(pub(crate) Vec<Warning>);

impl PartialEq for Warnings {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
