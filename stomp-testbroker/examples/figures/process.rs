//! The broker in a process of its own, as the others are.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use stomp_testbroker::TestBroker;

use crate::Result;

pub(crate) const SERVE: &str = "serve";
/// As the program `stomp-testbroker` runs.
pub(crate) const PLAIN: &str = "plain";
/// As the library runs unless told otherwise.
pub(crate) const RECORDING: &str = "recording";

/// A process that serves until this is dropped.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Process {
    pub(crate) fn start(how: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([SERVE, how])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self {
            address: line.trim().parse()?,
            child,
        })
    }

    /// Octets of memory that it has.
    pub(crate) fn resident(&self) -> Result<usize> {
        resident(&self.child.id().to_string())
    }

    /// Octets of memory that it had at most.
    pub(crate) fn peak(&self) -> Result<usize> {
        memory(&self.child.id().to_string(), "VmHWM:")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

pub(crate) fn serve(how: Option<&str>) -> Result<()> {
    let broker = TestBroker::builder()
        .configure(|config| {
            if how == Some(PLAIN) {
                config.transcript = 0;
            }
        })
        .try_start()?;
    println!("{}", broker.address());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Octets of memory that a process has; `self` names this one.
pub(crate) fn resident(process: &str) -> Result<usize> {
    memory(process, "VmRSS:")
}

fn memory(process: &str, name: &str) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: usize = kib.ok_or("the system tells no memory")?.parse()?;
    Ok(kib * 1024)
}
