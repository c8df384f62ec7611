use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Cloning is cheap: clones share one text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(transparent))]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes an id out of any text; the empty one is allowed, too.
            #[must_use]
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// Returns the id as headers carry it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl From<&Self> for $name {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// Names a subscription within one connection.
    SubscriptionId
}

id! {
    /// Names a frame whose RECEIPT is asked for.
    ReceiptId
}

id! {
    /// Names a transaction within one connection.
    TransactionId
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn ids_are_found_by_their_text() {
        let mut subscriptions = HashMap::new();
        subscriptions.insert(SubscriptionId::from("s1"), 1);
        assert_eq!(subscriptions.get("s1"), Some(&1));
    }

    #[test]
    fn ids_print_as_their_text() {
        let id = ReceiptId::from(format!("r{}", 4711));
        assert_eq!(id.to_string(), "r4711");
        assert_eq!(format!("{id:?}"), r#""r4711""#);
        assert_eq!(format!("{:>6}", TransactionId::new("t")), "     t");
    }
}
