use std::sync::Arc;

use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What is wrong with the certificate of a broker. See [`Builder::tls`](crate::Builder::tls).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificate {
    /// Nothing: it is for `localhost`, 127.0.0.1 and ::1.
    #[default]
    Valid,
    /// It is for another host.
    WrongHost,
    /// Its time is over.
    Expired,
}

/// A certificate authority that exists for one broker, and what it has signed.
pub(crate) struct Authority {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate to trust.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(certificate: Certificate) -> Result<Self, Box<dyn std::error::Error>> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new([])?;
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let name = &mut authority.distinguished_name;
        name.push(rcgen::DnType::CommonName, "stomp-testbroker");
        let pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, &authority_key);

        let key = KeyPair::generate()?;
        let signed = server(certificate)?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem,
        })
    }
}

fn server(certificate: Certificate) -> Result<CertificateParams, rcgen::Error> {
    let names: &[&str] = match certificate {
        Certificate::WrongHost => &["elsewhere.invalid"],
        _ => &["localhost", "127.0.0.1", "::1"],
    };
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    if certificate == Certificate::Expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 2);
    }
    Ok(params)
}
