use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stomp_commands::HeartBeat;
use stomp_failover::{Broker, FailoverUri, UriError};
use stomp_session::engine::{Engine, Settings};
use stomp_session::layers::LayerConfig;
#[cfg(feature = "websocket")]
use stomp_session::layers::WebSocketOptions;
use stomp_session::{Config, Limits, Tolerance};

#[cfg(feature = "tls")]
use crate::Tls;
use crate::dial::{self, Dialler, Resolver};
use crate::handle::Handle;
use crate::keeper;
use crate::shared::Shared;
use crate::sync::{now, spawn};
use crate::transport::{Mode, Transport};
use crate::{Client, Error};

/// How to connect, and how patient to be. Made by [`Client::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use stomp_sync::Client;
///
/// let client = Client::builder("failover:(stomp://a,stomp://b)?maxReconnectDelay=5000")
///     .login("orders", "s3cret")
///     .heart_beat(Duration::from_secs(5))
///     .connect()?;
/// # Ok::<_, stomp_sync::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is connected until `connect` is called"]
pub struct Builder {
    uri: Result<FailoverUri, UriError>,
    settings: Settings,
    seed: Option<u64>,
    #[cfg(feature = "tls")]
    tls: Tls,
    #[cfg(feature = "websocket")]
    websocket: WebSocketOptions,
    resolver: Option<Hidden<Resolver>>,
    own: Option<Dialler>,
    mode: Mode,
}

impl Builder {
    pub(crate) fn new(uri: &str) -> Self {
        Self {
            uri: uri.parse(),
            settings: Settings::default(),
            seed: None,
            #[cfg(feature = "tls")]
            tls: Tls::default(),
            #[cfg(feature = "websocket")]
            websocket: WebSocketOptions::default(),
            resolver: None,
            own: None,
            mode: Mode::Threads,
        }
    }

    /// Sets login and passcode for brokers whose URI has none.
    pub fn login(mut self, login: impl Into<String>, passcode: impl Into<String>) -> Self {
        self.settings.session = self.settings.session.login(login).passcode(passcode);
        self
    }

    /// Sets the virtual host. Default `/`, which is RabbitMQ's default.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.settings.session = self.settings.session.host(host);
        self
    }

    /// Offers and asks for heart-beats with this period, to the millisecond. Default 10 s; zero
    /// for none, and then a dead connection may go unnoticed for as long as TCP takes.
    pub fn heart_beat(mut self, period: Duration) -> Self {
        let ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        self.settings.session = self.settings.session.heart_beat(HeartBeat::new(ms, ms));
        self
    }

    /// Sets how long one broker may take to accept the connection, before CONNECT. Default 10 s.
    pub fn connect_timeout(mut self, patience: Duration) -> Self {
        self.settings.connect_timeout = patience;
        self
    }

    /// Sets how long a frame may wait in this process, for a connection or for room. Default 30 s.
    pub fn send_timeout(mut self, patience: Duration) -> Self {
        self.settings.send_timeout = patience;
        self
    }

    /// Sets how long the broker may take nothing of what is to be written, although it sends
    /// heart-beats; then the client reconnects. Default 60 s. RabbitMQ under memory alarm takes
    /// nothing from senders: [`Duration::MAX`] sits it out.
    pub fn write_timeout(mut self, patience: Duration) -> Self {
        self.settings.session = self.settings.session.write_timeout(patience);
        self
    }

    /// Sets how long to wait for a RECEIPT. Default 15 s.
    pub fn receipt_timeout(mut self, patience: Duration) -> Self {
        self.settings.session = self.settings.session.receipt_timeout(patience);
        self
    }

    /// Sets how long [`disconnect`](Client::disconnect) may take. Default 5 s.
    pub fn disconnect_timeout(mut self, patience: Duration) -> Self {
        self.settings.session = self.settings.session.disconnect_timeout(patience);
        self
    }

    /// Sets how large the frames of the broker may be. Default: [`Limits::client`].
    ///
    /// A message beyond the limits comes as [`Error::Unreadable`], without its body; any other frame
    /// beyond them ends the connection.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.session = self.settings.session.limits(limits);
        self
    }

    /// Sets what is accepted from the broker beyond the specification. Default: nothing.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.settings.session = self.settings.session.tolerance(tolerance);
        self
    }

    /// Changes anything else about the session: versions, liveness, headers of CONNECT.
    pub fn session(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.settings.session = change(self.settings.session);
        self
    }

    /// Fixes the random numbers of the failover sequence, so that a test can repeat it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets how connections to brokers of `stomp+tls://` and its like are secured. Default: by the
    /// roots that the platform trusts.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Sets how WebSocket is spoken, where servers differ.
    #[cfg(feature = "websocket")]
    pub fn websocket(mut self, options: WebSocketOptions) -> Self {
        self.websocket = options;
        self
    }

    /// Opens the transport to a broker by a function of yours, instead of TCP and what goes over it:
    /// a proxy, a link in memory. It is given the broker, and the time it may take.
    ///
    /// Not for brokers of `stomp+tls://` and its like: nothing is said to them over a transport that
    /// anybody can read. [`secure_transport`](Self::secure_transport) is.
    pub fn transport<F, T>(mut self, connect: F) -> Self
    where
        F: Fn(Broker, Duration) -> io::Result<T> + Send + Sync + 'static,
        T: Transport,
    {
        self.own = Some(Dialler::own(connect, false));
        self
    }

    /// The same for a transport that is secure by itself: nobody in between can read it, nor
    /// pretend to be the broker.
    pub fn secure_transport<F, T>(mut self, connect: F) -> Self
    where
        F: Fn(Broker, Duration) -> io::Result<T> + Send + Sync + 'static,
        T: Transport,
    {
        self.own = Some(Dialler::own(connect, true));
        self
    }

    /// Finds the addresses of a host by a function of yours, instead of the system's.
    pub fn resolver<F>(mut self, resolve: F) -> Self
    where
        F: Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    {
        self.resolver = Some(Hidden(Arc::new(resolve)));
        self
    }

    /// Sets how many octets of frames may wait to be written. Default 8 MiB. When it is full,
    /// senders wait.
    pub fn buffer(mut self, octets: usize) -> Self {
        self.settings.outbox = octets;
        self
    }

    /// Sets how many octets of messages may wait to be taken, of all subscriptions together and
    /// headers included. Default 16 MiB; then reading stops. Up to 8 MiB more are held while
    /// somebody waits for an answer that comes behind them.
    pub fn inbox(mut self, octets: usize) -> Self {
        self.settings.inbox = octets;
        self
    }

    /// Sets how long what was fired may still take when the last handle is dropped. Default 1 s.
    pub fn linger(mut self, patience: Duration) -> Self {
        self.settings.linger = patience;
        self
    }

    /// Does without threads: whoever waits in a call does the work meanwhile, and
    /// [`poll`](Client::poll) does nothing else. Only to make a connection takes a thread, for as long
    /// as that lasts: the system looks up names for as long as it likes.
    ///
    /// Nobody reads and beats between the calls then. So call `poll` at least as often as the
    /// [heart-beats](Self::heart_beat) demand, or have none.
    pub fn manual(mut self) -> Self {
        self.mode = Mode::Alone;
        self
    }

    /// Connects, and waits until a broker has said CONNECTED.
    ///
    /// Tries the brokers of the URI in its order, by its rules, until its
    /// `startupMaxReconnectAttempts` are used up. Later the client reconnects by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Uri`] when the URI is wrong, [`Error::Tls`] when TLS cannot be set up as told,
    /// [`Error::Usage`] when CONNECT cannot be written (a
    /// line feed in the login), [`Error::Connect`] when no broker accepts.
    pub fn connect(self) -> Result<Client, Error> {
        let uri = self.uri?;
        for warning in uri.warnings() {
            tracing::warn!("{warning}");
        }
        let dialler = match self.own {
            Some(own) => own,
            None => {
                let layers = LayerConfig::new();
                #[cfg(feature = "tls")]
                let layers = match uri.brokers().iter().any(Broker::uses_tls) {
                    true => layers.tls(self.tls.clone(), crate::tls::set_up(&self.tls)?),
                    false => layers,
                };
                #[cfg(feature = "websocket")]
                let layers = layers.websocket(self.websocket);
                let resolver = self.resolver.map(|Hidden(resolver)| resolver);
                Dialler::Network {
                    layers,
                    resolver: resolver.unwrap_or_else(|| Arc::new(dial::resolve)),
                }
            }
        };
        let seed = self.seed.unwrap_or_else(stomp_failover::random_seed);
        let engine = Engine::new(self.settings, uri, seed, now())?;
        let shared = Shared::new(engine, dialler, self.mode);
        if self.mode == Mode::Threads {
            let shared = shared.clone();
            let spawned = spawn("stomp-keeper", move || keeper::run(&shared));
            spawned.expect("the system has a thread left");
        }
        let handle = Arc::new(Handle { shared });
        let shared = &handle.shared;
        let op = shared.call(|engine| engine.connect(now()));
        shared.answer(op)?;
        Ok(Client { handle })
    }
}

impl Client {
    /// Connects, and waits until the broker has said CONNECTED.
    ///
    /// `uri` names one broker (`stomp://user:pass@host:61613`) or several
    /// (`failover:(stomp://a,stomp://b)?randomize=false`): see
    /// [`FailoverUri`](stomp_failover::FailoverUri). [`builder`](Self::builder) has all the
    /// options.
    ///
    /// # Errors
    ///
    /// [`Error::Uri`] when the URI is wrong, [`Error::Connect`] when no broker accepts.
    pub fn connect(uri: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(uri).connect()
    }

    /// Prepares to connect. A wrong URI is reported by [`connect`](Builder::connect).
    pub fn builder(uri: impl AsRef<str>) -> Builder {
        Builder::new(uri.as_ref())
    }
}

/// Something that cannot be shown.
struct Hidden<T>(T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
