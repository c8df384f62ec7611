//! Frames as data.
#![cfg(feature = "serde")]

use stomp_frame::{Command, Frame, Version};

#[test]
fn a_frame_is_the_same_after_json_with_repeats_and_order() {
    let frame = Frame::new(Command::Send)
        .header("destination", "/queue/a")
        .header("k", "1")
        .header("k", "2")
        .body(vec![0, 255]);
    let json = serde_json::to_string(&frame).unwrap();
    assert_eq!(
        json,
        r#"{"command":"SEND","headers":[["destination","/queue/a"],["k","1"],["k","2"]],"body":[0,255]}"#
    );
    assert_eq!(serde_json::from_str::<Frame>(&json).unwrap(), frame);
    assert_eq!(serde_json::to_string(&Version::V1_2).unwrap(), r#""1.2""#);
}
