use std::time::{Duration, Instant};

use super::Broker;
use super::connection::{Connection, ConnectionId, State};
use crate::fault::Standing;

impl Broker {
    /// Tells when [`handle_timeout`](Self::handle_timeout) has to be called for this connection.
    #[must_use]
    pub fn poll_timeout(&self, id: ConnectionId) -> Option<Instant> {
        let connection = self.connections.get(&id)?;
        [
            self.connect_deadline(connection),
            silence_deadline(connection),
            self.beat_deadline(connection),
            delay_deadline(connection),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Tells when the first timer of any connection is due.
    #[must_use]
    pub fn poll_next_timeout(&self) -> Option<(Instant, ConnectionId)> {
        self.connections
            .keys()
            .filter_map(|id| Some((self.poll_timeout(*id)?, *id)))
            .min()
    }

    /// Does what is due on this connection at `now`: beats, or gives up a client that is silent.
    pub fn handle_timeout(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if due(self.connect_deadline(connection)) || due(silence_deadline(connection)) {
            self.hang_up(id, now);
        } else if due(self.beat_deadline(connection)) {
            self.emit_beat(id, now);
        }
        self.end_delays(id, now);
        self.crash_if_pending(now);
    }

    /// How long the broker waits for CONNECT.
    fn connect_deadline(&self, connection: &Connection) -> Option<Instant> {
        (connection.state == State::Opening).then(|| connection.beats.opened + self.connect_time())
    }

    fn connect_time(&self) -> Duration {
        let configured = self.config.caps.connect_time;
        configured.unwrap_or(self.manners.connect_time)
    }

    /// When the broker owes a sign of life.
    fn beat_deadline(&self, connection: &Connection) -> Option<Instant> {
        let beats = &connection.beats;
        let every = beats.send_every?;
        let beating =
            connection.state == State::Connected && !self.stands(connection, Standing::StopBeating);
        beating.then(|| beats.sent + every)
    }
}

/// When a client that says nothing is taken for dead.
fn silence_deadline(connection: &Connection) -> Option<Instant> {
    let beats = &connection.beats;
    if connection.state != State::Connected {
        return None;
    }
    let dead = beats.received + beats.dead_after?;
    let Some(period) = beats.looked_at_every else {
        return Some(dead);
    };
    let over = (dead - beats.opened).as_millis() % period.as_millis();
    Some(dead - Duration::from_millis(over.try_into().unwrap_or(0)))
}

/// When the next delayed frame goes on.
fn delay_deadline(connection: &Connection) -> Option<Instant> {
    let held = connection.held.as_ref();
    let delayed = connection.delayed.iter();
    delayed.chain(held).map(|(time, _)| *time).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Profile};

    /// How long after CONNECTED a client is cut off that says something once, and then no more.
    fn life(profile: Profile, last_word: Duration) -> Duration {
        let mut broker = Broker::new(Config {
            profile,
            ..Config::default()
        });
        let start = Instant::now();
        let id = broker.handle_open(start);
        let connect = b"CONNECT\naccept-version:1.2\nhost:/\nheart-beat:1000,1000\n\n\0";
        broker.handle_data(id, connect, start);
        broker.handle_data(id, b"\n", start + last_word);
        loop {
            let now = broker.poll_timeout(id).expect("it has to notice");
            broker.handle_timeout(id, now);
            broker.poll_transmit(id, now);
            if broker.poll_close(id) {
                return now - start;
            }
        }
    }

    #[test]
    fn rabbitmq_looks_for_silence_once_in_a_period() {
        let life = |ms| life(Profile::RabbitMq, Duration::from_millis(ms)).as_millis();
        assert_eq!(life(0), 3000);
        assert_eq!(life(500), 3000);
        assert_eq!(life(999), 3000);
        assert_eq!(life(2300), 5000);
    }

    #[test]
    fn activemq_counts_from_the_last_word() {
        let life = life(Profile::ActiveMq, Duration::from_millis(500));
        assert_eq!(life.as_millis(), 2500);
    }
}
