//! A temperature and humidity publisher, apart from the board it runs on.
//!
//! Everything here is a value: time, bytes and random seeds come in as arguments, and what is to be done comes out.
//! The binaries `host` (a PC) and `board` (an ESP32) own the sockets, the clock and the sensor. TLS and updates over the
//! air are left out.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod backoff;
pub mod console;
pub mod dht;
mod discovery;
// The toolkit's own file: both ends of the wire stand behind the same checks.
#[path = "../../src/codec/fence.rs"]
mod fence;
pub mod publisher;
pub mod queue;
pub mod settings;
pub mod sntp;
pub mod storage;
mod wire;

#[cfg(test)]
mod tests {
    /// What can be decided is decided in the library, where it is tested: the board's main file only wires.
    #[test]
    fn the_main_file_stays_short_and_the_rest_readable() {
        let files = [
            (include_str!("board/main.rs"), 150),
            (include_str!("board/chip.rs"), 70),
            (include_str!("board/console.rs"), 100),
            (include_str!("board/link.rs"), 250),
            (include_str!("board/memory.rs"), 100),
            (include_str!("board/node.rs"), 200),
            (include_str!("board/sensor.rs"), 100),
            (include_str!("board/wifi.rs"), 120),
        ];
        for (text, most) in files {
            assert!(text.lines().count() < most, "{}", text.lines().next().unwrap());
        }
    }
}
