use std::fmt;
use std::sync::Arc;

/// A password, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Passcode(Arc<str>);

impl Passcode {
    /// Keeps a password.
    #[must_use]
    pub fn new(passcode: impl Into<Arc<str>>) -> Self {
        Self(passcode.into())
    }

    /// Reveals the password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Passcode {
    fn from(passcode: &str) -> Self {
        Self::new(passcode)
    }
}

impl From<String> for Passcode {
    fn from(passcode: String) -> Self {
        Self::new(passcode)
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}
