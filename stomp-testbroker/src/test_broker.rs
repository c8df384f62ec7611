use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use stomp_commands::HeartBeat;
use stomp_frame::{Frame, Version};

use crate::link::{AsyncMemoryStream, Connector, Listener, MemoryStream};
use crate::shared::Shared;
use crate::{Config, ConnectionId, Profile, Transcript, Wait};

/// A running broker that belongs to one test, and ends with it.
///
/// Works from blocking and from asynchronous tests: nothing of it blocks a runtime, but for the
/// methods that say so. What a test waits for is a [`Wait`]: `.await` it, or call
/// [`wait`](Wait::wait).
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use stomp_testbroker::TestBroker;
///
/// let broker = TestBroker::start();
/// let mut client = TcpStream::connect(broker.address())?;
/// client.write_all(b"CONNECT\naccept-version:1.2\nhost:h\n\n\0")?;
/// client.write_all(b"SEND\ndestination:/queue/a\n\nhello\0")?;
/// broker.received("/queue/a", 1).wait();
/// assert_eq!(broker.depth("/queue/a"), 1);
/// assert_eq!(broker.peek("/queue/a")[0].body, "hello");
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct TestBroker {
    pub(crate) shared: Arc<Shared>,
    listener: Option<Listener>,
    patience: Duration,
}

impl TestBroker {
    /// Starts a strict broker on a free port of 127.0.0.1, without logins.
    ///
    /// # Panics
    ///
    /// When the port cannot be had, or when called under a paused tokio clock: see
    /// [`Builder::start`].
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Starts a strict broker without any port: clients use [`connect_memory`](Self::connect_memory)
    /// and its like. Takes microseconds.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder().in_memory()
    }

    /// Prepares a broker: profile, logins, heart-beats, limits.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the address it listens on.
    ///
    /// # Panics
    ///
    /// When it runs [in memory](Self::in_memory) only.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match &self.listener {
            Some(listener) => listener.address,
            None => panic!("this broker has no port: it was started with `in_memory`"),
        }
    }

    /// Returns what clients connect to, as `stomp://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// When it runs [in memory](Self::in_memory) only.
    #[must_use]
    pub fn url(&self) -> String {
        format!("stomp://{}", self.address())
    }

    /// Opens an in-memory link for a blocking client.
    ///
    /// # Errors
    ///
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when the broker refuses connections.
    pub fn connect_memory(&self) -> io::Result<MemoryStream> {
        self.connector().connect()
    }

    /// Opens an in-memory link for an asynchronous client. It goes by the clock of the runtime this
    /// is called from, so that with tokio's paused clock minutes of heart-beats pass in no time.
    ///
    /// # Errors
    ///
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when the broker refuses connections.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn connect_memory_async(&self) -> io::Result<AsyncMemoryStream> {
        self.connector().connect_async()
    }

    /// Returns something that opens in-memory links, for a client that reconnects.
    #[must_use]
    pub fn connector(&self) -> Connector {
        Connector::new(Arc::clone(&self.shared))
    }
}

/// What a test can wait for.
impl TestBroker {
    /// Waits until there is a subscription to the destination.
    pub fn subscribed(&self, destination: &str) -> Wait<'_> {
        let name = destination.to_owned();
        self.until(format!("a subscription to {destination}"), move |broker| {
            broker.subscribers(&name) > 0
        })
    }

    /// Waits until `count` messages were sent to the destination, since the broker started.
    pub fn received(&self, destination: &str, count: u64) -> Wait<'_> {
        let name = destination.to_owned();
        self.until(
            format!("{count} messages sent to {destination}"),
            move |broker| broker.sent(&name) >= count,
        )
    }

    /// Waits until `count` messages of the destination are done with, since the broker started:
    /// acknowledged, or delivered with `ack:auto`.
    pub fn consumed(&self, destination: &str, count: u64) -> Wait<'_> {
        let name = destination.to_owned();
        self.until(
            format!("{count} messages of {destination} consumed"),
            move |broker| broker.consumed(&name) >= count,
        )
    }

    /// Waits until exactly `count` clients are connected: CONNECTED was sent, and neither side has
    /// ended it.
    pub fn connected(&self, count: usize) -> Wait<'_> {
        self.until(format!("{count} connected clients"), move |broker| {
            broker.connections().count() == count
        })
    }

    /// Waits until nothing is under way: all that was received is understood, all output was taken,
    /// and no message is with a client that still has to acknowledge it.
    pub fn idle(&self) -> Wait<'_> {
        self.until("nothing under way", crate::Broker::is_idle)
    }

    /// Waits until `condition` holds; `what` says in a few words what that means.
    pub fn until(
        &self,
        what: impl Into<String>,
        condition: impl Fn(&crate::Broker) -> bool + Send + Sync + 'static,
    ) -> Wait<'_> {
        Wait::new(&self.shared, what.into(), self.patience, condition)
    }
}

/// Looks into the broker, and puts messages into it.
impl TestBroker {
    /// Counts the messages that wait in a queue, or for the subscribers of a topic; those in the
    /// hands of clients are not among them.
    #[must_use]
    pub fn depth(&self, destination: &str) -> usize {
        self.shared.look(|broker| broker.depth(destination))
    }

    /// Counts the messages that clients have got and not acknowledged yet.
    #[must_use]
    pub fn unacked(&self, destination: &str) -> usize {
        self.shared.look(|broker| broker.unacked(destination))
    }

    /// Counts the subscriptions to a destination.
    #[must_use]
    pub fn subscribers(&self, destination: &str) -> usize {
        self.shared.look(|broker| broker.subscribers(destination))
    }

    /// Returns the messages that wait in a queue, first one first, as SEND frames.
    #[must_use]
    pub fn peek(&self, destination: &str) -> Vec<Frame> {
        self.shared.look(|broker| broker.peek(destination))
    }

    /// Puts a message into a queue or topic, as if a client had sent it.
    ///
    /// # Panics
    ///
    /// When the broker is full: see [`Caps`](crate::Caps).
    #[track_caller]
    pub fn push(&self, destination: &str, body: impl Into<Bytes>) {
        let now = crate::link::now();
        let pushed = self
            .shared
            .with(|broker| broker.push(destination, body, now));
        if let Err(failure) = pushed {
            panic!("cannot push a message to {destination}: {failure}");
        }
    }

    /// Returns the clients that are connected, in the order in which they came.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.shared.look(|broker| broker.connections().collect())
    }

    /// Returns the conversation so far.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.shared.look(|broker| broker.transcript().clone())
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// Prepares a [`TestBroker`]. Made by [`TestBroker::builder`].
#[derive(Clone)]
#[must_use = "a builder starts nothing by itself"]
pub struct Builder {
    config: Config,
    address: SocketAddr,
    patience: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            patience: Duration::from_secs(30),
        }
    }
}

impl Builder {
    /// Chooses whose manners to copy. Default: [`Profile::Strict`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.config.profile = profile;
        self
    }

    /// Lets only those in whose login is known; may be called several times.
    pub fn login(mut self, login: impl Into<String>, passcode: impl Into<String>) -> Self {
        self.config.logins.insert(login.into(), passcode.into());
        self
    }

    /// Offers heart-beats: one at least every `send_ms` milliseconds, and wants one at least every
    /// `receive_ms`.
    pub fn heart_beat(mut self, send_ms: u64, receive_ms: u64) -> Self {
        self.config.heart_beat = HeartBeat::new(send_ms, receive_ms);
        self
    }

    /// Speaks only these versions. Default: all three.
    pub fn versions(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        self.config.versions = versions.into_iter().collect();
        self
    }

    /// Changes anything in the configuration.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Sets how long a [`Wait`] waits before the test fails. Default: 30 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Listens on this address. Default: a free port of 127.0.0.1.
    ///
    /// This is a broker for tests: anything but a loopback address lets strangers in.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Starts the broker with a TCP port; clients can connect when this returns.
    ///
    /// # Panics
    ///
    /// When the port cannot be had; and when called under tokio's paused clock, which jumps ahead
    /// while the octets are still under way: use [`in_memory`](Self::in_memory) there.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> TestBroker {
        assert!(
            !clock_is_paused(),
            "a broker on a TCP port cannot be tested under a paused tokio clock, which jumps ahead \
             whenever the runtime waits for a socket: start it with `in_memory()` instead"
        );
        let address = self.address;
        match self.try_start() {
            Ok(broker) => broker,
            Err(error) => panic!("cannot listen on {address}: {error}"),
        }
    }

    /// Starts the broker with a TCP port.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub fn try_start(self) -> io::Result<TestBroker> {
        let address = self.address;
        let mut broker = self.in_memory();
        broker.listener = Some(Listener::start(&broker.shared, address)?);
        Ok(broker)
    }

    /// Starts the broker without a port.
    #[must_use]
    pub fn in_memory(self) -> TestBroker {
        TestBroker {
            shared: Shared::new(self.config),
            listener: None,
            patience: self.patience,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("address", &self.address)
            .field("patience", &self.patience)
            .finish()
    }
}

/// Tells whether this thread is in a runtime whose clock stands still.
fn clock_is_paused() -> bool {
    if tokio::runtime::Handle::try_current().is_err() {
        return false;
    }
    let (before, start) = (tokio::time::Instant::now(), Instant::now());
    while start.elapsed() < Duration::from_micros(2) {}
    tokio::time::Instant::now() == before
}
