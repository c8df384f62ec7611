//! From the name of a broker to a transport on which CONNECT can be said.

use std::io;
use std::pin::Pin;

use bytes::{Buf, BytesMut};
use stomp_failover::Broker;
use stomp_session::Pieces;
use stomp_session::engine::LinkInfo;
use stomp_session::layers::{LayerConfig, Layers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::network;
use crate::transport::{BoxTransport, Connector};

/// How transports are opened.
#[derive(Debug)]
pub(crate) enum Dialler {
    /// As the scheme of the broker says.
    Network(LayerConfig),
    /// By a function of the application, which knows whether anybody else may read what goes there.
    Application { connector: Connector, secure: bool },
}

/// A transport that is being opened. It has no deadline of its own: the engine has one.
pub(crate) type Dialling = Pin<Box<dyn Future<Output = io::Result<Opened>> + Send>>;

pub(crate) struct Opened {
    pub(crate) transport: BoxTransport,
    /// `None`: what is received is STOMP.
    pub(crate) layers: Option<Layers>,
    /// What came with the last of the handshake, and the layers have not taken.
    pub(crate) raw: BytesMut,
    pub(crate) info: LinkInfo,
}

/// How much is read at a time. Frames that the application keeps pin a buffer of this size.
pub(crate) const READ: usize = 16 << 10;

impl Dialler {
    pub(crate) fn open(&self, broker: Broker) -> Dialling {
        match self {
            Self::Network(config) => Box::pin(open(broker, config.clone())),
            Self::Application { connector, secure } => {
                let pieces = match broker.uses_websocket() {
                    true => Pieces::Frames,
                    false => Pieces::Coalesced,
                };
                let info = LinkInfo::plain().secure(*secure).pieces(pieces);
                let connecting = connector.connect(broker);
                Box::pin(async move { Ok(Opened::plain(connecting.await?, info)) })
            }
        }
    }
}

async fn open(broker: Broker, config: LayerConfig) -> io::Result<Opened> {
    // Before anything is tried: what is not built in is an error of its own.
    let layers = Layers::for_broker(&broker, &config)?;
    let info = LinkInfo::plain()
        .secure(layers.is_secure())
        .pieces(layers.pieces());
    let mut opened = Opened::plain(Box::new(network::tcp(&broker).await?), info);
    if !layers.is_plain() {
        let layers = opened.layers.insert(layers);
        opened.raw = shake_hands(&mut opened.transport, layers).await?;
    }
    Ok(opened)
}

/// Goes on until everything is open. Returns what was received and not looked at.
async fn shake_hands(transport: &mut BoxTransport, layers: &mut Layers) -> io::Result<BytesMut> {
    let mut raw = BytesMut::with_capacity(READ);
    loop {
        while !layers.outgoing().is_empty() {
            let octets = transport.write(layers.outgoing()).await?;
            if octets == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            layers.written(octets);
        }
        transport.flush().await?;
        if layers.is_open() {
            return Ok(raw);
        }
        if raw.is_empty() && transport.read_buf(&mut raw).await? == 0 {
            layers.receive_end();
        }
        let taken = layers.receive(&raw);
        raw.advance(taken);
        if !layers.is_open()
            && let Err(error) = layers.read(&mut BytesMut::new(), READ)
        {
            // The other side may like to know; but nobody waits for it to listen.
            let _ = transport.write(layers.outgoing()).await;
            return Err(error.into());
        }
    }
}

impl Opened {
    fn plain(transport: BoxTransport, info: LinkInfo) -> Self {
        Self {
            transport,
            layers: None,
            raw: BytesMut::new(),
            info,
        }
    }
}
