use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::stream::serve;
use crate::shared::Shared;

/// How clients talk to a port.
#[derive(Clone)]
pub(crate) enum Transport {
    Tcp,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
    #[cfg(feature = "websocket")]
    WebSocket,
    #[cfg(all(feature = "tls", feature = "websocket"))]
    SecureWebSocket(tokio_rustls::TlsAcceptor),
}

impl Transport {
    /// The scheme of a URL that leads here, and what follows the address in it.
    pub(crate) fn scheme(&self) -> (&'static str, &'static str) {
        match self {
            Self::Tcp => ("stomp", ""),
            #[cfg(feature = "tls")]
            Self::Tls(_) => ("stomp+ssl", ""),
            #[cfg(feature = "websocket")]
            Self::WebSocket => ("ws", "/ws"),
            #[cfg(all(feature = "tls", feature = "websocket"))]
            Self::SecureWebSocket(_) => ("wss", "/ws"),
        }
    }

    /// Shakes hands, and serves the client to its end.
    ///
    /// Each kind is boxed by itself, so that a plain connection has no room for a TLS handshake.
    pub(crate) fn serve(self, shared: Arc<Shared>, node: usize, stream: TcpStream) -> Service {
        match self {
            Self::Tcp => Box::pin(serve(shared, node, stream)),
            #[cfg(feature = "tls")]
            Self::Tls(acceptor) => Box::pin(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(shared, node, stream).await;
                }
            }),
            #[cfg(feature = "websocket")]
            Self::WebSocket => Box::pin(async move {
                if let Ok(stream) = super::websocket::accept(stream).await {
                    serve(shared, node, stream).await;
                }
            }),
            #[cfg(all(feature = "tls", feature = "websocket"))]
            Self::SecureWebSocket(acceptor) => Box::pin(async move {
                if let Ok(stream) = acceptor.accept(stream).await
                    && let Ok(stream) = super::websocket::accept(stream).await
                {
                    serve(shared, node, stream).await;
                }
            }),
        }
    }
}

/// A connection being served; at its end when the client has left, or never got in.
pub(crate) type Service = Pin<Box<dyn Future<Output = ()> + Send>>;

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme().0)
    }
}
