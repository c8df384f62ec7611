//! The brokers, and the client that is put to the test.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::adapters::ADAPTERS;
use crate::client::{Adapter, Client, Options};
use crate::world::fast;

/// Real disks and a virtual machine that collects its garbage: more patience than for a broker in
/// memory.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(super) enum Broker {
    RabbitMq,
    ActiveMq,
}

impl Broker {
    fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::ActiveMq => "activemq",
        }
    }

    pub(super) fn url(self) -> String {
        script(&["url", self.name()])
    }

    pub(super) fn address(self) -> SocketAddr {
        let url = self.url();
        let address = url.rsplit_once('@').map(|(_, address)| address.parse());
        address.expect("a login").expect("an address")
    }

    /// Closes all connections, as an operator would.
    pub(super) fn disconnect_all(self) {
        script(&["disconnect", self.name()]);
    }

    /// Connects the client that is put to the test, through a line if there is one.
    #[track_caller]
    pub(super) fn connect(self, adapter: &dyn Adapter, line: Option<u16>) -> Box<dyn Client> {
        let url = self.url();
        let uri = match (line, url.rsplit_once(':')) {
            (Some(port), Some((host, _))) => format!("{host}:{port}"),
            _ => url,
        };
        let options = Options {
            uri: fast(&uri),
            ..Options::default()
        };
        match adapter.connect(&options) {
            Ok(client) => client,
            Err(verdict) => panic!("cannot connect to {self:?} (.ci/brokers start?): {verdict:?}"),
        }
    }
}

/// What the script of the brokers says.
fn script(arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let said = Command::new(root.join(".ci/brokers"))
        .args(arguments)
        .output();
    let said = said.expect("the script of the brokers");
    assert!(
        said.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

pub(super) fn adapter(name: &str) -> &'static dyn Adapter {
    let adapter = ADAPTERS.iter().find(|adapter| adapter.name() == name);
    *adapter.expect("a kind of client")
}

/// A destination that nobody has used before.
pub(super) fn fresh(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_millis();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("/queue/{what}-{now}-{number}")
}

/// How often the long scenarios drop: more for a night.
pub(super) fn drops() -> usize {
    let drops = std::env::var("STOMP_DROPS").ok();
    drops.and_then(|drops| drops.parse().ok()).unwrap_or(10)
}

/// Does it while time passes for the client: one without threads works only while somebody waits.
pub(super) fn while_it_works<T>(client: &dyn Client, what: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                client.pass(Duration::from_millis(5));
            }
        });
        let _over = SetAtTheEnd(&over);
        what()
    })
}

/// Sets a flag also when a test fails: whoever waits for it would wait for ever.
pub(super) struct SetAtTheEnd<'a>(pub(super) &'a AtomicBool);

impl Drop for SetAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
