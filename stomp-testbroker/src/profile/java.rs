use stomp_frame::Headers;

/// Headers in a Java `HashMap`: the brokers written in Java send them in the order of its buckets.
#[derive(Debug)]
pub(crate) struct HashMap {
    entries: Vec<(String, String)>,
    /// Buckets; a power of two.
    capacity: usize,
}

impl HashMap {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::new(),
            capacity,
        }
    }

    /// Sets a header, whether or not it is there already.
    pub(crate) fn put(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name.to_owned(), value)),
        }
    }

    /// Sets a header that is not there yet.
    pub(crate) fn put_if_absent(&mut self, name: &str, value: &str) {
        if !self.entries.iter().any(|(known, _)| known == name) {
            self.entries.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(crate) fn into_headers(mut self) -> Headers {
        while self.entries.len() * 4 > self.capacity * 3 {
            self.capacity *= 2;
        }
        let mask = self.capacity as u32 - 1;
        self.entries
            .sort_by_key(|(name, _)| bucket_hash(name) & mask);
        self.entries.into_iter().collect()
    }
}

/// `String.hashCode`, spread as `HashMap` does it.
fn bucket_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0_u32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(unit.into())
    });
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_a_message_of_activemq() {
        let observed = [
            "content-length",
            "expires",
            "foo",
            "destination",
            "ack",
            "subscription",
            "priority",
            "message-id",
            "content-type",
            "timestamp",
        ];
        let mut map = HashMap::with_capacity(32);
        map.put("destination", "before `ack`, as they share a bucket");
        for name in observed.iter().rev() {
            map.put(name, "");
        }
        let headers = map.into_headers();
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, observed);
    }
}
