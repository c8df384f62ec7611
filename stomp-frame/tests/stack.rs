//! Decoding needs little stack, however much there is to decode.

mod support;

use stomp_frame::{Decoder, Limits, Side};

#[test]
fn a_hundred_thousand_frames_need_a_small_stack() {
    let wire = b"MESSAGE\nsubscription:0\nk:\\c\nk:v\n\nbody\0\n".repeat(100_000);
    let read = move || {
        let decoder = Decoder::new(Side::Server, Limits::client());
        let reading = support::read(decoder, [&wire[..]]);
        (reading.frames.len(), reading.heart_beats, reading.error)
    };
    let thread = std::thread::Builder::new().stack_size(64 << 10);
    let found = thread.spawn(read).unwrap().join().unwrap();
    assert_eq!(found, (100_000, 100_000, None));
}
