//! A peer that wants a RECEIPT for each of a million messages, and reads none.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use stomp_frame::Command;

use crate::Result;
use crate::peer::Peer;
use crate::process::{self, Process};

const MESSAGES: usize = 1_000_000;
const SEND: &[u8] = b"SEND\ndestination:/topic/nobody\nreceipt:0123456789\n\n0123456789\0";
/// A peer that could write nothing for so long has to wait for the broker.
const STUCK: Duration = Duration::from_millis(500);

pub(crate) fn report() -> Result<()> {
    let process = Process::start(process::PLAIN)?;
    let before = process.resident()?;
    let mut peer = Peer::connect(process.address, None)?;
    let mut writer = peer.writer()?;
    writer.set_write_timeout(Some(STUCK))?;
    let wire = SEND.repeat(MESSAGES);
    let mut written = 0;
    while written < wire.len() {
        match writer.write(&wire[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    let more = process.peak()?.saturating_sub(before);
    line("taken before it had to wait", written / SEND.len(), more);

    writer.set_write_timeout(None)?;
    let rest = &wire[written..];
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || writer.write_all(rest));
        peer.await_frames(Command::Receipt, MESSAGES)?;
        writing.join().map_err(|_| "the writer panicked")??;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    let more = process.peak()?.saturating_sub(before).max(more);
    line("all, once it reads", MESSAGES, more);
    Ok(())
}

fn line(what: &str, messages: usize, more: usize) {
    println!("    {what:<28}{messages:>10} messages, {} KiB", more >> 10);
}
