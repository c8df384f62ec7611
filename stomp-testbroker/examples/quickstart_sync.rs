//! Sends messages through a broker, receives them and acknowledges them, with the blocking client.
//!
//!     cargo run --example quickstart_sync
//!     cargo run --example quickstart_sync -- stomp://user:pass@host:port
//!
//! The first starts a test broker of its own; the second talks to yours.

use std::error::Error;
use std::process::ExitCode;

use stomp_sync::Client;
use stomp_testbroker::TestBroker;

fn main() -> ExitCode {
    match run(std::env::args().nth(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart_sync: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(uri: Option<String>) -> Result<(), Box<dyn Error>> {
    // Kept until the end: the broker stops when it is dropped.
    let mut _broker = None;
    let uri = match uri {
        Some(uri) => uri,
        None => {
            let broker = _broker.insert(TestBroker::start());
            println!("Started a test broker at {}.", broker.url());
            broker.url()
        }
    };

    let client = Client::connect(&uri)?;
    println!("Connected.");

    // A name of its own, so that nothing of an earlier run is in the queue.
    let queue = format!("/queue/quickstart-sync-{}", std::process::id());
    let mut inbox = client.subscribe(&queue).open()?;
    println!("Subscribed to {queue}; the broker confirmed it.");

    for text in ["hello", "how are you?", "goodbye"] {
        client.send(&queue).text(text).confirmed()?;
        println!("Sent {text:?}; the broker confirmed it.");
    }
    for _ in 0..3 {
        let Some(message) = inbox.next().transpose()? else {
            return Err("the broker closed the connection".into());
        };
        println!("Received {:?}.", message.text()?);
        message.ack()?;
    }
    println!("Acknowledged all of them.");

    client.disconnect()?;
    println!("Disconnected in order.");
    Ok(())
}
