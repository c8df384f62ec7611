//! The broker of a model, and the way to it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Manners;
use super::peer::Peer;
use crate::sync::{Mutex, Sleeper, now, spawn};
use crate::{Builder, Client, Transport};

/// All connections that were made, and what a model does to them.
#[derive(Clone, Debug)]
pub(crate) struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    manners: Manners,
    /// Whether the transport can be waited for in both directions.
    waits: bool,
    peers: Mutex<Vec<Peer>>,
    changed: Sleeper,
}

/// One end of a connection.
struct Wire {
    world: World,
    number: usize,
}

impl World {
    pub(crate) fn new(manners: Manners) -> Self {
        Self::with(manners, true)
    }

    /// Its transports cannot be waited for in both directions at a time.
    pub(crate) fn with_simple_transports(manners: Manners) -> Self {
        Self::with(manners, false)
    }

    fn with(manners: Manners, waits: bool) -> Self {
        Self(Arc::new(Inner {
            manners,
            waits,
            peers: Mutex::default(),
            changed: Sleeper::default(),
        }))
    }

    /// A client of this broker. Nobody beats, so that nothing but what is modelled wakes anybody.
    pub(crate) fn builder(&self) -> Builder {
        let world = self.clone();
        Client::builder("failover:(stomp://peer)?initialReconnectDelay=10")
            .seed(1)
            .heart_beat(Duration::ZERO)
            .transport(move |_, _| Ok(world.open()))
    }

    pub(crate) fn connect(&self) -> Client {
        self.builder()
            .connect()
            .expect("the peer accepts everybody")
    }

    fn open(&self) -> Wire {
        let mut peers = self.0.peers.lock();
        let peer = Peer::new(self.0.manners, peers.last());
        peers.push(peer);
        let number = peers.len() - 1;
        drop(peers);
        self.0.changed.wake();
        let world = self.clone();
        Wire { world, number }
    }

    /// Does something to the newest connection.
    pub(crate) fn peer<T>(&self, act: impl FnOnce(&mut Peer) -> T) -> T {
        let mut peers = self.0.peers.lock();
        let result = act(peers.last_mut().expect("somebody has connected"));
        drop(peers);
        self.0.changed.wake();
        result
    }

    /// How many connections were made.
    pub(crate) fn count(&self) -> usize {
        self.0.peers.lock().len()
    }

    /// Waits until something has happened, for `patience` at most.
    pub(crate) fn pause(&self, patience: Duration) {
        let until = now().checked_add(patience);
        drop(self.0.changed.sleep(self.0.peers.lock(), until));
    }

    /// Waits until all connections together look like that.
    pub(crate) fn wait_until(&self, is_so: impl Fn(&[Peer]) -> bool) {
        let mut peers = self.0.peers.lock();
        while !is_so(&peers) {
            peers = self.0.changed.sleep(peers, None);
        }
    }

    /// Waits until a connection is as `ready` says, for `patience` at most. Then does `act`.
    fn when<T>(
        &self,
        number: usize,
        patience: Option<Duration>,
        ready: impl Fn(&Peer) -> bool,
        act: impl FnOnce(&mut Peer) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let until = patience.and_then(|patience| now().checked_add(patience));
        let is_late = |until: Option<Instant>| until.is_some_and(|until| until <= now());
        let mut peers = self.0.peers.lock();
        while !ready(&peers[number]) {
            if is_late(until) {
                return Ok(None);
            }
            peers = self.0.changed.sleep(peers, until);
        }
        let result = act(&mut peers[number]);
        drop(peers);
        self.0.changed.wake();
        result.map(Some)
    }
}

impl Transport for Wire {
    fn read(&self, buffer: &mut [u8], patience: Option<Duration>) -> io::Result<Option<usize>> {
        let read = |peer: &mut Peer| Ok(peer.give(buffer));
        self.world
            .when(self.number, patience, Peer::is_readable, read)
    }

    fn write(&self, octets: &[u8], patience: Duration) -> io::Result<Option<usize>> {
        let write = |peer: &mut Peer| match peer.broken || peer.closed {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(peer.take(octets)),
        };
        self.world
            .when(self.number, Some(patience), Peer::is_writable, write)
    }

    fn close(&self) {
        let close = |peer: &mut Peer| {
            peer.closed = true;
            Ok(())
        };
        let closed = self.world.when(self.number, None, |_| true, close);
        closed.expect("closing cannot fail");
    }

    fn wait(&self, read: bool, write: bool, patience: Option<Duration>) -> io::Result<()> {
        // Another thread may be in the middle of a write, and whoever waits for that goes round.
        shuttle::thread::yield_now();
        if !self.world.0.waits {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let ready = |peer: &Peer| read && peer.is_readable() || write && peer.is_writable();
        self.world
            .when(self.number, patience, ready, |_| Ok(()))
            .map(drop)
    }
}

/// Starts a thread of the application's. The model waits for it.
pub(crate) fn go(work: impl FnOnce() + Send + 'static) {
    spawn("application", work).expect("there are enough");
}
