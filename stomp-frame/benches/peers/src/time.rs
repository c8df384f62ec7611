use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::table::{Table, duration, legend, number};
use crate::{Corpus, Peer};

/// How long each pair is repeated, and how often at most.
const PATIENCE: Duration = Duration::from_millis(1000);
const PASSES: usize = 400;

/// What a crate takes for a corpus.
struct Run {
    peer: &'static Peer,
    best: Duration,
    spent: Duration,
    passes: usize,
    allocations: u64,
}

/// Prints the times of all pairs, the best of several passes. The crates take turns, so that a slow
/// moment of the machine is one for all of them. Making the input is outside of the clock.
pub fn measure(corpora: &[&'static Corpus], peers: &[&'static Peer]) {
    let columns = corpora.iter().map(|corpus| corpus.name);
    let mut times = Table::new("time a frame", columns.clone());
    let mut rates = Table::new("MB/s", columns.clone());
    let mut allocations = Table::new("allocations a frame", columns);
    println!(
        "{:20} {:6} {:>16} {:>10} {:>12}",
        "crate", "corpus", "ns/frame", "MB/s", "allocs/frame"
    );
    for corpus in corpora {
        let wire = corpus.wire();
        for run in take_turns(corpus, &wire, peers) {
            let frames = corpus.frames as f64;
            let time = run.best.as_nanos() as f64 / frames;
            let rate = wire.len() as f64 / run.best.as_secs_f64() / 1e6;
            let each = run.allocations as f64 / frames;
            let name = run.peer.name;
            println!(
                "{name:20} {:6} {time:16.1} {rate:10.0} {each:12.2}",
                corpus.name
            );
            times.set(name, corpus.name, duration(time));
            rates.set(name, corpus.name, number(rate));
            allocations.set(name, corpus.name, number(each));
        }
    }
    println!("\n{}\n{times}\n{rates}\n{allocations}", legend(corpora));
}

fn take_turns(corpus: &'static Corpus, wire: &Bytes, peers: &[&'static Peer]) -> Vec<Run> {
    let mut runs: Vec<Run> = peers
        .iter()
        .filter_map(|peer| start(corpus, wire, peer))
        .collect();
    loop {
        let mut is_done = true;
        for run in &mut runs {
            if run.spent < PATIENCE && run.passes < PASSES {
                run.again(corpus, wire);
                is_done = false;
            }
        }
        if is_done {
            return runs;
        }
    }
}

/// The first pass: counts allocations, and makes sure that no frame is lost.
fn start(corpus: &'static Corpus, wire: &Bytes, peer: &'static Peer) -> Option<Run> {
    let mut input = Some((peer.prepare)(corpus, wire)?);
    let mut frames = 0;
    let counted = allocation_counter::measure(|| {
        let input = input.take().expect("this is the first pass");
        frames = (peer.run)(corpus, input).frames;
    });
    assert_eq!(
        frames, corpus.frames,
        "{} loses frames of {}",
        peer.name, corpus.name
    );
    let mut run = Run {
        peer,
        best: Duration::MAX,
        spent: Duration::ZERO,
        passes: 0,
        allocations: counted.count_total,
    };
    run.again(corpus, wire);
    Some(run)
}

impl Run {
    fn again(&mut self, corpus: &Corpus, wire: &Bytes) {
        let input = (self.peer.prepare)(corpus, wire).expect("took it before");
        let start = Instant::now();
        (self.peer.run)(corpus, input);
        let elapsed = start.elapsed();
        self.best = self.best.min(elapsed);
        self.spent += elapsed;
        self.passes += 1;
    }
}
