use std::time::{Duration, Instant};

use stomp_failover::{Attempt, Broker, Failover};
use stomp_session::{
    CloseReason, Config, Event as Said, Pieces, Session, Subscriptions, TransportError,
};

use crate::transport::Connector;
use crate::wire::Wire;
use crate::{Error, Event};

/// Gets from a failover URI to a link on which CONNECTED was said, step by step.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) config: Config,
    pub(crate) connector: Connector,
    pub(crate) connect_timeout: Duration,
    pub(crate) failover: Failover,
    /// The attempt that is decided on, and when it is due.
    pub(crate) next: Option<(Attempt, Instant)>,
}

/// A connection on which CONNECTED was said.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) wire: Wire,
    pub(crate) session: Session,
    /// What there is to tell about it.
    pub(crate) event: Event,
}

impl Dialer {
    /// Decides on the next attempt, unless that is done already. Says when it is due, and what
    /// there is to tell about it.
    pub(crate) fn plan(&mut self) -> Result<(Instant, Option<Event>), Error> {
        if let Some((_, due)) = &self.next {
            return Ok((*due, None));
        }
        let attempt = self.failover.next()?;
        let event = Event::Reconnecting {
            broker: attempt.broker.clone(),
            delay: attempt.delay,
            attempt: attempt.number,
        };
        let due = Instant::now() + attempt.delay;
        self.next = Some((attempt, due));
        Ok((due, Some(event)))
    }

    /// Makes the attempt that is decided on. The outer error is ours and ends it all; the inner one
    /// is the broker's, and gives the subscriptions back for the next.
    pub(crate) fn attempt(
        &mut self,
        subscriptions: Subscriptions,
    ) -> Result<Result<Link, Subscriptions>, Error> {
        let attempt = match self.next.take() {
            Some((attempt, _)) => attempt,
            None => self.failover.next()?,
        };
        match self.connect(&attempt.broker, subscriptions)? {
            Ok(link) => {
                self.failover.succeeded(&attempt);
                Ok(Ok(link))
            }
            Err((left, why)) => {
                self.failover.failed(&attempt, why);
                Ok(Err(left))
            }
        }
    }

    fn connect(
        &self,
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
        let transport = self.connector.connect(broker.clone(), self.connect_timeout);
        let transport = match transport {
            Ok(transport) => transport,
            Err(error) => {
                let why = TransportError::from(&error).to_string();
                return Ok(Err((subscriptions, why)));
            }
        };
        let mut session = Session::connect(config, subscriptions, Instant::now())?;
        let mut wire = Wire::new(transport, session.epoch());
        wire.handshake(&mut session);
        let mut why = String::new();
        while let Some(said) = session.poll_event() {
            match said {
                Said::Connected(connection) => {
                    let broker = broker.clone();
                    let event = Event::Connected { broker, connection };
                    return Ok(Ok(Link {
                        wire,
                        session,
                        event,
                    }));
                }
                Said::Closed(reason) => why = reason.to_string(),
                _ => {}
            }
        }
        Ok(Err((session.into_subscriptions(), why)))
    }

    pub(crate) fn lost(&mut self, stable_for: Duration, reason: &CloseReason) {
        self.failover.lost(stable_for, reason);
    }
}
