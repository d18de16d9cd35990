//! Any bytes as packets of MQTT 5.
#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod checks;

use libfuzzer_sys::fuzz_target;
use skeeter::codec::packet::Version;

fuzz_target!(|bytes: &[u8]| checks::packets(&[Version::V5], bytes));
