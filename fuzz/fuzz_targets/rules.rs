//! Any bytes are a file of rules or are not: no panic, and every fault has its line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skeeter::broker::Acl;

fuzz_target!(|bytes: &[u8]| {
    if let Err(faults) = Acl::parse("file", bytes) {
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.line > 0));
    }
});
