//! A wall clock that is set while the broker runs, or before it starts again: nothing in the store expires for it.
//!
//! libfaketime gives one process another wall clock; without it these tests are skipped.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Broker, Folder, Raw, connect5, packet, text};

/// Where Debian has it.
fn library() -> Option<PathBuf> {
    let path =
        PathBuf::from(format!("/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1", std::env::consts::ARCH));
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "libfaketime is missing");
    eprintln!("skipped: libfaketime is missing");
    None
}

fn start(directory: &Path, library: &Path, time: &Path) -> Broker {
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", time.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    Broker::start_with(&["--data-dir", directory.to_str().unwrap()], &environment)
}

/// A message that lives a day.
fn publish(port: u16, id: u8, retain: u8) {
    let mut p = Raw::connect(port);
    p.send(&connect5("p", true, &[]));
    assert_eq!(p.packet().0, 0x20);
    p.send(&packet(0x32 | retain, &[&text("t"), &[0, id, 5, 0x02, 0, 1, 0x51, 0x80], b"lives a day"]));
    assert_eq!(p.packet(), (0x40, vec![0, id]));
}

/// A session that lives a day, with a subscription; whether it was there.
fn subscribe(port: u16) -> (Raw, bool) {
    let mut s = Raw::connect(port);
    s.send(&connect5("s", false, &[0x11, 0, 1, 0x51, 0x80]));
    let (first, body) = s.packet();
    assert_eq!(first, 0x20);
    (s, body[0] == 1)
}

#[test]
fn setting_the_wall_clock_loses_nothing_at_the_next_start() {
    let Some(library) = library() else { return };
    // What the clock shows: at first, after it was set while the broker runs, and at the next start.
    for (what, first, set, next) in [
        ("from years ago to today while it runs", "-200000000", Some("+0"), "+0"),
        ("from today to years ago while it runs", "+0", Some("-200000000"), "-200000000"),
        ("forward before the next start", "-200000000", None, "+0"),
        ("forward twice", "-400000000", Some("-200000000"), "+0"),
    ] {
        let folder = Folder::new();
        let (directory, time) = (folder.file("data"), folder.file("time"));
        fs::write(&time, first).unwrap();
        let mut broker = start(&directory, &library, &time);
        let (mut s, _) = subscribe(broker.port);
        s.send(&packet(0x82, &[&[0, 1, 0], &text("t"), &[1]]));
        assert_eq!(s.packet().0, 0x90);
        s.send(&[0xE0, 0]);
        s.expect_closed();
        publish(broker.port, 1, 0);
        publish(broker.port, 2, 1);
        if let Some(set) = set {
            fs::write(&time, set).unwrap();
            broker.stderr.wait_line("system clock set ");
        }
        publish(broker.port, 3, 0);
        broker.child.kill().unwrap();
        broker.child.wait().unwrap();
        fs::write(&time, next).unwrap();
        let broker = start(&directory, &library, &time);
        let (mut s, resumed) = subscribe(broker.port);
        assert!(resumed, "{what}: the session is there");
        for message in 1..=3 {
            let (first, body) = s.packet();
            assert!(first & 0xF0 == 0x30 && body.ends_with(b"lives a day"), "{what}: message {message}");
        }
        let mut r = Raw::connect(broker.port);
        r.send(&connect5("r", true, &[]));
        assert_eq!(r.packet().0, 0x20);
        r.send(&packet(0x82, &[&[0, 1, 0], &text("t"), &[0]]));
        assert_eq!(r.packet().0, 0x90);
        assert_eq!(r.packet().0, 0x31, "{what}: the retained message is there");
    }
}
