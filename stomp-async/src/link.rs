//! A transport that is open: moves octets between it and the engine.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use stomp_session::engine::{Engine, LinkId};
use stomp_session::layers::{Layers, Read};
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::dialler::{Opened, READ};
use crate::runtime::{Timer, now};
use crate::shared::Shared;
use crate::transport::BoxTransport;

pub(crate) struct Link {
    id: LinkId,
    transport: BoxTransport,
    layers: Option<Layers>,
    /// Octets of the transport that the layers have not taken yet.
    raw: BytesMut,
    /// Octets of STOMP that the engine has not taken yet.
    inbound: BytesMut,
    /// The engine would go on with these at once, up to the end of a message, perhaps.
    undigested: Option<EndOfMessage>,
    /// The piece that is being written, unless the layers have it.
    piece: Bytes,
    /// Something was written since the last flush: some transports keep it until then.
    unflushed: bool,
    /// Why nothing can be written any more. What has come is still read before that is told.
    broken: Option<io::Error>,
    /// What the engine wanted when we last looked.
    wants: Wants,
    doubt: Doubt,
    stage: Stage,
}

type EndOfMessage = bool;

/// Where a link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The engine was told that it has ended, and will have it closed.
    Ended,
    /// What is left is written until this instant; `None`: nothing is.
    Closing(Option<Instant>),
    /// The other side was told that nothing follows.
    SaidGoodbye(Option<Instant>),
    Closed,
}

/// What the engine wants of whoever reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wants {
    read: bool,
    /// To know whether there is nothing to be read.
    dry: bool,
}

/// How far we have come with finding out whether there is nothing to be read.
#[derive(Debug)]
enum Doubt {
    None,
    /// Until the runtime has asked the system again: after a process stood still it believes what
    /// was so before.
    Waiting(Timer),
    /// If the next read finds nothing, there is nothing.
    Almost,
}

/// How long the runtime takes at most to ask the system what has come.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// What a read has found.
enum Found {
    /// Octets for the engine.
    Octets(EndOfMessage),
    /// Octets that were none of the engine's.
    Others,
    End,
}

impl Link {
    pub(crate) fn new(id: LinkId, opened: Opened) -> Self {
        Self {
            id,
            transport: opened.transport,
            layers: opened.layers,
            raw: opened.raw,
            inbound: BytesMut::new(),
            undigested: None,
            piece: Bytes::new(),
            unflushed: false,
            broken: None,
            wants: Wants::default(),
            doubt: Doubt::None,
            stage: Stage::Open,
        }
    }

    pub(crate) fn id(&self) -> LinkId {
        self.id
    }

    /// Moves what can be moved now, a slice in each direction. Says whether that was anything.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, shared: &Shared) -> bool {
        match self.stage {
            Stage::Open => {
                let read = self.read(cx, shared);
                let written = self.write(cx, shared);
                read || written
            }
            Stage::Closing(until) | Stage::SaidGoodbye(until) => self.finish(cx, shared, until),
            Stage::Ended | Stage::Closed => false,
        }
    }

    /// Begins to close, having written until then what there is to be written.
    pub(crate) fn close(&mut self, flush: Option<Instant>) {
        self.stage = Stage::Closing(flush);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    /// When it is closed at the latest, if it is about to be.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Closing(until) | Stage::SaidGoodbye(until) => until,
            _ => None,
        }
    }

    /// Tells whether it would write what there is to be written: not while a piece is under way.
    pub(crate) fn is_writable(&self) -> bool {
        self.stage == Stage::Open && self.broken.is_none() && self.outgoing().is_empty()
    }

    /// Tells whether the engine wants something else of it by now.
    pub(crate) fn is_behind(&self, engine: &Engine) -> bool {
        self.stage == Stage::Open && self.wants != Wants::of(engine, self.id)
    }
}

/// Reading.
impl Link {
    fn read(&mut self, cx: &mut Context<'_>, shared: &Shared) -> bool {
        self.wants = shared.with(|state| Wants::of(&state.engine, self.id));
        if !self.wants.read {
            return match self.broken.take() {
                Some(error) => self.ended(shared, Some(&error)),
                None => false,
            };
        }
        let found = match self.undigested {
            Some(end) => Poll::Ready(Ok(Found::Octets(end))),
            None => self.fetch(cx),
        };
        match found {
            Poll::Pending => return self.dry(cx, shared),
            Poll::Ready(Ok(Found::Octets(end))) => {
                let (id, inbound) = (self.id, &mut self.inbound);
                let now = now();
                let more = shared.with(|state| state.engine.handle_data(id, inbound, end, now));
                self.undigested = more.then_some(end);
            }
            Poll::Ready(Ok(Found::Others)) => {}
            Poll::Ready(Ok(Found::End)) => return self.ended(shared, None),
            Poll::Ready(Err(error)) => return self.ended(shared, Some(&error)),
        }
        self.doubt = Doubt::None;
        true
    }

    /// Reads once, through the layers if there are any.
    fn fetch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Found>> {
        let Some(layers) = &mut self.layers else {
            let octets = ready!(read(&mut self.transport, &mut self.inbound, cx))?;
            return Poll::Ready(Ok(match octets {
                0 => Found::End,
                _ => Found::Octets(false),
            }));
        };
        if let Some(found) = through(layers, &mut self.raw, &mut self.inbound)? {
            return Poll::Ready(Ok(found));
        }
        if ready!(read(&mut self.transport, &mut self.raw, cx))? == 0 {
            layers.receive_end();
        }
        let found = through(layers, &mut self.raw, &mut self.inbound)?;
        Poll::Ready(Ok(found.unwrap_or(Found::Others)))
    }

    /// There was nothing to be read.
    fn dry(&mut self, cx: &mut Context<'_>, shared: &Shared) -> bool {
        if let Some(error) = self.broken.take() {
            return self.ended(shared, Some(&error));
        }
        if !self.wants.dry {
            self.doubt = Doubt::None;
            return false;
        }
        if let Doubt::None = self.doubt {
            self.doubt = Doubt::Waiting(Timer::after(LOOK_AROUND));
        }
        match &mut self.doubt {
            Doubt::Waiting(time) => match time.poll(cx) {
                Poll::Ready(()) => self.doubt = Doubt::Almost,
                Poll::Pending => return false,
            },
            _ => {
                self.doubt = Doubt::None;
                let (id, now) = (self.id, now());
                shared.with(|state| state.engine.handle_read_dry(id, now));
            }
        }
        true
    }

    fn ended(&mut self, shared: &Shared, why: Option<&io::Error>) -> bool {
        self.stage = Stage::Ended;
        let (id, now) = (self.id, now());
        shared.with(|state| state.engine.handle_closed(id, why, now));
        true
    }
}

/// Writing.
impl Link {
    fn write(&mut self, cx: &mut Context<'_>, shared: &Shared) -> bool {
        if self.broken.is_some() {
            return false;
        }
        match self.try_write(cx, shared) {
            Poll::Ready(Ok(moved)) => moved,
            Poll::Ready(Err(error)) => {
                self.broken = Some(error);
                true
            }
            Poll::Pending => false,
        }
    }

    /// Writes a part of the piece under way, or of the next one; or flushes, if there is none.
    fn try_write(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<io::Result<bool>> {
        if self.outgoing().is_empty() {
            self.next_piece(shared)?;
        }
        let outgoing = match &self.layers {
            None => &self.piece[..],
            Some(layers) => layers.outgoing(),
        };
        let transport = Pin::new(&mut self.transport);
        if outgoing.is_empty() {
            if self.unflushed {
                ready!(transport.poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Ready(Ok(false));
        }
        let octets = ready!(transport.poll_write(cx, outgoing))?;
        if octets == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        let stomp = match &mut self.layers {
            None => {
                self.piece.advance(octets);
                octets
            }
            Some(layers) => layers.written(octets),
        };
        let (id, now) = (self.id, now());
        shared.with(|state| state.engine.handle_written(id, stomp, now));
        Poll::Ready(Ok(true))
    }

    /// Asks for the next piece, which says that the one before was written.
    fn next_piece(&mut self, shared: &Shared) -> io::Result<()> {
        if self
            .layers
            .as_ref()
            .is_some_and(|layers| !layers.wants_piece())
        {
            return Ok(());
        }
        let (id, now) = (self.id, now());
        let piece = shared.with(|state| state.engine.poll_transmit(id, now));
        match (&mut self.layers, piece) {
            (_, None) => {}
            (None, Some(piece)) => self.piece = piece,
            (Some(layers), Some(piece)) => layers.write(&piece)?,
        }
        Ok(())
    }

    /// What is being written.
    fn outgoing(&self) -> &[u8] {
        match &self.layers {
            None => &self.piece,
            Some(layers) => layers.outgoing(),
        }
    }
}

/// Closing.
impl Link {
    /// Writes what is left, says goodbye, and closes. When its time is up, or where there is none,
    /// no step is waited for.
    fn finish(&mut self, cx: &mut Context<'_>, shared: &Shared, until: Option<Instant>) -> bool {
        let hurry = until.is_none_or(|until| until <= now());
        if until.is_some() && !hurry && self.write(cx, shared) {
            return true;
        }
        let waits = self.broken.is_none() && (self.unflushed || !self.outgoing().is_empty());
        if waits && !hurry {
            // A broker that waits until we read would wait for ever.
            return self.discard(cx);
        }
        if let (Stage::Closing(_), Some(layers)) = (self.stage, &mut self.layers) {
            layers.close();
            self.stage = Stage::SaidGoodbye(until);
            if !hurry {
                return true;
            }
            let _ = Pin::new(&mut self.transport).poll_write(cx, layers.outgoing());
        }
        let shut = Pin::new(&mut self.transport).poll_shutdown(cx);
        if shut.is_pending() && !hurry {
            return self.discard(cx);
        }
        self.stage = Stage::Closed;
        let (id, now) = (self.id, now());
        shared.with(|state| state.engine.handle_closed(id, None, now));
        true
    }

    fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        self.raw.clear();
        matches!(
            read(&mut self.transport, &mut self.raw, cx),
            Poll::Ready(Ok(1..))
        )
    }
}

impl Wants {
    fn of(engine: &Engine, link: LinkId) -> Self {
        Self {
            read: engine.wants_read(link),
            dry: engine.wants_read_dry(link),
        }
    }
}

/// Appends what has come, and says how much. 0: nothing will come any more.
fn read(
    transport: &mut BoxTransport,
    into: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if into.capacity() - into.len() < READ / 8 {
        into.reserve(READ);
    }
    let mut room = into.limit(READ);
    let reading = transport.read_buf(&mut room);
    pin!(reading).poll(cx)
}

/// Moves what has come through the layers. `None`: there is nothing any more.
fn through(
    layers: &mut Layers,
    raw: &mut BytesMut,
    inbound: &mut BytesMut,
) -> io::Result<Option<Found>> {
    loop {
        let taken = layers.receive(raw);
        raw.advance(taken);
        return Ok(Some(match layers.read(inbound, READ)? {
            Read::Octets { end_of_message, .. } => Found::Octets(end_of_message),
            Read::Dry if raw.is_empty() => return Ok(None),
            Read::Dry => continue,
            Read::End(None) => Found::End,
            Read::End(Some(close)) => return Err(io::Error::other(close.to_string())),
        }));
    }
}
