//! What a scenario has: a kind of client, a kind of link, and brokers at the other end of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stomp_testbroker::{Builder, Certificate, TestBroker};

use crate::client::{Adapter, Client, Options, Transport};

/// What octets go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Needs no socket, so any driver can be put to it.
    Memory,
    Tcp,
    Tls,
    #[cfg(feature = "websocket")]
    WebSocket,
    #[cfg(feature = "websocket")]
    SecureWebSocket,
}

/// Far from what is asked for, so that a busy machine fails nothing; and far below what a fault
/// takes.
pub(crate) const SOON: Duration = Duration::from_secs(3);

/// What is asked for where a call has to end by itself.
pub(crate) const SHORT: Duration = Duration::from_millis(500);

pub(crate) struct World {
    pub(crate) adapter: &'static dyn Adapter,
    pub(crate) link: Link,
    /// The scenario is over, and whatever it left behind shall end.
    pub(crate) over: Arc<AtomicBool>,
    /// The name of the test, as cargo has it.
    pub(crate) test: String,
}

impl World {
    /// Starts a strict broker at the other end of the link.
    pub(crate) fn broker(&self) -> TestBroker {
        self.start(TestBroker::builder())
    }

    /// Starts a broker at the other end of the link.
    pub(crate) fn start(&self, broker: Builder) -> TestBroker {
        let broker = broker.patience(Duration::from_secs(10));
        match self.link {
            Link::Memory => broker.in_memory(),
            Link::Tcp => broker.start(),
            Link::Tls => broker.tls(Certificate::Valid).start(),
            #[cfg(feature = "websocket")]
            Link::WebSocket => broker.websocket().start(),
            #[cfg(feature = "websocket")]
            Link::SecureWebSocket => broker.tls(Certificate::Valid).websocket().start(),
        }
    }

    /// Options for a client of this broker that reconnects without delay.
    pub(crate) fn options(&self, broker: &TestBroker) -> Options {
        let mut options = Options::default();
        let url = match self.link {
            Link::Memory => {
                options.transport = Transport::Memory(broker.connector());
                "stomp://broker".to_owned()
            }
            Link::Tcp => broker.url(),
            Link::Tls => broker.tls_url(),
            #[cfg(feature = "websocket")]
            Link::WebSocket => broker.websocket_url(),
            #[cfg(feature = "websocket")]
            Link::SecureWebSocket => broker.node(0).secure_websocket_url(),
        };
        #[cfg(feature = "websocket")]
        let secure = matches!(self.link, Link::Tls | Link::SecureWebSocket);
        #[cfg(not(feature = "websocket"))]
        let secure = self.link == Link::Tls;
        if secure {
            options.ca = Some(broker.ca_pem().to_owned());
        }
        options.uri = fast(&url);
        options
    }

    /// Connects to a broker.
    #[track_caller]
    pub(crate) fn connect(&self, broker: &TestBroker) -> Box<dyn Client> {
        self.connect_by(&self.options(broker))
    }

    /// Connects.
    #[track_caller]
    pub(crate) fn connect_by(&self, options: &Options) -> Box<dyn Client> {
        match self.adapter.connect(options) {
            Ok(client) => client,
            Err(verdict) => panic!("cannot connect: {verdict:?}"),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// A URI with delays that cost a test nothing.
pub(crate) fn fast(url: &str) -> String {
    format!(
        "failover:({url})?initialReconnectDelay=1&maxReconnectDelay=5&startupMaxReconnectAttempts=0"
    )
}

/// Does it, and fails if it took longer than a fault would.
#[track_caller]
pub(crate) fn within<T>(bound: Duration, what: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = what();
    let elapsed = begin.elapsed();
    assert!(elapsed < bound, "it took {elapsed:?}, and not {bound:?}");
    result
}

/// Lets time pass for the client until the condition holds.
#[track_caller]
pub(crate) fn until(client: &dyn Client, what: &str, condition: impl Fn() -> bool) {
    until_within(Duration::from_secs(10), client, what, condition);
}

#[track_caller]
pub(crate) fn until_within(
    bound: Duration,
    client: &dyn Client,
    what: &str,
    condition: impl Fn() -> bool,
) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < bound, "in {bound:?} there was no {what}");
        client.pass(Duration::from_millis(3));
    }
}
