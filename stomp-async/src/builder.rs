use std::io;
use std::sync::Arc;
use std::time::Duration;

use stomp_commands::HeartBeat;
use stomp_failover::{Broker, Failover, FailoverUri, UriError};
use stomp_session::{Config, Limits, Tolerance};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

#[cfg(feature = "tls")]
use crate::Tls;
use crate::dialer::Dialer;
use crate::driver::Driver;
use crate::handle::{BackPressure, Common, Handle, UNIT};
use crate::network::Network;
use crate::transport::{Connector, Transport};
use crate::{Client, Error};

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
    session: Config,
    #[cfg(feature = "tls")]
    tls: Tls,
    connector: Option<Connector>,
    connect_timeout: Duration,
    send_timeout: Duration,
    buffer: usize,
    seed: Option<u64>,
}

impl Builder {
    pub(crate) fn new(uri: &str) -> Self {
        Self {
            uri: uri.parse(),
            session: Config::default(),
            #[cfg(feature = "tls")]
            tls: Tls::default(),
            connector: None,
            connect_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(30),
            buffer: 8 << 20,
            seed: None,
        }
    }

    /// Sets login and passcode for brokers whose URI has none.
    pub fn login(mut self, login: impl Into<String>, passcode: impl Into<String>) -> Self {
        self.session = self.session.login(login).passcode(passcode);
        self
    }

    /// Sets the virtual host. Default `/`, which is RabbitMQ's default.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.session = self.session.host(host);
        self
    }

    /// Offers and asks for heart-beats with this period, to the millisecond. Default 10 s; zero
    /// for none, and then a dead connection may go unnoticed for as long as TCP takes.
    pub fn heart_beat(mut self, period: Duration) -> Self {
        let ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        self.session = self.session.heart_beat(HeartBeat::new(ms, ms));
        self
    }

    /// Sets how long one broker may take to accept the connection, before CONNECT. Default 10 s.
    pub fn connect_timeout(mut self, patience: Duration) -> Self {
        self.connect_timeout = patience;
        self
    }

    /// Sets how long a frame may wait in this process, for a connection or for room. Default 30 s.
    pub fn send_timeout(mut self, patience: Duration) -> Self {
        self.send_timeout = patience;
        self
    }

    /// Sets how long the broker may take nothing of what is to be written, although it sends
    /// heart-beats; then the client reconnects. Default 60 s. RabbitMQ under memory alarm takes
    /// nothing from senders: [`Duration::MAX`] sits it out.
    pub fn write_timeout(mut self, patience: Duration) -> Self {
        self.session = self.session.write_timeout(patience);
        self
    }

    /// Sets how long to wait for a RECEIPT. Default 15 s.
    pub fn receipt_timeout(mut self, patience: Duration) -> Self {
        self.session = self.session.receipt_timeout(patience);
        self
    }

    /// Sets how long [`disconnect`](Client::disconnect) may take. Default 5 s.
    pub fn disconnect_timeout(mut self, patience: Duration) -> Self {
        self.session = self.session.disconnect_timeout(patience);
        self
    }

    /// Sets how many octets of frames may wait in this process while there is no connection, or
    /// while the broker does not keep up. Default 8 MiB; a frame counts as at least 1 KiB. When it
    /// is full, senders wait.
    pub fn buffer(mut self, octets: usize) -> Self {
        self.buffer = octets;
        self
    }

    /// Sets how large the frames of the broker may be. Default: [`Limits::client`].
    ///
    /// A message beyond the limits comes as [`Error::TooLarge`], without its body; any other frame
    /// beyond them ends the connection.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.session = self.session.limits(limits);
        self
    }

    /// Sets what is accepted from the broker beyond the specification. Default: nothing.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.session = self.session.tolerance(tolerance);
        self
    }

    /// Changes anything else about the session: versions, liveness, headers of CONNECT.
    pub fn session(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.session = change(self.session);
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

    /// Opens the transport to a broker by a function of yours, instead of TCP and what goes over it: a proxy, a link in
    /// memory.
    pub fn transport<F, Fut, T>(mut self, connect: F) -> Self
    where
        F: Fn(Broker) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<T>> + Send + 'static,
        T: Transport,
    {
        self.connector = Some(Connector::new(connect));
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
        let connector = match self.connector {
            Some(connector) => connector,
            None => Connector::from(Network {
                #[cfg(feature = "tls")]
                tls: match uri.brokers().iter().any(Broker::uses_tls) {
                    true => Some((self.tls.clone(), self.tls.config()?.into())),
                    false => None,
                },
                #[cfg(feature = "websocket")]
                largest_message: crate::websocket::largest_message(&self.session.limits),
            }),
        };
        let failover = Failover::new(uri, self.seed.unwrap_or_else(stomp_failover::random_seed));
        let (events, _) = broadcast::channel(64);
        let mut dialer = Dialer {
            config: self.session,
            connector,
            connect_timeout: self.connect_timeout,
            failover,
            events: events.clone(),
        };
        let link = dialer.dial(Default::default()).await?;
        let (calls, receiver) = mpsc::unbounded_channel();
        let (end, watch) = watch::channel(None);
        let units = u32::try_from(self.buffer / UNIT)
            .unwrap_or(u32::MAX)
            .clamp(1, MAX_UNITS);
        let common = Common {
            room: Arc::new(Semaphore::new(units as usize)),
            units,
            events: events.downgrade(),
            back_pressure: BackPressure::default(),
            end: watch,
            send_timeout: self.send_timeout,
        };
        let handle = Handle {
            calls,
            common: Arc::new(common),
        };
        let driver = Driver::new(dialer, receiver, &handle, events, end);
        tokio::spawn(driver.run(link));
        Ok(Client { handle })
    }
}

/// What a semaphore can count, on any platform.
const MAX_UNITS: u32 = (u32::MAX >> 3) - 1;
