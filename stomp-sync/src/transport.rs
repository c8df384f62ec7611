//! Streams of octets: whatever carries STOMP.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A stream of octets in both directions.
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

    /// Waits for `patience` at most until there is something to be read, or room to write: whichever
    /// is wanted. `None` for ever.
    ///
    /// For clients [without threads](crate::Builder::manual). A transport that cannot wait for both
    /// at a time says [`io::ErrorKind::Unsupported`], as the default does, and is looked after
    /// every few milliseconds.
    ///
    /// # Errors
    ///
    /// When it cannot.
    fn wait(&self, read: bool, write: bool, patience: Option<Duration>) -> io::Result<()> {
        let _ = (read, write, patience);
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Transport for TcpStream {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        self.set_read_timeout(patience.map(at_least_a_moment))?;
        none_if_late((&mut { self }).read(buffer))
    }

    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        self.set_write_timeout(Some(at_least_a_moment(patience)))?;
        some_if_written(none_if_late((&mut { self }).write(octets))?)
    }

    fn close(&self) {
        // Fails only if the stream has ended already.
        let _ = self.shutdown(Shutdown::Both);
    }

    fn wait(&self, read: bool, write: bool, patience: Option<Duration>) -> io::Result<()> {
        poll(self, read, write, patience).map(drop)
    }
}

pub(crate) type BoxTransport = Box<dyn Transport>;

/// A socket whose time-outs are set once: they cost a system call each.
pub(crate) struct Tcp {
    stream: TcpStream,
    mode: Mode,
}

/// Who reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A thread each, which sleep in the system's calls.
    Threads,
    /// One that does both, and must not sleep in either.
    Alone,
}

/// How long a write may make no progress before its thread looks after other things.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

impl Tcp {
    pub(crate) fn new(stream: TcpStream, mode: Mode) -> io::Result<Self> {
        // Frames are written whole; waiting for more octets only delays them.
        stream.set_nodelay(true)?;
        match mode {
            Mode::Threads => {
                stream.set_read_timeout(None)?;
                stream.set_write_timeout(Some(SLICE))?;
            }
            Mode::Alone => stream.set_nonblocking(true)?,
        }
        Ok(Self { stream, mode })
    }
}

impl Transport for Tcp {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        let waits = patience != Some(Duration::ZERO);
        // A thread that may sleep as long as it takes has nothing to ask first.
        let sleeps = self.mode == Mode::Threads;
        if sleeps && patience.is_some() && !poll(&self.stream, true, false, patience)? {
            return Ok(None);
        }
        let read = none_if_late((&mut { &self.stream }).read(buffer))?;
        if read.is_some() || sleeps || !waits || !poll(&self.stream, true, false, patience)? {
            return Ok(read);
        }
        none_if_late((&mut { &self.stream }).read(buffer))
    }

    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        let written = none_if_late((&mut { &self.stream }).write(octets))?;
        if written.is_some() || self.mode == Mode::Threads || patience.is_zero() {
            return some_if_written(written);
        }
        if !poll(&self.stream, false, true, Some(patience))? {
            return Ok(None);
        }
        some_if_written(none_if_late((&mut { &self.stream }).write(octets))?)
    }

    fn close(&self) {
        self.stream.close();
    }

    fn wait(&self, read: bool, write: bool, patience: Option<Duration>) -> io::Result<()> {
        poll(&self.stream, read, write, patience).map(drop)
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// Waits until a socket can be read or written, and says whether it can. The standard library can
/// wait for one thing only.
fn poll(
    stream: &TcpStream,
    read: bool,
    write: bool,
    patience: Option<Duration>,
) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut wanted = PollFlags::empty();
    wanted.set(PollFlags::IN, read);
    wanted.set(PollFlags::OUT, write);
    // Longer than any clock of the system counts is for ever.
    let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
    match poll(&mut [PollFd::new(stream, wanted)], patience.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A time-out of zero would mean none at all, and so would one that the system cannot count.
fn at_least_a_moment(patience: Duration) -> Duration {
    patience.clamp(Duration::from_millis(1), Duration::from_secs(1 << 30))
}

fn some_if_written(written: Option<usize>) -> io::Result<Option<usize>> {
    match written {
        Some(0) => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
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
