//! `stomp-sync`, with threads of its own and without.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use stomp_sync::{Acker, Broker, Cause, Content, Error};
use stomp_testbroker::MemoryStream;

use super::words::{configured, outgoing, translations, wanted};
use crate::client::{
    Adapter, Client, Event, Events, Inbox, Next, Options, Outgoing, Received, Settled, Transport,
    Verdict, Wanted,
};

translations!(stomp_sync);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    Threads,
    Manual,
}

impl Adapter for Flavour {
    fn name(&self) -> &'static str {
        match self {
            Self::Threads => "sync_threads",
            Self::Manual => "sync_manual",
        }
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Client>, Verdict> {
        let mut builder = configured!(stomp_sync, options);
        if *self == Self::Manual {
            builder = builder.manual();
        }
        builder = match options.transport.clone() {
            Transport::Network => builder,
            Transport::Memory(connector) => {
                builder.transport(move |_, _| connector.connect().map(Memory))
            }
            Transport::Users(panics) => {
                builder.transport(move |broker, _| Users::connect(&broker, panics.clone()))
            }
        };
        let client = builder.connect().map_err(|error| failure(&error))?;
        Ok(Box::new(Handle {
            client,
            flavour: *self,
        }))
    }
}

struct Handle {
    client: stomp_sync::Client,
    flavour: Flavour,
}

impl Client for Handle {
    fn another(&self) -> Box<dyn Client> {
        Box::new(Self {
            client: self.client.clone(),
            flavour: self.flavour,
        })
    }

    fn send(&self, message: Outgoing) -> Verdict {
        let confirmed = message.confirmed;
        let send = outgoing!(self.client, message);
        verdict(match confirmed {
            true => send.confirmed(),
            false => send.fire(),
        })
    }

    fn subscribe(&self, wanted: Wanted) -> Result<Box<dyn Inbox>, Verdict> {
        match wanted!(stomp_sync, self.client, wanted).open() {
            Ok(subscription) => Ok(Box::new(subscription)),
            Err(error) => Err(failure(&error)),
        }
    }

    fn events(&self) -> Box<dyn Events> {
        Box::new(self.client.events())
    }

    fn disconnect(self: Box<Self>) -> Verdict {
        verdict(self.client.disconnect())
    }

    fn pass(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.flavour == Flavour::Threads || self.client.poll(end).is_err() {
                std::thread::sleep(end.saturating_duration_since(Instant::now()));
            }
        }
    }

    fn poll(&self, patience: Duration) -> bool {
        // A client that is closed has nothing more to wait for.
        let _ = self.client.poll(Instant::now() + patience);
        true
    }

    fn stand_still(&self, time: Duration) -> bool {
        if self.flavour == Flavour::Manual {
            std::thread::sleep(time);
        }
        self.flavour == Flavour::Manual
    }
}

impl Inbox for stomp_sync::Subscription {
    fn next(&mut self, patience: Duration) -> Next {
        match self.next_timeout(patience) {
            Ok(Some(message)) => Next::Message(Delivery::boxed(message.split())),
            Ok(None) => Next::Nothing,
            Err(Error::Unreadable(unreadable)) => {
                let text = unreadable.to_string();
                Next::TooLarge(Delivery::boxed(unreadable.split()), text)
            }
            // As the iterator says it.
            Err(Error::Closed(Cause::Disconnected)) => Next::Ended,
            Err(error) => Next::Failed(failure(&error)),
        }
    }
}

struct Delivery {
    content: Content,
    acker: Acker,
}

impl Delivery {
    fn boxed((content, acker): (Content, Acker)) -> Box<dyn Received> {
        Box::new(Self { content, acker })
    }
}

impl Received for Delivery {
    fn body(&self) -> Bytes {
        self.content.body().clone()
    }

    fn epoch(&self) -> u64 {
        self.acker.epoch().number()
    }

    fn ack(self: Box<Self>) -> Settled {
        settled(self.acker.ack())
    }

    fn nack(self: Box<Self>) -> Settled {
        settled(self.acker.nack())
    }
}

impl Events for stomp_sync::Events {
    fn next(&mut self, patience: Duration) -> Option<Event> {
        self.next_timeout(patience).map(event)
    }
}

/// A link in memory.
struct Memory(MemoryStream);

impl stomp_sync::Transport for Memory {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        let mut stream = self.0.clone();
        stream.set_read_timeout(patience);
        none_if_late(stream.read(buffer))
    }

    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        let mut stream = self.0.clone();
        stream.set_write_timeout(Some(patience));
        none_if_late(stream.write(octets))
    }

    fn close(&self) {
        self.0.shutdown();
    }
}

fn none_if_late(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

/// TCP as a user might open it, with a fault in it.
struct Users {
    stream: TcpStream,
    panics: Arc<AtomicBool>,
}

impl Users {
    fn connect(broker: &Broker, panics: Arc<AtomicBool>) -> io::Result<Self> {
        let mut addresses = (broker.host(), broker.port()).to_socket_addrs()?;
        let address = addresses.next().ok_or(ErrorKind::NotFound)?;
        let stream = TcpStream::connect(address)?;
        Ok(Self { stream, panics })
    }
}

impl stomp_sync::Transport for Users {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        let read = stomp_sync::Transport::read(&self.stream, buffer, patience);
        assert!(
            !self.panics.load(Ordering::Relaxed),
            "the user's transport panics"
        );
        read
    }

    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        stomp_sync::Transport::write(&self.stream, octets, patience)
    }

    fn close(&self) {
        stomp_sync::Transport::close(&self.stream);
    }
}
