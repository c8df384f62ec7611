use std::time::{Duration, Instant};

use super::Broker;
use super::connection::{Connection, ConnectionId, State};
use super::failure::Failure;
use crate::Profile;
use crate::fault::Standing;
use crate::profile::Watch;

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
        if due(silence_deadline(connection)) && self.config.profile == Profile::Spring {
            self.refuse(id, Failure::SessionClosed, None, now);
        } else if due(self.connect_deadline(connection)) || due(silence_deadline(connection)) {
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
        let last = match beats.beats_at {
            Some(ticks) => ticks.next_after(beats.sent),
            None => beats.sent,
        };
        beating.then(|| last + every)
    }
}

/// When a client that says nothing is taken for dead.
fn silence_deadline(connection: &Connection) -> Option<Instant> {
    let beats = &connection.beats;
    if connection.state != State::Connected {
        return None;
    }
    let silence = beats.dead_after?;
    Some(match (beats.watch, beats.looks_at) {
        (Watch::LastTick, Some(ticks)) => ticks.last_before(beats.received + silence),
        (Watch::NextTick, Some(ticks)) => ticks.next_after(beats.received) + silence,
        _ => beats.received + silence,
    })
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

    /// A client of a broker that beats when the broker asks it to, and the times it sees.
    struct Client {
        broker: Broker,
        id: ConnectionId,
        start: Instant,
    }

    impl Client {
        fn connect(profile: Profile, heart_beat: &str) -> Self {
            let mut broker = Broker::new(Config {
                profile,
                ..Config::default()
            });
            let start = Instant::now();
            let id = broker.handle_open(start);
            let connect =
                format!("CONNECT\naccept-version:1.2\nhost:/\nheart-beat:{heart_beat}\n\n\0");
            broker.handle_data(id, connect.as_bytes(), start);
            broker.poll_transmit(id, start);
            Self { broker, id, start }
        }

        /// Lets time pass until the broker does something: whether it is a beat, and when.
        fn hear(&mut self) -> (bool, Duration) {
            loop {
                let now = self.broker.poll_timeout(self.id).expect("it has a timer");
                // A real timer is late, if by little.
                let late = now + Duration::from_millis(1);
                self.broker.handle_timeout(self.id, late);
                if self.broker.poll_transmit(self.id, late).is_some() {
                    return (true, now - self.start);
                }
                if self.broker.poll_close(self.id) {
                    return (false, now - self.start);
                }
            }
        }

        fn end(mut self) -> u128 {
            loop {
                if let (false, time) = self.hear() {
                    return time.as_millis();
                }
            }
        }
    }

    /// How long after CONNECTED a client is cut off that says something once, and then no more.
    fn life(profile: Profile, heart_beat: &str, last_word: u64) -> u128 {
        let mut client = Client::connect(profile, heart_beat);
        let last_word = client.start + Duration::from_millis(last_word);
        client.broker.handle_data(client.id, b"\n", last_word);
        client.end()
    }

    #[test]
    fn rabbitmq_looks_for_silence_once_in_a_period() {
        let life = |ms| life(Profile::RabbitMq, "1000,1000", ms);
        assert_eq!(life(0), 3000);
        assert_eq!(life(500), 3000);
        assert_eq!(life(999), 3000);
        assert_eq!(life(2300), 5000);
    }

    #[test]
    fn activemq_counts_silence_from_its_next_look() {
        // As observed, to within 5 ms.
        let life = |heart_beat, ms| life(Profile::ActiveMq, heart_beat, ms);
        assert_eq!(life("500,500", 0), 1500);
        assert_eq!(life("500,500", 700), 2000);
        assert_eq!(life("500,0", 0), 1000);
        assert_eq!(life("800,300", 0), 1900);
        assert_eq!(life("800,300", 400), 2700);
        assert_eq!(life("1000,400", 300), 2400);
        assert_eq!(life("300,800", 0), 900);
    }

    #[test]
    fn activemq_beats_by_the_clock() {
        let beats = |heart_beat| -> Vec<u128> {
            let mut client = Client::connect(Profile::ActiveMq, heart_beat);
            let beats = (0..4).map(|_| client.hear());
            let beats = beats.take_while(|(beat, _)| *beat);
            // The clock is a little ahead, so round up.
            beats
                .map(|(_, time)| time.as_millis().next_multiple_of(100))
                .collect()
        };
        // As observed.
        assert_eq!(beats("0,300"), [600, 900, 1200, 1500]);
        assert_eq!(beats("800,300"), [600, 900, 1200, 1500]);
        assert_eq!(beats("1000,400"), [800, 1200, 1600, 2000]);
        assert_eq!(beats("500,500")[0], 1000);
        assert!(beats("300,800").is_empty());
    }
}
