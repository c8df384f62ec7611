//! The least a client needs to put a broker under load.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use stomp_frame::{Command, Decoder, Frame, Item, Limits, Side};

use crate::Result;

/// Octets read at a time.
const READ: usize = 256 << 10;

/// A connection on which frames are decoded, counted and dropped.
pub(crate) struct Peer {
    stream: TcpStream,
    decoder: Decoder,
    received: BytesMut,
    space: Vec<u8>,
}

/// Sends CONNECT, and takes CONNECTED off the stream.
pub(crate) fn connect<S: Read + Write>(stream: &mut S, login: Option<(&str, &str)>) -> Result<()> {
    let mut connect = String::from("CONNECT\naccept-version:1.2\nhost:/\n");
    if let Some((user, passcode)) = login {
        connect += &format!("login:{user}\npasscode:{passcode}\n");
    }
    stream.write_all((connect + "\n\0").as_bytes())?;
    let mut answer = Vec::new();
    let mut octet = [0];
    while answer.last() != Some(&0) {
        if stream.read(&mut octet)? == 0 {
            break;
        }
        answer.extend(octet);
    }
    if !answer.starts_with(b"CONNECTED") {
        return Err("no CONNECTED came".into());
    }
    Ok(())
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr, login: Option<(&str, &str)>) -> Result<Self> {
        const PATIENCE: Duration = Duration::from_secs(30);
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        connect(&mut stream, login)?;
        Ok(Self {
            stream,
            decoder: Decoder::new(Side::Server, Limits::client()),
            received: BytesMut::new(),
            space: vec![0; READ],
        })
    }

    /// The same connection, to write from elsewhere.
    pub(crate) fn writer(&self) -> Result<TcpStream> {
        Ok(self.stream.try_clone()?)
    }

    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(octets)?)
    }

    /// Reads once, and counts the frames of one command.
    pub(crate) fn read(&mut self, command: Command) -> Result<usize> {
        let read = self.stream.read(&mut self.space)?;
        if read == 0 {
            return Err("the broker closed the connection".into());
        }
        self.received.extend_from_slice(&self.space[..read]);
        let mut count = 0;
        while let Some(item) = self.decoder.decode(&mut self.received)? {
            match item {
                Item::Frame(frame) if frame.command == command => count += 1,
                Item::Frame(Frame {
                    command: Command::Error,
                    ..
                }) => {
                    return Err("the broker sent ERROR".into());
                }
                _ => {}
            }
        }
        Ok(count)
    }

    /// Reads until so many frames of one command came.
    pub(crate) fn await_frames(&mut self, command: Command, count: usize) -> Result<()> {
        let mut left = count;
        while left > 0 {
            left = left.saturating_sub(self.read(command)?);
        }
        Ok(())
    }
}
