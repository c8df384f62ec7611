use std::time::Duration;

use stomp_failover::{Broker, Failover};
use stomp_session::{CloseReason, Config, Pieces, Session, Subscriptions, TransportError};
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use crate::link::{Link, now};
use crate::transport::Connector;
use crate::{Error, Event};

/// Gets from a failover URI to a link on which CONNECTED was said.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) config: Config,
    pub(crate) connector: Connector,
    pub(crate) connect_timeout: Duration,
    pub(crate) failover: Failover,
    pub(crate) events: broadcast::Sender<Event>,
}

impl Dialer {
    /// Makes attempts until one succeeds, at CONNECTED, or the failover has no more.
    pub(crate) async fn dial(&mut self, mut subscriptions: Subscriptions) -> Result<Link, Error> {
        loop {
            let attempt = self.failover.next()?;
            let broker = &attempt.broker;
            let delay = attempt.delay;
            if attempt.warn {
                tracing::warn!(%broker, attempt = attempt.number, "still no connection");
            }
            if attempt.number > 1 || self.failover.has_ever_connected() {
                let _ = self.events.send(Event::Reconnecting {
                    broker: broker.clone(),
                    delay,
                    attempt: attempt.number,
                });
            }
            sleep(delay).await;
            match self.attempt(broker, subscriptions).await? {
                Ok(link) => {
                    self.failover.succeeded(&attempt);
                    return Ok(link);
                }
                Err((left, why)) => {
                    tracing::debug!(%broker, %why, "no connection");
                    subscriptions = left;
                    self.failover.failed(&attempt, why);
                }
            }
        }
    }

    /// Makes one attempt. The outer error is ours and ends it all; the inner one is the broker's,
    /// and gives the subscriptions back for the next.
    async fn attempt(
        &mut self, // a shared reference would have to be `Sync`, and a server source need not be
        broker: &Broker,
        subscriptions: Subscriptions,
    ) -> Result<Result<Link, (Subscriptions, String)>, Error> {
        // What the URI says of a broker goes before what the builder says of all.
        let config = self.config.clone();
        let mut config = config.credentials(broker.login(), broker.passcode());
        if broker.uses_websocket() {
            config = config.pieces(Pieces::Frames);
        }
        Session::check(&config)?;
        let transport = self.connector.connect(broker.clone());
        let transport = match timeout(self.connect_timeout, transport).await {
            Ok(Ok(transport)) => transport,
            Ok(Err(error)) => {
                let why = TransportError::from(&error).to_string();
                return Ok(Err((subscriptions, why)));
            }
            Err(_) => {
                let why = format!("no answer within {:?}", self.connect_timeout);
                return Ok(Err((subscriptions, why)));
            }
        };
        let session = Session::connect(config, subscriptions, now())?;
        let mut link = Link::new(transport, session);
        match link.handshake().await {
            Ok(connection) => {
                tracing::info!(%broker, version = %connection.version, "connected");
                let broker = broker.clone();
                let _ = self.events.send(Event::Connected { broker, connection });
                Ok(Ok(link))
            }
            Err(reason) => Ok(Err((link.into_subscriptions(), reason.to_string()))),
        }
    }

    pub(crate) fn lost(&mut self, stable_for: Duration, reason: &CloseReason) {
        self.failover.lost(stable_for, reason);
    }
}
