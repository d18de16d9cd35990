//! Any bytes as packets of MQTT 3.1 and 3.1.1: no panic, and what can be read is written and read back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skeeter::codec::packet::{Packet, Version};
use skeeter::codec::{decode, decode_connect, encode, frame};

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(frame)) = frame::cut(bytes, 1 << 20) else { return };
    let _ = decode_connect(frame);
    for version in [Version::V3_1, Version::V3_1_1] {
        let Ok(packet) = decode(version, frame) else { continue };
        // CONNECT says itself of which version it is.
        let version = if let Packet::Connect(connect) = &packet { connect.version } else { version };
        let mut again = Vec::new();
        encode(version, &packet, &mut again);
        let frame = frame::cut(&again, 1 << 21).expect("what was written is a frame").expect("a whole one");
        assert_eq!(frame.len(), again.len());
        assert_eq!(decode(version, frame).as_ref(), Ok(&packet));
    }
});
