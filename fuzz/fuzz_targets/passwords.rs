//! Any bytes are a password file or are not: no panic, and what is read is written as it is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skeeter::broker::{Accounts, Secret};

fuzz_target!(|bytes: &[u8]| {
    match Accounts::parse("file", bytes) {
        Ok(accounts) => assert!(accounts.len() <= bytes.split(|byte| *byte == b'\n').count()),
        Err(faults) => assert!(!faults.is_empty() && faults.iter().all(|fault| fault.line > 0)),
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(secret) = Secret::parse(text)
    {
        assert_eq!(Secret::parse(&secret.to_string()), Ok(secret));
    }
});
