//! Streams of octets, and how to get one to a broker of the failover URI.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use stomp_failover::Broker;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::network::Network;

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

/// What the scheme of the broker says.
impl From<Network> for Connector {
    fn from(network: Network) -> Self {
        Self(Arc::new(move |broker| {
            Box::pin(network.clone().connect(broker))
        }))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
