//! What both clients call by the same names.

/// Tells a builder what the suite wants.
macro_rules! configured {
    ($client:ident, $options:expr) => {{
        let options: &$crate::client::Options = $options;
        let mut builder = $client::Client::builder(&options.uri);
        if let Some((login, passcode)) = &options.login {
            builder = builder.login(login, passcode);
        }
        if let Some(ca) = &options.ca {
            builder = builder.tls($client::Tls::new().ca_pem(ca.as_str()));
        }
        if let Some(period) = options.heart_beat {
            builder = builder.heart_beat(period);
        }
        if let Some(patience) = options.connect_timeout {
            builder = builder.connect_timeout(patience);
        }
        if let Some(patience) = options.connected_timeout {
            builder = builder.session(|config| config.connected_timeout(patience));
        }
        if let Some(patience) = options.send_timeout {
            builder = builder.send_timeout(patience);
        }
        if let Some(patience) = options.receipt_timeout {
            builder = builder.receipt_timeout(patience);
        }
        if let Some(patience) = options.write_timeout {
            builder = builder.write_timeout(patience);
        }
        if let Some(patience) = options.disconnect_timeout {
            builder = builder.disconnect_timeout(patience);
        }
        if let Some(octets) = options.largest_body {
            builder = builder.limits($client::Limits::client().body(octets));
        }
        if let Some(versions) = &options.versions {
            builder = builder.session(|config| config.versions(versions.clone()));
        }
        builder
    }};
}

/// A message as the client's own, but for the last word.
macro_rules! outgoing {
    ($client:expr, $message:expr) => {{
        let message: $crate::client::Outgoing = $message;
        let mut send = $client.send(message.destination).body(message.body);
        for (name, value) in message.headers {
            send = send.header(name, value);
        }
        if let Some(patience) = message.timeout {
            send = send.timeout(patience);
        }
        send
    }};
}

macro_rules! wanted {
    ($client:ident, $handle:expr, $wanted:expr) => {{
        let wanted: $crate::client::Wanted = $wanted;
        let mode = match wanted.ack {
            $crate::client::Ack::Auto => $client::AckMode::Auto,
            $crate::client::Ack::Cumulative => $client::AckMode::Client,
            $crate::client::Ack::Individual => $client::AckMode::ClientIndividual,
        };
        let subscribe = $handle.subscribe(wanted.destination).ack(mode);
        subscribe.capacity(wanted.capacity)
    }};
}

/// The functions that make the suite's types of the client's.
macro_rules! translations {
    ($client:ident) => {
        fn failure(error: &$client::Error) -> $crate::client::Verdict {
            use $client::Error;
            use $crate::client::Verdict;
            let text = error.to_string();
            match error {
                Error::NotSent(_) => Verdict::NotSent(text),
                Error::Unconfirmed(_) | Error::InDoubt => Verdict::Unconfirmed(text),
                Error::Rejected(_) => Verdict::Rejected(text),
                Error::SubscriptionRefused(_) => Verdict::Ended(text),
                Error::Closed(_) => Verdict::Closed(text),
                Error::Usage(_) => Verdict::Usage(text),
                Error::Connect(_) => Verdict::Connect(text),
                _ => Verdict::Other(text),
            }
        }

        fn verdict(result: Result<(), $client::Error>) -> $crate::client::Verdict {
            match result {
                Ok(()) => $crate::client::Verdict::Ok,
                Err(error) => failure(&error),
            }
        }

        fn settled(result: Result<$client::Settled, $client::Error>) -> $crate::client::Settled {
            match result {
                Ok($client::Settled::Sent) => $crate::client::Settled::Sent,
                Ok($client::Settled::Stale) => $crate::client::Settled::Stale,
                #[allow(unreachable_patterns, reason = "there will be more")]
                Ok(_) => $crate::client::Settled::NotNeeded,
                Err(error) => $crate::client::Settled::Failed(failure(&error)),
            }
        }

        fn event(event: $client::Event) -> $crate::client::Event {
            use $client::Event as Told;
            use $crate::client::Event;
            match event {
                Told::Connected { .. } => Event::Connected,
                Told::Replayed => Event::Replayed,
                Told::Disconnected { reason } => Event::Disconnected(reason.to_string()),
                Told::Reconnecting { .. } => Event::Reconnecting,
                Told::SubscriptionRefused { .. } => Event::SubscriptionRefused,
                Told::GaveUp { .. } => Event::GaveUp,
                other => Event::Other(format!("{other:?}")),
            }
        }
    };
}

pub(super) use {configured, outgoing, translations, wanted};
