use std::net::SocketAddr;
use std::sync::Arc;

use super::{Guard, TestBroker};
use crate::fault::Standing;
use crate::link::{Connector, Endpoint};

/// One member of a cluster. Made by [`TestBroker::node`].
///
/// The members share all queues, as RabbitMQ's do when these are replicated: what was sent to one
/// can be had from the others, also when that one has crashed.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    broker: &'a TestBroker,
    number: usize,
}

impl<'a> Node<'a> {
    pub(super) fn new(broker: &'a TestBroker, number: usize) -> Self {
        Self { broker, number }
    }

    /// Returns the address it listens on for plain TCP.
    ///
    /// # Panics
    ///
    /// When the broker runs in memory only.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        self.endpoint("stomp").address
    }

    /// Returns what clients connect to, as `stomp://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// When the broker runs in memory only.
    #[must_use]
    pub fn url(self) -> String {
        self.url_of("stomp")
    }

    /// Returns what clients connect to over TLS, as `stomp+ssl://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// When the broker was started without [`Builder::tls`](crate::Builder::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_url(self) -> String {
        self.url_of("stomp+ssl")
    }

    /// Returns what clients connect to over WebSocket, as `ws://127.0.0.1:PORT/ws`.
    ///
    /// # Panics
    ///
    /// When the broker was started without [`Builder::websocket`](crate::Builder::websocket).
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn websocket_url(self) -> String {
        self.url_of("ws")
    }

    /// Returns what clients connect to over WebSocket and TLS, as `wss://127.0.0.1:PORT/ws`.
    ///
    /// # Panics
    ///
    /// When the broker was started without [`Builder::websocket`](crate::Builder::websocket) or
    /// without [`Builder::tls`](crate::Builder::tls).
    #[cfg(all(feature = "tls", feature = "websocket"))]
    #[must_use]
    pub fn secure_websocket_url(self) -> String {
        self.url_of("wss")
    }

    fn url_of(self, scheme: &str) -> String {
        let Endpoint {
            address, transport, ..
        } = self.endpoint(scheme);
        let (scheme, path) = transport.scheme();
        format!("{scheme}://{address}{path}")
    }

    fn endpoint(self, scheme: &str) -> &'a Endpoint {
        let endpoints = self.broker.listener.iter().flat_map(|l| &l.endpoints);
        endpoints
            .filter(|endpoint| endpoint.node == self.number)
            .find(|endpoint| endpoint.transport.scheme().0 == scheme)
            .unwrap_or_else(|| panic!("this broker was started without a port for {scheme}"))
    }

    /// Returns something that opens in-memory links to this member.
    #[must_use]
    pub fn connector(self) -> Connector {
        Connector::new(Arc::clone(&self.broker.shared), self.number)
    }

    /// Kills this member: its connections end, and connecting is refused until the guard is
    /// dropped. The messages are safe with the other members.
    pub fn crash(self) -> Guard {
        let guard = self.stand(Standing::Refuse);
        let now = crate::link::now();
        let shared = &self.broker.shared;
        shared.with(|broker| broker.crash(Some(self.number), now));
        guard
    }

    /// Cuts this member off from the others, as a network partition does under RabbitMQ's
    /// `pause_minority`: it ends its connections and refuses new ones until the guard is dropped.
    pub fn partition(self) -> Guard {
        let guard = self.stand(Standing::Refuse);
        let now = crate::link::now();
        let shared = &self.broker.shared;
        shared.with(|broker| broker.close_node(Some(self.number), now));
        guard
    }

    /// Refuses new connections until the guard is dropped.
    pub fn refuse_connections(self) -> Guard {
        self.stand(Standing::Refuse)
    }

    /// Lets all octets to and from this member vanish, without an end of the connections, until the
    /// guard is dropped.
    pub fn black_hole(self) -> Guard {
        self.stand(Standing::BlackHole)
    }

    fn stand(self, fault: Standing) -> Guard {
        Guard::stand(&self.broker.shared, fault, Some(self.number))
    }
}
