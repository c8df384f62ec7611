//! TLS: whom to trust, and who we are.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use stomp_failover::Broker;

use crate::TransportError;

/// How connections to brokers of `stomp+tls://` and its like are secured.
///
/// The default verifies the broker's certificate against the roots that the platform trusts, and
/// its name against the host of the URI, which is also sent (SNI). TLS 1.2 and 1.3.
///
/// ```
/// # use stomp_session::Tls;
/// let tls = Tls::new()
///     .ca_file("/etc/stomp/ca.pem")
///     .client_certificate("/etc/stomp/client.pem", "/etc/stomp/client.key");
/// # drop(tls);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is to be given to the builder of a client"]
pub struct Tls {
    roots: Roots,
    identity: Option<(Pem, Pem)>,
    server_name: Option<String>,
    config: Option<Arc<ClientConfig>>,
}

#[derive(Clone, Debug, Default)]
enum Roots {
    #[default]
    Platform,
    These(Vec<Pem>),
    Anybody,
}

/// Something in PEM, or the file that holds it.
#[derive(Clone)]
enum Pem {
    File(PathBuf),
    Text(Vec<u8>),
}

/// TLS cannot be set up as it was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        error: TransportError,
    },
    /// There is no certificate in this PEM.
    #[error("no certificate in {0}")]
    NoCertificate(String),
    /// There is no private key in this PEM, or none without a password.
    #[error("no private key in {0}")]
    NoKey(String),
    /// What was given does not fit together, or the platform has no roots.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    /// This cannot be the name of a server.
    #[error("not the name of a server: {0}")]
    ServerName(String),
}

impl Tls {
    /// Starts with the default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities of this PEM file, in place of the platform's. May be called several
    /// times. The file is read when the client connects.
    pub fn ca_file(self, path: impl AsRef<Path>) -> Self {
        self.trust(Pem::File(path.as_ref().to_owned()))
    }

    /// Trusts the authorities of this PEM text, in place of the platform's. May be called several
    /// times.
    pub fn ca_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust(Pem::Text(pem.into()))
    }

    fn trust(mut self, pem: Pem) -> Self {
        match &mut self.roots {
            Roots::These(pems) => pems.push(pem),
            roots => *roots = Roots::These(vec![pem]),
        }
        self
    }

    /// Shows the broker this certificate, with what it was signed by, and proves it with the key:
    /// two PEM files, which are read when the client connects.
    pub fn client_certificate(mut self, chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        let file = |path: &Path| Pem::File(path.to_owned());
        self.identity = Some((file(chain.as_ref()), file(key.as_ref())));
        self
    }

    /// The same with two PEM texts.
    pub fn client_certificate_pem(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = Some((Pem::Text(chain.into()), Pem::Text(key.into())));
        self
    }

    /// Expects this name in the certificate, and asks for it (SNI), in place of the URI's host.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Takes this configuration of rustls as it is: another cryptography, revocation lists, keys in
    /// hardware. Of the rest only [`server_name`](Self::server_name) counts then.
    pub fn rustls(mut self, config: Arc<ClientConfig>) -> Self {
        self.config = Some(config);
        self
    }

    /// Believes everybody to be the broker. Whoever is in between reads the passcode and every
    /// message, and may change them.
    pub fn danger_accept_any_certificate(mut self) -> Self {
        self.roots = Roots::Anybody;
        self
    }

    /// Puts it all together, for [`LayerConfig::tls`](crate::layers::LayerConfig::tls).
    ///
    /// Files are read by `read`, which is `std::fs::read` in a client. `platform` is asked for the
    /// verifier of the platform's roots, and only where these count.
    ///
    /// # Errors
    ///
    /// Whatever is missing, cannot be read, or does not fit together.
    pub fn config(
        &self,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
        platform: impl FnOnce(Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error>,
    ) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = &self.config {
            return Ok(config.clone());
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = match &self.roots {
            Roots::Platform => builder
                .dangerous() // only in name: this verifier checks everything
                .with_custom_certificate_verifier(platform(provider)?),
            Roots::These(pems) => {
                let mut roots = RootCertStore::empty();
                for pem in pems {
                    for certificate in pem.certificates(&read)? {
                        roots.add(certificate)?;
                    }
                }
                builder.with_root_certificates(roots)
            }
            Roots::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        };
        Ok(Arc::new(match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain.certificates(&read)?, key.key(&read)?)?
            }
        }))
    }

    /// Whom to expect.
    ///
    /// # Errors
    ///
    /// [`TlsError::ServerName`] where that is neither a DNS name nor an IP address.
    pub fn name_of(&self, broker: &Broker) -> Result<ServerName<'static>, TlsError> {
        let name = self.server_name.as_deref().unwrap_or(broker.host());
        let parsed = ServerName::try_from(name.to_owned());
        parsed.map_err(|_| TlsError::ServerName(name.to_owned()))
    }
}

/// Reads a file.
type Reader<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

impl Pem {
    fn certificates(&self, read: Reader<'_>) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let text = self.text(read)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err(TlsError::NoCertificate(self.to_string())),
        }
    }

    fn key(&self, read: Reader<'_>) -> Result<PrivateKeyDer<'static>, TlsError> {
        let text = self.text(read)?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::NoKey(self.to_string()))
    }

    fn text(&self, read: Reader<'_>) -> Result<Cow<'_, [u8]>, TlsError> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::File(path) => read(path).map(Cow::from).map_err(|error| TlsError::Read {
                path: path.clone(),
                error: TransportError::from(&error),
            }),
        }
    }
}

/// Shows no key.
impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Text(_) => f.write_str("the given PEM"),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Believes everybody, but checks that they have the key of what they show.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(tls: &Tls) -> Result<Arc<ClientConfig>, TlsError> {
        let nothing_there = |_: &Path| Err(io::Error::from_raw_os_error(2));
        tls.config(nothing_there, |_| {
            Err(rustls::Error::General("no roots".to_owned()))
        })
    }

    #[test]
    fn what_is_wrong_is_named_and_no_key_is_shown() {
        let missing = config(&Tls::new().ca_file("/nowhere/ca.pem")).unwrap_err();
        let text = "cannot read /nowhere/ca.pem: no such file or directory";
        assert_eq!(missing.to_string(), text);
        let empty = config(&Tls::new().ca_pem("s3cret")).unwrap_err();
        assert_eq!(empty.to_string(), "no certificate in the given PEM");
        let tls = Tls::new().client_certificate_pem("c3rt", "s3cret");
        assert!(!format!("{tls:?}").contains("s3cret"));
    }

    #[test]
    fn the_platform_is_asked_for_its_roots_only_where_they_count() {
        let error = config(&Tls::new()).unwrap_err();
        assert_eq!(error.to_string(), "unexpected error: no roots");
        config(&Tls::new().danger_accept_any_certificate()).unwrap();
    }

    #[test]
    fn files_are_read_by_whoever_can() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["here.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let read = |path: &Path| {
            Ok(match path.to_str() {
                Some("key") => key.serialize_pem().into_bytes(),
                _ => certificate.pem().into_bytes(),
            })
        };
        let tls = Tls::new().ca_file("ca").client_certificate("chain", "key");
        let config = tls.config(read, |_| unreachable!("there are roots"));
        assert!(config.unwrap().client_auth_cert_resolver.has_certs());
        let swapped = Tls::new().client_certificate("key", "chain");
        let swapped = swapped.danger_accept_any_certificate();
        let error = swapped.config(read, |_| unreachable!("there are roots"));
        assert_eq!(error.unwrap_err().to_string(), "no certificate in key");
    }

    #[test]
    fn the_name_is_that_of_the_host_unless_another_one_is_given() {
        let broker = Broker::new(stomp_failover::Scheme::StompTls, "here.example", 61614);
        let name = |tls: Tls| tls.name_of(&broker).map(|name| name.to_str().into_owned());
        assert_eq!(name(Tls::new()).unwrap(), "here.example");
        assert_eq!(name(Tls::new().server_name("there")).unwrap(), "there");
        let error = name(Tls::new().server_name("not a name")).unwrap_err();
        assert_eq!(error.to_string(), "not the name of a server: not a name");
    }
}
