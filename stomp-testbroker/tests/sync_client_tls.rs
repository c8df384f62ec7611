//! The blocking client over TLS.

#![cfg(feature = "tls")]

use stomp_sync::{Client, Error, Tls};
use stomp_testbroker::{Certificate, TestBroker};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn broker(certificate: Certificate) -> TestBroker {
    TestBroker::builder().tls(certificate).start()
}

#[test]
fn a_broker_that_the_authority_vouches_for_is_believed() -> Result {
    let broker = broker(Certificate::Valid);
    let client = Client::builder(broker.tls_url())
        .tls(Tls::new().ca_pem(broker.ca_pem()))
        .connect()?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    for length in [0, 1, 100_000, 3_000_000] {
        let body = vec![7; length];
        client.send("/queue/a").bytes(body.clone()).confirmed()?;
        let message = inbox.next().ok_or("closed")??;
        assert!(message.body() == &body[..], "{length} octets");
        message.ack()?;
    }
    client.disconnect()?;
    Ok(())
}

#[test]
fn nobody_else_is_believed_and_the_error_says_why() {
    for (certificate, trusted, why) in [
        (Certificate::Valid, false, "UnknownIssuer"),
        (Certificate::WrongHost, true, "not valid for name"),
        (Certificate::Expired, true, "certificate expired"),
    ] {
        let broker = broker(certificate);
        let tls = match trusted {
            true => Tls::new().ca_pem(broker.ca_pem()),
            false => Tls::new(),
        };
        let error = Client::builder(broker.tls_url())
            .tls(tls)
            .connect()
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(why), "{certificate:?}: {text}");
    }
}

#[test]
fn another_name_may_be_expected_and_anybody_believed_by_a_dangerous_name() -> Result {
    let elsewhere = broker(Certificate::WrongHost);
    let tls = Tls::new().ca_pem(elsewhere.ca_pem());
    let tls = tls.server_name("elsewhere.invalid");
    let client = Client::builder(elsewhere.tls_url()).tls(tls).connect();
    client?.disconnect()?;
    let expired = broker(Certificate::Expired);
    let tls = Tls::new().danger_accept_any_certificate();
    let client = Client::builder(expired.tls_url()).tls(tls).connect();
    client?.disconnect()?;
    Ok(())
}

#[test]
fn one_uri_may_hold_both_kinds() -> Result {
    let broker = broker(Certificate::Valid);
    let uri = format!(
        "failover:({},{})?randomize=false&initialReconnectDelay=1",
        broker.tls_url(),
        broker.url()
    );
    let tls = Tls::new().ca_pem(broker.ca_pem());
    let client = Client::builder(&uri).tls(tls).connect()?;
    client.send("/queue/a").confirmed()?;
    client.disconnect()?;
    Ok(())
}

#[test]
fn what_cannot_be_set_up_is_an_error_before_anything_is_tried() {
    let tls = Tls::new().ca_file("/nowhere/ca.pem");
    let client = Client::builder("stomp+tls://127.0.0.1:1").tls(tls);
    let error = client.connect().unwrap_err();
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    let text = "TLS cannot be set up: cannot read /nowhere/ca.pem: no such file or directory";
    assert_eq!(error.to_string(), text);
}

#[test]
fn plain_tcp_where_tls_is_spoken_ends_in_an_error() {
    let broker = broker(Certificate::Valid);
    let url = broker.tls_url().replace("stomp+ssl", "stomp");
    let error = Client::builder(url).connect().unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
}
