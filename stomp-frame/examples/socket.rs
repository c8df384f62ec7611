//! Reads frames from a blocking socket, and writes frames to it.
//!
//! ```text
//! cargo run -p stomp-frame --example socket
//! ```
//!
//! Brings a server of its own, a thread that sends everything back, over the loopback interface.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use bytes::BytesMut;
use stomp_frame::{Command, Decoder, Encoder, Frame, Item, Limits, Side, Version, header};

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || echo(listener.accept()?.0));

    let mut broker = Connection::new(TcpStream::connect(address)?, Side::Client);
    let connect = Frame::new(Command::Connect)
        .header(header::ACCEPT_VERSION, "1.1,1.2")
        .header(header::HOST, "localhost");
    broker.write(&connect)?;
    let connected = broker.read()?.ok_or("no CONNECTED")?;
    let version = connected.headers.get(header::VERSION).unwrap_or("1.0");
    broker.set_version(version.parse()?);

    for text in ["hello", "a line\nand another", ""] {
        let send = Frame::new(Command::Send)
            .header(header::DESTINATION, "/queue/a")
            .header("note", text)
            .body(text);
        broker.write(&send)?;
        let message = broker.read()?.ok_or("the server went away")?;
        println!("{message}, {:?}", message.headers);
    }
    broker.write(&Frame::new(Command::Disconnect))?;
    assert_eq!(broker.read()?, None);
    Ok(server.join().expect("the server does not panic")?)
}

/// A stream of frames over a stream of octets: all that it takes.
struct Connection {
    stream: TcpStream,
    /// What has come, and is not a whole frame yet.
    buffer: BytesMut,
    decoder: Decoder,
    encoder: Encoder,
}

impl Connection {
    /// `us` is the side that writes; the other one is read.
    fn new(stream: TcpStream, us: Side) -> Self {
        let them = match us {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        Self {
            stream,
            buffer: BytesMut::new(),
            decoder: Decoder::new(them, Limits::default()),
            encoder: Encoder::new(us),
        }
    }

    /// To be called once CONNECTED has settled it, before the next frame is read or written.
    fn set_version(&mut self, version: Version) {
        self.decoder.set_version(version);
        self.encoder = self.encoder.version(version);
    }

    /// Waits for the next frame. `None` when the stream has ended behind a frame.
    fn read(&mut self) -> io::Result<Option<Frame>> {
        let mut octets = [0; 16 << 10];
        loop {
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(Item::Frame(frame))) => return Ok(Some(frame)),
                Ok(Some(_)) => continue, // a heart-beat
                Ok(None) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            match self.stream.read(&mut octets)? {
                0 if self.buffer.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.buffer.extend_from_slice(&octets[..read]),
            }
        }
    }

    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let mut octets = BytesMut::new();
        self.encoder
            .encode(frame, &mut octets)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        self.stream.write_all(&octets)
    }
}

/// Sends back what it is sent, until the client leaves.
fn echo(stream: TcpStream) -> io::Result<()> {
    let mut client = Connection::new(stream, Side::Server);
    while let Some(mut frame) = client.read()? {
        match frame.command {
            Command::Connect => {
                let connected = Frame::new(Command::Connected).header(header::VERSION, "1.2");
                client.write(&connected)?; // a decoder begins with the rules of 1.2
            }
            Command::Disconnect => break,
            _ => {
                frame.command = Command::Message;
                client.write(&frame)?;
            }
        }
    }
    Ok(())
}
