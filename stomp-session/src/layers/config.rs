#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use rustls::ClientConfig;

#[cfg(feature = "tls")]
use crate::Tls;

/// What the layers of all connections of a client are made from.
#[derive(Clone, Debug, Default)]
pub struct LayerConfig {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<(Tls, Arc<ClientConfig>)>,
    #[cfg(feature = "websocket")]
    pub(super) websocket: WebSocketOptions,
}

impl LayerConfig {
    /// Without TLS, and with the defaults of WebSocket.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what is trusted, and what [`Tls::config`] made of it.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls, config: Arc<ClientConfig>) -> Self {
        self.tls = Some((tls, config));
        self
    }

    /// Sets how WebSocket is spoken.
    #[cfg(feature = "websocket")]
    #[must_use]
    pub fn websocket(mut self, options: WebSocketOptions) -> Self {
        self.websocket = options;
        self
    }
}

/// How WebSocket is spoken, where servers differ.
#[cfg(feature = "websocket")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocketOptions {
    /// The largest message that is sent, in octets; what is larger goes in several, text cut between
    /// characters. Default `None`: a piece is a message.
    ///
    /// Spring in Tomcat takes 8,192 octets and joins messages; ActiveMQ takes 65,536 and does not.
    pub max_message: Option<usize>,
    /// Whether a server may leave open which subprotocol it speaks. Default: no, since RFC 6455 (4.1)
    /// would have it choose one of those that were offered.
    pub any_subprotocol: bool,
}

#[cfg(feature = "websocket")]
impl WebSocketOptions {
    /// Sets [`max_message`](Self::max_message), in octets.
    #[must_use]
    pub const fn max_message(mut self, octets: usize) -> Self {
        self.max_message = Some(octets);
        self
    }

    /// Sets [`any_subprotocol`](Self::any_subprotocol).
    #[must_use]
    pub const fn any_subprotocol(mut self, tolerated: bool) -> Self {
        self.any_subprotocol = tolerated;
        self
    }
}
