//! TLS over TCP, with one thread that reads while another writes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::transport::Transport;

/// A TLS connection.
///
/// Whoever waits for the socket holds the lock of its own direction, and never that of the
/// cryptography, which is in between.
pub(crate) struct TlsStream {
    socket: TcpStream,
    tls: Mutex<ClientConnection>,
    inbound: Mutex<Inbound>,
    outbound: Mutex<Outbound>,
}

/// What came, and is still to be decrypted.
struct Inbound {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

/// What is encrypted, and still to be written.
#[derive(Default)]
struct Outbound {
    octets: Vec<u8>,
    written: usize,
    /// How much of what the caller gave is in here: told when all is written.
    accepted: usize,
}

/// A little more than the largest record.
const READ: usize = 20 << 10;

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(100);

impl TlsStream {
    /// Makes the handshake, until `deadline` at most.
    pub(crate) fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        mut socket: TcpStream,
        deadline: Instant,
    ) -> io::Result<Self> {
        let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            socket.set_read_timeout(Some(left))?;
            socket.set_write_timeout(Some(left))?;
            if tls.wants_write() {
                tls.write_tls(&mut socket).map_err(late)?;
            } else if tls.read_tls(&mut socket).map_err(late)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            } else if let Err(error) = tls.process_new_packets() {
                // The broker is told what is wrong, if it still listens.
                let _ = tls.write_tls(&mut socket);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
        let inbound = Inbound {
            buffer: vec![0; READ].into(),
            start: 0,
            end: 0,
        };
        Ok(Self {
            socket,
            tls: Mutex::new(tls),
            inbound: Mutex::new(inbound),
            outbound: Mutex::default(),
        })
    }

    /// Writes what the cryptography has to say by itself, unless somebody is writing anyway.
    fn answer(&self) -> io::Result<()> {
        let mut outbound = match self.outbound.try_lock() {
            Ok(outbound) => outbound,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        outbound.fill(&mut lock(&self.tls))?;
        outbound.flush(&self.socket, Duration::ZERO)?;
        Ok(())
    }
}

impl Transport for TlsStream {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut inbound = lock(&self.inbound);
        loop {
            let (progress, wants_write) = {
                let mut tls = lock(&self.tls);
                match tls.reader().read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read.map(Some),
                }
                (inbound.decrypt(&mut tls), tls.wants_write())
            };
            if wants_write {
                self.answer()?;
            }
            if progress? {
                continue;
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match Transport::read(&self.socket, &mut inbound.buffer, left)? {
                None => return Ok(None),
                Some(0) => _ = lock(&self.tls).read_tls(&mut io::empty())?,
                Some(octets) => (inbound.start, inbound.end) = (0, octets),
            }
        }
    }

    /// After `Ok(None)` the caller comes again with the same octets: some are on their way.
    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        let mut outbound = lock(&self.outbound);
        if outbound.accepted == 0 {
            let mut tls = lock(&self.tls);
            outbound.accepted = tls.writer().write(octets)?;
            if outbound.accepted == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            outbound.fill(&mut tls)?;
        }
        if !outbound.flush(&self.socket, patience)? {
            return Ok(None);
        }
        Ok(Some(std::mem::take(&mut outbound.accepted)))
    }

    fn close(&self) {
        lock(&self.tls).send_close_notify();
        // Whoever closes has nothing to say any more, and nobody to say it to if this fails.
        if let Ok(mut outbound) = self.outbound.try_lock()
            && outbound.fill(&mut lock(&self.tls)).is_ok()
        {
            let _ = outbound.flush(&self.socket, GOODBYE);
        }
        Transport::close(&self.socket);
    }
}

impl Inbound {
    /// Decrypts a part of what came. Says whether there was any.
    fn decrypt(&mut self, tls: &mut ClientConnection) -> io::Result<bool> {
        let mut rest = &self.buffer[self.start..self.end];
        if rest.is_empty() {
            return Ok(false);
        }
        self.start += tls.read_tls(&mut rest)?;
        match tls.process_new_packets() {
            Ok(_) => Ok(true),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}

impl Outbound {
    /// Takes what the cryptography wants written.
    fn fill(&mut self, tls: &mut ClientConnection) -> io::Result<()> {
        while tls.wants_write() {
            tls.write_tls(&mut self.octets)?;
        }
        Ok(())
    }

    /// Writes, for `patience` at most. Says whether all was written.
    fn flush(&mut self, socket: &TcpStream, patience: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        while self.written < self.octets.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            match Transport::write(socket, &self.octets[self.written..], left)? {
                Some(octets) => self.written += octets,
                None => return Ok(false),
            }
        }
        self.octets.clear();
        self.written = 0;
        Ok(true)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket with a time-out says that it would block when time is up.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsStream").field(&self.socket).finish()
    }
}
