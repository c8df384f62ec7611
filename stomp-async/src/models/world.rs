//! The broker of a model, and the way to it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Manners;
use super::peer::Peer;
use super::system::{Mutex, Timer};
use crate::{Builder, Client};

/// All connections that were made, and what a model does to them.
#[derive(Clone, Debug)]
pub(crate) struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    manners: Manners,
    links: Mutex<Links>,
}

#[derive(Debug, Default)]
struct Links {
    peers: Vec<Peer>,
    /// Who waits at which end to read, and to write: as with a socket nothing else wakes him.
    readers: Vec<Option<Waker>>,
    writers: Vec<Option<Waker>>,
    /// Parts of the model that wait for anything.
    watchers: Vec<Waker>,
}

/// One end of a connection.
struct Wire {
    world: World,
    number: usize,
}

impl World {
    pub(crate) fn new(manners: Manners) -> Self {
        let links = Mutex::new(Links::default());
        Self(Arc::new(Inner { manners, links }))
    }

    /// A client of this broker. Nobody beats, so that nothing but what is modelled wakes anybody.
    pub(crate) fn builder(&self) -> Builder {
        let world = self.clone();
        Client::builder("failover:(stomp://peer)?initialReconnectDelay=10")
            .seed(1)
            .heart_beat(Duration::ZERO)
            .transport(move |_| {
                let wire = world.open();
                async { Ok(wire) }
            })
    }

    pub(crate) async fn connect(&self) -> Client {
        let connected = self.builder().connect().await;
        connected.expect("the peer accepts everybody")
    }

    fn open(&self) -> Wire {
        let number = self.change(|links| {
            let peer = Peer::new(self.0.manners, links.peers.last());
            links.peers.push(peer);
            links.readers.push(None);
            links.writers.push(None);
            links.peers.len() - 1
        });
        let world = self.clone();
        Wire { world, number }
    }

    /// Does something to the newest connection.
    pub(crate) fn peer<T>(&self, act: impl FnOnce(&mut Peer) -> T) -> T {
        self.change(|links| act(links.peers.last_mut().expect("somebody has connected")))
    }

    /// How many connections were made.
    pub(crate) fn count(&self) -> usize {
        self.look(|links| links.peers.len())
    }

    /// Waits until all connections together look like that.
    pub(crate) async fn wait_until(&self, is_so: impl Fn(&[Peer]) -> bool) {
        poll_fn(|cx| {
            self.look(|links| match is_so(&links.peers) {
                true => Poll::Ready(()),
                false => {
                    links.watchers.push(cx.waker().clone());
                    Poll::Pending
                }
            })
        })
        .await;
    }

    fn look<T>(&self, look: impl FnOnce(&mut Links) -> T) -> T {
        look(&mut self.0.links.lock().expect("nobody has panicked"))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Links) -> T) -> T {
        let (result, wakers) = self.look(|links| {
            let result = change(links);
            (result, links.woken())
        });
        wakers.into_iter().for_each(Waker::wake);
        result
    }
}

impl Links {
    /// Whose wait is over, now that something has happened.
    fn woken(&mut self) -> Vec<Waker> {
        let mut woken = std::mem::take(&mut self.watchers);
        for (number, peer) in self.peers.iter().enumerate() {
            let reader = self.readers[number].take_if(|_| peer.is_readable());
            let writer = self.writers[number].take_if(|_| peer.is_writable());
            woken.extend(reader.into_iter().chain(writer));
        }
        woken
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.world.look(|links| {
            if !links.peers[self.number].is_readable() {
                links.readers[self.number] = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let count = links.peers[self.number].give(buffer.initialize_unfilled());
            buffer.advance(count);
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (result, wakers) = self.world.look(|links| {
            let peer = &mut links.peers[self.number];
            if !peer.is_writable() {
                links.writers[self.number] = Some(cx.waker().clone());
                return (Poll::Pending, Vec::new());
            }
            let result = match peer.broken || peer.closed {
                true => Err(io::ErrorKind::BrokenPipe.into()),
                false => Ok(peer.take(octets)),
            };
            (Poll::Ready(result), links.woken())
        });
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let number = self.number;
        self.world.change(|links| links.peers[number].closed = true);
        Poll::Ready(Ok(()))
    }
}

/// Lets time pass.
pub(crate) async fn pause(time: Duration) {
    let mut timer = Timer::after(time);
    poll_fn(|cx| timer.poll(cx)).await;
}
