//! Reads the same octets with our decoder, one written by hand, and the published ones.
//!
//! ```text
//! cargo run --release --manifest-path stomp-frame/benches/peers/Cargo.toml
//! cargo run --release --manifest-path stomp-frame/benches/peers/Cargo.toml -- a1,r1 stomp-frame,by-hand
//! ```
//!
//! Prints a line for each crate and corpus: ns and allocations a frame, MB/s of wire octets. The
//! time is the best of several passes; making the input is outside of it. With `--once` as the
//! third argument each pair runs a single time without a clock, for callgrind.

mod corpora;
mod hand;
mod peers;

use std::time::{Duration, Instant};

use corpora::Corpus;
use peers::{Found, Peer};

/// How long each pair is repeated, and how often at most.
const PATIENCE: Duration = Duration::from_millis(1500);
const PASSES: usize = 400;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let corpora = arguments.next().unwrap_or_default();
    let peers = arguments.next().unwrap_or_default();
    let once = arguments.next().is_some();
    let wanted = |list: &str, name: &str| list.is_empty() || list.split(',').any(|n| n == name);
    if !once {
        println!(
            "{:20} {:6} {:>14} {:>10} {:>14}",
            "crate", "corpus", "ns/frame", "MB/s", "allocs/frame"
        );
    }
    for corpus in corpora::all()
        .iter()
        .filter(|corpus| wanted(&corpora, corpus.name))
    {
        for peer in peers::ALL.iter().filter(|peer| wanted(&peers, peer.name)) {
            if once {
                pass(peer, corpus);
            } else {
                measure(peer, corpus);
            }
        }
    }
}

fn measure(peer: &Peer, corpus: &Corpus) {
    let Some((mut best, found)) = pass(peer, corpus) else {
        return;
    };
    assert_eq!(
        found.frames, corpus.frames,
        "{} loses frames of {}",
        peer.name, corpus.name
    );
    let start = Instant::now();
    for _ in 0..PASSES {
        if start.elapsed() > PATIENCE {
            break;
        }
        best = best.min(pass(peer, corpus).expect("took it before").0);
    }
    let mut input = (peer.prepare)(corpus);
    let allocations = allocation_counter::measure(|| {
        (peer.run)(corpus, input.take().expect("took it before"));
    });
    let frames = corpus.frames as f64;
    println!(
        "{:20} {:6} {:>14.1} {:>10.0} {:>14.2}   {}",
        peer.name,
        corpus.name,
        best.as_nanos() as f64 / frames,
        corpus.wire.len() as f64 / best.as_secs_f64() / 1e6,
        allocations.count_total as f64 / frames,
        corpus.about,
    );
}

fn pass(peer: &Peer, corpus: &Corpus) -> Option<(Duration, Found)> {
    let input = (peer.prepare)(corpus)?;
    let start = Instant::now();
    let found = (peer.run)(corpus, input);
    Some((start.elapsed(), found))
}
