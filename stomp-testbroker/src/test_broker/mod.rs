mod builder;
mod faults;
mod inspect;
mod node;
mod wait;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use builder::Builder;
pub use faults::Guard;
pub use node::Node;
pub use wait::Wait;

use crate::link::{AsyncMemoryStream, Connector, Listener, MemoryStream};
use crate::shared::Shared;

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
    #[cfg(feature = "tls")]
    ca: Option<String>,
    nodes: usize,
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
        self.node(0).address()
    }

    /// Returns all addresses that it listens on for plain TCP: those of the members of the cluster,
    /// then those of [`Builder::also_listen`].
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let endpoints = self
            .listener
            .iter()
            .flat_map(|listener| &listener.endpoints);
        let plain = endpoints.filter(|endpoint| endpoint.transport.scheme().0 == "stomp");
        plain.map(|endpoint| endpoint.address)
    }

    /// Returns what clients connect to, as `stomp://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// When it runs [in memory](Self::in_memory) only.
    #[must_use]
    pub fn url(&self) -> String {
        self.node(0).url()
    }

    /// Returns what clients connect to over TLS, as `stomp+ssl://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// When it was started without [`Builder::tls`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_url(&self) -> String {
        self.node(0).tls_url()
    }

    /// Returns the certificate, in PEM, of the authority that signed the broker's: a client that
    /// trusts it trusts this broker and no other.
    ///
    /// # Panics
    ///
    /// When it was started without [`Builder::tls`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.ca
            .as_deref()
            .expect("only a broker with `tls` has a certificate")
    }

    /// Returns what clients connect to over WebSocket, as `ws://127.0.0.1:PORT/ws`.
    ///
    /// # Panics
    ///
    /// When it was started without [`Builder::websocket`].
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn websocket_url(&self) -> String {
        self.node(0).websocket_url()
    }

    /// Returns what a client with failover connects to: all members of the cluster, as
    /// `failover:(stomp://127.0.0.1:PORT,stomp://127.0.0.1:PORT)`.
    ///
    /// # Panics
    ///
    /// When it runs [in memory](Self::in_memory) only.
    #[must_use]
    pub fn failover_url(&self) -> String {
        let urls: Vec<_> = self.nodes().map(|node| node.url()).collect();
        format!("failover:({})", urls.join(","))
    }

    /// Returns a member of the cluster; 0 is the first. A broker is a cluster of one, unless
    /// [`Builder::nodes`] says more.
    ///
    /// # Panics
    ///
    /// When there are not as many.
    #[must_use]
    pub fn node(&self, number: usize) -> Node<'_> {
        assert!(number < self.nodes, "there are only {} nodes", self.nodes);
        Node::new(self, number)
    }

    /// Returns all members of the cluster.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.nodes).map(|number| Node::new(self, number))
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
        self.node(0).connector()
    }
}
