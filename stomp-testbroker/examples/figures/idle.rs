//! Many clients that connect and then say nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use stomp_testbroker::TestBroker;

use crate::Result;
use crate::peer::connect;
use crate::process::{self, Process, resident};

const CONNECTIONS: usize = 10_000;

pub(crate) fn report() -> Result<()> {
    let broker = TestBroker::builder()
        .configure(|config| config.transcript = 0)
        .in_memory();
    line(
        "in memory, both ends",
        || Ok(broker.connect_memory()?),
        || resident("self"),
    )?;
    let process = Process::start(process::PLAIN)?;
    line(
        "TCP",
        || Ok(TcpStream::connect(process.address)?),
        || process.resident(),
    )
}

fn line<S: Read + Write>(
    what: &str,
    open: impl Fn() -> Result<S>,
    memory: impl Fn() -> Result<usize>,
) -> Result<()> {
    let mut warm_up = open()?;
    connect(&mut warm_up, None)?;
    let before = memory()?;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    // One descriptor is left for reading the figure.
    let spare = std::fs::File::open("/proc/self/status")?;
    while clients.len() < CONNECTIONS {
        let Ok(mut client) = open() else {
            break; // out of file descriptors
        };
        connect(&mut client, None)?;
        clients.push(client);
    }
    drop(spare);
    let each = memory()?.saturating_sub(before) / clients.len().max(1);
    println!(
        "    {what:<28}{each:>10} octets, {} connections",
        clients.len()
    );
    Ok(())
}
