//! What a data directory promises, from outside: restarts, its lock, damage, a disk that is full, and its backup.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use redb::ReadableTable;

use crate::support::{
    Broker, CONNACK4, Folder, Lines, Raw, connect4, connect5, packet, publish4, skeeter, subscribe4, text,
    wait_for,
};

fn start(directory: &Path, flags: &[&str]) -> Broker {
    Broker::start(&[&["--data-dir", directory.to_str().unwrap()], flags].concat())
}

/// CONNACK that says that the session was there.
const RESUMED4: [u8; 4] = [0x20, 2, 1, 0];

fn resume(port: u16, client: &str, expected: &[u8]) -> Raw {
    let mut raw = Raw::connect(port);
    raw.send(&connect4(client, false));
    raw.expect(expected);
    raw
}

/// A broker with an absent client `s`, for which one message at QoS 1 waits, and a retained message.
fn filled(directory: &Path) -> Broker {
    let broker = start(directory, &[]);
    fill(broker.port);
    broker
}

fn fill(port: u16) {
    let mut s = resume(port, "s", &CONNACK4);
    s.send(&subscribe4(1, "t/+", 2));
    s.expect(&[0x90, 3, 0, 1, 2]);
    s.send(&[0xE0, 0]);
    s.expect_closed();
    let mut p = Raw::connect(port);
    p.send(&connect4("p", true));
    p.expect(&CONNACK4);
    p.send(&publish4("t/1", 1, 7, b"waits"));
    p.expect(&[0x40, 2, 0, 7]);
    p.send(&packet(0x33, &[&text("kept"), &[0, 8], b"retained \xFF"]));
    p.expect(&[0x40, 2, 0, 8]);
}

/// What [`filled`] left is there, and with `acknowledge` no more afterwards.
fn expect_filled(port: u16, acknowledge: bool) {
    let mut s = resume(port, "s", &RESUMED4);
    let (first, body) = s.packet();
    assert_eq!((first & 0xF7, &body[2..5], &body[7..]), (0x32, &b"t/1"[..], &b"waits"[..]));
    if acknowledge {
        s.send(&packet(0x40, &[&body[5..7]]));
        assert!(s.ping().is_empty());
    }
    let mut r = Raw::connect(port);
    r.send(&connect4("r", true));
    r.expect(&CONNACK4);
    r.send(&subscribe4(1, "kept", 0));
    r.expect(&[0x90, 3, 0, 1, 0]);
    r.expect(&packet(0x31, &[&text("kept"), b"retained \xFF"]));
}

#[test]
fn acknowledged_messages_survive_kill_9_and_a_regular_stop() {
    let folder = Folder::new();
    let directory = folder.file("data");
    let mut broker = filled(&directory);
    broker.child.kill().unwrap();
    broker.child.wait().unwrap();
    let mut broker = start(&directory, &[]);
    expect_filled(broker.port, false);
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let mut broker = start(&directory, &[]);
    broker.stderr.wait_line("restored 1 session, 1 queued message and 1 retained message");
    expect_filled(broker.port, true);
    // A kill might bring it again: what a subscriber acknowledges at QoS 1 waits for nobody.
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let broker = start(&directory, &["--durability", "interval=10ms"]);
    let mut s = resume(broker.port, "s", &RESUMED4);
    assert!(s.ping().is_empty(), "it was acknowledged");
}

#[test]
fn after_a_regular_stop_dup_is_set_only_on_messages_that_were_sent() {
    let folder = Folder::new();
    let directory = folder.file("data");
    let mut broker = start(&directory, &[]);
    // A day's session; one message in flight at a time.
    let resume = |port: u16| {
        let mut s = Raw::connect(port);
        s.send(&connect5("s", false, &[0x11, 0, 1, 0x51, 0x80, 0x21, 0, 1]));
        assert_eq!(s.packet().0, 0x20);
        s
    };
    let mut s = resume(broker.port);
    s.send(&packet(0x82, &[&[0, 1, 0], &text("t"), &[1]]));
    assert_eq!(s.packet().0, 0x90);
    let mut p = Raw::connect(broker.port);
    p.send(&connect4("p", true));
    p.expect(&CONNACK4);
    for id in 1..=3 {
        p.send(&publish4("t", 1, id, &[b'0' + u8::try_from(id).unwrap()]));
        p.expect(&packet(0x40, &[&id.to_be_bytes()]));
    }
    assert_eq!(s.packet().0, 0x32, "the first is sent, the others wait");
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let broker = start(&directory, &[]);
    let mut s = resume(broker.port);
    for (expected, payload) in [(0x3A, b'1'), (0x32, b'2'), (0x32, b'3')] {
        let (first, body) = s.packet();
        assert_eq!((first, body.last()), (expected, Some(&payload)));
        s.send(&packet(0x40, &[&body[3..5]]));
    }
}

#[test]
fn persistence_of_a_configuration_file_stores_the_same() {
    let folder = Folder::new();
    let place = folder.file("lib");
    let config = |file: &str| {
        format!(
            "listener 0 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n{file}",
            place.display()
        )
    };
    // What mosquitto left there, a file without content, is imported and not touched.
    let left: &[u8] = b"\x00\xB5\x00mosquitto db\0\0\0\0\0\0\0\x06";
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("mosquitto.db"), left).unwrap();
    for (file, name) in [("", "skeeter.redb"), ("persistence_file mosquitto.db\n", "mosquitto.db.redb")] {
        let mut broker = Broker::with_config(&folder, &config(file), &[]);
        fill(broker.port);
        broker.child.kill().unwrap();
        broker.child.wait().unwrap();
        assert!(place.join(name).exists(), "{name}");
        expect_filled(Broker::with_config(&folder, &config(file), &[]).port, true);
    }
    assert_eq!(fs::read(place.join("mosquitto.db")).unwrap(), left);
}

#[test]
fn only_the_owner_can_read_a_data_directory() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let directory = folder.file("data");
    drop(start(&directory, &[]));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&directory.join("skeeter.redb"))), (0o700, 0o600));
    // Also in a directory that everybody may read: whoever can open the lock can keep the broker from starting.
    let shared = folder.file("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("lock"), b"").unwrap();
    for path in [&shared, &shared.join("lock")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let _broker = start(&shared, &[]);
    assert_eq!((mode(&shared), mode(&shared.join("lock"))), (0o755, 0o600));
}

#[test]
fn brokers_with_different_persistence_files_share_a_directory() {
    let folder = Folder::new();
    let place = folder.file("lib");
    let config = |file: &str| {
        format!(
            "listener 0 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n{file}",
            place.display()
        )
    };
    let names = ["", "persistence_file one.db\n", "persistence_file two.db\n"];
    let mut brokers = names.map(|name| Broker::with_config(&folder, &config(name), &[]));
    brokers.iter().for_each(|broker| fill(broker.port));
    let path = folder.file("again.conf");
    fs::write(&path, config("persistence_file one.db\n")).unwrap();
    let again = skeeter().args(["broker", "-c"]).arg(&path).output().unwrap();
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(
        said.contains("one.db.redb in the data directory") && said.contains("in use by another"),
        "{said}"
    );
    for broker in &mut brokers {
        broker.signal("TERM");
        assert_eq!(broker.status(), 0);
    }
    for name in ["", "one.db.redb", "two.db.redb"] {
        let check = skeeter().args(["store", "check"]).arg(place.join(name)).output().unwrap();
        let said = String::from_utf8(check.stdout).unwrap();
        assert!(said.contains("is sound: 1 sessions, 1 subscriptions, 1 queued messages"), "{name}: {said}");
    }
    names.iter().for_each(|name| expect_filled(Broker::with_config(&folder, &config(name), &[]).port, true));
}

/// The file of messages that such a broker leaves when it ends.
fn left_by_a_broker(directory: &Path) -> PathBuf {
    let mut broker = filled(directory);
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    directory.join("skeeter.redb")
}

/// Starts a broker that must refuse; what it says.
fn refusal(directory: &Path) -> String {
    let output = skeeter()
        .args(["broker", "-p", "0", "--data-dir", directory.to_str().unwrap()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("skeeter broker: ")).count(), 1, "{text}");
    text
}

#[test]
fn one_process_owns_a_data_directory() {
    let folder = Folder::new();
    let directory = folder.file("data");
    let _broker = start(&directory, &[]);
    let said = refusal(&directory);
    assert!(said.contains("in use by another process") && said.contains("--data-dir"), "{said}");
}

#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let folder = Folder::new();
    let directory = folder.file("data");
    let file = left_by_a_broker(&directory);
    let sound = fs::read(&file).unwrap();
    // Wherever the message stands.
    let at = sound.windows(5).rposition(|bytes| bytes == b"waits").unwrap();
    let mut rotten = sound.clone();
    rotten[at] ^= 1;
    for (what, bytes) in
        [("a flipped bit", rotten), ("no end", sound[..sound.len() / 2].to_vec()), ("nothing", Vec::new())]
    {
        fs::write(&file, &bytes).unwrap();
        let said = refusal(&directory);
        assert!(said.contains("skeeter.redb is damaged"), "{what}: {said}");
        assert!(
            said.contains("skeeter store check") && said.contains("skeeter store export"),
            "{what}: {said}"
        );
        assert_eq!(fs::read(&file).unwrap(), bytes, "{what}: nothing is changed");
        let check = skeeter().args(["store", "check"]).arg(&directory).output().unwrap();
        assert_eq!(check.status.code(), Some(1), "{what}");
    }
    fs::write(&file, &sound).unwrap();
    expect_filled(start(&directory, &[]).port, true);
}

#[test]
fn files_of_a_newer_version_are_left_alone() {
    let folder = Folder::new();
    let directory = folder.file("data");
    let file = left_by_a_broker(&directory);
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    let write_format = |change: fn(u64) -> u64| {
        let database = redb::Database::open(&file).unwrap();
        let write = database.begin_write().unwrap();
        let mut table = write.open_table(meta).unwrap();
        let format = table.get("format").unwrap().unwrap().value();
        table.insert("format", change(format)).unwrap();
        drop(table);
        write.commit().unwrap();
    };
    write_format(|format| format + 1);
    let said = refusal(&directory);
    assert!(said.contains("is of format 2, and this program reads format 1; use the version"), "{said}");
    for verb in ["check", "export"] {
        let ended = skeeter().args(["store", verb]).arg(&directory).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{verb}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("is of format 2, and this program reads format 1"), "{verb}: {said}");
    }
    write_format(|format| format - 1);
    expect_filled(start(&directory, &[]).port, true);
}

#[test]
fn a_backup_can_be_read_published_and_restored() {
    let folder = Folder::new();
    let (directory, other) = (folder.file("data"), folder.file("other"));
    let mut broker = filled(&directory);
    let running = skeeter().args(["store", "export"]).arg(&directory).output().unwrap();
    assert_eq!(running.status.code(), Some(1), "a broker that runs has the directory");
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let check = skeeter().args(["store", "check"]).arg(&directory).output().unwrap();
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains("is sound: 1 sessions, 1 subscriptions, 1 queued messages, 1 retained"), "{said}");
    let backup = skeeter().args(["store", "export"]).arg(&directory).output().unwrap().stdout;
    assert_eq!(String::from_utf8(backup.clone()).unwrap().lines().count(), 3);
    let mut import = skeeter().args(["store", "import"]).arg(&other).stdin(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(&backup).unwrap();
    assert!(import.wait().unwrap().success());
    expect_filled(start(&other, &[]).port, true);
    // To any broker, as messages.
    let lines = skeeter().args(["store", "export", "--messages"]).arg(&directory).output().unwrap().stdout;
    let target = Broker::start(&[]);
    let mut s = target.connect();
    s.send(&connect4("s", true));
    s.expect(&CONNACK4);
    s.send(&subscribe4(1, "#", 0));
    s.expect(&[0x90, 3, 0, 1, 0]);
    let mut publish = skeeter()
        .args(["pub", "--json", "-p", &target.port.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    publish.stdin.take().unwrap().write_all(&lines).unwrap();
    assert!(publish.wait().unwrap().success());
    s.expect(&packet(0x30, &[&text("kept"), b"retained \xFF"]));
    s.expect(&packet(0x30, &[&text("t/1"), b"waits"]));
}

#[test]
fn a_full_disk_is_reported_and_recovered_from() {
    let folder = Folder::new();
    let directory = folder.file("data");
    drop(filled(&directory));
    // The file may not grow beyond what it is: as with a full disk, but for this process alone.
    let blocks = fs::metadata(directory.join("skeeter.redb")).unwrap().len() / 512;
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f \"$1\"; shift; exec \"$@\"", "sh", &blocks.to_string()])
        .arg(skeeter().get_program())
        .args(["broker", "-p", "0", "--data-dir", directory.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = Lines::of(child.stdout.take().unwrap());
    let stderr = Lines::of(child.stderr.take().unwrap());
    let port = stdout.wait_line("listening on").rsplit(':').next().unwrap().parse().unwrap();
    let broker = Broker { child, port, stdout, stderr };
    let connect = |client: &str| {
        let mut raw = broker.connect();
        raw.send(&packet(0x10, &[&text("MQTT"), &[5, 2, 0, 0, 0], &text(client)]));
        assert_eq!(raw.packet().0, 0x20);
        raw
    };
    let mut p = connect("p");
    let mut watcher = connect("w");
    watcher.send(&packet(0x82, &[&[0, 1, 0], &text("live"), &[0]]));
    assert_eq!(watcher.packet().0, 0x90);
    // Until no more fits; the first that does not is answered once there is room again.
    let payload = vec![b'x'; 60_000];
    let publish = |id: u16, payload: &[u8]| packet(0x32, &[&text("t/2"), &id.to_be_bytes(), &[0], payload]);
    let mut id = 0_u16;
    loop {
        id += 1;
        p.send(&publish(id, &payload));
        let failing = wait_for("an answer or a failure", || {
            let mut byte = [0];
            p.0.set_nonblocking(true).unwrap();
            let answered = p.0.peek(&mut byte).is_ok();
            p.0.set_nonblocking(false).unwrap();
            let failing = broker
                .stderr
                .wait("the log", |lines| Some(lines.iter().any(|line| line.contains("cannot write"))));
            (answered || failing).then_some(failing)
        });
        if failing {
            break;
        }
        assert_eq!(p.packet().0, 0x40);
        assert!(id < 1_000, "the file never became full");
    }
    // Told where it can be told; QoS 0 flows on.
    let mut q = connect("q");
    q.send(&publish(1, b"refused"));
    assert_eq!(q.packet(), (0x40, vec![0, 1, 0x97]));
    q.send(&packet(0x30, &[&text("live"), &[0], b"still"]));
    assert_eq!(watcher.packet(), (0x30, [&text("live")[..], &[0], b"still"].concat()));
    let healed = Command::new("prlimit")
        .args(["--pid", &broker.child.id().to_string(), "--fsize=unlimited"])
        .status()
        .unwrap();
    assert!(healed.success());
    assert_eq!(p.packet(), (0x40, id.to_be_bytes().to_vec()), "it was kept after all");
    broker.stderr.wait_line("store working again");
    q.send(&publish(2, b"taken"));
    assert_eq!(q.packet(), (0x40, vec![0, 2]));
    let told = broker
        .stderr
        .wait("the log", |lines| Some(lines.iter().filter(|line| line.contains("cannot write")).count()));
    assert_eq!(told, 1, "a failure is told once");
}

/// A broker that never syncs would survive every kill, as the system keeps what was written: so what it asks of the
/// system is watched.
#[test]
#[cfg(target_os = "linux")]
fn no_acknowledgement_is_sent_before_its_record_is_synced() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "strace is missing");
        eprintln!("skipped: strace is missing");
        return;
    }
    let folder = Folder::new();
    let (directory, trace) = (folder.file("data"), folder.file("trace"));
    drop(filled(&directory));
    let mut child = Command::new("strace")
        .args(["-f", "-s", "65536", "-e", "trace=pwrite64,fdatasync,fsync,sendto,write,writev,sendmsg", "-o"])
        .arg(&trace)
        .arg(skeeter().get_program())
        .args(["broker", "-p", "0", "--data-dir", directory.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace is installed");
    let stdout = Lines::of(child.stdout.take().unwrap());
    let stderr = Lines::of(child.stderr.take().unwrap());
    let port = stdout.wait_line("listening on").rsplit(':').next().unwrap().parse().unwrap();
    let mut broker = Broker { child, port, stdout, stderr };
    let mut p = broker.connect();
    p.send(&connect4("p", true));
    p.expect(&CONNACK4);
    for (id, payload) in [(0x4141, b"first-marker"), (0x4242, b"other-marker")] {
        p.send(&publish4("t/1", 1, id, payload));
        let [high, low] = id.to_be_bytes();
        p.expect(&[0x40, 2, high, low]);
    }
    let _ = Command::new("pkill").args(["-TERM", "-P", &broker.child.id().to_string()]).status().unwrap();
    broker.status();
    let trace = fs::read_to_string(trace).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    let find = |from: usize, what: &dyn Fn(&str) -> bool| {
        lines[from..].iter().position(|line| what(line)).map(|position| from + position)
    };
    for (ack, marker) in [("\"@\\2AA\"", "first-marker"), ("\"@\\2BB\"", "other-marker")] {
        let written = find(0, &|line| line.contains("pwrite64") && line.contains(marker));
        let written = written.expect("the message is written");
        let sent = find(0, &|line| line.contains(ack)).expect("the acknowledgement is sent");
        let synced = find(written, &|line| line.contains("sync") && line.trim_end().ends_with("= 0"));
        let synced = synced.expect("something is synced after the write");
        assert!(
            written < synced && synced < sent,
            "{marker}: written {written}, synced {synced}, sent {sent}"
        );
    }
}
