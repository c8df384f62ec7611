use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use stomp_commands::HeartBeat;
use stomp_frame::Version;

use super::TestBroker;
use crate::broker::SEED_VARIABLE;
#[cfg(feature = "tls")]
use crate::link::{Authority, Certificate};
use crate::link::{Endpoint, Listener, Transport};
use crate::shared::Shared;
use crate::{Config, Profile};

/// Prepares a [`TestBroker`]. Made by [`TestBroker::builder`].
#[derive(Clone)]
#[must_use = "a builder starts nothing by itself"]
pub struct Builder {
    config: Config,
    addresses: Vec<SocketAddr>,
    more_addresses: Vec<SocketAddr>,
    #[cfg(feature = "tls")]
    tls: Option<(Certificate, SocketAddr)>,
    #[cfg(feature = "websocket")]
    websocket: Option<SocketAddr>,
    nodes: usize,
    patience: Duration,
}

/// A free port of 127.0.0.1.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            addresses: Vec::new(),
            more_addresses: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "websocket")]
            websocket: None,
            nodes: 1,
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

    /// Says whether SUBSCRIBE and UNSUBSCRIBE get the RECEIPT that they ask for, which not every
    /// server gives. Default: what the profile does.
    pub fn subscribe_receipts(mut self, given: bool) -> Self {
        self.config.subscribe_receipts = Some(given);
        self
    }

    /// Changes anything in the configuration.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Sets how long a [`Wait`](crate::Wait) waits before the test fails. Default: 30 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Listens on this address. Default: a free port of 127.0.0.1.
    ///
    /// This is a broker for tests: anything but a loopback address lets strangers in. Called again
    /// it sets the address of the next member of a cluster.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Listens on one more address: another way in to the same broker, or the first member of a
    /// cluster.
    pub fn also_listen(mut self, address: SocketAddr) -> Self {
        self.more_addresses.push(address);
        self
    }

    /// Listens for TLS, too, on a free port of 127.0.0.1; of a cluster every member does. The
    /// certificate is made at the start: trust [`TestBroker::ca_pem`].
    #[cfg(feature = "tls")]
    pub fn tls(self, certificate: Certificate) -> Self {
        self.tls_at(certificate, ANY)
    }

    /// The same on this address.
    #[cfg(feature = "tls")]
    pub fn tls_at(mut self, certificate: Certificate, address: SocketAddr) -> Self {
        self.tls = Some((certificate, address));
        self
    }

    /// Listens for WebSocket, too, on a free port of 127.0.0.1; with [`tls`](Self::tls) also for
    /// WebSocket over TLS. Any path will do.
    #[cfg(feature = "websocket")]
    pub fn websocket(self) -> Self {
        self.websocket_at(ANY)
    }

    /// The same on this address.
    #[cfg(feature = "websocket")]
    pub fn websocket_at(mut self, address: SocketAddr) -> Self {
        self.websocket = Some(address);
        self
    }

    /// Makes it a cluster of so many members, which share all queues. Default: 1.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn nodes(mut self, nodes: usize) -> Self {
        assert!(nodes > 0, "a cluster has at least one member");
        self.nodes = nodes;
        self
    }

    /// Lets frames suffer at random: connections that end before or after a frame is processed or in
    /// the middle of one, delays, octets in small pieces. A failing test prints the seed; setting
    /// the environment variable `STOMP_TESTBROKER_SEED` to it has the same faults again.
    pub fn chaos(self) -> Self {
        let seed = std::env::var(SEED_VARIABLE).ok();
        let seed = seed.and_then(|seed| seed.parse().ok());
        self.chaos_seed(seed.unwrap_or_else(|| RandomState::new().hash_one(())))
    }

    /// Lets frames suffer at random, as this seed decides.
    pub fn chaos_seed(mut self, seed: u64) -> Self {
        self.config.chaos = Some(seed);
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
        match self.try_start() {
            Ok(broker) => broker,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts the broker with a TCP port.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub fn try_start(self) -> io::Result<TestBroker> {
        #[cfg(feature = "tls")]
        let authority = match self.tls {
            Some((certificate, _)) => {
                let authority = Authority::new(certificate);
                Some(authority.map_err(|error| io::Error::other(error.to_string()))?)
            }
            None => None,
        };
        let mut endpoints = Vec::new();
        for node in 0..self.nodes {
            let plain = self.addresses.get(node).copied().unwrap_or(ANY);
            endpoints.push(Endpoint::new(node, Transport::Tcp, plain));
            #[cfg(feature = "websocket")]
            if let Some(address) = self.websocket {
                endpoints.push(Endpoint::new(node, Transport::WebSocket, address));
            }
            #[cfg(feature = "tls")]
            if let (Some(authority), Some((_, address))) = (&authority, self.tls) {
                let acceptor = &authority.acceptor;
                let tls = Transport::Tls(acceptor.clone());
                endpoints.push(Endpoint::new(node, tls, address));
                #[cfg(feature = "websocket")]
                if self.websocket.is_some() {
                    let secure = Transport::SecureWebSocket(acceptor.clone());
                    endpoints.push(Endpoint::new(node, secure, ANY));
                }
            }
        }
        for address in &self.more_addresses {
            endpoints.push(Endpoint::new(0, Transport::Tcp, *address));
        }
        let mut broker = self.in_memory();
        #[cfg(feature = "tls")]
        {
            broker.ca = authority.map(|authority| authority.pem);
        }
        broker.listener = Some(Listener::start(&broker.shared, endpoints)?);
        Ok(broker)
    }

    /// Starts the broker without a port.
    #[must_use]
    pub fn in_memory(self) -> TestBroker {
        TestBroker {
            shared: Shared::new(self.config),
            listener: None,
            #[cfg(feature = "tls")]
            ca: None,
            nodes: self.nodes,
            patience: self.patience,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("addresses", &self.addresses)
            .field("more_addresses", &self.more_addresses)
            .field("nodes", &self.nodes)
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
