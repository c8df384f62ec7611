//! What only the operating system can say of TLS: its files, and whom it trusts.

use std::sync::Arc;

use rustls_platform_verifier::Verifier;
use stomp_session::{Tls, TlsError};

/// Reads the files, and puts it all together.
pub(crate) fn set_up(tls: &Tls) -> Result<Arc<rustls::ClientConfig>, TlsError> {
    tls.config(
        |path| std::fs::read(path),
        |provider| Ok(Arc::new(Verifier::new(provider)?)),
    )
}
