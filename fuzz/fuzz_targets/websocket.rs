//! Any bytes as frames of a WebSocket, in any pieces: no panic, and the pieces make no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skeeter::transport::websocket::{End, Frames};

fn read(masked: bool, bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<Vec<u8>>, Option<End>) {
    let (mut frames, mut data, mut pings) = (Frames::new(masked), Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let len = frames.read(&mut piece, |ping| pings.push(ping.to_vec()));
        data.extend_from_slice(&piece[..len]);
    }
    (data, pings, frames.end())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let (masked, piece) = (choice & 1 == 1, usize::from(choice >> 1) + 1);
    let whole = read(masked, bytes, usize::MAX);
    assert!(whole.0.len() <= bytes.len());
    assert_eq!(whole, read(masked, bytes, piece));
});
