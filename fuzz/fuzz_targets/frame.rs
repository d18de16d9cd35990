//! Any bytes are cut into frames: no panic, no frame beyond its bytes, and a prefix of a frame is "not yet".
#![no_main]

use libfuzzer_sys::fuzz_target;
use skeeter::codec::frame;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some(frame)) = frame::cut(rest, 1 << 20) {
        assert!(frame.len() >= 2 && frame.bytes() == &rest[..frame.len()]);
        assert!(frame.bytes().ends_with(frame.body()) && frame.first() == rest[0]);
        let shorter = &rest[..frame.len() - 1];
        assert_eq!(frame::cut(shorter, 1 << 20), Ok(None), "a prefix is not a frame yet");
        rest = &rest[frame.len()..];
    }
});
