//! From a broker of the failover URI to a stream of octets.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use stomp_failover::Broker;

/// A connected stream. Reading and writing take a shared reference, so that each has its thread.
#[derive(Debug)]
pub(crate) struct Transport(TcpStream);

/// How long a single address may take. The broker as a whole has the connect time-out.
const PER_ADDRESS: Duration = Duration::from_secs(5);

/// How long a write may make no progress before the keeper looks at its timers again.
const WRITE_SLICE: Duration = Duration::from_millis(500);

impl Transport {
    /// Tries the addresses of the broker one after the other, for `patience` in all.
    pub(crate) fn connect(broker: &Broker, patience: Duration) -> io::Result<Self> {
        if broker.uses_tls() || broker.uses_websocket() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!(
                    "{} is not supported yet, use tcp:// or stomp://",
                    broker.scheme()
                ),
            ));
        }
        let deadline = Instant::now() + patience;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
        for address in (broker.host(), broker.port()).to_socket_addrs()? {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match Self::open(address, left.min(PER_ADDRESS)) {
                Ok(transport) => return Ok(transport),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn open(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        // Frames are written whole; waiting for more octets only delays them.
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_SLICE))?;
        Ok(Self(stream))
    }

    /// Reads; `patience` of `None` waits for ever. `Ok(None)` means that time is up.
    pub(crate) fn read(
        &self,
        buffer: &mut [u8],
        patience: Option<Duration>,
    ) -> io::Result<Option<usize>> {
        // A time-out of zero would mean none at all.
        let patience = patience.map(|patience| patience.max(Duration::from_millis(1)));
        self.0.set_read_timeout(patience)?;
        none_if_late((&self.0).read(buffer))
    }

    /// Writes what there is room for. `Ok(None)` means that there is none for now.
    pub(crate) fn write(&self, octets: &[u8]) -> io::Result<Option<usize>> {
        match none_if_late((&self.0).write(octets))? {
            Some(0) => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }

    /// Ends both directions, also for a thread that reads just now.
    pub(crate) fn close(&self) {
        // Fails only if the stream has ended already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

fn none_if_late(result: io::Result<usize>) -> io::Result<Option<usize>> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    match result {
        Ok(octets) => Ok(Some(octets)),
        Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
