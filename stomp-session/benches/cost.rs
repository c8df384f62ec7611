//! What a session costs per message, settlement and SEND, in ns: each case, and the same work
//! without a session, to be subtracted.
//!
//! ```text
//! cargo bench -p stomp-session --bench cost
//! ```

mod work;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use work::{Meter, ROUND, Work};

fn cost(criterion: &mut Criterion) {
    for case in work::cases() {
        let name = format!("{}, {} subscriptions", case.name, case.subscriptions);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        for (name, mut work) in [("session", case.work), ("without", case.without)] {
            work(&mut Meter::off());
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|iterations| measure(&mut work, iterations));
            });
        }
    }
}

/// Works for so many rounds as make up the iterations, and scales what is over.
fn measure(work: &mut Work, iterations: u64) -> std::time::Duration {
    let rounds = iterations.div_ceil(ROUND as u64);
    let mut meter = Meter::on();
    for _ in 0..rounds {
        work(&mut meter);
    }
    meter
        .elapsed
        .mul_f64(iterations as f64 / (rounds * ROUND as u64) as f64)
}

criterion_group!(benches, cost);
criterion_main!(benches);
