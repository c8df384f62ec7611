use std::time::{Duration, Instant};

use stomp_commands::{HeartBeat, negotiate};
use stomp_frame::{Command, Frame, Version, header};

use super::Broker;
use super::connection::{ConnectionId, State};
use super::failure::{Failure, require};
use super::frames::Accepted;
use crate::profile::{HeartBeatAnswer, Rhythm, Ticks, Watch};

impl Broker {
    /// Handles CONNECT and STOMP: version, virtual host, login, heart-beats.
    pub(crate) fn connect(
        &mut self,
        id: ConnectionId,
        mut frame: Frame,
        now: Instant,
    ) -> Result<(), Failure> {
        let version = self.negotiate(&frame)?;
        if version == Version::V1_0 {
            frame.headers.trim_padding();
        }
        self.check_host(&frame, version)?;
        self.check_login(&frame)?;
        self.check_client_id(&frame)?;
        let theirs = match frame.headers.get(header::HEART_BEAT) {
            Some(text) if version > Version::V1_0 => text.parse()?,
            _ => HeartBeat::NONE, // 1.0 has no heart-beats, whatever the header says
        };
        let configured = self.config.heart_beat;
        let ours = self.manners.heart_beat.answer(configured, theirs);
        self.accept(id, &frame, version, now);
        let connected = self.connected_frame(Accepted {
            id,
            connect: &frame,
            version,
            heart_beat: ours,
        });
        self.emit(id, connected, now);
        self.start_beats(id, ours, theirs, now);
        Ok(())
    }

    fn negotiate(&self, frame: &Frame) -> Result<Version, Failure> {
        let mut accept = frame.headers.get(header::ACCEPT_VERSION);
        if accept.is_none() && self.manners.accept_version_required {
            return Err(Failure::NoCommonVersion);
        }
        if self.manners.forgives_blanks {
            if frame.command == Command::Stomp {
                require(frame, header::ACCEPT_VERSION)?; // STOMP came with 1.1, as this header did
            }
            return Ok(negotiate::common_version(accept, &self.config.versions)?);
        }
        // A blank belongs to the version, and makes it one that does not exist.
        let exact = accept.map(|list| {
            let members = list.split(',').filter(|member| !member.contains(' '));
            members.collect::<Vec<_>>().join(",")
        });
        if exact.is_some() {
            accept = exact.as_deref();
        }
        Ok(negotiate::common_version(accept, &self.config.versions)?)
    }

    fn accept(&mut self, id: ConnectionId, frame: &Frame, version: Version, now: Instant) {
        let limits = self.config.caps.frame;
        let wire_version = self.manners.wire_version(version);
        let connection = self.connection(id);
        connection.state = State::Connected;
        connection.version = version;
        connection.login = frame.headers.get(header::LOGIN).map(str::to_owned);
        connection.client_id = frame.headers.get("client-id").map(str::to_owned);
        connection.beats.opened = now;
        // From the very next octet on.
        connection.decoder.set_version(wire_version);
        connection.decoder.set_limits(limits);
    }

    fn check_host(&self, frame: &Frame, version: Version) -> Result<(), Failure> {
        let required = self.config.host_required;
        let required = required.unwrap_or(self.manners.host_required);
        let host = match frame.headers.get(header::HOST) {
            Some(host) => host,
            None if version > Version::V1_0 && required => require(frame, header::HOST)?,
            None => return Ok(()),
        };
        let configured = &self.config.virtual_hosts;
        let is_known = match configured.as_slice() {
            [] => {
                let known = self.manners.virtual_hosts;
                known.is_empty() || known.contains(&host)
            }
            known => known.iter().any(|name| name == host),
        };
        if is_known {
            Ok(())
        } else {
            Err(Failure::UnknownHost)
        }
    }

    fn check_login(&self, frame: &Frame) -> Result<(), Failure> {
        if self.config.logins.is_empty() {
            return Ok(());
        }
        let login = frame.headers.get(header::LOGIN).unwrap_or_default();
        let passcode = frame.headers.get(header::PASSCODE);
        match (self.config.logins.get(login), passcode) {
            (Some(expected), Some(passcode)) if self.is_same(expected, passcode) => Ok(()),
            _ => Err(Failure::AccessRefused),
        }
    }

    fn check_client_id(&self, frame: &Frame) -> Result<(), Failure> {
        let Some(client_id) = frame.headers.get("client-id") else {
            return Ok(());
        };
        let is_used = self.connections.values().any(|connection| {
            connection.state == State::Connected
                && connection.client_id.as_deref() == Some(client_id)
        });
        if is_used && self.manners.names_are_exclusive {
            return Err(Failure::ClientIdInUse);
        }
        Ok(())
    }

    /// Compares a passcode as it came with the true one. RabbitMQ and ActiveMQ undo escapes in
    /// CONNECT, which the specification forbids.
    fn is_same(&self, expected: &str, passcode: &str) -> bool {
        if !self.config.profile.dialect().words().unescapes_connect {
            return expected == passcode;
        }
        let mut unescaped = String::new();
        let mut letters = passcode.chars();
        while let Some(letter) = letters.next() {
            unescaped.push(match letter {
                '\\' => match letters.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('c') => ':',
                    Some('\\') => '\\',
                    _ => return false,
                },
                letter => letter,
            });
        }
        expected == unescaped
    }

    fn start_beats(&mut self, id: ConnectionId, ours: HeartBeat, theirs: HeartBeat, now: Instant) {
        let agreed = negotiate::heart_beat(ours, theirs);
        let configured = self.config.dead_percent;
        let dead_percent = configured.unwrap_or(self.manners.dead_percent);
        let watch = match configured {
            Some(_) => Watch::Always,
            None => self.manners.watch,
        };
        let rhythm = self.manners.rhythm;
        let every = agreed.send.filter(is_reachable);
        let period = agreed.receive.filter(is_reachable);
        // ActiveMQ has one clock for both, which starts with the shorter period.
        let shorter = match (every, period) {
            (Some(every), Some(period)) => every.min(period),
            _ => Duration::ZERO,
        };
        let beats = &mut self.connection(id).beats;
        beats.received = now;
        beats.sent = now;
        beats.send_every = every.map(|every| match rhythm {
            Rhythm::Half => every / 2,
            Rhythm::Full | Rhythm::Ticks => every,
        });
        beats.beats_at = every
            .filter(|_| rhythm == Rhythm::Ticks)
            .map(|every| Ticks {
                first: match shorter {
                    Duration::ZERO => now + every,
                    shorter => now + shorter,
                } - HEAD_START.min(every / 10),
                every,
            });
        beats.dead_after = period.map(|period| period * dead_percent / 100);
        beats.watch = watch;
        beats.looks_at = period.map(|every| Ticks {
            first: match watch {
                Watch::NextTick => now + shorter,
                _ => now,
            },
            every,
        });
        self.announce(id);
    }
}

/// ActiveMQ's clock ticks from the arrival of CONNECT on, which is a moment before CONNECTED leaves:
/// so its beats are never quite as late as two periods.
const HEAD_START: Duration = Duration::from_millis(5);

/// A period of more than a year never comes, and would only overflow deadlines.
fn is_reachable(period: &Duration) -> bool {
    *period < Duration::from_secs(365 * 24 * 3600)
}

impl HeartBeatAnswer {
    fn answer(self, configured: HeartBeat, theirs: HeartBeat) -> HeartBeat {
        match self {
            Self::Own => configured,
            Self::Mirror => HeartBeat::new(theirs.receive_ms, theirs.send_ms),
            Self::MirrorWholeSeconds => HeartBeat::new(
                whole_seconds(theirs.receive_ms),
                whole_seconds(theirs.send_ms),
            ),
        }
    }
}

/// RabbitMQ counts in seconds, rounded down, and never below one.
fn whole_seconds(ms: u64) -> u64 {
    match ms {
        0 => 0,
        _ => (ms / 1000).max(1) * 1000,
    }
}
