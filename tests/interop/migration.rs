//! A mosquitto installation moves over with its state, and moves back: clients resume at each step.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{self, Broker, CONNACK4, Folder, Raw, connect4, packet, publish4, skeeter, subscribe4};
use crate::{program, start_mosquitto, succeeded};

/// Retained messages and sessions, beside those that are looked at one by one.
const MANY: usize = 2_000;

/// mosquitto with its persistence file in `folder`.
struct Persistent {
    child: Child,
    port: u16,
}

impl Persistent {
    /// Starts it on a free port; nothing if it is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let (child, port) =
            start_mosquitto(&folder.join("mosquitto.conf"), |port| configuration(folder, port))?;
        Some(Self { child, port })
    }

    /// Ends it as a service manager does, so that it writes its file.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        support::wait(&mut self.child);
    }
}

impl Drop for Persistent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\nautosave_interval 0\n\
         max_queued_messages 0\nuser root\n",
        folder.display()
    )
}

/// skeeter with the configuration that mosquitto had.
fn skeeter_broker(folder: &Folder) -> Broker {
    Broker::with_config(folder, &configuration(&folder.file(""), 0), &[])
}

/// A client of mosquitto's, with these arguments.
fn client(name: &str, port: u16, arguments: &[&str]) -> String {
    let mut command = Command::new(program(name).unwrap());
    let output = command.args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    succeeded(&output)
}

fn pub_(port: u16, arguments: &[&str]) {
    client("mosquitto_pub", port, arguments);
}

/// The messages of a topic that wait for a session, as mosquitto's client prints them.
fn resume(port: u16, id: &str, count: usize, arguments: &[&str]) -> Vec<String> {
    let count = count.to_string();
    let text = client("mosquitto_sub", port, &[&["-i", id, "-c", "-v", "-C", &count], arguments].concat());
    text.lines().map(str::to_owned).collect()
}

/// Retained messages: `MANY`, one with properties, and one that expires soon.
fn retain(port: u16) {
    let mut lines = String::new();
    for number in 0..MANY {
        lines +=
            &format!("{{\"topic\":\"many/{number}\",\"payload\":\"{number}\",\"qos\":1,\"retain\":true}}\n");
    }
    let mut publisher =
        skeeter().args(["pub", "--json", "-p", &port.to_string()]).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut publisher.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    assert_eq!(support::wait(&mut publisher), 0);
    let properties =
        ["-D", "publish", "user-property", "unit", "celsius", "-D", "publish", "content-type", "text/plain"];
    let expiry = ["-D", "publish", "message-expiry-interval", "5000"];
    let message = ["-V", "5", "-t", "home/temperature", "-m", "21.5", "-r", "-q", "1"];
    pub_(port, &[&message[..], &properties, &expiry].concat());
}

/// All retained messages, and the properties of the one that has some.
fn assert_retained(port: u16) {
    let all = client("mosquitto_sub", port, &["-t", "many/#", "-C", &MANY.to_string(), "--retained-only"]);
    let mut numbers: Vec<usize> = all.lines().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..MANY).collect::<Vec<_>>());
    let arguments = ["-V", "5", "-t", "home/temperature", "-C", "1", "-F", "%r %p %P %C %E"];
    let text = client("mosquitto_sub", port, &arguments);
    let (text, expiry) = text.trim().rsplit_once(' ').unwrap();
    assert_eq!(text, "1 21.5 unit:celsius text/plain");
    let expiry: u32 = expiry.parse().unwrap();
    assert!((4_000..=5_000).contains(&expiry), "{expiry}");
}

/// A QoS 2 message is sent to `raw`, and a QoS 2 message comes from it: neither is completed.
fn leave_in_flight(port: u16) {
    let mut raw = Raw::connect(port);
    raw.send(&connect4("raw", false));
    raw.expect(&CONNACK4);
    raw.send(&subscribe4(1, "raw/#", 2));
    raw.expect(&packet(0x90, &[&[0, 1, 2]]));
    raw.send(&publish4("raw/held", 2, 77, b"from raw"));
    // PUBREC; PUBREL is not sent.
    raw.expect(&packet(0x50, &[&[0, 77]]));
    pub_(port, &["-t", "raw/out", "-m", "to raw", "-q", "2"]);
    let (first, body) = raw.packet();
    assert_eq!((first & 0xF0, &body[body.len() - 6..]), (0x30, &b"to raw"[..]));
    raw.shut();
}

/// `raw` resumes: its message has the identifier it had, and the one it sent is completed and arrives once.
fn complete_in_flight(port: u16) {
    let mut raw = Raw::connect(port);
    raw.send(&connect4("raw", false));
    // The session is present.
    raw.expect(&packet(0x20, &[&[1, 0]]));
    let mut payloads = Vec::new();
    raw.send(&packet(0x62, &[&[0, 77]]));
    while payloads.len() < 2 {
        let (first, body) = raw.packet();
        match first & 0xF0 {
            0x30 => {
                let topic = usize::from(body[1]);
                let id = &body[2 + topic..4 + topic];
                payloads.push(String::from_utf8(body[4 + topic..].to_vec()).unwrap());
                raw.send(&packet(0x50, &[id]));
            }
            0x60 => raw.send(&packet(0x70, &[&body])),
            // PUBCOMP of what it sent.
            0x70 => assert_eq!(body, [0, 77]),
            other => panic!("unexpected packet {other:#x}"),
        }
    }
    payloads.sort_unstable();
    assert_eq!(payloads, ["from raw", "to raw"]);
    raw.send(&packet(0xE0, &[]));
}

/// Receives again what mosquitto_sub had not acknowledged when it ended, which it may do before its last acknowledgements are
/// sent.
fn take_the_rest(port: u16, id: &str, flags: &[&str]) {
    loop {
        let session = support::wait_for("the end of the connection", || {
            let output =
                skeeter().args(["ctl", "-p", &port.to_string(), "--json", "client", id]).output().unwrap();
            let result: serde_json::Value = serde_json::from_str(&succeeded(&output)).unwrap();
            let session = result["sessions"][0].clone();
            (session["connected"] == false).then_some(session)
        });
        let count = |key: &str| session[key].as_u64().unwrap();
        match count("queued_messages") + count("in_flight_messages") {
            0 => return,
            left => drop(resume(port, id, usize::try_from(left).unwrap(), flags)),
        }
    }
}

#[test]
fn state_moves_from_mosquitto_to_skeeter_and_back() {
    let folder = Folder::new();
    let path = folder.file("");
    let Some(mosquitto) = Persistent::start(&path) else { return };
    let port = mosquitto.port;
    retain(port);
    // Sessions: 3.1.1 and 5, the second with subscription options and an expiry.
    client("mosquitto_sub", port, &["-i", "old", "-c", "-q", "1", "-t", "news/+", "-t", "other", "-E"]);
    let five = [
        "-V",
        "5",
        "-i",
        "five",
        "-c",
        "-x",
        "7200",
        "-q",
        "2",
        "-t",
        "news/#",
        "--retain-as-published",
        "-E",
    ];
    client(
        "mosquitto_sub",
        port,
        &[&five[..], &["-D", "subscribe", "subscription-identifier", "9"]].concat(),
    );
    for number in 0..20 {
        pub_(port, &["-t", "news/a", "-q", "2", "-m", &format!("first {number}")]);
    }
    leave_in_flight(port);
    mosquitto.stop();
    let original = std::fs::read(folder.file("mosquitto.db")).unwrap();

    let broker = skeeter_broker(&folder);
    let line = broker.stderr.wait_line("imported");
    assert!(
        line.contains(&format!("{} retained messages, 3 sessions with 4 subscriptions", MANY + 1)),
        "{line}"
    );
    assert_eq!(std::fs::read(folder.file("mosquitto.db")).unwrap(), original, "the file stays as it is");
    let port = broker.port;
    assert_retained(port);
    let expected: Vec<String> = (0..20).map(|number| format!("news/a first {number}")).collect();
    assert_eq!(resume(port, "old", 20, &["-q", "1", "-t", "news/+"]), expected);
    take_the_rest(port, "old", &["-q", "1", "-t", "news/+"]);
    complete_in_flight(port);
    // What waits for `five` goes on to mosquitto, with what comes now.
    for number in 0..5 {
        pub_(port, &["-t", "news/a", "-q", "2", "-m", &format!("second {number}")]);
    }
    pub_(port, &["-t", "home/added", "-m", "here", "-r", "-q", "1"]);
    drop(broker);

    let back = folder.file("back");
    std::fs::create_dir(&back).unwrap();
    let file = back.join("mosquitto.db");
    let store = folder.file("skeeter.redb");
    let export = skeeter().args(["store", "export", "--mosquitto"]).args([&file, &store]).output().unwrap();
    let text = succeeded(&export);
    assert!(
        text.contains(&format!("{} retained messages, 3 sessions with 4 subscriptions", MANY + 2)),
        "{text}"
    );
    // It is not overwritten.
    let again = skeeter().args(["store", "export", "--mosquitto"]).args([&file, &store]).output().unwrap();
    assert!(!again.status.success());

    let mosquitto = Persistent::start(&back).unwrap();
    let port = mosquitto.port;
    assert_retained(port);
    assert_eq!(client("mosquitto_sub", port, &["-t", "home/added", "-C", "1"]).trim(), "here");
    let five = resume(port, "five", 25, &["-V", "5", "-x", "7200", "-q", "2", "-t", "news/#"]);
    let second = (0..5).map(|number| format!("news/a second {number}"));
    assert_eq!(five, expected.iter().cloned().chain(second.clone()).collect::<Vec<_>>());
    assert_eq!(resume(port, "old", 5, &["-q", "1", "-t", "news/+"]), second.collect::<Vec<_>>());
}

#[test]
fn a_damaged_file_of_mosquitto_stops_the_first_start() {
    let folder = Folder::new();
    std::fs::write(folder.file("mosquitto.db"), b"\x00\xB5\x00mosquitto db\0\0\0\0\0\0\0\x06\0\0").unwrap();
    let path = folder.file("");
    let mut broker = skeeter();
    let output = broker.args(["broker", "-p", "0", "--data-dir"]).arg(&path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(text.contains("cannot import") && text.contains("move the file away"), "{text}");
    // Nothing is left that a second start would take for a store.
    assert!(!folder.file("skeeter.redb").exists());
    std::fs::remove_file(folder.file("mosquitto.db")).unwrap();
    drop(Broker::start(&["--data-dir", path.to_str().unwrap()]));
}

/// A store with many retained messages and sessions, written as mosquitto's file.
fn write_large_file(folder: &Folder) {
    let mut lines = String::new();
    for number in 0..MANY {
        lines +=
            &format!("{{\"topic\":\"many/{number}\",\"payload\":\"{number}\",\"qos\":1,\"retain\":true}}\n");
        lines += &format!(
            "{{\"session\":\"client {number}\",\"expiry\":4294967295,\"subscriptions\":[{{\"filter\":\"a/{number}\",\"qos\":1}}]}}\n\
             {{\"topic\":\"a/{number}\",\"payload\":\"queued\",\"qos\":1,\"for\":\"client {number}\"}}\n"
        );
    }
    let source = folder.file("source");
    let mut import = skeeter().args(["store", "import"]).arg(&source).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut import.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    assert_eq!(support::wait(&mut import), 0);
    std::fs::create_dir(folder.file("data")).unwrap();
    let file = folder.file("data").join("mosquitto.db");
    let export = skeeter().args(["store", "export", "--mosquitto"]).args([&file, &source]).output().unwrap();
    succeeded(&export);
}

#[test]
fn a_killed_import_loses_nothing() {
    let folder = Folder::new();
    write_large_file(&folder);
    let data = folder.file("data");
    // Killed ever later, until a start comes to its end.
    let mut kills = 0;
    for delay in 0.. {
        let mut child = skeeter()
            .args(["broker", "-p", "0", "--data-dir"])
            .arg(&data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay * 4));
        let imported = data.join("skeeter.redb").exists();
        child.kill().unwrap();
        child.wait().unwrap();
        if imported {
            break;
        }
        kills += 1;
    }
    let check = skeeter().args(["store", "check"]).arg(&data).output().unwrap();
    let text = succeeded(&check);
    let all = format!("{MANY} sessions, {MANY} subscriptions, {MANY} queued messages");
    assert!(text.contains(&all) && text.contains(&format!("{MANY} retained")), "{text}");
    assert!(kills > 0, "no start was killed before it had imported");
}
