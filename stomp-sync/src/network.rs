//! What the scheme of a broker means: TCP, and what goes over it.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use stomp_failover::Broker;

use crate::transport::BoxTransport;

pub(crate) struct Network {
    /// How to secure connections; `None` if no broker of the URI wants that.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<(crate::Tls, std::sync::Arc<rustls::ClientConfig>)>,
    /// The octets that a WebSocket message may have.
    #[cfg(feature = "websocket")]
    pub(crate) largest_message: usize,
}

impl Network {
    pub(crate) fn connect(&self, broker: &Broker, patience: Duration) -> io::Result<BoxTransport> {
        if broker.uses_tls() && !cfg!(feature = "tls") {
            return Err(unsupported("TLS is not built in (feature `tls`)"));
        }
        if broker.uses_websocket() && !cfg!(feature = "websocket") {
            return Err(unsupported(
                "WebSocket is not built in (feature `websocket`)",
            ));
        }
        let deadline = Instant::now() + patience;
        let stream: BoxTransport = Box::new(tcp(broker, deadline)?);
        #[cfg(feature = "tls")]
        let stream = match &self.tls {
            Some((tls, config)) if broker.uses_tls() => {
                let name = tls.name_of(broker).map_err(io::Error::other)?;
                crate::tls_layer::secure(config.clone(), name, stream, deadline)?
            }
            _ => stream,
        };
        #[cfg(feature = "websocket")]
        let stream = match broker.uses_websocket() {
            true => crate::websocket::connect(broker, stream, self.largest_message, deadline)?,
            false => stream,
        };
        Ok(stream)
    }
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, what)
}

/// How long a single address may take. The broker as a whole has the connect time-out.
const PER_ADDRESS: Duration = Duration::from_secs(5);

/// Tries the addresses of the broker one after the other, until `deadline` at most.
fn tcp(broker: &Broker, deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in (broker.host(), broker.port()).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match open(address, left.min(PER_ADDRESS)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, patience)?;
    // Frames are written whole; waiting for more octets only delays them.
    stream.set_nodelay(true)?;
    Ok(stream)
}
