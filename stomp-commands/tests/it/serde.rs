//! What configuration files hold.

use serde_json::{from_str, to_string};
use stomp_commands::{AckMode, Dialect, HeartBeat, Passcode, Prefetch, Refusal, SubscriptionId};

#[test]
fn words_are_those_of_the_headers() {
    for mode in AckMode::ALL {
        assert_eq!(to_string(&mode).unwrap(), format!("\"{mode}\""));
        assert_eq!(from_str::<AckMode>(&format!("\"{mode}\"")).unwrap(), mode);
    }
    for dialect in Dialect::ALL {
        assert_eq!(to_string(&dialect).unwrap(), format!("\"{dialect}\""));
        let read: Dialect = from_str(&format!("\"{dialect}\"")).unwrap();
        assert_eq!(read, dialect);
    }
    let refusal: Refusal = from_str("\"dead-letter\"").unwrap();
    assert_eq!(refusal, Refusal::DeadLetter);
    let prefetch: Prefetch = from_str(r#"{"messages":7}"#).unwrap();
    assert_eq!(prefetch, Prefetch::Messages(7));
    let beat: HeartBeat = from_str(r#"{"send_ms":1,"receive_ms":2}"#).unwrap();
    assert_eq!(beat, HeartBeat::new(1, 2));
}

#[test]
fn ids_are_plain_text_and_passcodes_are_read_only() {
    let id: SubscriptionId = from_str("\"s1\"").unwrap();
    assert_eq!(id, SubscriptionId::from("s1"));
    assert_eq!(to_string(&id).unwrap(), "\"s1\"");
    let passcode: Passcode = from_str("\"s3cret\"").unwrap();
    assert_eq!(passcode.as_str(), "s3cret");
}
