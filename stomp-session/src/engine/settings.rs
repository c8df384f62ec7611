use std::time::Duration;

use stomp_failover::Broker;

use crate::{Config, Liveness, Pieces};

/// How a client connects, how patient it is, and how much it holds. Both clients' builders are made
/// of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// What each session is made of. Its [flow limits](Config::flow) are not used: the engine has
    /// budgets of its own.
    pub session: Config,
    /// How long one broker may take to accept the connection, before CONNECT. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a frame may wait in this process, for a connection or for room, until its first
    /// octet is handed to the transport. Default 30 s.
    pub send_timeout: Duration,
    /// How many octets of frames may wait to be written. Default 8 MiB. One frame larger than this
    /// is let in when nothing else waits.
    pub outbox: usize,
    /// How many octets of messages may wait to be taken, of all subscriptions together and headers
    /// included, and what has to be kept of taken ones until they are settled, their ack ids above
    /// all. Default 16 MiB. Beyond it, or when a subscription holds more messages than its
    /// capacity, reading stops, unless somebody waits for an answer that comes behind them.
    pub inbox: usize,
    /// How many octets more may be held while somebody waits for an answer. Default 8 MiB.
    pub overflow: usize,
    /// How long fired messages may still take when the last handle is dropped. Default 1 s.
    pub linger: Duration,
    /// How long [disconnecting](super::Engine::disconnect) waits for messages that the application
    /// has in hand. Default 1 s.
    pub settle_timeout: Duration,
    /// How long SUBSCRIBE waits for an answer before it counts as accepted, on a connection that
    /// lives. Default 2 s.
    pub subscribe_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session: Config::default().frame_timeout(Duration::from_secs(30)),
            connect_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(30),
            outbox: 8 << 20,
            inbox: 16 << 20,
            overflow: 8 << 20,
            linger: Duration::from_secs(1),
            settle_timeout: Duration::from_secs(1),
            subscribe_timeout: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// How a session with this broker is configured: what the URI says of a broker goes before what
    /// is said of all.
    pub(super) fn session_for(&self, broker: &Broker, pieces: Pieces) -> Config {
        let config = self.session.clone();
        let liveness: Liveness = config.liveness.second_look(SECOND_LOOK);
        let flow = crate::FlowLimits::default()
            .receipts(usize::MAX)
            .transactions(usize::MAX)
            .subscriptions(usize::MAX)
            .outbound(usize::MAX);
        // Vert.x refuses subscriptions without id in 1.0 as well.
        let config = config.names_in_1_0().settle_broken().refuse_unreadable();
        config
            .credentials(broker.login(), broker.passcode())
            .pieces(pieces)
            .liveness(liveness)
            .flow(flow)
    }
}

/// How long a driver has to find out that a silent broker has said something after all.
const SECOND_LOOK: Duration = Duration::from_secs(1);
