//! How to get a transport to a broker: by what its scheme means, or by a function of the user's.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use stomp_failover::Broker;
use stomp_session::TransportError;
use stomp_session::engine::{LinkInfo, PER_ADDRESS, STAGGER, interleave};
use stomp_session::layers::{LayerConfig, Layers};

use crate::io::{Handshake, left_until};
use crate::transport::{BoxTransport, Mode, Tcp, Transport};

/// Opens transports.
pub(crate) enum Dialler {
    /// TCP, and what goes over it.
    Network {
        layers: LayerConfig,
        resolver: Resolver,
    },
    /// A function of the user's.
    Own { open: Open, secure: bool },
}

type Open = Box<dyn Fn(Broker, Duration) -> io::Result<BoxTransport> + Send + Sync>;

/// Finds the addresses of a host.
pub(crate) type Resolver = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

impl Dialler {
    pub(crate) fn own<F, T>(open: F, secure: bool) -> Self
    where
        F: Fn(Broker, Duration) -> io::Result<T> + Send + Sync + 'static,
        T: Transport,
    {
        let open: Open = Box::new(move |broker, patience| Ok(Box::new(open(broker, patience)?)));
        Self::Own { open, secure }
    }

    /// Opens a transport and goes through every handshake below STOMP.
    pub(crate) fn dial(
        &self,
        broker: &Broker,
        deadline: Option<Instant>,
        mode: Mode,
    ) -> Result<(Handshake, LinkInfo), String> {
        let told = |error: io::Error| TransportError::from(&error).to_string();
        match self {
            Self::Own { open, secure } => {
                let patience = left_until(deadline).unwrap_or(Duration::MAX);
                let transport = open(broker.clone(), patience).map_err(told)?;
                let handshake = Handshake::new(transport, Layers::plain());
                let info = handshake.info(*secure);
                // What the user's transport carries, it cuts as the scheme says.
                let info = match broker.uses_websocket() {
                    true => info.pieces(stomp_session::Pieces::Frames),
                    false => info,
                };
                Ok((handshake, info))
            }
            Self::Network { layers, resolver } => {
                let layers = Layers::for_broker(broker, layers);
                let layers = layers.map_err(|error| TransportError::from(&error).to_string())?;
                let addresses = resolver(broker.host(), broker.port()).map_err(told)?;
                let stream = race(interleave(addresses), deadline).map_err(told)?;
                let tcp = Tcp::new(stream, mode).map_err(told)?;
                let mut handshake = Handshake::new(Box::new(tcp), layers);
                if let Err(why) = handshake.finish(deadline) {
                    handshake.close();
                    return Err(why);
                }
                let info = handshake.info(false);
                Ok((handshake, info))
            }
        }
    }
}

/// Asks the system.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// Tries the addresses in turn, the next as soon as one failed or has taken too long to answer. The
/// first connection wins; the others are dropped.
fn race(addresses: Vec<SocketAddr>, deadline: Option<Instant>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    if let [only] = addresses[..] {
        return open(only, deadline);
    }
    let (report, reports) = mpsc::channel();
    let mut addresses = addresses.into_iter();
    let mut under_way = 0;
    loop {
        if let Some(address) = addresses.next() {
            let report = report.clone();
            // Whoever is too late finds nobody who listens, and drops what he has.
            std::thread::spawn(move || report.send(open(address, deadline)));
            under_way += 1;
        }
        if under_way == 0 {
            return Err(last);
        }
        let left = left_until(deadline);
        let more = addresses.len() > 0;
        let patience = match left {
            Some(left) if more => left.min(STAGGER),
            Some(left) => left,
            None if more => STAGGER,
            None => PER_ADDRESS * 2,
        };
        match reports.recv_timeout(patience) {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => {
                under_way -= 1;
                last = error;
            }
            Err(_) if left.is_some_and(|left| left <= patience) => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(_) => {}
        }
    }
}

fn open(address: SocketAddr, deadline: Option<Instant>) -> io::Result<TcpStream> {
    let left = left_until(deadline).unwrap_or(PER_ADDRESS);
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(&address, left.min(PER_ADDRESS))
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_refuses_does_not_keep_the_next_waiting() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let closed_address = closed.local_addr().expect("bound");
        drop(closed);
        let good = open.local_addr().expect("bound");
        let stream = race(vec![closed_address, good], None).expect("one is open");
        assert_eq!(stream.peer_addr().expect("connected"), good);
    }

    #[test]
    fn no_address_is_an_error_that_says_so() {
        let error = race(vec![], None).expect_err("there is none");
        assert_eq!(error.to_string(), "the host name has no address");
    }
}
