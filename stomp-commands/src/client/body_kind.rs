/// What the body of a message is, which decides its default `content-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyKind {
    /// Nothing is said about it.
    #[default]
    Raw,
    /// `application/octet-stream`.
    Bytes,
    /// `text/plain;charset=utf-8`.
    Text,
    /// `application/json`.
    Json,
}

impl BodyKind {
    /// The `content-type` that goes with it.
    #[must_use]
    pub const fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Raw => None,
            Self::Bytes => Some("application/octet-stream"),
            Self::Text => Some("text/plain;charset=utf-8"),
            Self::Json => Some("application/json"),
        }
    }

    /// Tells whether it is text, for brokers that make a difference.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Json)
    }
}
