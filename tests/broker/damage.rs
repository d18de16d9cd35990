//! What damage to a data directory does after a kill, and a data directory that goes away under a running broker.

use std::fs;
use std::path::Path;

use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, packet, publish4, skeeter, subscribe4, text};

const MESSAGES: u16 = 2_000;

fn start(directory: &Path) -> Broker {
    Broker::start(&["--data-dir", directory.to_str().unwrap()])
}

/// A broker that has acknowledged [`MESSAGES`] for an absent session and is killed then; its file.
fn killed(directory: &Path) -> Vec<u8> {
    let mut broker = start(directory);
    let mut away = Raw::connect(broker.port);
    away.send(&connect4("away", false));
    away.expect(&CONNACK4);
    away.send(&subscribe4(1, "q/#", 1));
    away.expect(&[0x90, 3, 0, 1, 1]);
    away.send(&[0xE0, 0]);
    away.expect_closed();
    let mut publisher = Raw::connect(broker.port);
    publisher.send(&connect4("p", true));
    publisher.expect(&CONNACK4);
    for first in (1..=MESSAGES).step_by(100) {
        (first..first + 100).for_each(|id| publisher.send(&publish4("q/x", 1, id, &[b'y'; 200])));
        (first..first + 100).for_each(|id| publisher.expect(&packet(0x40, &[&id.to_be_bytes()])));
    }
    broker.child.kill().unwrap();
    broker.child.wait().unwrap();
    fs::read(directory.join("skeeter.redb")).unwrap()
}

/// Status, stdout and stderr of `skeeter store VERB`.
fn store(verb: &str, directory: &Path) -> (i32, String, String) {
    let output = skeeter().args(["store", verb]).arg(directory).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn all_of_300_flipped_bits_are_reported_after_a_kill() {
    let folder = Folder::new();
    let directory = folder.file("data");
    let sound = killed(&directory);
    let file = directory.join("skeeter.redb");
    fs::remove_file(directory.join("lock")).unwrap();
    let (mut random, mut refused, mut lost) = (4_u64, 0, 0);
    for number in 0..300 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let bytes = usize::try_from(random >> 20).unwrap();
        // Anywhere in the file, and every third in the two commit slots at its beginning.
        let at = if number % 3 == 0 { 64 + bytes % 256 } else { bytes % sound.len() };
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (random >> 17 & 7);
        fs::write(&file, &damaged).unwrap();
        let (status, out, error) = store("check", &directory);
        let whole =
            out.contains(&format!("is sound: 1 sessions, 1 subscriptions, {MESSAGES} queued messages"));
        assert!(whole || status == 1 && error.contains("is damaged"), "byte {at}: {status} {out} {error}");
        assert!(fs::read(&file).unwrap() == damaged, "byte {at}: a check changes nothing");
        refused += usize::from(status == 1);
        lost += usize::from(error.contains("was synced"));
    }
    assert!(!directory.join("lock").exists(), "a check makes no file");
    println!("{refused} of 300 refused, {lost} of them as a lost commit");
    assert!(refused > 100 && lost > 20, "{refused} {lost}: too little to prove anything");
}

#[test]
fn a_broker_that_lost_its_last_commit_starts_only_after_repair() {
    let folder = Folder::new();
    let directory = folder.file("data");
    let sound = killed(&directory);
    let file = directory.join("skeeter.redb");
    let damaged = (64..320).map(|at| {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        damaged
    });
    let damaged = damaged.into_iter().find(|damaged| {
        fs::write(&file, damaged).unwrap();
        store("check", &directory).2.contains("was synced")
    });
    let damaged = damaged.expect("some damage takes the last commit back");
    let refused = skeeter().args(["broker", "-p", "0", "--data-dir"]).arg(&directory).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("acknowledged messages or sessions are missing") && said.contains("store repair"),
        "{said}"
    );
    assert!(fs::read(&file).unwrap() == damaged, "a refused file is not changed");
    let (status, lines, warning) = store("export", &directory);
    assert!(
        status == 0 && lines.lines().count() > 1_000 && warning.contains("was synced"),
        "{status} {warning}"
    );
    let (status, out, error) = store("repair", &directory);
    assert!(status == 0 && out.contains("can be used again"), "{status} {out} {error}");
    assert!(store("repair", &directory).1.contains("needs no repair"));
    assert!(store("check", &directory).1.contains("is sound: 1 sessions"));
    drop(start(&directory));
}

#[test]
fn nothing_is_acknowledged_if_the_data_directory_was_removed_or_replaced() {
    type Harm = fn(&Path);
    let remove: Harm = |directory| fs::remove_dir_all(directory).unwrap();
    let rename: Harm = |directory| fs::rename(directory, directory.with_extension("old")).unwrap();
    let replace: Harm = |directory| {
        let file = directory.join("skeeter.redb");
        fs::copy(&file, directory.join("copy")).unwrap();
        fs::rename(directory.join("copy"), file).unwrap();
    };
    for (what, harm, said) in [
        ("removed", remove, "skeeter.redb was removed"),
        ("renamed", rename, "skeeter.redb was removed"),
        ("replaced", replace, "skeeter.redb was replaced by another file"),
    ] {
        let folder = Folder::new();
        let directory = folder.file("data");
        let broker = start(&directory);
        let connect = |client: &str| {
            let mut raw = broker.connect();
            raw.send(&packet(0x10, &[&text("MQTT"), &[5, 2, 0, 0, 0], &text(client)]));
            assert_eq!(raw.packet().0, 0x20);
            raw
        };
        let mut p = connect("p");
        p.send(&packet(0x33, &[&text("kept"), &[0, 1, 0], b"before"]));
        assert_eq!(p.packet().0, 0x40, "{what}");
        harm(&directory);
        // At once, so that the broker cannot have noticed by itself.
        p.send(&packet(0x33, &[&text("kept"), &[0, 2, 0], b"after"]));
        broker.stderr.wait_line(said);
        let mut q = connect("q");
        q.send(&packet(0x33, &[&text("kept"), &[0, 3, 0], b"refused"]));
        assert_eq!(q.packet(), (0x40, vec![0, 3, 0x97]), "{what}");
        p.0.set_nonblocking(true).unwrap();
        assert!(p.0.peek(&mut [0]).is_err(), "{what}: the second message is not acknowledged");
    }
}

#[test]
fn an_idle_broker_notices_that_its_data_directory_is_gone_and_that_it_is_back() {
    let folder = Folder::new();
    let (directory, elsewhere) = (folder.file("data"), folder.file("elsewhere"));
    let broker = start(&directory);
    fs::rename(&directory, &elsewhere).unwrap();
    broker.stderr.wait_line("skeeter.redb was removed");
    fs::rename(&elsewhere, &directory).unwrap();
    broker.stderr.wait_line("store working again");
    let mut p = broker.connect();
    p.send(&connect4("p", true));
    p.expect(&CONNACK4);
    p.send(&packet(0x33, &[&text("kept"), &[0, 1], b"after"]));
    p.expect(&[0x40, 2, 0, 1]);
}
