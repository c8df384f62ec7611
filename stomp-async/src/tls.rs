//! TLS: whom to trust, and who we are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_platform_verifier::BuilderVerifierExt;
use stomp_failover::Broker;
use stomp_session::TransportError;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

/// How connections to brokers of `stomp+tls://` and its like are secured: see
/// [`Builder::tls`](crate::Builder::tls).
///
/// The default verifies the broker's certificate against the roots that the platform trusts, and
/// its name against the host of the URI, which is also sent (SNI). TLS 1.2 and 1.3.
///
/// ```no_run
/// use stomp_async::{Client, Tls};
///
/// # async fn example() -> Result<(), stomp_async::Error> {
/// let tls = Tls::new()
///     .ca_file("/etc/stomp/ca.pem")
///     .client_certificate("/etc/stomp/client.pem", "/etc/stomp/client.key");
/// let client = Client::builder("stomp+tls://broker.example:61614")
///     .tls(tls)
///     .connect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is to be given to `Builder::tls`"]
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
#[derive(Clone, Debug, thiserror::Error)]
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

    /// Reads the files, and puts it all together.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = &self.config {
            return Ok(config.clone());
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = match &self.roots {
            Roots::Platform => builder.with_platform_verifier()?,
            Roots::These(pems) => {
                let mut roots = RootCertStore::empty();
                for pem in pems {
                    for certificate in pem.certificates()? {
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
                builder.with_client_auth_cert(chain.certificates()?, key.key()?)?
            }
        }))
    }

    /// Whom to expect.
    pub(crate) fn name_of(&self, broker: &Broker) -> Result<ServerName<'static>, TlsError> {
        let name = self.server_name.as_deref().unwrap_or(broker.host());
        let parsed = ServerName::try_from(name.to_owned());
        parsed.map_err(|_| TlsError::ServerName(name.to_owned()))
    }
}

impl Pem {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let text = self.read()?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err(TlsError::NoCertificate(self.to_string())),
        }
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let text = self.read()?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::NoKey(self.to_string()))
    }

    fn read(&self) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => std::fs::read(path).map_err(|error| TlsError::Read {
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

    #[test]
    fn what_is_wrong_is_named_and_no_key_is_shown() {
        let missing = Tls::new().ca_file("/nowhere/ca.pem").config().unwrap_err();
        let text = "cannot read /nowhere/ca.pem: no such file or directory";
        assert_eq!(missing.to_string(), text);
        let empty = Tls::new().ca_pem("s3cret").config().unwrap_err();
        assert_eq!(empty.to_string(), "no certificate in the given PEM");
        let tls = Tls::new().client_certificate_pem("c3rt", "s3cret");
        assert!(!format!("{tls:?}").contains("s3cret"));
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
