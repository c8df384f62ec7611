//! TCP to a broker: its name, and all of its addresses.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use stomp_failover::Broker;
use stomp_session::engine::{PER_ADDRESS, STAGGER, interleave};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};

/// Connects to whichever address of the broker answers first.
pub(crate) async fn tcp(broker: &Broker) -> io::Result<TcpStream> {
    let addresses = tokio::net::lookup_host((broker.host(), broker.port())).await?;
    let stream = race(interleave(addresses)).await?;
    // Frames are written whole; waiting for more octets only delays them.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Tries the addresses in turn, the next as soon as one failed or has taken too long to answer.
/// The first connection wins; the others are dropped.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut race = Race {
        waiting: addresses.into_iter(),
        running: Vec::new(),
        last: io::Error::new(io::ErrorKind::NotFound, "the host name has no address"),
    };
    let mut stagger = pin!(sleep(Duration::ZERO));
    poll_fn(|cx| race.poll(stagger.as_mut(), cx)).await
}

struct Race {
    waiting: std::vec::IntoIter<SocketAddr>,
    running: Vec<Connecting>,
    /// Why the last one failed.
    last: io::Error,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl Race {
    fn poll(
        &mut self,
        mut stagger: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<TcpStream>> {
        loop {
            let before = self.running.len();
            let mut at = 0;
            while let Some(running) = self.running.get_mut(at) {
                match running.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        self.last = error;
                        drop(self.running.remove(at));
                    }
                    Poll::Pending => at += 1,
                }
            }
            let failed = self.running.len() < before;
            if !failed && !self.running.is_empty() && stagger.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            match self.waiting.next() {
                Some(address) => {
                    self.running.push(Box::pin(connect(address)));
                    stagger.as_mut().reset(Instant::now() + STAGGER);
                }
                None if self.running.is_empty() => {
                    let none = io::ErrorKind::NotFound.into();
                    return Poll::Ready(Err(std::mem::replace(&mut self.last, none)));
                }
                None => return Poll::Pending,
            }
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    match timeout(PER_ADDRESS, TcpStream::connect(address)).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_does_not_keep_the_next_waiting() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let good = open.local_addr().unwrap();
        let stream = race(vec![closed, good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn no_address_is_an_error_that_says_so() {
        let error = race(vec![]).await.unwrap_err();
        assert_eq!(error.to_string(), "the host name has no address");
    }
}
