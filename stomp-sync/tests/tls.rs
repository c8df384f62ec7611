//! The blocking client over TLS.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls::{ServerConnection, StreamOwned};
use stomp_sync::{Client, Error, Tls};
use stomp_testbroker::{Certificate, TestBroker};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn broker(certificate: Certificate) -> TestBroker {
    TestBroker::builder().tls(certificate).start()
}

#[test]
fn a_broker_that_the_authority_vouches_for_is_believed() -> Result {
    let broker = broker(Certificate::Valid);
    let client = Client::builder(broker.tls_url())
        .tls(Tls::new().ca_pem(broker.ca_pem()))
        .connect()?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    for length in [0, 1, 100_000, 3_000_000] {
        let body = vec![7; length];
        client.send("/queue/a").bytes(body.clone()).confirmed()?;
        let message = inbox.next().ok_or("closed")??;
        assert!(message.body() == &body[..], "{length} octets");
        message.ack()?;
    }
    client.disconnect()?;
    Ok(())
}

#[test]
fn nobody_else_is_believed_and_the_error_says_why() {
    for (certificate, trusted, why) in [
        (Certificate::Valid, false, "UnknownIssuer"),
        (Certificate::WrongHost, true, "not valid for name"),
        (Certificate::Expired, true, "certificate expired"),
    ] {
        let broker = broker(certificate);
        let tls = match trusted {
            true => Tls::new().ca_pem(broker.ca_pem()),
            false => Tls::new(),
        };
        let error = Client::builder(broker.tls_url())
            .tls(tls)
            .connect()
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(why), "{certificate:?}: {text}");
    }
}

#[test]
fn another_name_may_be_expected_and_anybody_believed_by_a_dangerous_name() -> Result {
    let elsewhere = broker(Certificate::WrongHost);
    let tls = Tls::new().ca_pem(elsewhere.ca_pem());
    let tls = tls.server_name("elsewhere.invalid");
    let client = Client::builder(elsewhere.tls_url()).tls(tls).connect();
    client?.disconnect()?;
    let expired = broker(Certificate::Expired);
    let tls = Tls::new().danger_accept_any_certificate();
    let client = Client::builder(expired.tls_url()).tls(tls).connect();
    client?.disconnect()?;
    Ok(())
}

#[test]
fn one_uri_may_hold_both_kinds() -> Result {
    let broker = broker(Certificate::Valid);
    let uri = format!(
        "failover:({},{})?randomize=false&initialReconnectDelay=1",
        broker.tls_url(),
        broker.url()
    );
    let tls = Tls::new().ca_pem(broker.ca_pem());
    let client = Client::builder(&uri).tls(tls).connect()?;
    client.send("/queue/a").confirmed()?;
    client.disconnect()?;
    Ok(())
}

#[test]
fn what_cannot_be_set_up_is_an_error_before_anything_is_tried() {
    let tls = Tls::new().ca_file("/nowhere/ca.pem");
    let client = Client::builder("stomp+tls://127.0.0.1:1").tls(tls);
    let error = client.connect().unwrap_err();
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    let text = "TLS cannot be set up: cannot read /nowhere/ca.pem: no such file or directory";
    assert_eq!(error.to_string(), text);
}

#[test]
fn plain_tcp_where_tls_is_spoken_ends_in_an_error() {
    let broker = broker(Certificate::Valid);
    let url = broker.tls_url().replace("stomp+ssl", "stomp");
    let error = Client::builder(url).connect().unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
}

#[test]
fn a_client_shows_its_certificate_to_whoever_asks() -> Result {
    let authority = Authority::new();
    let config = authority.server();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let uri = format!("stomp+tls://localhost:{}", listener.local_addr()?.port());
    let server = std::thread::spawn(move || -> std::io::Result<()> {
        for _ in 0..2 {
            let (stream, _) = listener.accept()?;
            let tls = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(tls, stream);
            let mut octets = [0; 1024];
            if stream.read(&mut octets).is_ok() {
                stream.write_all(b"CONNECTED\nversion:1.2\n\n\0")?;
                let _ = stream.read(&mut octets)?;
            }
        }
        Ok(())
    });
    let tls = Tls::new().ca_pem(authority.pem.as_str());
    let error = Client::builder(&uri).tls(tls.clone()).connect();
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    let (chain, key) = authority.issue();
    let tls = tls.client_certificate_pem(chain, key);
    drop(Client::builder(&uri).tls(tls).connect()?);
    server.join().expect("no panic")?;
    Ok(())
}

#[test]
fn many_threads_write_while_one_reads() -> Result {
    let broker = broker(Certificate::Valid);
    let tls = Tls::new().ca_pem(broker.ca_pem());
    let client = Client::builder(broker.tls_url()).tls(tls).connect()?;
    let mut inbox = client.subscribe("/queue/a").capacity(10).open()?;
    let _slices = broker.slice(1_000);
    std::thread::scope(|scope| {
        for thread in 1..=4 {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    let body = vec![thread; n * 1_000];
                    client.send("/queue/a").bytes(body).confirmed().unwrap();
                }
            });
        }
        let mut octets = 0;
        for _ in 0..200 {
            let message = inbox.next().unwrap().unwrap();
            octets += message.body().len();
            let first = message.body().first().copied();
            assert!(message.body().iter().all(|&octet| Some(octet) == first));
            message.ack().unwrap();
        }
        assert_eq!(octets, 4 * 1_000 * (0..50).sum::<usize>());
    });
    client.disconnect()?;
    Ok(())
}

/// Issues certificates, and demands them.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// A certificate and its key, in PEM.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server that lets only those in whom this authority knows.
    fn server(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.pem.as_bytes());
        roots.add(authority.unwrap()).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let (chain, key) = self.issue();
        let chain = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(vec![chain], key);
        Arc::new(config.unwrap())
    }
}
