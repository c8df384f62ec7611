//! Plays scenarios against a broker, and prints what it answers; ids and times are left out.
//!
//! ```text
//! cargo run -p stomp-testbroker --example scenarios -- SCENARIOS.txt ... 127.0.0.1:61613
//! cargo run -p stomp-testbroker --example scenarios -- SCENARIOS.txt ... rabbitmq
//! ```
//!
//! The first talks to a broker over TCP, the second to the test broker with that profile.

mod play;

use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use play::Line;
use stomp_testbroker::{Profile, TestBroker};

/// How long a real broker may take to answer, and to deliver.
const QUIET: Duration = Duration::from_millis(400);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [files @ .., broker] = arguments.as_slice() else {
        eprintln!("usage: scenarios SCENARIOS.txt ... (ADDRESS | PROFILE)");
        return ExitCode::from(2);
    };
    match run(files, broker) {
        Ok(observed) => {
            print!("{observed}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("scenarios: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(files: &[String], broker: &str) -> Result<String, Box<dyn std::error::Error>> {
    let scenarios = files.iter().map(std::fs::read_to_string);
    let scenarios = scenarios.collect::<Result<Vec<_>, _>>()?;
    let Ok(address) = broker.parse::<SocketAddr>() else {
        let profile: Profile = broker.parse()?;
        return Ok(play::play_all(&scenarios, || in_memory(profile)));
    };
    Ok(play::play_all(&scenarios, || tcp(address)))
}

fn in_memory(profile: Profile) -> (TestBroker, impl Fn() -> Box<dyn Line>) {
    let broker = play::start(profile);
    let connector = broker.connector();
    (broker, move || -> Box<dyn Line> {
        let mut link = connector.connect().expect("the broker is there");
        // In memory the answer is there when the question is said.
        link.set_read_timeout(Some(Duration::ZERO));
        Box::new(link)
    })
}

fn tcp(address: SocketAddr) -> ((), impl Fn() -> Box<dyn Line>) {
    ((), move || -> Box<dyn Line> {
        let stream = TcpStream::connect(address).expect("the broker is there");
        stream.set_read_timeout(Some(QUIET)).expect("not zero");
        Box::new(stream)
    })
}
