//! One connection: a transport, what lies on top of it, and what is under way.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use stomp_session::TransportError;
use stomp_session::engine::{Engine, LinkId, LinkInfo};
use stomp_session::layers::{LayerError, Layers, Read};

use crate::sync::{self, Mutex, now};
use crate::transport::BoxTransport;

/// Who has the engine that a connection works for.
pub(crate) trait HasEngine {
    /// Does something with the engine, and what follows from it.
    fn with<T>(&self, call: impl FnOnce(&mut Engine) -> T) -> T;
}

/// A connection. One thread may write while another reads; neither holds the client's lock meanwhile.
pub(crate) struct Io {
    pub(crate) link: LinkId,
    transport: BoxTransport,
    /// `None` where the octets of the transport are those of STOMP.
    layers: Option<Mutex<Layers>>,
    inbound: Mutex<Inbound>,
    outbound: Mutex<Outbound>,
    /// The layers have something to say by themselves. Noted here, since nobody may ask them while he
    /// holds the client's lock.
    own_words: AtomicBool,
}

struct Inbound {
    /// What was read, and is no whole frame.
    octets: BytesMut,
    buffer: Box<[u8]>,
}

/// What is being written.
#[derive(Default)]
struct Outbound {
    piece: Bytes,
    /// The same in layers, and what these have to say by themselves.
    raw: Vec<u8>,
}

/// How much is read at a time. Messages that the application keeps pin a buffer of this size.
const READ: usize = 16 << 10;

/// How a call that writes has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// There is nothing more to be written.
    All,
    /// The peer takes nothing for now.
    Stuck,
    /// Another thread writes.
    Busy,
    /// The connection is over.
    Over,
}

/// How a call that reads has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Octets,
    Nothing,
    Over,
}

/// A transport on its way to become a connection.
pub(crate) struct Handshake {
    transport: BoxTransport,
    layers: Option<Layers>,
}

impl Handshake {
    pub(crate) fn new(transport: BoxTransport, layers: Layers) -> Self {
        let layers = (!layers.is_plain()).then_some(layers);
        Self { transport, layers }
    }

    /// Goes through the handshakes of the layers, until `deadline` at most.
    pub(crate) fn finish(&mut self, deadline: Option<Instant>) -> Result<(), String> {
        let Some(layers) = &mut self.layers else {
            return Ok(());
        };
        let mut buffer = vec![0; READ];
        let mut early = BytesMut::new();
        loop {
            let patience = left_until(deadline);
            if patience.is_some_and(|left| left.is_zero()) {
                return Err("no answer in time".to_owned());
            }
            while !layers.outgoing().is_empty() {
                let slice = patience.unwrap_or(Duration::from_secs(1));
                match self.transport.write(layers.outgoing(), slice) {
                    Ok(Some(octets)) => drop(layers.written(octets)),
                    Ok(None) => break,
                    Err(error) => return Err(TransportError::from(&error).to_string()),
                }
            }
            if layers.is_open() {
                return Ok(());
            }
            match self.transport.read(&mut buffer, patience) {
                Ok(Some(0)) => layers.receive_end(),
                Ok(Some(octets)) => {
                    let mut came = &buffer[..octets];
                    while !came.is_empty() {
                        came = &came[layers.receive(came)..];
                        look(layers, &mut early)?;
                    }
                }
                Ok(None) => {}
                Err(error) => return Err(TransportError::from(&error).to_string()),
            }
            look(layers, &mut early)?;
        }
    }

    pub(crate) fn info(&self, secure: bool) -> LinkInfo {
        match &self.layers {
            None => LinkInfo::plain().secure(secure),
            Some(layers) => LinkInfo::plain()
                .secure(secure || layers.is_secure())
                .pieces(layers.pieces()),
        }
    }

    pub(crate) fn into_io(self, link: LinkId) -> Io {
        Io {
            link,
            transport: self.transport,
            layers: self.layers.map(Mutex::new),
            inbound: Mutex::new(Inbound {
                octets: BytesMut::new(),
                buffer: vec![0; READ].into(),
            }),
            outbound: Mutex::default(),
            own_words: AtomicBool::new(false),
        }
    }

    pub(crate) fn close(&self) {
        self.transport.close();
    }
}

/// Looks for what is wrong. There is nothing to be read yet: the server speaks after CONNECT.
fn look(layers: &mut Layers, early: &mut BytesMut) -> Result<(), String> {
    loop {
        match layers.read(early, 0) {
            Ok(Read::Dry) => return Ok(()),
            Ok(Read::Octets { count: 0, .. }) if layers.is_open() => return Ok(()),
            Ok(Read::Octets { .. }) => {}
            Ok(Read::End(close)) => {
                let close = close.as_ref().map(TransportError::from);
                let why = close.map(|close| close.to_string());
                return Err(why.unwrap_or_else(|| "the connection was closed".to_owned()));
            }
            Err(error) => return Err(TransportError::from(&error).to_string()),
        }
    }
}

impl Io {
    /// Writes what there is to be written, until there is no more of it, no room, or `until`. If
    /// another thread writes, it goes on with that.
    pub(crate) fn write(
        &self,
        client: &impl HasEngine,
        slice: Duration,
        until: Option<Instant>,
    ) -> Wrote {
        let Some(mut outbound) = self.outbound.try_lock() else {
            return Wrote::Busy;
        };
        loop {
            let full = match &self.layers {
                None => self.next_piece(client, &mut outbound),
                Some(layers) => self.next_raw(client, layers, &mut outbound),
            };
            match full {
                Ok(true) => {}
                Ok(false) => return Wrote::All,
                Err(error) => return self.fail(client, &error),
            }
            let patience = left_until(until).map_or(slice, |left| left.min(slice));
            let written = match &self.layers {
                None => self.transport.write(&outbound.piece, patience),
                Some(_) => self.transport.write(&outbound.raw, patience),
            };
            match written {
                Ok(Some(octets)) => self.account(client, &mut outbound, octets),
                Ok(None) => return Wrote::Stuck,
                Err(error) => return self.fail(client, &error),
            }
            if left_until(until).is_some_and(|left| left.is_zero()) {
                return Wrote::Stuck;
            }
        }
    }

    /// Tells whether somebody writes just now.
    pub(crate) fn is_busy(&self) -> bool {
        self.outbound.try_lock().is_none()
    }

    /// Tells whether a piece was handed out and is not written yet.
    pub(crate) fn is_writing(&self) -> bool {
        match self.outbound.try_lock() {
            Some(outbound) => !outbound.piece.is_empty() || !outbound.raw.is_empty(),
            None => true,
        }
    }

    /// Finds out whether the layers have something to say by themselves, and takes note of it.
    pub(crate) fn take_note_of_own_words(&self) -> bool {
        let layers = self.layers.as_ref().map(Mutex::lock);
        let any = layers.is_some_and(|layers| !layers.outgoing().is_empty());
        if any {
            self.own_words.store(true, Ordering::SeqCst);
        }
        any
    }

    /// Tells whether that was noted since it was last written.
    pub(crate) fn has_own_words(&self) -> bool {
        self.own_words.load(Ordering::SeqCst)
    }

    fn next_piece(&self, client: &impl HasEngine, outbound: &mut Outbound) -> io::Result<bool> {
        if outbound.piece.is_empty() {
            // The piece that was written may belong to somebody who wants to know when it goes.
            outbound.piece = Bytes::new();
            let piece = client.with(|engine| engine.poll_transmit(self.link, now()));
            outbound.piece = piece.unwrap_or_default();
        }
        Ok(!outbound.piece.is_empty())
    }

    fn next_raw(
        &self,
        client: &impl HasEngine,
        layers: &Mutex<Layers>,
        outbound: &mut Outbound,
    ) -> io::Result<bool> {
        if !outbound.raw.is_empty() {
            return Ok(true);
        }
        self.own_words.store(false, Ordering::SeqCst);
        let mut layers = layers.lock();
        while layers.wants_piece() {
            let piece = client.with(|engine| engine.poll_transmit(self.link, now()));
            let Some(piece) = piece else { break };
            layers.write(&piece).map_err(io::Error::from)?;
        }
        layers.take_outgoing(&mut outbound.raw);
        Ok(!outbound.raw.is_empty())
    }

    fn account(&self, client: &impl HasEngine, outbound: &mut Outbound, octets: usize) {
        let octets = match &self.layers {
            None => {
                outbound.piece.advance(octets);
                octets
            }
            Some(layers) => {
                outbound.raw.drain(..octets);
                layers.lock().written(octets)
            }
        };
        if octets > 0 {
            client.with(|engine| engine.handle_written(self.link, octets, now()));
        }
    }

    /// Reads once, for `patience` at most, and hands on what came.
    pub(crate) fn read(&self, client: &impl HasEngine, patience: Option<Duration>) -> Heard {
        let Some(mut inbound) = self.inbound.try_lock() else {
            return Heard::Nothing;
        };
        let Inbound { octets, buffer } = &mut *inbound;
        match self.transport.read(buffer, patience) {
            Ok(None) => return Heard::Nothing,
            Ok(Some(0)) => match &self.layers {
                None => self.end(client, None),
                Some(layers) => {
                    layers.lock().receive_end();
                    self.hand_on(client, layers, &[], octets);
                }
            },
            Ok(Some(count)) => match &self.layers {
                None => {
                    octets.extend_from_slice(&buffer[..count]);
                    while client.with(|engine| engine.handle_data(self.link, octets, false, now()))
                    {
                    }
                }
                Some(layers) => self.hand_on(client, layers, &buffer[..count], octets),
            },
            Err(error) => drop(self.fail(client, &error)),
        }
        match client.with(|engine| engine.is_open(self.link)) {
            true => Heard::Octets,
            false => Heard::Over,
        }
    }

    /// Unwraps what came.
    fn hand_on(
        &self,
        client: &impl HasEngine,
        layers: &Mutex<Layers>,
        mut came: &[u8],
        octets: &mut BytesMut,
    ) {
        loop {
            let read = {
                let mut layers = layers.lock();
                came = &came[layers.receive(came)..];
                layers.read(octets, READ)
            };
            match read {
                Ok(Read::Octets { end_of_message, .. }) => {
                    let more = |end| {
                        client.with(|engine| engine.handle_data(self.link, octets, end, now()))
                    };
                    let mut more = more;
                    while more(end_of_message) {}
                }
                Ok(Read::Dry) if came.is_empty() => return,
                Ok(Read::Dry) => {}
                Ok(Read::End(close)) => {
                    let why = close.filter(|close| close.code != Some(1000));
                    let why = why.as_ref().map(TransportError::from);
                    return self.end(client, why.as_ref());
                }
                Err(error) => {
                    self.say_goodbye(layers, &error);
                    self.fail(client, &error.into());
                    return;
                }
            }
        }
    }

    /// The layers may want to say why they give up.
    fn say_goodbye(&self, layers: &Mutex<Layers>, _: &LayerError) {
        let mut raw = Vec::new();
        layers.lock().take_outgoing(&mut raw);
        // Nothing depends on it.
        let _ = self.transport.write(&raw, Duration::from_millis(100));
    }

    fn end(&self, client: &impl HasEngine, why: Option<&TransportError>) {
        let error = why.map(|why| io::Error::other(why.to_string()));
        client.with(|engine| engine.handle_closed(self.link, error.as_ref(), now()));
    }

    fn fail(&self, client: &impl HasEngine, error: &io::Error) -> Wrote {
        client.with(|engine| engine.handle_closed(self.link, Some(error), now()));
        Wrote::Over
    }

    /// Waits until it can be read or written, if the transport can.
    pub(crate) fn wait(&self, read: bool, patience: Option<Duration>) {
        let write = self.is_writing();
        if self.transport.wait(read, write, patience).is_err() {
            let soon = Duration::from_millis(10);
            let slice = patience.map_or(soon, |patience| patience.min(soon));
            sync::sleep(slice);
        }
    }

    /// Says goodbye in the layers, and ends it, also for a thread that reads just now.
    pub(crate) fn close(&self) {
        if let Some(layers) = &self.layers {
            let mut raw = Vec::new();
            let mut layers = layers.lock();
            layers.close();
            layers.take_outgoing(&mut raw);
            drop(layers);
            let _ = self.transport.write(&raw, Duration::from_millis(100));
        }
        self.transport.close();
    }
}

pub(crate) fn left_until(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(now()))
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
