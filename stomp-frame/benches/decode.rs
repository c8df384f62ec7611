//! How long the decoder takes: frames whole and in pieces, octet by octet, and large bodies.
//!
//! `cargo bench -p stomp-frame --bench decode`; the same streams as in `benches/peers`.

mod corpora;

use bytes::{Bytes, BytesMut};
use corpora::Corpus;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use stomp_frame::{Decoder, Item, Limits, Side, header};

fn decode(criterion: &mut Criterion) {
    for corpus in corpora::ALL {
        let wire = corpus.wire();
        let mut group = criterion.benchmark_group("decode");
        group.throughput(Throughput::Bytes(wire.len() as u64));
        if corpus.frames == 1 {
            group.sample_size(20);
        }
        group.bench_function(format!("{}: {}", corpus.name, corpus.about), |bencher| {
            bencher.iter_batched(
                || input(corpus, &wire),
                |(buffer, reads)| read_all(corpus, buffer, &reads),
                BatchSize::LargeInput,
            );
        });
    }
}

/// What stands in the buffer from the first, and what is appended to it, read by read.
fn input(corpus: &Corpus, wire: &Bytes) -> (BytesMut, Vec<Bytes>) {
    match corpus.read {
        None => (BytesMut::from(&wire[..]), vec![Bytes::new()]),
        Some(size) => {
            let reads = wire.chunks(size).map(|read| wire.slice_ref(read));
            (BytesMut::new(), reads.collect())
        }
    }
}

fn read_all(corpus: &Corpus, mut buffer: BytesMut, reads: &[Bytes]) -> usize {
    let side = match corpus.from_client {
        true => Side::Client,
        false => Side::Server,
    };
    let mut decoder = Decoder::new(side, Limits::client().headers(5000).head(1 << 20));
    let mut octets = 0;
    for read in reads {
        buffer.extend_from_slice(read);
        while let Some(item) = decoder.decode(&mut buffer).expect("the stream is valid") {
            if let Item::Frame(frame) = item {
                let destination = frame.headers.get(header::DESTINATION);
                octets += frame.body.len() + destination.map_or(0, str::len);
            }
        }
    }
    octets
}

criterion_group!(benches, decode);
criterion_main!(benches);
