//! A client that writes and reads frames as text.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stomp_testbroker::{MemoryStream, TestBroker};

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Peer<L = MemoryStream> {
    link: L,
    /// Read to see whether there is something.
    ahead: Option<u8>,
}

impl Peer {
    /// Connects in memory, with version 1.2.
    pub(crate) fn connect(broker: &TestBroker) -> Self {
        let mut peer = Self::open(broker);
        peer.say("CONNECT\naccept-version:1.2\nhost:h\n\n");
        assert!(peer.hear().starts_with("CONNECTED\n"));
        peer
    }

    /// Opens a link, and says nothing.
    pub(crate) fn open(broker: &TestBroker) -> Self {
        let mut link = broker.connect_memory().expect("the broker accepts");
        link.set_read_timeout(Some(Duration::from_secs(20)));
        Self { link, ahead: None }
    }

    /// Tells whether there is nothing to hear. In memory, what the broker answers is there at once.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut link = self.link.clone();
        link.set_read_timeout(Some(Duration::ZERO));
        let mut octet = [0];
        match link.read(&mut octet) {
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            Ok(count) => {
                self.ahead = (count > 0).then_some(octet[0]);
                false
            }
        }
    }
}

impl Peer<TcpStream> {
    /// Opens a TCP connection, and says nothing.
    pub(crate) fn over_tcp(address: std::net::SocketAddr) -> std::io::Result<Self> {
        let link = TcpStream::connect(address)?;
        Ok(Self { link, ahead: None })
    }

    /// Connects over TCP, with version 1.2.
    pub(crate) fn connect_tcp(address: std::net::SocketAddr) -> std::io::Result<Self> {
        let mut peer = Self::over_tcp(address)?;
        peer.say("CONNECT\naccept-version:1.2\nhost:h\n\n");
        peer.hear();
        Ok(peer)
    }
}

impl<L: Read + Write> Peer<L> {
    /// Sends a frame; the NUL is added.
    pub(crate) fn say(&mut self, frame: &str) {
        // A broker that has closed the connection already is what some tests are about.
        let _ = self.link.write_all(format!("{frame}\0").as_bytes());
    }

    /// Reads a frame up to its NUL, which is left out; what came of it before the end of the
    /// connection, if it ended.
    pub(crate) fn hear(&mut self) -> String {
        let mut frame = Vec::from_iter(self.ahead.take());
        let mut octet = [0];
        while self.link.read(&mut octet).unwrap_or(0) > 0 && octet[0] != 0 {
            frame.push(octet[0]);
        }
        String::from_utf8_lossy(&frame).into_owned()
    }

    /// Sends a frame with `receipt:r`, and expects its RECEIPT.
    pub(crate) fn confirm(&mut self, frame: &str) {
        let (command, rest) = frame.split_once('\n').expect("a command line");
        self.say(&format!("{command}\nreceipt:r\n{rest}"));
        assert_eq!(self.hear(), "RECEIPT\nreceipt-id:r\n\n");
    }
}

/// Returns the value of a header of a frame.
pub(crate) fn value<'a>(frame: &'a str, name: &str) -> Option<&'a str> {
    frame
        .lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// Returns the body of a frame.
pub(crate) fn body(frame: &str) -> &str {
    frame.split_once("\n\n").map_or("", |(_, body)| body)
}
