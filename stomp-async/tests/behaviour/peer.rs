//! A server that says what a scenario tells it to, octet by octet, over TCP.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::client::Options;
use crate::world::{World, fast};

/// Listens until it is dropped, or the scenario is over.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    opened: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Peer {
    /// Starts a peer that leads all its conversations in this way, each in a thread of its own.
    pub(crate) fn start(
        world: &World,
        script: impl Fn(&mut Conversation) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let opened = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let ends = [over.clone(), world.over.clone()];
        let counter = opened.clone();
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.iter().any(|end| end.load(Ordering::Relaxed)) {
                    return;
                }
                let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
                let mut conversation = Conversation {
                    stream,
                    number,
                    ends: ends.clone(),
                };
                let script = script.clone();
                std::thread::spawn(move || script(&mut conversation));
            }
        });
        Self {
            address,
            opened,
            over,
        }
    }

    /// Options for a client of this peer that reconnects without delay.
    pub(crate) fn options(&self) -> Options {
        Options {
            uri: fast(&format!("stomp://{}", self.address)),
            ..Options::default()
        }
    }

    /// How many connections there have been.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes who listens.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection of a [`Peer`]. All its methods end when the scenario does.
pub(crate) struct Conversation {
    stream: TcpStream,
    /// 1 is the first connection to this peer.
    pub(crate) number: usize,
    ends: [Arc<AtomicBool>; 2],
}

/// A frame of the client.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) command: String,
    head: String,
}

impl Said {
    pub(crate) fn new(frame: &str) -> Self {
        let head = frame.split("\n\n").next().unwrap_or_default().to_owned();
        let command = head.lines().next().unwrap_or_default().to_owned();
        Self { command, head }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }
}

impl Conversation {
    /// Waits for a frame; `None` when the client has gone.
    pub(crate) fn hear(&mut self) -> Option<Said> {
        let mut octets = Vec::new();
        loop {
            match self.octet()? {
                b'\n' | b'\r' if octets.is_empty() => {}
                0 => break,
                octet => octets.push(octet),
            }
        }
        Some(Said::new(&String::from_utf8_lossy(&octets)))
    }

    /// Waits for a frame of this kind, and passes over others.
    pub(crate) fn hear_a(&mut self, command: &str) -> Option<Said> {
        loop {
            let said = self.hear()?;
            if said.command == command {
                return Some(said);
            }
        }
    }

    fn octet(&mut self) -> Option<u8> {
        let patience = Duration::from_millis(50);
        let _ = self.stream.set_read_timeout(Some(patience));
        let mut octet = [0];
        while !self.is_over() {
            match self.stream.read(&mut octet) {
                Ok(0) => return None,
                Ok(_) => return Some(octet[0]),
                Err(error) if is_late(&error) => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// Waits until the client says anything at all.
    pub(crate) fn hear_some(&mut self) {
        self.octet();
    }

    /// Reads so many octets, whatever they are.
    pub(crate) fn swallow(&mut self, octets: usize) -> bool {
        let mut buffer = vec![0; octets];
        let mut left = octets;
        let _ = self
            .stream
            .set_read_timeout(Some(Duration::from_millis(50)));
        while left > 0 && !self.is_over() {
            match self.stream.read(&mut buffer[..left]) {
                Ok(0) => return false,
                Ok(read) => left -= read,
                Err(error) if is_late(&error) => return true,
                Err(_) => return false,
            }
        }
        !self.is_over()
    }

    /// Says something, and tells whether the client is still there.
    pub(crate) fn say(&mut self, text: &str) -> bool {
        self.say_octets(text.as_bytes())
    }

    pub(crate) fn say_octets(&mut self, mut octets: &[u8]) -> bool {
        let patience = Duration::from_millis(50);
        let _ = self.stream.set_write_timeout(Some(patience));
        while !octets.is_empty() && !self.is_over() {
            match self.stream.write(octets) {
                Ok(written) => octets = &octets[written..],
                Err(error) if is_late(&error) => {}
                Err(_) => return false,
            }
        }
        !self.is_over()
    }

    /// Answers CONNECT, with these further headers: `server:x\n`.
    pub(crate) fn welcome(&mut self, version: &str, headers: &str) -> bool {
        self.hear().is_some() && self.say(&format!("CONNECTED\nversion:{version}\n{headers}\n\0"))
    }

    /// Answers a frame that wants a receipt.
    pub(crate) fn receipt(&mut self, said: &Said) -> bool {
        match said.header("receipt") {
            Some(receipt) => self.say(&format!("RECEIPT\nreceipt-id:{receipt}\n\n\0")),
            None => true,
        }
    }

    /// Reads on, answers what wants a receipt, until the client goes.
    pub(crate) fn go_on(&mut self) {
        while let Some(said) = self.hear()
            && self.receipt(&said)
        {}
    }

    /// Keeps the connection open and reads nothing.
    pub(crate) fn ignore(&mut self) {
        while !self.is_over() {
            self.pass(Duration::from_millis(20));
        }
    }

    /// One more end of the same connection.
    #[cfg(feature = "websocket")]
    pub(crate) fn another(&self) -> Self {
        Self {
            stream: self.handle(),
            number: self.number,
            ends: self.ends.clone(),
        }
    }

    #[cfg(feature = "websocket")]
    pub(crate) fn handle(&self) -> TcpStream {
        self.stream.try_clone().expect("a handle")
    }

    pub(crate) fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }

    pub(crate) fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ends.iter().any(|end| end.load(Ordering::Relaxed))
    }
}

pub(crate) fn is_late(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
