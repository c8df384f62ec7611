//! The test broker as a program, for tests in any language.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::task::Poll;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use stomp_commands::HeartBeat;
use stomp_frame::Version;
use stomp_testbroker::{Builder, Certificate, NackPolicy, Profile, Rule, TestBroker};
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A STOMP broker for tests: real semantics, nothing to install, gone when you stop it.
///
/// Speaks STOMP 1.0, 1.1 and 1.2, with queues, topics, acknowledgements, transactions, receipts and
/// heart-beats. A destination that begins with /topic/ is a topic, any other one a queue; both are
/// there as soon as somebody names them. Messages are kept in memory and end with the program: it
/// is no broker for production.
#[derive(Parser)]
#[command(version, after_help = SEE_HELP, after_long_help = EXAMPLES)]
struct Options {
    /// Where to listen: PORT or HOST:PORT; port 0 takes a free one. May be given several times.
    /// Printed as `listening on HOST:PORT`, in this order, once clients can connect.
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "127.0.0.1:61613")]
    listen: Vec<SocketAddr>,

    /// Listens for WebSocket, too. Printed as `listening on ws://HOST:PORT/ws`.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    websocket: Option<SocketAddr>,

    /// Listens for TLS, too, with a certificate for localhost that is made now. Printed as
    /// `listening on stomp+ssl://HOST:PORT`.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    tls: Option<SocketAddr>,

    /// What is wrong with that certificate: valid (nothing), wrong-host, expired.
    #[arg(long, value_name = "NAME", requires = "tls", value_parser = certificate)]
    certificate: Option<Certificate>,

    /// Writes the certificate of the authority that clients have to trust to this file, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_file: Option<PathBuf>,

    /// Whose manners to copy: strict (the specification to the letter), rabbitmq, activemq, artemis,
    /// spring (its simple broker).
    #[arg(long, value_name = "NAME", default_value_t)]
    profile: Profile,

    /// Lets only this user in; may be given several times. Without it everybody may come in, with
    /// any login or none.
    #[arg(long, value_name = "USER:PASS")]
    login: Vec<String>,

    /// Knows only this virtual host; may be given several times. Without it every name is one, but
    /// RabbitMQ's manners know only `/`.
    #[arg(long, value_name = "NAME")]
    virtual_host: Vec<String>,

    /// Speaks only this version of STOMP; may be given several times.
    #[arg(long, value_name = "VERSION")]
    stomp: Vec<Version>,

    /// Refuses CONNECT without `host` from 1.1 on, as the specification demands. Several clients
    /// forget it, and no other broker minds.
    #[arg(long)]
    require_host: bool,

    /// Offers heart-beats: what the broker can send and what it wants to receive, in ms. Without
    /// effect on the manners of real brokers, but for Spring's: they repeat what the client says.
    #[arg(long, value_name = "SEND,RECEIVE", default_value_t = HeartBeat::NONE)]
    heart_beat: HeartBeat,

    /// Gives no RECEIPT to SUBSCRIBE and UNSUBSCRIBE, as some servers do.
    #[arg(long)]
    no_subscribe_receipts: bool,

    /// By which header ERROR names the frame that it is about: `receipt`, as Vert.x does.
    #[arg(long, value_name = "NAME", default_value = "receipt-id")]
    error_receipt_header: String,

    /// What becomes of a message that a client refuses with NACK: drop, requeue, dead-letter.
    /// Without it, what the profile does.
    #[arg(long, value_name = "FATE", value_parser = nack_policy)]
    nack: Option<NackPolicy>,

    /// Sends a message to the dead letters that came back so often without an ACK.
    #[arg(long, value_name = "N")]
    max_deliveries: Option<u32>,

    /// The queue of the dead letters. Without it /queue/DLQ, or what the profile has.
    #[arg(long, value_name = "QUEUE")]
    dead_letters: Option<String>,

    /// The longest body that is taken, in octets. Without it 64 MiB.
    #[arg(long, value_name = "OCTETS")]
    max_body: Option<u64>,

    /// Makes something go wrong; may be given several times. `COMMAND [DESTINATION] [NAME:VALUE]
    /// [#N] FAULT`: see below.
    #[arg(long, value_name = "RULE")]
    fault: Vec<Rule>,

    /// Prints the whole conversation when it ends, passcodes hidden.
    #[arg(long)]
    transcript: bool,
}

const SEE_HELP: &str = "What faults there are, and examples: --help";

const EXAMPLES: &str = "\
Examples:
  A broker on a free port, for a test that reads the port from the first line of the output:
      stomp-testbroker --listen 0
  As picky about logins and as odd as RabbitMQ:
      stomp-testbroker --profile rabbitmq --login guest:guest
  The second message to /queue/a is taken, but the connection ends before its RECEIPT:
      stomp-testbroker --fault 'SEND /queue/a #2 process-then-close'
  No RECEIPT arrives from the fifth on, and octets come one by one after CONNECTED:
      stomp-testbroker --fault 'RECEIPT #5+ drop' --fault 'CONNECTED slice=1'

Rules: COMMAND [DESTINATION] [NAME:VALUE] [#N] FAULT
  COMMAND       SEND, SUBSCRIBE, ACK ...: when a client sends it, before the broker acts on it;
                MESSAGE, RECEIPT ...: when the broker sends it; RECEIVED or SENT: any frame
  DESTINATION   only of this one; ACK and NACK have that of their message
  NAME:VALUE    only with this header
  #N            only the Nth such frame; #N+: that one and all after it

Faults
  drop                  the frame is lost
  delay=MS              it comes later
  duplicate             it comes twice
  error=TEXT            ERROR instead, and the end of the connection
  error-and-stay=TEXT   ERROR instead, and the connection goes on
  close                 the connection ends before the frame is processed or sent
  process-then-close    it ends right after, and no answer leaves
  truncate=N            only N octets of the frame are sent, then the connection ends
  withhold-receipt      the frame is processed, but no RECEIPT comes
  delay-receipt=MS      a late one, overtaken by others
  slice=N               from here on, output in pieces of N octets
  stop-beating          from here on, no heart-beats
  black-hole            from here on, nothing arrives in either direction
  stop-reading          from here on, nothing is read
  crash                 all connections end, and only messages with persistent:true are left

It ends on SIGTERM and on Ctrl-C, with exit code 0. It is 1 if the broker could not start, and 2 if
the command line was wrong.";

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
    let mut builder = builder(&options);
    if let Some(address) = options.websocket {
        builder = builder.websocket_at(address);
    }
    if let Some(address) = options.tls {
        builder = builder.tls_at(options.certificate.unwrap_or_default(), address);
    }
    let broker = builder.try_start().map_err(hint_at_a_free_port)?;
    if !options
        .listen
        .iter()
        .all(|address| address.ip().is_loopback())
    {
        eprintln!("stomp-testbroker: warning: everybody who reaches this machine can come in");
    }
    if let Some(file) = options.ca_file {
        std::fs::write(&file, broker.ca_pem()).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot write {}: {error}", file.display()),
            )
        })?;
    }
    for rule in options.fault {
        rule.mount(&broker).leave();
    }
    for address in broker.addresses() {
        println!("listening on {address}");
    }
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

/// Prepares all but the ports for WebSocket and TLS.
fn builder(options: &Options) -> Builder {
    let mut builder = TestBroker::builder()
        .profile(options.profile)
        .configure(|config| {
            config.heart_beat = options.heart_beat;
            config.virtual_hosts.clone_from(&options.virtual_host);
            config.host_required = Some(options.require_host);
            if options.no_subscribe_receipts {
                config.subscribe_receipts = Some(false);
            }
            config.error_receipt_header = options.error_receipt_header.clone();
            config.nack = options.nack;
            config.max_deliveries = options.max_deliveries;
            config.dead_letters.clone_from(&options.dead_letters);
            if let Some(octets) = options.max_body {
                config.caps.frame = config.caps.frame.body(octets);
            }
            if !options.transcript {
                config.transcript = 0;
            }
        });
    if !options.stomp.is_empty() {
        builder = builder.versions(options.stomp.iter().copied());
    }
    for login in &options.login {
        let (user, passcode) = user_and_passcode(login);
        builder = builder.login(user, passcode);
    }
    for (number, address) in options.listen.iter().enumerate() {
        builder = match number {
            0 => builder.listen(*address),
            _ => builder.also_listen(*address),
        };
    }
    builder
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

/// Reads where to listen. What a host name stands for is looked up.
fn address(text: &str) -> Result<SocketAddr, String> {
    const EXPECTED: &str = "expected PORT or HOST:PORT, as in 61613, localhost:0 or [::1]:0";
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let port: u16 = port.parse().map_err(|_| EXPECTED)?;
    let addresses = (host, port).to_socket_addrs();
    let mut addresses = addresses.map_err(|error| format!("{host:?} is no host: {error}"))?;
    addresses.next().ok_or_else(|| EXPECTED.to_owned())
}

fn certificate(text: &str) -> Result<Certificate, &'static str> {
    match text {
        "valid" => Ok(Certificate::Valid),
        "wrong-host" => Ok(Certificate::WrongHost),
        "expired" => Ok(Certificate::Expired),
        _ => Err("expected valid, wrong-host or expired"),
    }
}

fn nack_policy(text: &str) -> Result<NackPolicy, &'static str> {
    match text {
        "drop" => Ok(NackPolicy::Drop),
        "requeue" => Ok(NackPolicy::Requeue),
        "dead-letter" => Ok(NackPolicy::DeadLetter),
        _ => Err("expected drop, requeue or dead-letter"),
    }
}

/// Reads a login, or ends the program. Not a parser of clap's, which prints what it cannot read.
fn user_and_passcode(login: &str) -> (&str, &str) {
    login.split_once(':').unwrap_or_else(|| {
        let text = "--login takes USER:PASS, and there is no colon in what it was given";
        Options::command()
            .error(ErrorKind::InvalidValue, text)
            .exit()
    })
}

fn hint_at_a_free_port(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            io::Error::new(error.kind(), format!("{error}; port 0 takes a free one"))
        }
        _ => error,
    }
}
