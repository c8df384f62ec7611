use std::fmt;
use std::io;
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
    pub(crate) async fn serve(
        self,
        shared: Arc<Shared>,
        node: usize,
        stream: TcpStream,
    ) -> io::Result<()> {
        match self {
            Self::Tcp => serve(shared, node, stream).await,
            #[cfg(feature = "tls")]
            Self::Tls(acceptor) => serve(shared, node, acceptor.accept(stream).await?).await,
            #[cfg(feature = "websocket")]
            Self::WebSocket => {
                let stream = super::websocket::accept(stream).await?;
                serve(shared, node, stream).await;
            }
            #[cfg(all(feature = "tls", feature = "websocket"))]
            Self::SecureWebSocket(acceptor) => {
                let stream = acceptor.accept(stream).await?;
                let stream = super::websocket::accept(stream).await?;
                serve(shared, node, stream).await;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme().0)
    }
}
