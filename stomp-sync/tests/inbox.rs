//! What comes to an inbox of the blocking client: too large, or not at all.

use stomp_frame::Command;
use stomp_sync::{AckMode, Client, Error, Limits, Settled};
use stomp_testbroker::{Fault, Profile, TestBroker, on};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn with_bodies_of_up_to(octets: u64, broker: &TestBroker) -> std::result::Result<Client, Error> {
    let limits = Limits::client().body(octets);
    Client::builder(broker.url()).limits(limits).connect()
}

#[test]
fn a_message_beyond_the_limit_is_an_item_that_can_be_settled() -> Result {
    let broker = TestBroker::start();
    let client = with_bodies_of_up_to(3, &broker)?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    for body in ["long", "too long", "ok"] {
        broker.push("/queue/a", body);
    }
    for length in [4, 8] {
        let error = inbox.next().ok_or("closed")?.unwrap_err();
        let text = format!("a message from /queue/a has {length} octets, and 3 are allowed");
        assert_eq!(error.to_string(), text);
        let Error::Unreadable(oversized) = error else {
            return Err(error.into());
        };
        assert_eq!(
            (oversized.defect().length, oversized.defect().limit),
            (Some(length), 3)
        );
        assert_eq!(oversized.destination(), "/queue/a");
        assert!(oversized.body().is_empty());
        match length {
            4 => assert_eq!(oversized.ack()?, Settled::Sent),
            _ => assert_eq!(oversized.nack()?, Settled::Sent),
        }
    }
    let message = inbox.next().ok_or("closed")??;
    assert_eq!(message.text()?, "ok");
    message.ack()?;
    client.disconnect()?;
    assert_eq!(
        (broker.depth("/queue/a"), broker.unacked("/queue/a")),
        (0, 0)
    );
    Ok(())
}

#[test]
fn in_ack_mode_auto_a_message_beyond_the_limit_is_told_and_no_more() -> Result {
    let broker = TestBroker::start();
    broker.push("/queue/a", "long");
    let client = with_bodies_of_up_to(3, &broker)?;
    let mut inbox = client.subscribe("/queue/a").ack(AckMode::Auto).open()?;
    let Some(Err(Error::Unreadable(oversized))) = inbox.next() else {
        return Err("a message that is too large".into());
    };
    let (content, acker) = oversized.split();
    assert_eq!(content.destination(), "/queue/a");
    assert!(!acker.is_needed());
    Ok(())
}

#[test]
fn a_message_arrives_behind_those_of_a_full_inbox() -> Result {
    let broker = TestBroker::start();
    let client = Client::connect(broker.url())?;
    let full = client.subscribe("/queue/a").capacity(1).open()?;
    let mut other = client.subscribe("/queue/b").open()?;
    for n in 0..30 {
        broker.push("/queue/a", n.to_string());
    }
    broker.push("/queue/b", "behind");
    assert_eq!(other.next().ok_or("closed")??.text()?, "behind");
    drop(full);
    Ok(())
}

#[test]
fn a_subscription_that_rabbitmq_refuses_is_reported_with_its_reason() -> Result {
    let broker = TestBroker::builder().profile(Profile::RabbitMq).start();
    let uri = format!("failover:({})?initialReconnectDelay=1", broker.url());
    let client = Client::connect(uri)?;
    let no = Fault::Error("access_refused".into());
    let fault = on(Command::Subscribe)
        .to("/queue/secret")
        .then(no)
        .mount(&broker);
    let error = client.subscribe("/queue/secret").open().unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
    assert!(error.to_string().contains("access_refused"), "{error}");
    // The next connection knows nothing of it.
    let mut inbox = client.subscribe("/queue/a").open()?;
    broker.push("/queue/a", "hello");
    assert_eq!(inbox.next().ok_or("closed")??.text()?, "hello");
    assert_eq!(fault.hits(), 1);
    Ok(())
}

#[test]
fn an_end_before_connected_says_what_it_may_mean() {
    let broker = TestBroker::start();
    let _fault = on(Command::Connect).then(Fault::Close).mount(&broker);
    let error = Client::connect(broker.url()).unwrap_err();
    assert!(error.to_string().contains("is the login right"), "{error}");
}
