//! What the scheme of a broker means: TCP, and what goes over it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use stomp_failover::Broker;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::transport::BoxTransport;

#[derive(Clone)]
pub(crate) struct Network {
    /// How to secure connections; `None` if no broker of the URI wants that.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<(crate::Tls, tokio_rustls::TlsConnector)>,
    /// The octets that a WebSocket message may have.
    #[cfg(feature = "websocket")]
    pub(crate) largest_message: usize,
}

impl Network {
    pub(crate) async fn connect(self, broker: Broker) -> io::Result<BoxTransport> {
        if broker.uses_tls() && !cfg!(feature = "tls") {
            return Err(unsupported("TLS is not built in (feature `tls`)"));
        }
        if broker.uses_websocket() && !cfg!(feature = "websocket") {
            return Err(unsupported(
                "WebSocket is not built in (feature `websocket`)",
            ));
        }
        let stream: BoxTransport = Box::new(tcp(&broker).await?);
        #[cfg(feature = "tls")]
        let stream: BoxTransport = match self.tls {
            Some((tls, connector)) if broker.uses_tls() => {
                let name = tls.name_of(&broker).map_err(io::Error::other)?;
                Box::new(connector.connect(name, stream).await?)
            }
            _ => stream,
        };
        #[cfg(feature = "websocket")]
        let stream: BoxTransport = match broker.uses_websocket() {
            true => {
                let socket = crate::websocket::connect(&broker, stream, self.largest_message);
                Box::new(socket.await?)
            }
            false => stream,
        };
        Ok(stream)
    }
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, what)
}

/// How long an address may keep the next one waiting (RFC 8305 recommends 250 ms).
const STAGGER: Duration = Duration::from_millis(250);

/// How long a single address may take. The broker as a whole has the connect time-out.
const PER_ADDRESS: Duration = Duration::from_secs(5);

async fn tcp(broker: &Broker) -> io::Result<TcpStream> {
    let addresses = tokio::net::lookup_host((broker.host(), broker.port())).await?;
    let stream = race(interleave(addresses)).await?;
    // Frames are written whole; waiting for more octets only delays them.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Tries the addresses in turn, the next as soon as one failed or has taken too long to answer.
/// The first connection wins; the others are dropped.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    loop {
        if let Some(address) = addresses.next() {
            attempts.spawn(async move {
                match timeout(PER_ADDRESS, TcpStream::connect(address)).await {
                    Ok(result) => result,
                    Err(_) => Err(io::ErrorKind::TimedOut.into()),
                }
            });
        }
        tokio::select! {
            finished = attempts.join_next() => match finished {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => last = error,
                Some(Err(panicked)) => last = io::Error::other(panicked),
                None => return Err(last),
            },
            () = sleep(STAGGER), if addresses.len() > 0 => {}
        }
    }
}

/// Alternates IPv6 and IPv4, so that one broken family costs one stagger, not one per address.
fn interleave(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let (mut first, mut second): (Vec<_>, Vec<_>) = addresses.partition(SocketAddr::is_ipv6);
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    first.reverse();
    second.reverse();
    while let Some(address) = first.pop() {
        mixed.push(address);
        std::mem::swap(&mut first, &mut second);
        if first.is_empty() {
            std::mem::swap(&mut first, &mut second);
        }
    }
    while let Some(address) = second.pop() {
        mixed.push(address);
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_in_the_order_of_the_resolver() {
        let given = addresses(&["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1", "[::1]:1", "[::2]:1"]);
        let want = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "1.1.1.3:1"]);
        assert_eq!(interleave(given.into_iter()), want);
        let v4 = addresses(&["1.1.1.1:1", "1.1.1.2:1"]);
        assert_eq!(interleave(v4.clone().into_iter()), v4);
    }

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
