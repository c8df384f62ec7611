use std::time::{Duration, Instant};

use bytes::BytesMut;
use stomp_failover::{Broker, Failover};
use stomp_session::{Config, Event, Session, Subscriptions, TransportError};

use crate::Error;
use crate::transport::Transport;

/// Gets from a failover URI to a link on which CONNECTED was said.
pub(crate) struct Dialer {
    pub(crate) config: Config,
    pub(crate) connect_timeout: Duration,
    pub(crate) failover: Failover,
}

/// A connection on which CONNECTED was said. Its event is still in the session.
pub(crate) struct Link {
    pub(crate) transport: Transport,
    pub(crate) session: Session,
    /// What was read behind CONNECTED, and is no whole frame.
    pub(crate) inbound: BytesMut,
}

/// How much is read at a time. Frames that the application keeps pin a buffer of this size.
pub(crate) const READ: usize = 32 << 10;

impl Dialer {
    /// Makes attempts until one succeeds, at CONNECTED, or the failover has no more. `sleep` waits
    /// in between, strikes out subscriptions, and says whether to go on.
    pub(crate) fn dial(
        &mut self,
        mut subscriptions: Subscriptions,
        mut sleep: impl FnMut(Duration, &mut Subscriptions) -> bool,
    ) -> Result<Option<Link>, Error> {
        loop {
            let attempt = self.failover.next()?;
            if !sleep(attempt.delay, &mut subscriptions) {
                return Ok(None);
            }
            match self.attempt(&attempt.broker, subscriptions)? {
                Ok(link) => {
                    self.failover.succeeded(&attempt);
                    return Ok(Some(link));
                }
                Err((left, why)) => {
                    subscriptions = left;
                    self.failover.failed(&attempt, why);
                }
            }
        }
    }

    /// Makes one attempt. The outer error is ours and ends it all; the inner one is the broker's,
    /// and gives the subscriptions back for the next.
    fn attempt(
        &self,
        broker: &Broker,
        subscriptions: Subscriptions,
    ) -> Result<Result<Link, (Subscriptions, String)>, Error> {
        let config = self.config_for(broker);
        Session::check(&config)?;
        let transport = match Transport::connect(broker, self.connect_timeout) {
            Ok(transport) => transport,
            Err(error) => {
                return Ok(Err((
                    subscriptions,
                    TransportError::from(&error).to_string(),
                )));
            }
        };
        let mut session = Session::connect(config, subscriptions, Instant::now())?;
        let mut inbound = BytesMut::new();
        match handshake(&transport, &mut session, &mut inbound) {
            Ok(()) => Ok(Ok(Link {
                transport,
                session,
                inbound,
            })),
            Err(why) => Ok(Err((session.into_subscriptions(), why))),
        }
    }

    /// What the URI says of a broker goes before what the builder says of all.
    fn config_for(&self, broker: &Broker) -> Config {
        let mut config = self.config.clone();
        if let Some(login) = broker.login() {
            config.login = Some(login.to_owned());
            config.passcode = broker.passcode().map(str::to_owned);
        }
        config
    }
}

/// Works until CONNECTED.
fn handshake(
    transport: &Transport,
    session: &mut Session,
    inbound: &mut BytesMut,
) -> Result<(), String> {
    let mut buffer = vec![0; READ];
    loop {
        while let Some(mut octets) = session.poll_transmit(Instant::now()) {
            while !octets.is_empty() && !session.is_closed() {
                match transport.write(&octets) {
                    Ok(written) => bytes::Buf::advance(&mut octets, written.unwrap_or(0)),
                    Err(error) => {
                        session.handle_io_error(&error, Instant::now());
                    }
                }
                session.handle_timeout(Instant::now());
            }
        }
        if session.connection().is_some() {
            return Ok(());
        }
        while let Some(event) = session.poll_event() {
            if let Event::Closed(reason) = event {
                return Err(reason.to_string());
            }
        }
        let patience = session
            .poll_timeout()
            .map(|due| due.saturating_duration_since(Instant::now()));
        match transport.read(&mut buffer, patience) {
            Ok(Some(0)) => session.handle_eof(Instant::now()),
            Ok(Some(read)) => {
                inbound.extend_from_slice(&buffer[..read]);
                session.handle_data(inbound, Instant::now());
            }
            Ok(None) => session.handle_timeout(Instant::now()),
            Err(error) => {
                session.handle_io_error(&error, Instant::now());
            }
        }
    }
}
