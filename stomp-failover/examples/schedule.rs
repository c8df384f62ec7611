//! Prints the schedule that a failover URI means, to debug the URI with:
//!
//! ```console
//! $ cargo run -p stomp-failover --example schedule -- 'failover:(tcp://a,tcp://b)?maxReconnectAttempts=2'
//! ```
//!
//! Every attempt is taken to fail at once, so the times are the earliest possible ones. A second
//! argument is the seed of shuffling and jitter; each seed shows what one client would do.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use stomp_failover::{Attempt, Failover, FailoverUri};

/// A schedule without limit has to be cut somewhere.
const MOST: usize = 20;

fn main() -> ExitCode {
    match run(env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), String> {
    let (text, seed) = match &*arguments {
        [text] => (text, 42),
        [text, seed] => (
            text,
            seed.parse()
                .map_err(|_| "the seed is not a whole number from 0 on")?,
        ),
        _ => return Err("usage: schedule 'failover:(uri1,uri2)?option=value' [seed]".to_owned()),
    };
    let uri: FailoverUri = text.parse().map_err(|error| format!("{error}"))?;

    println!("{uri}, seed {seed}");
    for warning in uri.warnings() {
        println!("warning: {warning}");
    }
    println!("\nUntil there has been a first connection:\n");
    print_schedule(Failover::new(uri.clone(), seed));

    let mut failover = Failover::new(uri, seed);
    let first = failover.next().map_err(|exhausted| exhausted.to_string())?;
    failover.succeeded(&first);
    failover.lost(failover.options().stable_after, "connection lost");
    println!(
        "\nAfter a stable connection to {} was lost:\n",
        first.broker
    );
    print_schedule(failover);
    Ok(())
}

fn print_schedule(mut failover: Failover) {
    println!("attempt  round       delay          at  broker");
    let mut now = Duration::ZERO;
    for _ in 0..MOST {
        match failover.next() {
            Ok(attempt) => {
                now = now.saturating_add(attempt.delay);
                print_attempt(&attempt, now);
                failover.failed(&attempt, "failed");
            }
            Err(exhausted) => return println!("the end: {}", exhausted.limit),
        }
    }
    match failover.next() {
        Ok(_) => println!("and so on"),
        Err(exhausted) => println!("the end: {}", exhausted.limit),
    }
}

fn print_attempt(attempt: &Attempt, now: Duration) {
    println!(
        "{:>7}  {:>5}  {:>8.3} s  {:>8.3} s  {}{}",
        attempt.number,
        attempt.round,
        attempt.delay.as_secs_f64(),
        now.as_secs_f64(),
        attempt.broker,
        if attempt.warn { "  (warns)" } else { "" },
    );
}
