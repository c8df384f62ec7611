//! Streams of octets, and how to get one to a broker of the failover URI.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use stomp_failover::Broker;

use crate::network::Network;

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
    /// time is up; then the same octets come again.
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

/// What the scheme of the broker says.
impl From<Network> for Connector {
    fn from(network: Network) -> Self {
        Self(Arc::new(move |broker, patience| {
            network.connect(&broker, patience)
        }))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
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
