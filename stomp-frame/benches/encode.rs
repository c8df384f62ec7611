//! How long a SEND takes: to build it, to write it, and to write a large one in parts.
//!
//! `cargo bench -p stomp-frame --bench encode`.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use stomp_frame::{Command, Encoder, Frame, Side};

fn plain(body: &Bytes) -> Frame {
    Frame::new(Command::Send)
        .header("destination", "/queue/orders.incoming")
        .header("content-type", "text/plain")
        .header("correlation-id", "ID-host-4711-0001")
        .header("persistent", "true")
        .header("priority", "4")
        .body(body.clone())
}

fn escaped(body: &Bytes) -> Frame {
    Frame::new(Command::Send)
        .header("destination", "/queue/orders\\incoming")
        .header("content-type", "text/plain")
        .header("correlation-id", "ID:host-4711:0001")
        .header("persistent", "true")
        .header("note", "two\nlines")
        .body(body.clone())
}

fn encode(criterion: &mut Criterion) {
    let encoder = Encoder::new(Side::Client);
    let small = Bytes::from(vec![b'x'; 100]);
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    let mut wire = BytesMut::with_capacity(2 << 20);
    let mut group = criterion.benchmark_group("encode");
    group.bench_function("build a SEND of 5 headers", |bencher| {
        bencher.iter(|| plain(black_box(&small)));
    });
    for (what, frame) in [
        ("a SEND of 5 headers and 100 octets", plain(&small)),
        ("the same with 3 headers to escape", escaped(&small)),
        ("1 MiB into a buffer", plain(&large)),
    ] {
        group.bench_function(what, |bencher| {
            bencher.iter(|| {
                wire.clear();
                encoder.encode(black_box(&frame), &mut wire)
            });
        });
    }
    let frame = plain(&large);
    group.bench_function("1 MiB in parts", |bencher| {
        bencher.iter(|| encoder.encode_parts(black_box(&frame)));
    });
}

criterion_group!(benches, encode);
criterion_main!(benches);
