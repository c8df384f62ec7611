use stomp_failover::Broker;

/// What was learned of the brokers, over all connections to them.
#[derive(Debug, Default)]
pub(super) struct Manners {
    brokers: Vec<(Broker, Known)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// It has answered a frame by a RECEIPT.
    pub(super) answers: bool,
    /// It has left a SUBSCRIBE unanswered: Spring's simple broker, go-stomp's server.
    pub(super) subscribes_in_silence: bool,
}

impl Manners {
    pub(super) fn of(&mut self, broker: &Broker) -> &mut Known {
        let is_it = |(known, _): &(Broker, Known)| known.is_same_endpoint(broker);
        let at = self.brokers.iter().position(is_it).unwrap_or_else(|| {
            self.brokers.push((broker.clone(), Known::default()));
            self.brokers.len() - 1
        });
        &mut self.brokers[at].1
    }
}
