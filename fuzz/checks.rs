//! What must hold for any bytes: shared by the fuzz targets and by the seeded mutator of tests/fuzz.

use skeeter::broker::{AccessFileError, Accounts, Acl, StoredPassword};
use skeeter::codec::packet::{Packet, Version};
use skeeter::codec::{decode, decode_connect, encode, frame};
use skeeter::net::listener::proxy::{parse_v1, parse_v2};
use skeeter::net::websocket::{Frames, ReadEnd};

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

/// Packets of MQTT 3.1 and 3.1.1.
pub(crate) fn v3(bytes: &[u8]) {
    packets(&[Version::V3_1, Version::V3_1_1], bytes);
}

/// Packets of MQTT 5.
pub(crate) fn v5(bytes: &[u8]) {
    packets(&[Version::V5], bytes);
}

/// Bytes as packets of these versions: no panic, and what can be read is written and read back as the same.
fn packets(versions: &[Version], bytes: &[u8]) {
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

/// Bytes as a configuration: no panic, and each fault is one line that begins with its place.
pub(crate) fn config(bytes: &[u8]) {
    for fault in skeeter::config::faults(bytes) {
        assert!(fault.starts_with("mosquitto.conf") && !fault.contains('\n'), "{fault:?}");
    }
}

/// Each fault is one line, and says which line of the file it is about.
fn faults(faults: &[AccessFileError], bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(!faults.is_empty());
    for fault in faults {
        assert!((1..=lines).contains(&fault.line) && !fault.to_string().contains('\n'), "{fault:?}");
    }
}

/// Bytes are a password file or are not: no panic, and what is read is written as it is read.
pub(crate) fn passwords(bytes: &[u8]) {
    match Accounts::parse("file", bytes) {
        Ok(accounts) => assert!(accounts.len() <= bytes.split(|byte| *byte == b'\n').count()),
        Err(list) => faults(&list, bytes),
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(secret) = StoredPassword::parse(text)
    {
        assert_eq!(StoredPassword::parse(&secret.to_string()), Ok(secret));
    }
}

/// Bytes are a file of rules or are not: no panic, and every fault has its line.
pub(crate) fn rules(bytes: &[u8]) {
    if let Err(list) = Acl::parse("file", bytes) {
        faults(&list, bytes);
    }
}

/// What comes out of frames of a WebSocket: data, pings, and how it ended.
fn read(masked: bool, bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<Vec<u8>>, Option<ReadEnd>) {
    let (mut frames, mut data, mut pings) = (Frames::new(masked), Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let len = frames.read(&mut piece, |ping| pings.push(ping.to_vec()));
        data.extend_from_slice(&piece[..len]);
    }
    (data, pings, frames.end())
}

/// Bytes as frames of a WebSocket, in any pieces: no panic, and the pieces make no difference. The first byte says how
/// they are cut.
pub(crate) fn websocket(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let (masked, piece) = (choice & 1 == 1, usize::from(choice >> 1) + 1);
    let whole = read(masked, bytes, usize::MAX);
    assert!(whole.0.len() <= bytes.len());
    assert_eq!(whole, read(masked, bytes, piece));
}

/// Bytes as headers of the PROXY protocol: no panic, and nothing is believed that is not said.
pub(crate) fn proxy(bytes: &[u8]) {
    for said in [parse_v1(bytes), parse_v2(bytes)].into_iter().flatten() {
        assert!(said.common_name.is_none() || said.verified);
        assert!(!said.verified || bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n"));
    }
}
