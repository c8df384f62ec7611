use std::io;
use std::sync::Arc;
use std::time::Duration;

use stomp_commands::HeartBeat;
use stomp_failover::{Broker, FailoverUri, UriError};
use stomp_session::engine::{Engine, Settings};
use stomp_session::layers::LayerConfig;
use stomp_session::{Config, Limits, Tolerance};

#[cfg(feature = "websocket")]
use crate::WebSocketOptions;
use crate::call::Call;
use crate::dialler::Dialler;
use crate::driver::Driver;
use crate::runtime::{now, spawn};
use crate::shared::{Handle, Shared};
use crate::transport::{Connector, Transport};
use crate::{Client, Error};
#[cfg(feature = "tls")]
use crate::{Tls, TlsError};

/// How to connect, and how patient to be. Made by [`Client::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use stomp_async::Client;
///
/// # async fn example() -> Result<(), stomp_async::Error> {
/// let client = Client::builder("failover:(stomp://a,stomp://b)?maxReconnectDelay=5000")
///     .login("orders", "s3cret")
///     .heart_beat(Duration::from_secs(5))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "nothing is connected until `connect` is called"]
pub struct Builder {
    uri: Result<FailoverUri, UriError>,
    settings: Settings,
    #[cfg(feature = "tls")]
    tls: Tls,
    layers: LayerConfig,
    dialler: Option<Dialler>,
    seed: Option<u64>,
}

impl Builder {
    pub(crate) fn new(uri: &str) -> Self {
        Self {
            uri: uri.parse(),
            settings: Settings::default(),
            #[cfg(feature = "tls")]
            tls: Tls::default(),
            layers: LayerConfig::default(),
            dialler: None,
            seed: None,
        }
    }

    /// Sets login and passcode for brokers whose URI has none.
    pub fn login(self, login: impl Into<String>, passcode: impl Into<String>) -> Self {
        self.session(|session| session.login(login).passcode(passcode))
    }

    /// Sets the virtual host. Default `/`, which is RabbitMQ's default.
    pub fn host(self, host: impl Into<String>) -> Self {
        self.session(|session| session.host(host))
    }

    /// Offers and asks for heart-beats with this period, to the millisecond. Default 10 s; zero
    /// for none, and then a dead connection may go unnoticed for as long as TCP takes.
    pub fn heart_beat(self, period: Duration) -> Self {
        let ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        self.session(|session| session.heart_beat(HeartBeat::new(ms, ms)))
    }

    /// Sets how long one broker may take to accept the connection, before CONNECT. Default 10 s.
    pub fn connect_timeout(mut self, patience: Duration) -> Self {
        self.settings.connect_timeout = patience;
        self
    }

    /// Sets how long a frame may wait in this process, for a connection or for room, until its
    /// first octet is handed to the transport. Default 30 s.
    pub fn send_timeout(mut self, patience: Duration) -> Self {
        self.settings.send_timeout = patience;
        self
    }

    /// Sets how long the broker may take nothing of what is to be written, although it sends
    /// heart-beats; then the client reconnects. Default 60 s. RabbitMQ under memory alarm takes
    /// nothing from senders: [`Duration::MAX`] sits it out.
    pub fn write_timeout(self, patience: Duration) -> Self {
        self.session(|session| session.write_timeout(patience))
    }

    /// Sets how long to wait for a RECEIPT. Default 15 s.
    pub fn receipt_timeout(self, patience: Duration) -> Self {
        self.session(|session| session.receipt_timeout(patience))
    }

    /// Sets how long [`disconnect`](Client::disconnect) may take. Default 5 s.
    pub fn disconnect_timeout(self, patience: Duration) -> Self {
        self.session(|session| session.disconnect_timeout(patience))
    }

    /// Sets how many octets of frames may wait to be written. Default 8 MiB. While there is no
    /// room, or no connection, senders wait; one frame that is larger is let in when nothing else
    /// waits.
    pub fn buffer(mut self, octets: usize) -> Self {
        self.settings.outbox = octets;
        self
    }

    /// Sets how many octets of messages may wait to be taken, of all subscriptions together and
    /// headers included. Default 16 MiB. Beyond it nothing is read, while heart-beats go on; 8 MiB
    /// more are read as long as somebody waits for an answer that comes behind them.
    pub fn inbox(mut self, octets: usize) -> Self {
        self.settings.inbox = octets;
        self
    }

    /// Sets how long fired messages may still take when the last handle is dropped. Default 1 s.
    pub fn linger(mut self, patience: Duration) -> Self {
        self.settings.linger = patience;
        self
    }

    /// Sets how large the frames of the broker may be. Default: [`Limits::client`].
    ///
    /// A message beyond the limits comes as [`Error::Unreadable`], without its body; any other frame
    /// beyond them ends the connection.
    pub fn limits(self, limits: Limits) -> Self {
        self.session(|session| session.limits(limits))
    }

    /// Sets what is accepted from the broker beyond the specification. Default: nothing.
    pub fn tolerance(self, tolerance: Tolerance) -> Self {
        self.session(|session| session.tolerance(tolerance))
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
        self.layers = self.layers.websocket(options);
        self
    }

    /// Opens the transport to a broker by a function of yours, instead of TCP and what goes over
    /// it: a link in memory, a Unix socket.
    ///
    /// It takes the place of TLS as well, and counts as one that anybody may read: no passcode goes
    /// there for a broker whose scheme demands TLS, and the attempt fails. If yours is secure by
    /// itself, say so by [`secure_transport`](Self::secure_transport).
    pub fn transport<F, Fut, T>(self, connect: F) -> Self
    where
        F: Fn(Broker) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<T>> + Send + 'static,
        T: Transport,
    {
        self.dialler(connect, false)
    }

    /// The same with a transport that nobody in between can read or change.
    pub fn secure_transport<F, Fut, T>(self, connect: F) -> Self
    where
        F: Fn(Broker) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<T>> + Send + 'static,
        T: Transport,
    {
        self.dialler(connect, true)
    }

    fn dialler<F, Fut, T>(mut self, connect: F, secure: bool) -> Self
    where
        F: Fn(Broker) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<T>> + Send + 'static,
        T: Transport,
    {
        let connector = Connector::new(connect);
        self.dialler = Some(Dialler::Application { connector, secure });
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
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up and closes what was opened.
    pub async fn connect(self) -> Result<Client, Error> {
        let uri = self.uri?;
        for warning in uri.warnings() {
            tracing::warn!("{warning}");
        }
        let dialler = match self.dialler {
            Some(dialler) => dialler,
            None => Dialler::Network(match uri.brokers().iter().any(Broker::uses_tls) {
                #[cfg(feature = "tls")]
                true => {
                    let config = rustls(&self.tls)?;
                    self.layers.tls(self.tls, config)
                }
                _ => self.layers,
            }),
        };
        let seed = self.seed.unwrap_or_else(stomp_failover::random_seed);
        let mut engine = Engine::new(self.settings, uri, seed, now())?;
        let connecting = engine.connect(now());
        let shared = Shared::new(engine);
        let handle = Arc::new(Handle {
            shared: shared.clone(),
        });
        let call = Call::asked(handle.clone(), connecting);
        spawn(Driver::new(shared, dialler));
        call.answer().await?;
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
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up and closes what was opened.
    pub async fn connect(uri: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(uri).connect().await
    }

    /// Prepares to connect. A wrong URI is reported by [`connect`](Builder::connect).
    pub fn builder(uri: impl AsRef<str>) -> Builder {
        Builder::new(uri.as_ref())
    }
}

/// Reads the files that are named, and asks the platform for its roots where these count.
#[cfg(feature = "tls")]
fn rustls(tls: &Tls) -> Result<Arc<rustls::ClientConfig>, TlsError> {
    tls.config(
        |path| std::fs::read(path),
        |provider| {
            let verifier = rustls_platform_verifier::Verifier::new(provider)?;
            Ok(Arc::new(verifier))
        },
    )
}
