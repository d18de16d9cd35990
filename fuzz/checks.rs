//! What must hold for any bytes: shared by the fuzz targets and by the seeded mutator of tests/fuzz.

use skeeter::codec::packet::{Packet, Version};
use skeeter::codec::{decode, decode_connect, encode, frame};

/// The most that a frame may hold here.
const MOST: usize = 1 << 20;

/// Bytes are cut into frames: no panic, no frame beyond its bytes, and a prefix of a frame is "not yet".
pub(crate) fn frames(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some(frame)) = frame::cut(rest, MOST) {
        assert!(frame.len() >= 2 && frame.bytes() == &rest[..frame.len()]);
        assert!(frame.bytes().ends_with(frame.body()) && frame.first() == rest[0]);
        let shorter = &rest[..frame.len() - 1];
        assert_eq!(frame::cut(shorter, MOST), Ok(None), "a prefix is not a frame yet");
        rest = &rest[frame.len()..];
    }
}

/// Bytes as packets of these versions: no panic, and what can be read is written and read back as the same.
pub(crate) fn packets(versions: &[Version], bytes: &[u8]) {
    let Ok(Some(frame)) = frame::cut(bytes, MOST) else { return };
    let _ = decode_connect(frame);
    for version in versions {
        let Ok(packet) = decode(*version, frame) else { continue };
        // CONNECT says itself of which version it is.
        let version = if let Packet::Connect(connect) = &packet { connect.version } else { *version };
        let mut again = Vec::new();
        encode(version, &packet, &mut again);
        let frame = frame::cut(&again, 2 * MOST).expect("what was written is a frame").expect("a whole one");
        assert_eq!(frame.len(), again.len());
        assert_eq!(decode(version, frame).as_ref(), Ok(&packet));
    }
}
