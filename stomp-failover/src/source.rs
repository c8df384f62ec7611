use crate::broker::Broker;

/// Says which brokers there are, anew before each round: from DNS SRV records, a file, a service
/// registry.
///
/// Any `FnMut() -> Vec<Broker> + Send` is a source. A source may block; a client that must not
/// block looks the brokers up by itself and hands them over with
/// [`Failover::update`](crate::Failover::update).
///
/// ```
/// use stomp_failover::{Broker, Failover, FailoverUri, Scheme};
///
/// let mut replicas = 0;
/// let uri: FailoverUri = "failover:(stomp://seed)?randomize=false".parse()?;
/// let mut failover = Failover::new(uri, 7).with_source(move || {
///     replicas += 1;
///     (0..replicas).map(|n| Broker::new(Scheme::Stomp, format!("mq-{n}"), 61613)).collect()
/// });
/// assert_eq!(failover.next()?.broker.host(), "mq-0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ServerSource: Send {
    /// Returns the brokers of the next round. If there are none, those of the last round are tried
    /// again.
    fn brokers(&mut self) -> Vec<Broker>;
}

impl<F: FnMut() -> Vec<Broker> + Send> ServerSource for F {
    fn brokers(&mut self) -> Vec<Broker> {
        self()
    }
}
