//! Servers that do with WebSocket what none should.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::alone::with_memory_below;
use crate::client::{Next, Options, Settled, Verdict, Wanted};
use crate::peer::Peer;
use crate::world::{SHORT, SOON, World, fast, until_within, within};

fn options(peer: &Peer) -> Options {
    Options {
        uri: fast(&format!("ws://{}/ws", peer.address)),
        ..Options::default()
    }
}

/// A ping, with as much in it as there may be.
const PING: &[u8] = &{
    let mut ping = [b'x'; 127];
    ping[0] = 0x89;
    ping[1] = 125;
    ping
};

/// An empty message of a server, or a ping; many of them.
fn many(frame: &[u8]) -> Vec<u8> {
    frame.repeat(4096 / frame.len())
}

const EMPTY: &[u8] = b"\x81\x00";

fn no_connected_is_told_in_time(world: &World, instead: &'static [u8]) {
    let peer = Peer::start(world, move |peer| {
        if let Some(mut messages) = peer.websocket() {
            messages.flood_and_read(&many(instead));
        }
    });
    let mut options = options(&peer);
    options.connected_timeout = Some(SHORT);
    let Err(verdict) = within(SOON, || world.adapter.connect(&options)) else {
        panic!("it connected");
    };
    assert!(matches!(verdict, Verdict::Connect(_)), "{verdict:?}");
}

pub(crate) fn pings_without_end_do_not_stop_the_clock(world: &World) {
    no_connected_is_told_in_time(world, PING);
}

pub(crate) fn empty_messages_without_end_do_not_stop_the_clock(world: &World) {
    no_connected_is_told_in_time(world, EMPTY);
}

pub(crate) fn a_peer_that_pings_and_never_reads_is_left(world: &World) {
    with_memory_below(100, world, || {
        let left = Arc::new(AtomicBool::new(false));
        let leaving = left.clone();
        let peer = Peer::start(world, move |peer| {
            if peer.number == 1
                && let Some(mut messages) = peer.websocket()
                && messages.welcome()
            {
                messages.flood(&many(PING));
                leaving.store(true, Ordering::Relaxed);
            }
        });
        let client = world.connect_by(&options(&peer));
        // The buffers of the system have to be full of answers first, or a million pings come.
        until_within(5 * SOON, &*client, "end of the connection", || {
            left.load(Ordering::Relaxed)
        });
    });
}

pub(crate) fn a_body_that_breaks_its_own_frame_is_an_item_to_be_settled(world: &World) {
    let peer = Peer::start(world, |peer| {
        let Some(mut messages) = peer.websocket() else {
            return;
        };
        if !messages.welcome_as("ActiveMQ/6.1.7") {
            return;
        }
        while let Some(said) = messages.hear() {
            if let Some(receipt) = said.header("receipt") {
                messages.say(&format!("RECEIPT\nreceipt-id:{receipt}\n\n\0"));
            }
            if said.command == "SUBSCRIBE" {
                let id = said.header("id").unwrap_or_default();
                let head = format!("subscription:{id}\ndestination:/queue/a\nack:1");
                // As ActiveMQ does: every bad octet became three, and the length is the old one.
                for (n, length, body) in [(1, 3, "\u{fffd}\u{fffd}\u{fffd}"), (2, 3, "two")] {
                    messages.say(&format!(
                        "MESSAGE\n{head}\nmessage-id:{n}\ncontent-length:{length}\n\n{body}\0"
                    ));
                }
            }
        }
    });
    let client = world.connect_by(&options(&peer));
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let (Next::Message(bad) | Next::TooLarge(bad, _)) = inbox.next(SOON) else {
        panic!("it is to be settled");
    };
    assert_eq!(bad.ack(), Settled::Sent);
    assert_eq!(inbox.next(SOON).message().text(), "two");
    assert_eq!(peer.opened(), 1);
}
