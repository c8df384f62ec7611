//! What a peer can make the broker keep, counted octet by octet: the core runs on this thread alone.

use std::time::Instant;

use allocation_counter::{AllocationInfo, measure};
use stomp_testbroker::{Broker, Config, ConnectionId, Profile};

const MIB: usize = 1 << 20;

fn connected(config: Config) -> (Broker, ConnectionId, Instant) {
    let now = Instant::now();
    let mut broker = Broker::new(config);
    let id = connect(&mut broker, now);
    (broker, id, now)
}

fn connect(broker: &mut Broker, now: Instant) -> ConnectionId {
    let id = broker.handle_open(now);
    broker.handle_data(id, b"CONNECT\naccept-version:1.2\nhost:h\n\n\0", now);
    let connected = broker.poll_transmit(id, now).expect("an answer");
    assert!(connected.starts_with(b"CONNECTED\n"));
    id
}

fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.transcript = 0;
    change(&mut config);
    config
}

/// Octets of memory in use when the work was done; what was there before does not count.
fn left(info: AllocationInfo) -> usize {
    info.bytes_current
        .try_into()
        .expect("nothing was freed that was there before")
}

fn peak(info: AllocationInfo) -> usize {
    info.bytes_max.try_into().expect("fits")
}

#[test]
fn a_million_sends_of_a_peer_that_reads_no_receipt_stay_under_the_cap() {
    const SENDS: usize = 1_000_000;
    const BATCH: usize = 500;
    let (mut broker, id, now) = connected(config(|_| {}));
    let batch = "SEND\ndestination:/topic/a\nreceipt:0123456789\n\nhello\0".repeat(BATCH);

    let mut taken = 0;
    let info = measure(|| {
        for _ in 0..SENDS / BATCH {
            // What a driver does not read stays with the peer, who cannot write more then.
            if broker.wants_read(id) {
                broker.handle_data(id, batch.as_bytes(), now);
                taken += BATCH;
            }
        }
    });
    assert!(taken < SENDS / 10, "{taken} SENDs were read");
    // The buffer doubles as it grows, and the old one is there while it is copied.
    assert!(peak(info) < 4 * MIB, "{} octets", peak(info));

    // Once the peer reads, all is answered, and the broker reads on.
    let mut receipts = 0;
    while let Some(output) = broker.poll_transmit(id, now) {
        receipts += output.iter().filter(|octet| **octet == 0).count();
    }
    assert_eq!(receipts, taken);
    assert!(broker.wants_read(id));
}

#[test]
fn a_million_line_ends_allocate_nothing() {
    let (mut broker, id, now) = connected(config(|_| {}));
    let alone = measure(|| {
        for _ in 0..100_000 {
            broker.handle_data(id, b"\n", now);
        }
    });
    let many = [b'\n'; 60_000];
    let together = measure(|| {
        for _ in 0..15 {
            broker.handle_data(id, &many, now);
        }
    });
    assert_eq!(alone.count_total + together.count_total, 0);
    assert!(broker.is_open(id) && broker.wants_read(id));
}

#[test]
fn messages_take_no_more_memory_than_the_broker_counts() {
    let fat_header = format!("k:{}\n", "v".repeat(10_000));
    for (header, body) in [
        ("", ""),
        ("", "ten octets"),
        (&*fat_header, ""),
        ("a:b\nc:d\n", "x"),
    ] {
        let (mut broker, id, now) = connected(config(|_| {}));
        let send = format!("SEND\ndestination:/queue/a\n{header}\n{body}\0").repeat(50);
        let info = measure(|| {
            for _ in 0..20 {
                broker.handle_data(id, send.as_bytes(), now);
            }
        });
        let used = left(info);
        let overhead = 100_000; // a buffer to receive into, and the broker's tables
        assert!(
            used < broker.stored() + overhead,
            "{used} octets for {} counted, {} a header, {body:?}",
            broker.stored(),
            header.len(),
        );
    }
}

#[test]
fn a_small_message_does_not_keep_the_octets_alive_it_came_with() {
    const MESSAGES: usize = 100;
    let (mut broker, id, now) = connected(config(|_| {}));
    let subscriber = connect(&mut broker, now);
    let subscribe = b"SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client\n\n\0";
    broker.handle_data(subscriber, subscribe, now);
    let begin = b"BEGIN\ntransaction:t\n\n\0";
    broker.handle_data(id, begin, now);

    for head in [
        "destination:/queue/a",
        "destination:/topic/a",
        "destination:/queue/a\ntransaction:t",
    ] {
        let mut wire = format!("SEND\n{head}\n\nsmall\0").into_bytes();
        wire.resize(50_000, b'\n');
        let info = measure(|| {
            for _ in 0..MESSAGES {
                broker.handle_data(id, &wire, now);
                drop(broker.poll_transmit(subscriber, now));
            }
        });
        assert!(
            left(info) < MESSAGES * 1000,
            "{} octets, {head}",
            left(info)
        );
    }
}

#[test]
fn a_connection_that_was_busy_keeps_no_buffer() {
    let (mut broker, id, now) = connected(config(|_| {}));
    let send = "SEND\ndestination:/topic/a\nreceipt:r\n\nhello\0".repeat(1000);
    let info = measure(|| {
        for id in (0..20)
            .map(|_| connect(&mut broker, now))
            .collect::<Vec<_>>()
        {
            broker.handle_data(id, send.as_bytes(), now);
            drop(broker.poll_transmit(id, now).expect("RECEIPTs"));
        }
    });
    assert!(left(info) < 20 * 4096 + 100_000, "{} octets", left(info));
    assert!(broker.is_open(id));
}

#[test]
fn the_cap_of_stored_messages_ends_the_connection_that_exceeds_it() {
    let (mut broker, id, now) = connected(config(|config| config.caps.stored = MIB));
    let send = format!("SEND\ndestination:/queue/a\n\n{}\0", "x".repeat(1000)).repeat(10);
    let info = measure(|| {
        while broker.wants_read(id) && !broker.poll_close(id) {
            broker.handle_data(id, send.as_bytes(), now);
            if let Some(output) = broker.poll_transmit(id, now) {
                assert!(output.starts_with(b"ERROR\n"));
            }
        }
    });
    assert!(broker.stored() <= MIB);
    assert!(peak(info) < 2 * MIB, "{} octets", peak(info));
    assert!(broker.depth("/queue/a") > 500);
}

#[test]
fn a_transcript_drops_its_beginning_rather_than_grow_without_end() {
    let (mut broker, id, now) = connected(Config::default());
    let send = format!("SEND\ndestination:/topic/a\n\n{}\0", "x".repeat(MIB));
    let info = measure(|| {
        for _ in 0..40 {
            broker.handle_data(id, send.as_bytes(), now);
        }
    });
    assert!(left(info) < 17 * MIB, "{} octets", left(info));
    assert_eq!(broker.transcript().lines().count(), 15);
    let text = broker.transcript().to_string();
    assert!(text.contains("… 28 earlier lines were dropped"), "{text}");
}

#[test]
fn rabbitmq_hands_out_more_than_fits_into_the_output() {
    const MESSAGES: usize = 4000;
    let (mut broker, id, now) = connected(config(|config| {
        config.profile = Profile::RabbitMq;
        config.virtual_hosts = vec!["h".to_owned()];
    }));
    let body = "x".repeat(1000);
    for _ in 0..MESSAGES {
        let send = format!("SEND\ndestination:/queue/a\n\n{body}\0");
        broker.handle_data(id, send.as_bytes(), now);
    }
    broker.handle_data(id, b"SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0", now);
    let mut received = 0;
    while let Some(output) = broker.poll_transmit(id, now) {
        assert!(output.len() < 2 * MIB, "{}", output.len());
        received += output.windows(8).filter(|w| w == b"MESSAGE\n").count();
    }
    assert_eq!(received, MESSAGES);
}
