//! From nothing to a broker, and on to the first client that it has answered.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use stomp_testbroker::TestBroker;

use crate::Result;
use crate::peer::connect;

const TIMES: usize = 1001;

pub(crate) fn report() -> Result<()> {
    line("in memory", || Ok((TestBroker::in_memory(), ())))?;
    line("in memory, until CONNECTED", || {
        let broker = TestBroker::in_memory();
        let mut client = broker.connect_memory()?;
        connect(&mut client, None)?;
        Ok((broker, client))
    })?;
    line("TCP", || Ok((TestBroker::builder().try_start()?, ())))?;
    line("TCP, until CONNECTED", || {
        let broker = TestBroker::builder().try_start()?;
        let mut client = TcpStream::connect(broker.address())?;
        connect(&mut client, None)?;
        Ok((broker, client))
    })?;
    #[cfg(feature = "tls")]
    line("TLS, with a certificate", || {
        let builder = TestBroker::builder().tls(stomp_testbroker::Certificate::Valid);
        Ok((builder.try_start()?, ()))
    })?;
    Ok(())
}

/// Measures how long `start` takes; what it returns is dropped off the clock.
fn line<T>(what: &str, start: impl Fn() -> Result<T>) -> Result<()> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begin = Instant::now();
        let started = start()?;
        times.push(begin.elapsed());
        drop(started);
    }
    times.sort_unstable();
    let median: Duration = times[TIMES / 2];
    println!("    {what:<28}{median:>10.1?}");
    Ok(())
}
