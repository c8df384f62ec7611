//! Sends messages through a broker, receives them and acknowledges them.
//!
//!     cargo run --example quickstart
//!     cargo run --example quickstart -- stomp://user:pass@host:port
//!
//! The first starts a test broker of its own; the second talks to yours.

use std::error::Error;
use std::process::ExitCode;

use stomp_async::Client;
use stomp_testbroker::TestBroker;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().nth(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(uri: Option<String>) -> Result<(), Box<dyn Error>> {
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

    let client = Client::connect(&uri).await?;
    println!("Connected.");

    // A name of its own, so that nothing of an earlier run is in the queue.
    let queue = format!("/queue/quickstart-{}", std::process::id());
    let mut inbox = client.subscribe(&queue).await?;
    println!("Subscribed to {queue}; the broker confirmed it.");

    for text in ["hello", "how are you?", "goodbye"] {
        client.send(&queue).text(text).confirmed().await?;
        println!("Sent {text:?}; the broker confirmed it.");
    }
    for _ in 0..3 {
        let Some(message) = inbox.next().await.transpose()? else {
            return Err("the broker closed the connection".into());
        };
        println!("Received {:?}.", message.text()?);
        message.ack().await?;
    }
    println!("Acknowledged all of them.");

    client.disconnect().await?;
    println!("Disconnected in order.");
    Ok(())
}
