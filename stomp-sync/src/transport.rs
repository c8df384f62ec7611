//! From a broker of the failover URI to a stream of octets.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_failover::Broker;

#[cfg(feature = "tls")]
use crate::tls_stream::TlsStream;

/// A stream of octets in both directions: whatever carries STOMP.
///
/// Reading and writing take a shared reference, since each may have its thread; neither may keep
/// the other waiting.
pub trait Transport: Send + Sync + 'static {
    /// Reads what there is, and waits for it for `patience`; `None` waits for ever. `Ok(None)`
    /// means that time is up, `Ok(Some(0))` that the stream has ended.
    ///
    /// # Errors
    ///
    /// When the stream has failed.
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>>;

    /// Writes what there is room for, and waits for room for `patience`. `Ok(None)` means that
    /// time is up.
    ///
    /// # Errors
    ///
    /// When the stream has failed.
    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>>;

    /// Ends both directions, also for a thread that reads just now.
    fn close(&self);
}

impl Transport for TcpStream {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        self.set_read_timeout(patience.map(at_least_a_moment))?;
        none_if_late((&mut { self }).read(buffer))
    }

    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        self.set_write_timeout(Some(at_least_a_moment(patience)))?;
        match none_if_late((&mut { self }).write(octets))? {
            Some(0) => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }

    fn close(&self) {
        // Fails only if the stream has ended already.
        let _ = self.shutdown(Shutdown::Both);
    }
}

pub(crate) type BoxTransport = Box<dyn Transport>;

/// Opens the transport to a broker, in the time that it is given.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Open>);

type Open = dyn Fn(Broker, Duration) -> io::Result<BoxTransport> + Send + Sync;

impl Connector {
    pub(crate) fn new<F, T>(connect: F) -> Self
    where
        F: Fn(Broker, Duration) -> io::Result<T> + Send + Sync + 'static,
        T: Transport,
    {
        Self(Arc::new(move |broker, patience| {
            Ok(Box::new(connect(broker, patience)?))
        }))
    }

    pub(crate) fn connect(&self, broker: Broker, patience: Duration) -> io::Result<BoxTransport> {
        (self.0)(broker, patience)
    }
}

/// The network.
impl Connector {
    /// TCP. In a URI with brokers of other schemes, these cannot be reached.
    pub(crate) fn tcp() -> Self {
        Self::new(plain)
    }

    /// TCP, and TLS where the scheme of the broker says so.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(tls: crate::Tls) -> Result<Self, crate::TlsError> {
        let config = tls.config()?;
        Ok(Self(Arc::new(move |broker, patience| {
            if !broker.uses_tls() {
                return Ok(Box::new(plain(broker, patience)?));
            }
            let deadline = Instant::now() + patience;
            let name = tls.name_of(&broker).map_err(io::Error::other)?;
            let stream = tcp(&broker, patience)?;
            let stream = TlsStream::connect(config.clone(), name, stream, deadline)?;
            Ok(Box::new(stream))
        })))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

fn plain(broker: Broker, patience: Duration) -> io::Result<TcpStream> {
    if broker.uses_tls() {
        let what = "TLS is not built in (feature `tls`)";
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
    tcp(&broker, patience)
}

/// How long a single address may take. The broker as a whole has the connect time-out.
const PER_ADDRESS: Duration = Duration::from_secs(5);

/// Tries the addresses of the broker one after the other, for `patience` in all.
fn tcp(broker: &Broker, patience: Duration) -> io::Result<TcpStream> {
    if broker.uses_websocket() {
        let what = "WebSocket is not built in; there is `Builder::transport`";
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
    let deadline = Instant::now() + patience;
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

/// A time-out of zero would mean none at all.
fn at_least_a_moment(patience: Duration) -> Duration {
    patience.max(Duration::from_millis(1))
}

fn none_if_late(result: io::Result<usize>) -> io::Result<Option<usize>> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    match result {
        Ok(octets) => Ok(Some(octets)),
        Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
