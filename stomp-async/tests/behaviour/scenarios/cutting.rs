//! The connection is cut after every single octet, and what is said of each message is true.

use std::time::Duration;

use stomp_testbroker::TestBroker;

use crate::client::{Options, Outgoing, Verdict, Wanted};
use crate::proxy::{Carried, Cut, Proxy, Towards};
use crate::world::{SOON, World};

pub(crate) fn after_any_octet_towards_the_broker(world: &World) {
    everywhere(world, Towards::Broker, Check::Facts);
}

pub(crate) fn after_any_octet_towards_the_client(world: &World) {
    everywhere(world, Towards::Client, Check::Facts);
}

/// In doubt is only what was offered to a write, be it one octet.
pub(crate) fn what_was_not_offered_is_not_in_doubt(world: &World) {
    everywhere(world, Towards::Broker, Check::Doubt);
    everywhere(world, Towards::Client, Check::Doubt);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// What is known is true.
    Facts,
    /// And nothing is in doubt that is known.
    Doubt,
}

fn everywhere(world: &World, towards: Towards, check: Check) {
    let (verdicts, whole) = talk(world, check, None);
    assert_eq!(verdicts, [Verdict::Ok, Verdict::Ok, Verdict::Ok]);
    let octets = match towards {
        Towards::Broker => whole.offered.len(),
        Towards::Client => whole.answered,
    };
    for after in 0..octets {
        talk(world, check, Some(Cut { towards, after }));
        if world.is_over() {
            return;
        }
    }
}

const TEXTS: [&str; 3] = ["first", "second", "third"];

/// Connects, subscribes, sends three messages, acknowledges another, disconnects; as far as it
/// comes. Returns what the client said of the three.
fn talk(world: &World, check: Check, cut: Option<Cut>) -> (Vec<Verdict>, Carried) {
    let broker = TestBroker::builder()
        .patience(Duration::from_secs(5))
        .start();
    broker.push("/queue/work", "work");
    let proxy = Proxy::start(broker.address(), cut);
    let verdicts = client(world, &proxy);
    let carried = proxy.carried();
    // Whatever came through has been dealt with when the connection is gone.
    broker.connected(0).wait();
    let stored: Vec<_> = broker.peek("/queue/a");
    let offered = String::from_utf8_lossy(&carried.offered);
    for (text, verdict) in TEXTS.iter().zip(&verdicts) {
        let is_stored = stored.iter().any(|frame| frame.body == *text);
        match verdict {
            Verdict::Ok => assert!(is_stored, "{cut:?}: {text} is lost"),
            Verdict::NotSent(_) => assert!(!is_stored, "{cut:?}: {text} was sent"),
            Verdict::Unconfirmed(_) if check == Check::Doubt => {
                // Each was sent when the one before was confirmed.
                let n = TEXTS.iter().position(|other| other == text).unwrap();
                assert!(
                    offered.matches("SEND\n").count() > n || is_begun(&offered),
                    "{cut:?}: of {text} nothing was offered: {offered:?}"
                );
            }
            Verdict::Unconfirmed(_) => {}
            // Those that come behind the end.
            Verdict::Closed(_) => assert!(!is_stored, "{cut:?}: {text} was sent"),
            other => panic!("{cut:?}: {text} ended as {other:?}"),
        }
    }
    (verdicts, carried)
}

/// Tells whether there is a frame that did not end.
fn is_begun(offered: &str) -> bool {
    !offered.trim_end_matches('\n').ends_with('\0')
}

fn client(world: &World, proxy: &Proxy) -> Vec<Verdict> {
    let options = Options {
        uri: format!(
            "failover:(stomp://{})?initialReconnectDelay=1&maxReconnectAttempts=0\
             &startupMaxReconnectAttempts=0",
            proxy.address
        ),
        disconnect_timeout: Some(Duration::from_secs(1)),
        ..Options::default()
    };
    let Ok(client) = world.adapter.connect(&options) else {
        return Vec::new();
    };
    let inbox = client.subscribe(Wanted::from("/queue/work"));
    let verdicts = TEXTS.map(|text| client.send(Outgoing::confirmed("/queue/a", text)));
    if let Ok(mut inbox) = inbox
        && let crate::client::Next::Message(message) = inbox.next(SOON)
    {
        message.ack();
    }
    client.disconnect();
    verdicts.to_vec()
}
