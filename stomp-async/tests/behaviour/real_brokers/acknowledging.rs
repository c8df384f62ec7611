//! What an acknowledgement reaches.

use super::elsewhere::Elsewhere;
use super::stage::{Broker, PATIENCE, fresh};
use crate::client::{Ack, Adapter, Settled, Wanted};

pub(super) fn a_cumulative_ack_leaves_the_other_subscription_alone(adapter: &dyn Adapter) {
    // RabbitMQ's own cumulative ACK reaches the whole connection.
    let broker = Broker::RabbitMq;
    let elsewhere = Elsewhere::at(broker);
    let client = broker.connect(adapter, None);
    let queues = [fresh("first"), fresh("second")];
    let bodies = || (0..3).map(|n| n.to_string());
    let mut inboxes = queues.clone().map(|queue| {
        elsewhere.fill(&queue, bodies());
        let wanted = Wanted::from(&queue).ack(Ack::Cumulative);
        client.subscribe(wanted).unwrap()
    });
    let [_first, second] = inboxes.each_mut().map(|inbox| {
        let received = (0..3).map(|_| inbox.next(PATIENCE).message());
        received.collect::<Vec<_>>()
    });
    let last = second.into_iter().next_back().expect("three");
    assert_eq!(last.ack(), Settled::Sent);
    client.disconnect().ok();
    let [first, second] = queues;
    let found = elsewhere.find(&first, 3, PATIENCE);
    assert_eq!(found.bodies, bodies().collect::<Vec<_>>());
    elsewhere.find_nothing(&second);
}
