//! The decoders: each reads a corpus to its end and adds up what it found.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use stomp_agnostic::{
    ClientData, ClientStompHandle, ClientTransport, ReadData, ReadError, ServerResponse,
    ServerStompHandle, ServerTransport, WriteError,
};
use stomp_frame::{Decoder, Item, Limits, Side, header};
use tokio_util::codec::Decoder as _;

use crate::corpora::Corpus;
use crate::hand;

/// What a decoder found: the same for all of them, or it did not do its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub frames: usize,
    pub body_octets: usize,
}

impl Found {
    fn add(&mut self, destination: Option<&str>, body: usize) {
        std::hint::black_box(destination);
        self.frames += 1;
        self.body_octets += body;
    }
}

/// A corpus in the shape a decoder takes, made before the clock starts.
pub enum Input {
    /// All octets stand in this buffer.
    Buffer(BytesMut),
    /// Each is appended to a buffer, as a read does.
    Reads(Vec<Bytes>),
    /// One frame each, for decoders that cannot find the end of one.
    Frames(Vec<Vec<u8>>),
}

pub struct Peer {
    pub name: &'static str,
    /// Shapes the corpus; `None` if the decoder has no way to take it.
    pub prepare: fn(&Corpus, &Bytes) -> Option<Input>,
    pub run: fn(&Corpus, Input) -> Found,
}

pub const ALL: &[Peer] = &[
    Peer {
        name: "stomp-frame",
        prepare: buffers,
        run: ours,
    },
    Peer {
        name: "by-hand",
        prepare: small_server,
        run: by_hand,
    },
    Peer {
        name: "memchr",
        prepare: buffers,
        run: only_memchr,
    },
    Peer {
        name: "iridium-stomp-0.6",
        prepare: buffers,
        run: iridium,
    },
    Peer {
        name: "async-stomp-0.7",
        prepare: server,
        run: async_stomp,
    },
    Peer {
        name: "tokio-stomp-0.4",
        prepare: server,
        run: tokio_stomp,
    },
    Peer {
        name: "tokio-stomp-2-0.3",
        prepare: server,
        run: tokio_stomp_2,
    },
    Peer {
        name: "tokio-stomp-rs-0.1",
        prepare: server,
        run: tokio_stomp_rs,
    },
    Peer {
        name: "stomp-rs-0.0.8",
        prepare: reads,
        run: stomp_rs,
    },
    Peer {
        name: "stomp-parser-0.8",
        prepare: frames,
        run: stomp_parser,
    },
    Peer {
        name: "stomp-agnostic-0.10",
        prepare: reads,
        run: stomp_agnostic,
    },
];

fn buffers(corpus: &Corpus, wire: &Bytes) -> Option<Input> {
    match corpus.read {
        None => Some(Input::Buffer(BytesMut::from(&wire[..]))),
        Some(_) => reads(corpus, wire),
    }
}

fn server(corpus: &Corpus, wire: &Bytes) -> Option<Input> {
    buffers(corpus, wire).filter(|_| !corpus.from_client)
}

/// The scanner by hand has room for a dozen headers, and starts over with each read.
fn small_server(corpus: &Corpus, wire: &Bytes) -> Option<Input> {
    server(corpus, wire).filter(|_| corpus.frames > 1)
}

fn reads(corpus: &Corpus, wire: &Bytes) -> Option<Input> {
    let size = corpus.read.unwrap_or(wire.len());
    let chunks = wire.chunks(size).map(|chunk| wire.slice_ref(chunk));
    Some(Input::Reads(chunks.collect()))
}

fn frames(corpus: &Corpus, wire: &Bytes) -> Option<Input> {
    if corpus.read.is_some() {
        return None;
    }
    let frames = wire.split_inclusive(|&byte| byte == 0);
    Some(Input::Frames(frames.map(<[u8]>::to_vec).collect()))
}

/// Calls `decode` until it has nothing more, after each read.
fn drain(input: Input, mut decode: impl FnMut(&mut BytesMut) -> bool) {
    match input {
        Input::Buffer(mut buffer) => while decode(&mut buffer) {},
        Input::Reads(reads) => {
            let mut buffer = BytesMut::new();
            for read in reads {
                buffer.extend_from_slice(&read);
                while decode(&mut buffer) {}
            }
        }
        Input::Frames(_) => unreachable!("for decoders of single frames only"),
    }
}

fn ours(corpus: &Corpus, input: Input) -> Found {
    let side = if corpus.from_client {
        Side::Client
    } else {
        Side::Server
    };
    let mut decoder = Decoder::new(side, Limits::client().headers(5000).head(1 << 20));
    let mut found = Found::default();
    drain(input, |buffer| match decoder.decode(buffer).unwrap() {
        Some(Item::Frame(frame)) => {
            found.add(frame.headers.get(header::DESTINATION), frame.body.len());
            true
        }
        item => item.is_some(),
    });
    found
}

fn by_hand(_: &Corpus, input: Input) -> Found {
    let mut found = Found::default();
    drain(input, |buffer| match hand::decode(buffer).unwrap() {
        Some(frame) => {
            std::hint::black_box((frame.command, frame.escaped));
            found.add(frame.get("destination"), frame.body.len());
            true
        }
        None => false,
    });
    found
}

/// No decoder at all: appends what is read to a buffer, as all others do, and looks for NUL in it.
fn only_memchr(corpus: &Corpus, input: Input) -> Found {
    let mut found = Found::default();
    let mut count = |octets: &[u8]| {
        let nuls = memchr::memchr_iter(0, octets);
        found.frames += nuls.count();
    };
    match input {
        Input::Buffer(buffer) => count(&buffer),
        Input::Reads(reads) => {
            let mut buffer = BytesMut::new();
            for read in reads {
                if corpus.frames > 1 {
                    buffer.clear();
                }
                let scanned = buffer.len();
                buffer.extend_from_slice(&read);
                count(&buffer[scanned..]);
            }
        }
        Input::Frames(_) => unreachable!("was not asked for"),
    }
    found
}

fn iridium(_: &Corpus, input: Input) -> Found {
    let mut codec = iridium_stomp::StompCodec::new();
    let mut found = Found::default();
    drain(input, |buffer| match codec.decode(buffer).unwrap() {
        Some(iridium_stomp::StompItem::Frame(frame)) => {
            found.add(frame.get_header("destination"), frame.body.len());
            true
        }
        item => item.is_some(),
    });
    found
}

/// The forks of one ancestor have the same shape.
macro_rules! tokio_stomps {
    ($($function:ident = $krate:ident, $codec:expr;)*) => {$(
        fn $function(_: &Corpus, input: Input) -> Found {
            use $krate::FromServer;
            let mut codec = $codec;
            let mut found = Found::default();
            drain(input, |buffer| {
                let Some(message) = codec.decode(buffer).ok().expect("a valid stream") else { return false };
                match &message.content {
                    FromServer::Message { destination, body, .. } => {
                        found.add(Some(destination), body.as_ref().map_or(0, Vec::len));
                    }
                    _ => found.add(None, 0),
                }
                true
            });
            found
        }
    )*};
}

tokio_stomps! {
    async_stomp = async_stomp, async_stomp::client::ClientCodec::new();
    tokio_stomp = tokio_stomp, tokio_stomp::client::ClientCodec;
    tokio_stomp_2 = tokio_stomp_2, tokio_stomp_2::client::ClientCodec;
    tokio_stomp_rs = tokio_stomp_rs, tokio_stomp_rs::client::ClientCodec;
}

fn stomp_rs(corpus: &Corpus, input: Input) -> Found {
    use stomp_rs::protocol::{ClientCommand, Command, FrameParser, ServerCommand, StompMessage};

    fn run<T: Command + Clone>(mut parser: FrameParser<T>, input: Input) -> Found {
        let Input::Reads(reads) = input else {
            unreachable!("takes reads")
        };
        let mut found = Found::default();
        for read in reads {
            for message in parser.parse(&read).unwrap() {
                if let StompMessage::Frame(frame) = message {
                    let destination = frame.headers.get("destination");
                    found.add(destination.map(String::as_str), frame.body.len());
                }
            }
        }
        found
    }

    if corpus.from_client {
        run(FrameParser::<ClientCommand>::new(), input)
    } else {
        run(FrameParser::<ServerCommand>::new(), input)
    }
}

fn stomp_parser(corpus: &Corpus, input: Input) -> Found {
    use stomp_parser::client::ClientFrame;
    use stomp_parser::server::ServerFrame;

    let Input::Frames(frames) = input else {
        unreachable!("takes single frames")
    };
    let mut found = Found::default();
    for frame in frames {
        if corpus.from_client {
            std::hint::black_box(ClientFrame::try_from(frame).unwrap());
            found.add(None, 0);
        } else if let ServerFrame::Message(message) = ServerFrame::try_from(frame).unwrap() {
            let destination = message.destination();
            found.add(
                Some(destination.value()),
                message.body().map_or(0, <[u8]>::len),
            );
        } else {
            found.add(None, 0);
        }
    }
    found
}

fn stomp_agnostic(corpus: &Corpus, input: Input) -> Found {
    let Input::Reads(reads) = input else {
        unreachable!("takes reads")
    };
    let mut found = Found::default();
    let mut chunks = Chunks(reads.into());
    if corpus.from_client {
        chunks.0.push_front(Bytes::from_static(
            b"CONNECT\naccept-version:1.2\nhost:h\n\n\0",
        ));
        let handle = ServerStompHandle::wait_for_connection(
            chunks,
            Box::new(|_, _| true),
            Box::new(|| None),
        );
        let Ok(mut handle) = at_once(handle) else {
            panic!("no handshake")
        };
        while found.frames < corpus.frames {
            let Ok(ClientData::Message(message)) = at_once(handle.read_data()) else {
                panic!()
            };
            std::hint::black_box(message);
            found.add(None, 0);
        }
        return found;
    }
    chunks
        .0
        .push_front(Bytes::from_static(b"CONNECTED\nversion:1.2\n\n\0"));
    let handle = ClientStompHandle::connect(chunks, "h".to_owned(), None, None, Vec::new());
    let mut handle = at_once(handle).unwrap();
    while found.frames < corpus.frames {
        match at_once(handle.read_response()).unwrap() {
            ServerResponse::Message(message) => match message.content {
                stomp_agnostic::FromServer::Message {
                    destination, body, ..
                } => {
                    found.add(Some(&destination), body.map_or(0, |body| body.len()));
                }
                _ => found.add(None, 0),
            },
            ServerResponse::Custom(()) => unreachable!("there is no side channel"),
        }
    }
    found
}

/// A transport that reads chunks, and then nothing, as often as asked.
struct Chunks(VecDeque<Bytes>);

#[async_trait]
impl ClientTransport for Chunks {
    type ProtocolSideChannel = ();

    async fn write(
        &mut self,
        _: stomp_agnostic::Message<stomp_agnostic::ToServer>,
    ) -> Result<(), WriteError> {
        Ok(())
    }

    async fn read(&mut self) -> Result<ReadData<()>, ReadError> {
        Ok(ReadData::Binary(self.0.pop_front().unwrap_or_default()))
    }
}

#[async_trait]
impl ServerTransport for Chunks {
    type ProtocolSideChannel = ();

    async fn write(
        &mut self,
        _: stomp_agnostic::Message<stomp_agnostic::FromServer>,
    ) -> Result<(), WriteError> {
        Ok(())
    }

    async fn read(&mut self) -> Result<ReadData<()>, ReadError> {
        Ok(ReadData::Binary(self.0.pop_front().unwrap_or_default()))
    }
}

/// Runs a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("there is nothing to wait for"),
    }
}
