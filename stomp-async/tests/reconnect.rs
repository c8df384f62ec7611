//! What becomes of everything when the connection is lost.

mod support;

use std::time::Duration;

use stomp_async::{Client, CloseReason, Error, Event, Settled};
use stomp_frame::Command;
use stomp_testbroker::{Fault, Profile, TestBroker, on};
use support::{builder, client};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[tokio::test(start_paused = true)]
async fn subscriptions_come_back_and_late_acks_are_stale() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut events = client.events();
    let mut inbox = client.subscribe("/queue/a").await?;
    broker.push("/queue/a", "one");
    let first = inbox.next().await.ok_or("closed")??;

    broker.close_connections();
    while !matches!(events.next().await, Some(Event::Replayed)) {}
    let second = inbox.next().await.ok_or("closed")??;
    assert_eq!(second.text()?, "one");
    assert!(second.redelivered() && second.epoch() > first.epoch());
    assert_eq!(first.ack().await?, Settled::Stale, "nothing is sent for it");
    assert_eq!(broker.unacked("/queue/a"), 1);
    assert_eq!(second.ack().await?, Settled::Sent);
    client.disconnect().await?;
    assert_eq!(broker.depth("/queue/a"), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_the_doubt_look_the_same_and_are_called_so() -> Result {
    for (fault, stored) in [(Fault::Close, 0), (Fault::ProcessThenClose, 1)] {
        let broker = TestBroker::in_memory();
        let client = client(&broker).await?;
        let _fault = on(Command::Send)
            .to("/queue/a")
            .nth(1)
            .then(fault)
            .mount(&broker);
        let error = client.send("/queue/a").confirmed().await.unwrap_err();
        assert!(matches!(error, Error::Unconfirmed(_)), "{error:?}");
        assert!(error.is_in_doubt());
        assert_eq!(broker.depth("/queue/a"), stored);
        client.send("/queue/a").confirmed().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_without_a_connection_waits_for_the_subscriptions() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut events = client.events();
    let mut inbox = client.subscribe("/topic/a").await?;
    let down = broker.refuse_connections();
    broker.close_connections();
    while !matches!(events.next().await, Some(Event::Disconnected { .. })) {}
    let sender = client.clone();
    let send = tokio::spawn(async move { sender.send("/topic/a").text("kept").confirmed().await });
    // The topic forgets what nobody has subscribed, so this arrives only if the order is right.
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(down);
    send.await??;
    assert_eq!(inbox.next().await.ok_or("closed")??.text()?, "kept");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_too_long_was_not_sent() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let mut events = client.events();
    let down = broker.refuse_connections();
    broker.close_connections();
    while !matches!(events.next().await, Some(Event::Disconnected { .. })) {}
    let send = client.send("/queue/a").timeout(Duration::from_secs(5));
    let error = send.confirmed().await.unwrap_err();
    assert_eq!(error.to_string(), "not sent: no answer within 5s");
    drop(down);
    client.send("/queue/a").confirmed().await?;
    assert_eq!(broker.depth("/queue/a"), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_never_comes_has_a_deadline() -> Result {
    let broker = TestBroker::in_memory();
    let client = client(&broker).await?;
    let fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let begin = tokio::time::Instant::now();
    let error = client.send("/queue/a").confirmed().await.unwrap_err();
    assert!(matches!(error, Error::Unconfirmed(_)), "{error:?}");
    assert_eq!(begin.elapsed(), Duration::from_secs(15));
    let text = "sent, but not confirmed: no answer within 15s, \
                and no RECEIPT ever came from this broker (does it send any?)";
    assert_eq!(error.to_string(), text);
    drop(fault);
    client.send("/queue/a").confirmed().await?;
    let _fault = on(Command::Send)
        .then(Fault::WithholdReceipt)
        .mount(&broker);
    let error = client.send("/queue/a").confirmed().await.unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "sent, but not confirmed: no answer within 15s");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_is_noticed_after_two_periods_and_a_second() -> Result {
    let broker = TestBroker::builder().heart_beat(10_000, 10_000).in_memory();
    let client = client(&broker).await?;
    let mut events = client.events();
    let _gap = broker.black_hole();
    let begin = tokio::time::Instant::now();
    let reason = loop {
        match events.next().await {
            Some(Event::Disconnected { reason }) => break reason.to_string(),
            Some(_) => {}
            None => return Err("the client is closed".into()),
        }
    };
    assert!(reason.contains("nothing was heard"), "{reason}");
    assert!(
        begin.elapsed() <= Duration::from_secs(22),
        "{:?}",
        begin.elapsed()
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_up_says_why_to_everybody() -> Result {
    let broker = TestBroker::in_memory();
    let connector = broker.connector();
    let client = Client::builder("failover:(stomp://broker)?maxReconnectAttempts=2")
        .transport(move |_| {
            let connector = connector.clone();
            async move { connector.connect_async() }
        })
        .connect()
        .await?;
    let mut inbox = client.subscribe("/queue/a").await?;
    drop(broker);
    let error = inbox
        .next()
        .await
        .ok_or("ended without a reason")?
        .unwrap_err();
    assert!(matches!(error, Error::Closed(_)), "{error:?}");
    assert!(
        error.to_string().contains("stomp://broker:61613"),
        "{error}"
    );
    let error = client.send("/queue/a").await.unwrap_err();
    assert!(matches!(error, Error::Closed(_)), "{error:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refused_subscription_is_an_error_and_is_not_made_again() -> Result {
    let broker = TestBroker::in_memory();
    let client = builder(&broker).seed(1).connect().await?;
    let mut events = client.events();
    let no = Fault::Error("not for you".into());
    let fault = on(Command::Subscribe).nth(1).then(no).mount(&broker);
    let error = client.subscribe("/queue/secret").await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
    assert!(error.to_string().contains("not for you"), "{error}");
    while !matches!(events.next().await, Some(Event::Connected { .. })) {}
    client.send("/queue/a").confirmed().await?;
    assert_eq!(fault.hits(), 1);
    assert_eq!(broker.subscribers("/queue/secret"), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_rabbitmq_refuses_is_reported_with_its_reason() -> Result {
    let broker = TestBroker::builder().profile(Profile::RabbitMq).in_memory();
    let client = client(&broker).await?;
    let mut events = client.events();
    let no = Fault::Error("access_refused".into());
    let fault = on(Command::Subscribe)
        .to("/queue/secret")
        .then(no)
        .mount(&broker);
    let error = client.subscribe("/queue/secret").await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
    assert!(error.to_string().contains("access_refused"), "{error}");
    while !matches!(events.next().await, Some(Event::Connected { .. })) {}
    client.send("/queue/a").confirmed().await?;
    assert_eq!(fault.hits(), 1, "it is not made anew");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_end_before_connected_says_what_it_may_mean() {
    let broker = TestBroker::in_memory();
    let _fault = on(Command::Connect).then(Fault::Close).mount(&broker);
    let error = client(&broker).await.unwrap_err();
    assert!(error.to_string().contains("is the login right"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_stale_as_soon_as_its_connection_is_gone() -> Result {
    let broker = TestBroker::in_memory();
    broker.push("/queue/a", "one");
    let client = client(&broker).await?;
    let mut events = client.events();
    let mut inbox = client.subscribe("/queue/a").await?;
    let message = inbox.next().await.ok_or("closed")??;
    let _down = broker.refuse_connections();
    broker.close_connections();
    while !matches!(events.next().await, Some(Event::Disconnected { .. })) {}
    assert_eq!(message.ack().await?, Settled::Stale, "without waiting");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_beats_but_takes_nothing_is_left_after_a_minute() -> Result {
    let broker = TestBroker::builder().heart_beat(10_000, 0).in_memory();
    let client = client(&broker).await?;
    let mut events = client.events();
    let deaf = broker.stop_reading();
    let begin = tokio::time::Instant::now();
    let send = client.send("/queue/a").bytes(vec![0; 1 << 20]).await;
    send?;
    let reason = loop {
        match events.next().await {
            Some(Event::Disconnected { reason }) => break reason,
            Some(_) => {}
            None => return Err("the client is closed".into()),
        }
    };
    assert!(
        matches!(reason, CloseReason::WriteTimedOut { .. }),
        "{reason}"
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(60));
    drop(deaf);
    client.send("/queue/a").text("again").confirmed().await?;
    Ok(())
}
