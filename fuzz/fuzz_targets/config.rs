//! Any bytes as a configuration: no panic, and each fault is one line that begins with its place.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for fault in skeeter::config::faults(text) {
        assert!(fault.starts_with("mosquitto.conf") && !fault.contains('\n'));
    }
});
