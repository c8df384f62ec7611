//! Memory is counted in octets, whatever a broker sends and nobody takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::alone::with_memory_below;
use crate::client::{Client, Outgoing, Wanted};
use crate::peer::Peer;
use crate::world::{SOON, World, within};

/// MiB: the documented budgets, the process itself, and half as much again.
const BOUND: u64 = 160;

/// A peer that sends the same message to whoever subscribes, again and again for as long as it is
/// taken, and answers no SEND.
struct Flood {
    peer: Peer,
    taken: Arc<AtomicU64>,
}

impl Flood {
    fn start(world: &World, head: String, body: usize) -> Self {
        let taken = Arc::new(AtomicU64::new(0));
        let counter = taken.clone();
        let peer = Peer::start(world, move |peer| {
            if !peer.welcome("1.2", "") {
                return;
            }
            let Some(said) = peer.hear_a("SUBSCRIBE") else {
                return;
            };
            peer.receipt(&said);
            let id = said.header("id").unwrap_or_default();
            let start = format!("subscription:{id}\nmessage-id:1\nack:1\ndestination:/queue/a");
            let start = format!("MESSAGE\n{start}\ncontent-length:{body}\n{head}\n");
            let mut frame = start.into_bytes();
            frame.resize(frame.len() + body, b'x');
            frame.push(0);
            while frame.chunks(64 << 10).all(|octets| {
                counter.fetch_add(octets.len() as u64, Ordering::Relaxed);
                peer.say_octets(octets)
            }) {}
            peer.ignore();
        });
        Self { peer, taken }
    }

    /// Waits until nothing more is taken.
    fn until_it_stands(&self, client: &dyn Client) {
        let mut last = 0;
        loop {
            client.pass(Duration::from_millis(700));
            let taken = self.taken.load(Ordering::Relaxed);
            assert!(taken < BOUND << 20, "it takes {taken} octets and goes on");
            if taken == last {
                return;
            }
            last = taken;
        }
    }
}

pub(crate) fn headers_count_while_somebody_waits_for_an_answer(world: &World) {
    with_memory_below(BOUND, world, || {
        let line = "x".repeat(15_000);
        let head = (0..4).map(|n| format!("h{n}:{line}\n")).collect();
        let flood = Flood::start(world, head, 0);
        let client = world.connect_by(&flood.peer.options());
        let _inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
        let sender = client.another();
        std::thread::spawn(move || sender.send(Outgoing::confirmed("/queue/b", "x")));
        flood.until_it_stands(&*client);
    });
}

pub(crate) fn an_inbox_of_large_messages_is_full_by_their_octets(world: &World) {
    with_memory_below(BOUND, world, || {
        let flood = Flood::start(world, String::new(), 8 << 20);
        let client = world.connect_by(&flood.peer.options());
        let _inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
        flood.until_it_stands(&*client);
    });
}

pub(crate) fn who_looked_once_and_left_is_not_waited_for(world: &World) {
    with_memory_below(BOUND, world, || {
        let flood = Flood::start(world, String::new(), 100 << 10);
        let client = world.connect_by(&flood.peer.options());
        let wanted = Wanted::from("/queue/a").capacity(1);
        let mut inbox = client.subscribe(wanted).unwrap();
        drop(inbox.next(SOON).message());
        inbox.look_and_leave();
        flood.until_it_stands(&*client);
    });
}

pub(crate) fn line_ends_without_end_cost_nothing(world: &World) {
    with_memory_below(BOUND, world, || {
        let peer = Peer::start(world, |peer| {
            if peer.welcome("1.2", "") {
                let line_ends = [b'\n'; 4096];
                while peer.say_octets(&line_ends) {}
            }
        });
        let mut options = peer.options();
        options.disconnect_timeout = Some(Duration::from_millis(500));
        let client = world.connect_by(&options);
        let begin = Instant::now();
        client.pass(Duration::from_secs(1));
        assert!(begin.elapsed() < SOON, "it never came back");
        let _ = within(SOON, || client.disconnect());
    });
}
