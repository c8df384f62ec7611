//! Sends messages through a broker, receives them and acknowledges them, with the blocking client.
//!
//!     cargo run --example quickstart_sync
//!     cargo run --example quickstart_sync -- stomp://user:pass@host:port
//!     cargo run --example quickstart_sync -- stomp+tls://user:pass@host:port ca.pem
//!
//! The first starts a test broker of its own; the second talks to yours, and the third over TLS to
//! one whose certificate was signed by the authority of that file.

use std::error::Error;
use std::process::ExitCode;

use stomp_sync::{Client, Tls};
use stomp_testbroker::TestBroker;

fn main() -> ExitCode {
    let [uri, ca] = [1, 2].map(|at| std::env::args().nth(at));
    match run(uri, ca) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart_sync: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(uri: Option<String>, ca: Option<String>) -> Result<(), Box<dyn Error>> {
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

    let mut builder = Client::builder(&uri);
    if let Some(file) = ca {
        builder = builder.tls(Tls::new().ca_file(file));
    }
    let client = builder.connect()?;
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
