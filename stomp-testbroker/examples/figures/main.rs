//! Measures what the README promises: how fast the broker starts, what a connection that says nothing
//! costs, and how many messages a second go through it, next to other brokers in the same run.
//!
//! ```text
//! cargo run --release -p stomp-testbroker --example figures -- [NAME=URI...]
//! ```
//!
//! URIs are of other brokers, as `rabbitmq=stomp://user:passcode@127.0.0.1:61613`. Ten thousand
//! connections need `ulimit -n 16384`; with less it makes do with fewer.

mod flood;
mod idle;
mod load;
mod peer;
mod process;
mod start;

use std::error::Error;

use load::{Broker, Shape};
use process::Process;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Every broker is measured so often, in turns; the best time counts, as the least disturbed.
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == process::SERVE).is_some() {
        return process::serve(arguments.next().as_deref());
    }
    let others: Vec<Broker> = arguments
        .map(|argument| argument.parse())
        .collect::<Result<_>>()?;

    println!("start to finish, median");
    start::report()?;
    println!("\nidle connections, memory of the broker's process for each");
    idle::report()?;
    println!("\na peer that wants receipts and reads none: memory of the broker's process");
    flood::report()?;
    println!("\nmessages a second, bodies of 100 octets, over TCP, best of {ROUNDS}");
    throughput(others)
}

fn throughput(others: Vec<Broker>) -> Result<()> {
    let plain = Process::start(process::PLAIN)?;
    let recording = Process::start(process::RECORDING)?;
    let mut brokers = vec![
        Broker::new("this one", plain.address),
        Broker::new("this one, transcript on", recording.address),
    ];
    brokers.extend(others);
    for shape in Shape::ALL {
        println!("  {shape}");
        let mut best = vec![Ok(0); brokers.len()];
        for _ in 0..ROUNDS {
            for (broker, best) in brokers.iter_mut().zip(&mut best) {
                if let Ok(rate) = best {
                    *best = load::measure(broker, shape)
                        .map(|measured| measured.max(*rate))
                        .map_err(|error| error.to_string());
                }
            }
        }
        let ours = best[0].clone()?;
        for (broker, best) in brokers.iter().zip(best) {
            match best {
                Ok(rate) => println!(
                    "    {:<24}{rate:>10}   1/{:.1}",
                    broker.name,
                    ours as f64 / rate as f64
                ),
                Err(error) => println!("    {:<24}         -   {error}", broker.name),
            }
        }
    }
    Ok(())
}
