//! Any bytes as headers of the PROXY protocol: no panic, and nothing is believed that is not said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skeeter::transport::door::{parse_v1, parse_v2};

fuzz_target!(|bytes: &[u8]| {
    for said in [parse_v1(bytes), parse_v2(bytes)].into_iter().flatten() {
        assert!(said.common_name.is_none() || said.verified);
        assert!(!said.verified || bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n"));
    }
});
