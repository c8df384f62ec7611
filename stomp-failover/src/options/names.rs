//! Every name an option can have.

/// The options that do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    InitialReconnectDelay,
    MaxReconnectDelay,
    UseExponentialBackOff,
    BackOffMultiplier,
    Jitter,
    ReconnectDelayJitter,
    StableAfter,
    CountBy,
    StartupMaxReconnectAttempts,
    MaxReconnectAttempts,
    ReconnectSupported,
    Randomize,
    PriorityBackup,
    PriorityUris,
    WarnAfterReconnectAttempts,
    Timeout,
    TrackMessages,
    MaxCacheSize,
}

impl Key {
    /// In the order in which they are written.
    pub(crate) const ALL: [Self; 18] = [
        Self::InitialReconnectDelay,
        Self::MaxReconnectDelay,
        Self::UseExponentialBackOff,
        Self::BackOffMultiplier,
        Self::Jitter,
        Self::ReconnectDelayJitter,
        Self::StableAfter,
        Self::CountBy,
        Self::StartupMaxReconnectAttempts,
        Self::MaxReconnectAttempts,
        Self::ReconnectSupported,
        Self::Randomize,
        Self::PriorityBackup,
        Self::PriorityUris,
        Self::WarnAfterReconnectAttempts,
        Self::Timeout,
        Self::TrackMessages,
        Self::MaxCacheSize,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InitialReconnectDelay => "initialReconnectDelay",
            Self::MaxReconnectDelay => "maxReconnectDelay",
            Self::UseExponentialBackOff => "useExponentialBackOff",
            Self::BackOffMultiplier => "backOffMultiplier",
            Self::Jitter => "jitter",
            Self::ReconnectDelayJitter => "reconnectDelayJitter",
            Self::StableAfter => "stableAfter",
            Self::CountBy => "countBy",
            Self::StartupMaxReconnectAttempts => "startupMaxReconnectAttempts",
            Self::MaxReconnectAttempts => "maxReconnectAttempts",
            Self::ReconnectSupported => "reconnectSupported",
            Self::Randomize => "randomize",
            Self::PriorityBackup => "priorityBackup",
            Self::PriorityUris => "priorityURIs",
            Self::WarnAfterReconnectAttempts => "warnAfterReconnectAttempts",
            Self::Timeout => "timeout",
            Self::TrackMessages => "trackMessages",
            Self::MaxCacheSize => "maxCacheSize",
        }
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        alias
            .map(|(_, key)| *key)
            .or_else(|| Self::ALL.into_iter().find(|key| key.as_str() == name))
    }
}

const ALIASES: [(&str, Key); 2] = [
    ("reconnectDelayExponent", Key::BackOffMultiplier),
    ("maxReconnects", Key::MaxReconnectAttempts),
];

/// The options of ActiveMQ's transport that have no meaning here, each with what to tell its user.
const IGNORED: [(&str, &str); 7] = [
    (
        "backup",
        "no second connection is kept open; `priorityBackup` goes back to a preferred broker",
    ),
    ("backupPoolSize", "no second connection is kept open"),
    (
        "rebalanceUpdateURIs",
        "a STOMP broker sends no list of brokers; give the client a server source",
    ),
    (
        "reconnectDelay",
        "it is internal to ActiveMQ; `initialReconnectDelay` is the first delay",
    ),
    ("trackTransactionProducers", "it belongs to OpenWire"),
    (
        "updateURIsSupported",
        "a STOMP broker sends no list of brokers; give the client a server source",
    ),
    (
        "updateURIsURL",
        "no file is read; give the client a server source",
    ),
];

/// Finds an option that is ignored, with the reason.
pub(crate) fn ignored(name: &str) -> Option<(&'static str, &'static str)> {
    IGNORED.into_iter().find(|(known, _)| *known == name)
}

/// Guesses which option was meant by a name that is none.
pub(crate) fn suggest(name: &str) -> Option<&'static str> {
    let known = Key::ALL.into_iter().map(Key::as_str);
    let known = known
        .chain(ALIASES.map(|(alias, _)| alias))
        .chain(IGNORED.map(|(ignored, _)| ignored));
    known
        .map(|known| {
            (
                distance(&name.to_ascii_lowercase(), &known.to_ascii_lowercase()),
                known,
            )
        })
        // A third of the letters may be wrong: enough for a typo, too little to guess at random.
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Counts the letters to insert, delete or replace to make one text of the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found() {
        for key in Key::ALL {
            assert_eq!(Key::find(key.as_str()), Some(key));
        }
        assert_eq!(
            Key::find("reconnectDelayExponent"),
            Some(Key::BackOffMultiplier)
        );
        assert_eq!(Key::find("maxReconnects"), Some(Key::MaxReconnectAttempts));
        assert_eq!(Key::find("Randomize"), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("flaw", "lawn"), 2);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn suggestions() {
        assert_eq!(suggest("randomise"), Some("randomize"));
        assert_eq!(suggest("RANDOMIZE"), Some("randomize"));
        assert_eq!(suggest("maxReconectAttempts"), Some("maxReconnectAttempts"));
        assert_eq!(suggest("backoffMultiplier"), Some("backOffMultiplier"));
        assert_eq!(suggest("updateURLsSupported"), Some("updateURIsSupported"));
        assert_eq!(suggest("jittr"), Some("jitter"));
        assert_eq!(suggest("colour"), None);
        assert_eq!(suggest(""), None);
    }
}
