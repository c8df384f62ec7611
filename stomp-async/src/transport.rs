//! Streams of octets, and a function of the application's that opens one.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use stomp_failover::Broker;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of octets in both directions: whatever carries STOMP.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

pub(crate) type BoxTransport = Box<dyn Transport>;

pub(crate) type Connecting = Pin<Box<dyn Future<Output = io::Result<BoxTransport>> + Send>>;

/// Opens the transport to a broker.
#[derive(Clone)]
pub(crate) struct Connector(Arc<dyn Fn(Broker) -> Connecting + Send + Sync>);

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

    pub(crate) fn connect(&self, broker: Broker) -> Connecting {
        (self.0)(broker)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
