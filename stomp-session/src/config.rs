use std::fmt;
use std::time::Duration;

use stomp_commands::{Dialect, HeartBeat};
use stomp_frame::{Limits, Tolerance, Version};

/// How a session connects, how patient it is, and how much it takes on.
///
/// ```
/// use std::time::Duration;
/// use stomp_session::Config;
///
/// let config = Config::default()
///     .host("/orders")
///     .login("guest")
///     .passcode("guest")
///     .receipt_timeout(Duration::from_secs(5));
/// assert!(!format!("{config:?}").contains("passcode: \"guest\""));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The versions to offer. Default: all three; the server takes the highest it speaks.
    pub versions: Vec<Version>,
    /// The frame that opens the connection. Default: CONNECT, which every server knows.
    pub opening: Opening,
    /// How the outgoing octets are cut. Default: into as few pieces as possible.
    pub pieces: Pieces,
    /// The virtual host, demanded from 1.1 on. Default `/`, which is RabbitMQ's default host;
    /// other brokers ignore it.
    pub host: String,
    /// The user. Default: none.
    pub login: Option<String>,
    /// The password. Default: none. Never shown by `Debug`.
    pub passcode: Option<String>,
    /// Names the client, for the durable subscriptions of ActiveMQ and Artemis. Default: none.
    pub client_id: Option<String>,
    /// Further headers of CONNECT. Default: none. `Debug` shows their names only.
    pub headers: Vec<(String, String)>,
    /// The heart-beats to offer. Default 10 s in both directions: RabbitMQ's documentation finds
    /// 5 to 20 s optimal, and false alarms likely below.
    pub heart_beat: HeartBeat,
    /// When a heart-beat is sent, and when a silent broker counts as dead.
    pub liveness: Liveness,
    /// How long to wait for CONNECTED. Default 10 s; shorter fails over sooner.
    pub connected_timeout: Duration,
    /// How long the server may take nothing of what is to be written, although it sends
    /// heart-beats. Default 60 s. RabbitMQ does so under memory alarm, for as long as that lasts:
    /// [`Duration::MAX`] sits it out.
    pub write_timeout: Duration,
    /// How long to wait for a RECEIPT, from the last octet of its frame on; and, while nothing is
    /// read, for more of a frame to be written that is on its way. Default 15 s. [`Duration::MAX`]
    /// waits for ever.
    pub receipt_timeout: Duration,
    /// How long the server may take for a frame that it has begun, or for 64 KiB of it if it is larger.
    /// Default: for ever; a client on the [engine](crate) has 30 s. A server that sends an octet now
    /// and then shows life, and would be waited for without end.
    pub frame_timeout: Duration,
    /// How long to wait for the RECEIPT of DISCONNECT, or the end of the connection. Default 5 s.
    pub disconnect_timeout: Duration,
    /// What frames are accepted from the server. Default: [`Limits::client`].
    ///
    /// A message beyond them is [reported](crate::Event::MessageUnreadable) without its body, since
    /// another connection would only be delivered the same message again. Any other frame but ERROR
    /// ends the connection.
    pub limits: Limits,
    /// What is accepted beyond the specification. Default: nothing.
    pub tolerance: Tolerance,
    /// How much may be under way.
    pub flow: FlowLimits,
    /// The broker's dialect. Default `None`: recognised by the `server` header of CONNECTED, which
    /// comes too late for CONNECT itself. Set it when login or passcode hold a backslash.
    pub dialect: Option<Dialect>,
    /// What generated subscription ids begin with. Default `s`.
    ///
    /// RabbitMQ makes all subscriptions to a `/topic` that share an id share one queue, whoever
    /// made them, so clients of such topics need prefixes of their own.
    pub id_prefix: String,
    /// Gives subscriptions that nobody named an id in 1.0 as well, where it may be left out. Default
    /// no.
    ///
    /// Vert.x refuses a SUBSCRIBE without id in every version (observed). With an id, there may be
    /// two subscriptions to one destination.
    pub names_in_1_0: bool,
    /// Refuses to send what would not be received by [`Limits::client`], nor by these
    /// [`limits`](Self::limits): most likely it would come to somebody like us. Default no.
    pub refuse_unreadable: bool,
    /// Does not close at once when the server breaks the protocol, so that what came before can
    /// still be settled, and the rest given back: see
    /// [`Session::broken`](crate::Session::broken). Default no.
    pub settle_broken: bool,
}

/// The frame that opens a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opening {
    /// CONNECT, in all versions.
    #[default]
    Connect,
    /// STOMP, which tells the protocol from HTTP, but needs a server that speaks 1.1 or 1.2.
    Stomp,
}

/// How [`Session::poll_transmit`](crate::Session::poll_transmit) cuts the outgoing octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pieces {
    /// Small frames together, large bodies by themselves: for streams of octets.
    #[default]
    Coalesced,
    /// Each frame and each heart-beat by itself: for WebSocket, where some brokers expect one frame
    /// a message.
    Frames,
}

/// When heart-beats go out, and how long silence is borne.
///
/// Integers only, so that the same configuration gives the same instants everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Liveness {
    /// A heart-beat is sent when nothing was written for this many per cent of the agreed period.
    /// Default 80: late enough to be rare, early enough to survive a slow network.
    pub send_percent: u32,
    /// The broker counts as dead when nothing was read for this many per cent of the agreed
    /// period, and [`grace`](Self::grace) on top. Default 200: ActiveMQ sends its first heart-beat
    /// only two periods after CONNECTED.
    pub dead_percent: u32,
    /// What a network may delay. Default 1 s.
    pub grace: Duration,
    /// How long a silent broker is given once more before it counts as dead, so that a driver that
    /// was kept from reading can find out whether something has come in the meantime: see
    /// [`Session::wants_read_dry`](crate::Session::wants_read_dry). Default zero: its driver always
    /// reads first.
    pub second_look: Duration,
}

/// How much may be under way in a session. What goes beyond is refused, and can be tried again
/// when something has been answered or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowLimits {
    /// Receipts waited for at a time. Default 1,024.
    pub receipts: usize,
    /// Transactions open at a time. Default 64.
    pub transactions: usize,
    /// Subscriptions. Default 1,000.
    pub subscriptions: usize,
    /// Octets that wait to be written. Default 1 MiB. One frame larger than this is let in when
    /// nothing else waits.
    pub outbound: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            versions: Version::ALL.to_vec(),
            opening: Opening::Connect,
            pieces: Pieces::Coalesced,
            host: "/".to_owned(),
            login: None,
            passcode: None,
            client_id: None,
            headers: Vec::new(),
            heart_beat: HeartBeat::new(10_000, 10_000),
            liveness: Liveness::default(),
            connected_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(60),
            receipt_timeout: Duration::from_secs(15),
            frame_timeout: Duration::MAX,
            disconnect_timeout: Duration::from_secs(5),
            limits: Limits::client(),
            tolerance: Tolerance::strict(),
            flow: FlowLimits::default(),
            dialect: None,
            id_prefix: "s".to_owned(),
            names_in_1_0: false,
            refuse_unreadable: false,
            settle_broken: false,
        }
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            send_percent: 80,
            dead_percent: 200,
            grace: Duration::from_secs(1),
            second_look: Duration::ZERO,
        }
    }
}

impl Default for FlowLimits {
    fn default() -> Self {
        Self {
            receipts: 1_024,
            transactions: 64,
            subscriptions: 1_000,
            outbound: 1 << 20,
        }
    }
}

impl Config {
    /// Sets [`versions`](Self::versions).
    #[must_use]
    pub fn versions(mut self, versions: impl Into<Vec<Version>>) -> Self {
        self.versions = versions.into();
        self
    }

    /// Sets [`opening`](Self::opening).
    #[must_use]
    pub fn opening(mut self, opening: Opening) -> Self {
        self.opening = opening;
        self
    }

    /// Sets [`pieces`](Self::pieces).
    #[must_use]
    pub fn pieces(mut self, pieces: Pieces) -> Self {
        self.pieces = pieces;
        self
    }

    /// Sets [`host`](Self::host).
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets [`login`](Self::login).
    #[must_use]
    pub fn login(mut self, login: impl Into<String>) -> Self {
        self.login = Some(login.into());
        self
    }

    /// Sets [`passcode`](Self::passcode).
    #[must_use]
    pub fn passcode(mut self, passcode: impl Into<String>) -> Self {
        self.passcode = Some(passcode.into());
        self
    }

    /// Sets login and passcode both, if there is a login at all: that of one broker goes before that
    /// of all.
    #[must_use]
    pub fn credentials(mut self, login: Option<&str>, passcode: Option<&str>) -> Self {
        if let Some(login) = login {
            self.login = Some(login.to_owned());
            self.passcode = passcode.map(str::to_owned);
        }
        self
    }

    /// Sets [`client_id`](Self::client_id).
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Adds one of the [`headers`](Self::headers).
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets [`heart_beat`](Self::heart_beat).
    #[must_use]
    pub fn heart_beat(mut self, heart_beat: HeartBeat) -> Self {
        self.heart_beat = heart_beat;
        self
    }

    /// Sets [`liveness`](Self::liveness).
    #[must_use]
    pub fn liveness(mut self, liveness: Liveness) -> Self {
        self.liveness = liveness;
        self
    }

    /// Sets [`connected_timeout`](Self::connected_timeout).
    #[must_use]
    pub fn connected_timeout(mut self, timeout: Duration) -> Self {
        self.connected_timeout = timeout;
        self
    }

    /// Sets [`write_timeout`](Self::write_timeout).
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Sets [`receipt_timeout`](Self::receipt_timeout).
    #[must_use]
    pub fn receipt_timeout(mut self, timeout: Duration) -> Self {
        self.receipt_timeout = timeout;
        self
    }

    /// Sets [`frame_timeout`](Self::frame_timeout).
    #[must_use]
    pub fn frame_timeout(mut self, timeout: Duration) -> Self {
        self.frame_timeout = timeout;
        self
    }

    /// Sets [`disconnect_timeout`](Self::disconnect_timeout).
    #[must_use]
    pub fn disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.disconnect_timeout = timeout;
        self
    }

    /// Sets [`limits`](Self::limits).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`tolerance`](Self::tolerance).
    #[must_use]
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets [`flow`](Self::flow).
    #[must_use]
    pub fn flow(mut self, flow: FlowLimits) -> Self {
        self.flow = flow;
        self
    }

    /// Sets [`dialect`](Self::dialect), whatever the server calls itself.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Sets [`id_prefix`](Self::id_prefix).
    #[must_use]
    pub fn id_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.id_prefix = prefix.into();
        self
    }

    /// Sets [`refuse_unreadable`](Self::refuse_unreadable).
    #[must_use]
    pub const fn refuse_unreadable(mut self) -> Self {
        self.refuse_unreadable = true;
        self
    }

    /// Sets [`settle_broken`](Self::settle_broken).
    #[must_use]
    pub const fn settle_broken(mut self) -> Self {
        self.settle_broken = true;
        self
    }

    /// Sets [`names_in_1_0`](Self::names_in_1_0).
    #[must_use]
    pub const fn names_in_1_0(mut self) -> Self {
        self.names_in_1_0 = true;
        self
    }
}

impl Liveness {
    /// Sets [`send_percent`](Self::send_percent).
    #[must_use]
    pub const fn send_percent(mut self, percent: u32) -> Self {
        self.send_percent = percent;
        self
    }

    /// Sets [`dead_percent`](Self::dead_percent).
    #[must_use]
    pub const fn dead_percent(mut self, percent: u32) -> Self {
        self.dead_percent = percent;
        self
    }

    /// Sets [`grace`](Self::grace).
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets [`second_look`](Self::second_look).
    #[must_use]
    pub const fn second_look(mut self, patience: Duration) -> Self {
        self.second_look = patience;
        self
    }

    /// How long after the last write a heart-beat is due. Never zero, or beats would never end.
    pub(crate) fn send_after(self, period: Duration) -> Duration {
        percent(period, self.send_percent).max(Duration::from_millis(1))
    }

    /// How long the broker may be silent.
    pub(crate) fn dead_after(self, period: Duration) -> Duration {
        percent(period, self.dead_percent).saturating_add(self.grace)
    }
}

impl FlowLimits {
    /// Sets [`receipts`](Self::receipts).
    #[must_use]
    pub const fn receipts(mut self, receipts: usize) -> Self {
        self.receipts = receipts;
        self
    }

    /// Sets [`transactions`](Self::transactions).
    #[must_use]
    pub const fn transactions(mut self, transactions: usize) -> Self {
        self.transactions = transactions;
        self
    }

    /// Sets [`subscriptions`](Self::subscriptions).
    #[must_use]
    pub const fn subscriptions(mut self, subscriptions: usize) -> Self {
        self.subscriptions = subscriptions;
        self
    }

    /// Sets [`outbound`](Self::outbound), in octets.
    #[must_use]
    pub const fn outbound(mut self, octets: usize) -> Self {
        self.outbound = octets;
        self
    }
}

/// Shows neither the passcode nor the values of further headers.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passcode = self.passcode.as_ref().map(|_| format_args!("<redacted>"));
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Config")
            .field("versions", &self.versions)
            .field("opening", &self.opening)
            .field("pieces", &self.pieces)
            .field("host", &self.host)
            .field("login", &self.login)
            .field("passcode", &passcode)
            .field("client_id", &self.client_id)
            .field("headers", &headers)
            .field("heart_beat", &self.heart_beat)
            .field("liveness", &self.liveness)
            .field("connected_timeout", &self.connected_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("receipt_timeout", &self.receipt_timeout)
            .field("frame_timeout", &self.frame_timeout)
            .field("disconnect_timeout", &self.disconnect_timeout)
            .field("limits", &self.limits)
            .field("tolerance", &self.tolerance)
            .field("flow", &self.flow)
            .field("dialect", &self.dialect)
            .field("id_prefix", &self.id_prefix)
            .field("names_in_1_0", &self.names_in_1_0)
            .field("refuse_unreadable", &self.refuse_unreadable)
            .field("settle_broken", &self.settle_broken)
            .finish()
    }
}

fn percent(period: Duration, percent: u32) -> Duration {
    // Divided first when the product would not fit: off by less than a per cent of a second then.
    match period.checked_mul(percent) {
        Some(product) => product / 100,
        None => (period / 100).saturating_mul(percent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heart_beats_go_out_at_four_fifths_and_silence_is_borne_for_two_periods_and_a_second() {
        let liveness = Liveness::default();
        let period = Duration::from_secs(10);
        assert_eq!(liveness.send_after(period), Duration::from_secs(8));
        assert_eq!(liveness.dead_after(period), Duration::from_secs(21));
    }

    #[test]
    fn no_period_is_too_long_or_too_short_to_calculate_with() {
        let liveness = Liveness::default();
        assert_eq!(liveness.dead_after(Duration::MAX), Duration::MAX);
        assert!(liveness.send_after(Duration::MAX) < Duration::MAX);
        let never = liveness.send_percent(0);
        assert_eq!(
            never.send_after(Duration::from_secs(1)),
            Duration::from_millis(1)
        );
    }

    #[test]
    fn credentials_come_together_or_not_at_all() {
        let config = Config::default().login("all").passcode("s3cret");
        let same = config.clone().credentials(None, Some("ignored"));
        assert_eq!(same, config);
        let one = config.credentials(Some("one"), None);
        assert_eq!((one.login.as_deref(), one.passcode), (Some("one"), None));
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = Config::default()
            .passcode("s3cret")
            .header("x-token", "t0ken");
        let shown = format!("{config:?}");
        assert!(shown.contains("x-token"), "{shown}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("t0ken"),
            "{shown}"
        );
    }
}
