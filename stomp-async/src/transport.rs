//! From a broker of the failover URI to a stream of octets.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use stomp_failover::Broker;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// A stream of octets in both directions: whatever carries STOMP.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

pub(crate) type BoxTransport = Box<dyn Transport>;

type Dialling = Pin<Box<dyn Future<Output = io::Result<BoxTransport>> + Send>>;

/// Opens the transport to a broker.
#[derive(Clone)]
pub(crate) struct Connector(Arc<dyn Fn(Broker) -> Dialling + Send + Sync>);

impl Connector {
    pub(crate) fn new<F, Fut, T>(connect: F) -> Self
    where
        F: Fn(Broker) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<T>> + Send + 'static,
        T: Transport,
    {
        Self(Arc::new(move |broker| {
            let connecting = connect(broker);
            Box::pin(async move { Ok(Box::new(connecting.await?) as BoxTransport) })
        }))
    }

    pub(crate) async fn connect(&self, broker: Broker) -> io::Result<BoxTransport> {
        (self.0)(broker).await
    }
}

/// The network.
impl Connector {
    /// TCP. In a URI with brokers of other schemes, these cannot be reached.
    pub(crate) fn tcp() -> Self {
        Self::new(plain)
    }

    /// TCP, and TLS where the scheme of the broker says so.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(tls: crate::Tls) -> Result<Self, crate::TlsError> {
        let connector = tokio_rustls::TlsConnector::from(tls.config()?);
        Ok(Self(Arc::new(move |broker| {
            let (tls, connector) = (tls.clone(), connector.clone());
            Box::pin(async move {
                if !broker.uses_tls() {
                    return Ok(Box::new(plain(broker).await?) as BoxTransport);
                }
                let name = tls.name_of(&broker).map_err(io::Error::other)?;
                let stream = connector.connect(name, tcp(&broker).await?).await?;
                Ok(Box::new(stream) as BoxTransport)
            })
        })))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

/// How long an address may keep the next one waiting (RFC 8305 recommends 250 ms).
const STAGGER: Duration = Duration::from_millis(250);

/// How long a single address may take. The broker as a whole has the connect time-out.
const PER_ADDRESS: Duration = Duration::from_secs(5);

async fn plain(broker: Broker) -> io::Result<TcpStream> {
    if broker.uses_tls() {
        let what = "TLS is not built in (feature `tls`)";
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
    tcp(&broker).await
}

async fn tcp(broker: &Broker) -> io::Result<TcpStream> {
    if broker.uses_websocket() {
        let what = "WebSocket is not built in; there is `Builder::transport`";
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
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
