//! TLS or WebSocket over another transport, with one thread that reads while another writes.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crate::transport::{BoxTransport, Transport};

/// What is done to the octets in between. Touches no socket.
pub(crate) trait Layer: Send + 'static {
    /// Takes octets that came from below, and says how many: at least one.
    fn feed(&mut self, octets: &[u8]) -> io::Result<usize>;

    /// Takes note that no more will come.
    fn feed_end(&mut self) -> io::Result<()>;

    /// Hands out what is in what came. `None` if that is not all there yet, 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>>;

    /// Takes octets that are to be written, and says how many: at least one.
    fn write(&mut self, octets: &[u8]) -> io::Result<usize>;

    /// Appends what is to be written below.
    fn drain(&mut self, octets: &mut Vec<u8>) -> io::Result<()>;

    /// Says goodbye.
    fn close(&mut self);
}

/// A transport with a layer on it.
///
/// Whoever waits for what is below holds the lock of its own direction, and never that of the
/// layer, which is in between.
pub(crate) struct Layered<L> {
    below: BoxTransport,
    layer: Mutex<L>,
    inbound: Mutex<Inbound>,
    outbound: Mutex<Outbound>,
}

/// What came from below, and the layer has not taken yet.
struct Inbound {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

/// What the layer wants written below.
#[derive(Default)]
struct Outbound {
    octets: Vec<u8>,
    written: usize,
    /// How much of what the caller gave is in here: told when all is written.
    accepted: usize,
}

/// A little more than the largest record of TLS.
const READ: usize = 20 << 10;

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(100);

impl<L: Layer> Layered<L> {
    /// Lets the layer talk to the other side until it is `ready`, until `deadline` at most.
    pub(crate) fn establish(
        mut layer: L,
        below: BoxTransport,
        deadline: Instant,
        ready: impl Fn(&mut L) -> io::Result<bool>,
    ) -> io::Result<Self> {
        let mut inbound = Inbound::new();
        let mut outbound = Outbound::default();
        loop {
            let ready = ready(&mut layer);
            layer.drain(&mut outbound.octets)?;
            // The other side is told what is wrong, too.
            let told = outbound.flush(&below, left_until(deadline))?;
            if ready? {
                break;
            }
            if !told {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match inbound.feed(&mut layer) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    layer.drain(&mut outbound.octets)?;
                    let _ = outbound.flush(&below, GOODBYE);
                    return Err(error);
                }
            }
            match below.read(&mut inbound.buffer, Some(left_until(deadline)))? {
                None => return Err(io::ErrorKind::TimedOut.into()),
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(octets) => (inbound.start, inbound.end) = (0, octets),
            }
        }
        Ok(Self {
            below,
            layer: Mutex::new(layer),
            inbound: Mutex::new(inbound),
            outbound: Mutex::new(outbound),
        })
    }

    /// Writes what the layer has to say by itself, unless somebody is writing anyway.
    fn answer(&self) -> io::Result<()> {
        let mut outbound = match self.outbound.try_lock() {
            Ok(outbound) => outbound,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        lock(&self.layer).drain(&mut outbound.octets)?;
        outbound.flush(&self.below, Duration::ZERO)?;
        Ok(())
    }
}

impl<L: Layer> Transport for Layered<L> {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut inbound = lock(&self.inbound);
        loop {
            let fed = {
                let mut layer = lock(&self.layer);
                if let Some(octets) = layer.read(buffer)? {
                    return Ok(Some(octets));
                }
                inbound.feed(&mut *layer)
            };
            self.answer()?;
            if fed? {
                continue;
            }
            match self
                .below
                .read(&mut inbound.buffer, deadline.map(left_until))?
            {
                None => return Ok(None),
                Some(0) => lock(&self.layer).feed_end()?,
                Some(octets) => (inbound.start, inbound.end) = (0, octets),
            }
        }
    }

    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        let mut outbound = lock(&self.outbound);
        // Otherwise the caller has come again with the same octets, and some are on their way.
        if outbound.accepted == 0 {
            let mut layer = lock(&self.layer);
            outbound.accepted = layer.write(octets)?;
            layer.drain(&mut outbound.octets)?;
        }
        if !outbound.flush(&self.below, patience)? {
            return Ok(None);
        }
        Ok(Some(std::mem::take(&mut outbound.accepted)))
    }

    fn close(&self) {
        lock(&self.layer).close();
        // Whoever closes has nothing to say any more, and nobody to say it to if this fails.
        if let Ok(mut outbound) = self.outbound.try_lock()
            && lock(&self.layer).drain(&mut outbound.octets).is_ok()
        {
            let _ = outbound.flush(&self.below, GOODBYE);
        }
        self.below.close();
    }
}

impl Inbound {
    fn new() -> Self {
        Self {
            buffer: vec![0; READ].into(),
            start: 0,
            end: 0,
        }
    }

    /// Gives the layer a part of what came. Says whether there was any.
    fn feed(&mut self, layer: &mut impl Layer) -> io::Result<bool> {
        let rest = &self.buffer[self.start..self.end];
        if rest.is_empty() {
            return Ok(false);
        }
        self.start += layer.feed(rest)?;
        Ok(true)
    }
}

impl Outbound {
    /// Writes, for `patience` at most. Says whether all was written.
    fn flush(&mut self, below: &BoxTransport, patience: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        while self.written < self.octets.len() {
            match below.write(&self.octets[self.written..], left_until(deadline))? {
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

fn left_until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl<L> fmt::Debug for Layered<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layered")
    }
}
