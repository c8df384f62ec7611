//! The least a client needs to put a broker under load.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use stomp_frame::Command;

use crate::Result;

/// Octets read at a time.
const READ: usize = 256 << 10;

/// A connection on which frames are told apart by their first letter, counted and dropped: less
/// work than any broker has with them.
pub(crate) struct Peer {
    stream: TcpStream,
    space: Vec<u8>,
    /// The first letter of the frame that is being read.
    first: Option<u8>,
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
            space: vec![0; READ],
            first: None,
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
        let wanted = command.as_str().as_bytes()[0];
        let mut rest = &self.space[..read];
        let mut count = 0;
        loop {
            let first = match self.first {
                Some(first) => first,
                None => {
                    let begin = rest.iter().position(|octet| *octet != b'\n');
                    let Some(begin) = begin else {
                        return Ok(count);
                    };
                    rest = &rest[begin..];
                    *self.first.insert(rest[0])
                }
            };
            if first == b'E' {
                return Err("the broker sent ERROR".into());
            }
            // No body of ours has a NUL.
            let Some(end) = memchr::memchr(0, rest) else {
                return Ok(count);
            };
            count += usize::from(first == wanted);
            self.first = None;
            rest = &rest[end + 1..];
        }
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
