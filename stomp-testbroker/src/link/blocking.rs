use std::io;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};

use super::memory::Link;

/// An in-memory link to the broker, for blocking clients.
///
/// Opened by [`TestBroker::connect_memory`](crate::TestBroker::connect_memory). Works as a
/// `TcpStream` does: clones share the connection, so that one thread can read while another writes,
/// and the last one to be dropped closes it. What is written is handled by the broker before the
/// write returns.
#[derive(Clone, Debug)]
pub struct MemoryStream {
    link: Arc<Link>,
    /// Taken from the broker, not yet read.
    received: Arc<Mutex<Bytes>>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl MemoryStream {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link: Arc::new(link),
            received: Arc::default(),
            read_timeout: None,
            write_timeout: None,
        }
    }

    /// Limits how long a read of this clone blocks; it then fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock). `None`, the default, is for ever.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// Limits how long a write of this clone blocks, as the broker takes no more. `None`, the
    /// default, is for ever.
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.write_timeout = timeout;
    }

    /// Closes the connection for all clones: they read what the broker still has to say, then the
    /// end.
    pub fn shutdown(&self) {
        let Link { shared, id } = &*self.link;
        shared.with(|broker| broker.handle_eof(*id, Instant::now()));
    }
}

impl Read for MemoryStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        if received.is_empty() {
            let Link { shared, id } = &*self.link;
            let deadline = self.read_timeout.map(|timeout| Instant::now() + timeout);
            let output =
                shared.wait_with(deadline, |broker| broker.poll_output(*id, Instant::now()));
            match output {
                Some(Some(output)) => *received = output,
                Some(None) => return Ok(0),
                None => return Err(io::ErrorKind::WouldBlock.into()),
            }
        }
        let count = received.len().min(buf.len());
        received.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

impl Write for MemoryStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let Link { shared, id } = &*self.link;
        let deadline = self.write_timeout.map(|timeout| Instant::now() + timeout);
        shared
            .wait_with(deadline, |broker| {
                broker.poll_input(*id, buf, Instant::now())
            })
            .unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
