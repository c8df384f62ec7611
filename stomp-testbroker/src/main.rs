//! The test broker as a program, for tests in any language.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::task::Poll;

use clap::Parser;
use stomp_commands::HeartBeat;
use stomp_testbroker::{Certificate, Profile, Rule, TestBroker};
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A STOMP broker for tests: real semantics, nothing to install, gone when you stop it.
///
/// Speaks STOMP 1.0, 1.1 and 1.2. Queues are whatever does not begin with /topic/. Messages are
/// kept in memory. It is no broker for production: there are no users unless you name some, and no
/// message survives it.
#[derive(Debug, Parser)]
#[command(version, after_long_help = EXAMPLES)]
struct Options {
    /// Where to listen; port 0 takes a free one. The address is printed as `listening on ADDR`.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:61613")]
    listen: SocketAddr,

    /// Listens for WebSocket, too. Printed as `listening on ws://ADDR/ws`.
    #[arg(long, value_name = "ADDR")]
    websocket: Option<SocketAddr>,

    /// Listens for TLS, too. Printed as `listening on stomp+ssl://ADDR`.
    #[arg(long, value_name = "ADDR")]
    tls: Option<SocketAddr>,

    /// Writes the certificate of the authority that clients have to trust to this file.
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_file: Option<PathBuf>,

    /// Whose manners to copy: strict (the specification to the letter), rabbitmq, activemq, artemis.
    #[arg(long, value_name = "NAME", default_value_t)]
    profile: Profile,

    /// Lets only this user in; may be given several times. Without it everybody may come in.
    #[arg(long, value_name = "USER:PASS", value_parser = login)]
    login: Vec<(String, String)>,

    /// Refuses CONNECT without `host` from 1.1 on, as the specification demands. Several clients
    /// forget it, and no other broker minds.
    #[arg(long)]
    require_host: bool,

    /// Offers heart-beats: what the broker can send and what it wants to receive, in ms.
    #[arg(long, value_name = "SEND,RECEIVE", default_value_t = HeartBeat::NONE)]
    heart_beat: HeartBeat,

    /// Makes something go wrong; may be given several times. `COMMAND [DESTINATION] [NAME:VALUE]
    /// [#N] FAULT`: see below.
    #[arg(long, value_name = "RULE")]
    fault: Vec<Rule>,

    /// Prints the whole conversation when it ends.
    #[arg(long)]
    transcript: bool,
}

const EXAMPLES: &str = "\
Examples:
  A broker on a free port, for a test script that reads the port from the first line:
      stomp-testbroker --listen 127.0.0.1:0
  As picky about logins and as odd as RabbitMQ:
      stomp-testbroker --profile rabbitmq --login guest:guest
  The second message to /queue/a is taken, but the connection ends before its RECEIPT:
      stomp-testbroker --fault 'SEND /queue/a #2 process-then-close'
  No RECEIPT arrives from the fifth on, and octets come one by one after CONNECTED:
      stomp-testbroker --fault 'RECEIPT #5+ drop' --fault 'CONNECTED slice=1'

Faults. COMMAND is one a client sends, meant as the broker receives it, or one that the broker
sends; RECEIVED and SENT stand for all. #N is the Nth such frame, #N+ that one and all after it.
  drop               the frame is lost
  delay=MS           it comes later
  duplicate          it comes twice
  error=TEXT         ERROR instead, and the end of the connection
  error-and-stay=TEXT   ERROR instead, and the connection goes on
  close              the connection ends before the frame is processed or sent
  process-then-close    it ends right after, and no answer leaves
  truncate=N         only N octets of the frame are sent, then the connection ends
  withhold-receipt   no RECEIPT for this frame
  delay-receipt=MS   a late one, overtaken by others
  slice=N            from here on, output in pieces of N octets
  stop-beating       from here on, no heart-beats
  black-hole         from here on, nothing arrives in either direction
  stop-reading       from here on, nothing is read
  crash              all connections end, and only persistent messages are left

It ends, with exit code 0, on SIGTERM and on Ctrl-C.";

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stomp-testbroker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<()> {
    let stop = StopSignal::new()?; // before anybody can read that we listen, and stop us
    let mut builder = TestBroker::builder()
        .listen(options.listen)
        .profile(options.profile)
        .configure(|config| {
            config.heart_beat = options.heart_beat;
            config.host_required = Some(options.require_host);
            if !options.transcript {
                config.transcript = 0;
            }
        });
    for (user, passcode) in options.login {
        builder = builder.login(user, passcode);
    }
    if let Some(address) = options.websocket {
        builder = builder.websocket_at(address);
    }
    if let Some(address) = options.tls {
        builder = builder.tls_at(Certificate::Valid, address);
    }
    let broker = builder.try_start()?;
    if let Some(file) = options.ca_file {
        std::fs::write(file, broker.ca_pem())?;
    }
    for rule in options.fault {
        rule.mount(&broker).leave();
    }
    println!("listening on {}", broker.address());
    if options.websocket.is_some() {
        println!("listening on {}", broker.websocket_url());
    }
    if options.tls.is_some() {
        println!("listening on {}", broker.tls_url());
    }
    stop.wait();
    if options.transcript {
        print!("{}", broker.transcript());
    }
    Ok(())
}

/// SIGTERM and SIGINT, which no longer kill the process once this exists.
struct StopSignal {
    runtime: Runtime,
    signals: [Signal; 2],
}

impl StopSignal {
    fn new() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let guard = runtime.enter();
        let signals = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ];
        drop(guard);
        Ok(Self { runtime, signals })
    }

    /// Blocks until one of them comes, or came since.
    fn wait(mut self) {
        self.runtime.block_on(poll_fn(|cx| {
            let received = self.signals.iter_mut().map(|signal| signal.poll_recv(cx));
            match received.filter(Poll::is_ready).count() {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        }));
    }
}

fn login(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((user, passcode)) => Ok((user.to_owned(), passcode.to_owned())),
        None => Err("expected USER:PASS".to_owned()),
    }
}
