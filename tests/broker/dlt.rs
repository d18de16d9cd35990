//! The log at a daemon that is played here by its pipe: what is written to it byte by byte, and what it orders.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::support::{Broker, CONNACK4, Folder, PATIENCE, Raw, connect4, subscribe4};

const LOG: u32 = 1;
const ABOUT: &[u8] = b"skeeter MQTT broker";
const LEVEL: &[u8] = b"DUH\x01\x06\0\0\0";

/// One message to the daemon: its number, and what follows its header.
type Message = (u32, Vec<u8>);

/// Reads the pipe as the daemon does: in a process of its own, so that it can stand still and die.
struct Daemon {
    reader: Child,
    messages: Receiver<Message>,
}

impl Daemon {
    fn start(folder: &Folder) -> Self {
        let pipe = folder.file("dlt");
        let _ = std::fs::create_dir(folder.file("dltpipes"));
        // Made anew, so that a line for an earlier daemon does not come to this one.
        let _ = std::fs::remove_file(&pipe);
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut reader = Command::new("sh")
            .args(["-c", "exec 3<>\"$0\" && echo && exec cat <&3"])
            .arg(&pipe)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut bytes = reader.stdout.take().unwrap();
        // It has the pipe open.
        bytes.read_exact(&mut [0]).unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut bytes) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Self { reader, messages }
    }

    #[track_caller]
    fn next(&self) -> Message {
        self.messages.recv_timeout(PATIENCE).unwrap()
    }

    /// The next line whose text holds this; its level, its count, and the text.
    #[track_caller]
    fn line(&self, text: &str) -> (u8, u8, String) {
        loop {
            let (LOG, body) = self.next() else { continue };
            let (level, count, line) = parts(&body);
            if line.contains(text) {
                return (level, count, line);
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.reader.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    fn die(mut self) {
        self.reader.kill().unwrap();
        self.reader.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.reader.kill();
        let _ = self.reader.wait();
    }
}

/// Reads a message, or nothing at the end.
fn read(from: &mut impl Read) -> Option<Message> {
    let take = |from: &mut dyn Read, len: usize| {
        let mut bytes = vec![0; len];
        match from.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => panic!("{error}"),
        }
    };
    let header = take(from, 8)?;
    assert_eq!(&header[..4], b"DUH\x01", "{header:02x?}");
    let number = u32::from_ne_bytes(header[4..].try_into().unwrap());
    let mut body = take(from, [0, 4, 12, 8, 22, 12][number as usize])?;
    let rest = match number {
        LOG => usize::from(u16::from_be_bytes([body[2], body[3]])) - 4,
        2 | 4 => u32::from_ne_bytes(*body.last_chunk().unwrap()) as usize,
        _ => 0,
    };
    body.extend(take(from, rest)?);
    Some((number, body))
}

/// Level, count and text of a message of the log.
fn parts(body: &[u8]) -> (u8, u8, String) {
    (body[16] >> 4, body[1], String::from_utf8(body[32..body.len() - 1].to_vec()).unwrap())
}

fn broker(folder: &Folder, more: &str) -> Broker {
    let path = folder.file("mosquitto.conf");
    let config = format!("listener 0 127.0.0.1\nallow_anonymous true\nlog_dest dlt\nlog_type all\n{more}");
    std::fs::write(&path, config).unwrap();
    let place = folder.file("");
    Broker::start_with(&["-c", path.to_str().unwrap()], &[("DLT_PIPE_DIR", place.to_str().unwrap())])
}

fn client(broker: &Broker, name: &str) -> Raw {
    let mut client = broker.connect();
    client.send(&connect4(name, true));
    client.expect(&CONNACK4);
    client
}

fn ping(client: &mut Raw) {
    client.send(&[0xC0, 0]);
    client.expect(&[0xD0, 0]);
}

#[test]
fn dlt_daemon_gets_a_registration_and_the_levels_it_asks_for() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder);
    let mut broker = broker(&folder, "user root\n");
    let process = broker.child.id().to_ne_bytes();
    let len = 19_u32.to_ne_bytes();
    assert_eq!(daemon.next(), (2, [b"MQTT", &process[..], &len, ABOUT].concat()));
    let context = [b"MQTTMQTT\0\0\0\0\xFE\xFE", &process[..], &len, ABOUT].concat();
    assert_eq!(daemon.next(), (4, context));
    let mut a = client(&broker, "a");
    ping(&mut a);
    a.send(&subscribe4(1, "first", 0));
    a.packet();
    let (mut count, mut came) = (0, 0);
    loop {
        let (number, body) = daemon.next();
        let (level, at, text) = parts(&body);
        // Every message is counted, and before an order what is for developers is left out.
        assert!(number == LOG && at == count && level <= 4, "{number} {at} {level} {text}");
        count += 1;
        let time = u32::from_be_bytes(body[12..16].try_into().unwrap());
        assert!(time >= came);
        came = time;
        let total = u16::try_from(body.len()).unwrap();
        assert_eq!(body[..4], [&[0x3D, at], &total.to_be_bytes()[..]].concat());
        assert_eq!(body[4..12], [b"ECU1", &broker.child.id().to_be_bytes()[..]].concat());
        // Of the log, verbose, with one argument: text in UTF-8, its length with the NUL that ends it.
        let argument = [&0x8200_u32.to_ne_bytes()[..], &(total - 32).to_ne_bytes()].concat();
        assert_eq!(body[16..32], [&[level << 4 | 1][..], b"\x01MQTTMQTT", &argument].concat());
        assert_eq!(body.last(), Some(&0));
        if text.starts_with("a subscribed to first") {
            break;
        }
    }
    let path = folder.file("dltpipes").join(format!("dlt{}", broker.child.id()));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o620);
    let mut orders = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // Not of interest, and then an order that comes in two pieces.
    orders.write_all(b"DUH\x01\x0C\0\0\0\x01").unwrap();
    orders.write_all(&[LEVEL, &[6, 0, 0, 0, 0, 0]].concat()).unwrap();
    ping(&mut a);
    assert_eq!(daemon.line("PINGRESP").0, 5);
    orders.write_all(&LEVEL[..5]).unwrap();
    ping(&mut a);
    let (_, count, _) = daemon.line("PINGRESP");
    orders.write_all(&[&LEVEL[5..], &[2, 0, 0, 0, 0, 0]].concat()).unwrap();
    a.send(&subscribe4(1, "unheard", 0));
    a.packet();
    ping(&mut a);
    std::fs::write(folder.file("mosquitto.conf"), "nonsense").unwrap();
    broker.signal("HUP");
    let (level, next, text) = daemon.line("");
    assert!(
        level == 2 && text.contains("nonsense") && next == count.wrapping_add(1),
        "{level} {next} {text}"
    );
    orders.write_all(&[LEVEL, &[4, 0, 0, 0, 0, 0]].concat()).unwrap();
    a.send(&subscribe4(1, "heard", 0));
    a.packet();
    assert_eq!(daemon.line("a subscribed to heard").0, 4);
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let mut last = Vec::new();
    while last.len() < 2 {
        last.extend(Some(daemon.next()).filter(|(number, _)| *number != LOG));
    }
    assert_eq!(last, [(5, [b"MQTTMQTT", &process[..]].concat()), (3, [b"MQTT", &process[..]].concat())]);
    assert!(!path.exists());
}

#[test]
fn lines_are_queued_until_dlt_daemon_runs_again() {
    let folder = Folder::new();
    let broker = broker(&folder, "user root\n");
    let mut a = client(&broker, "a");
    // More than may wait: the older ones are lost, and what is for developers takes no room.
    for number in 0..3_000_u32 {
        a.send(&subscribe4(1, &format!("filter/{number}"), 0));
        a.packet();
    }
    // Told to the log before this answer.
    ping(&mut a);
    let daemon = Daemon::start(&folder);
    assert_eq!([daemon.next().0, daemon.next().0], [2, 4]);
    let (level, count, text) = daemon.line("");
    assert!(
        (level, count) == (3, 0) && text.ends_with("were lost while dlt-daemon was not running"),
        "{level} {text}"
    );
    let lost: usize = text.split(' ').next().unwrap().parse().unwrap();
    assert!(lost > 0, "{text}");
    let text = daemon.line("").2;
    let first: usize = text.split(['/', ':']).nth(1).unwrap().parse().unwrap();
    // Those that waited were there all at once.
    assert!(first <= 2_000, "{text}");
    for number in first + 1..3_000 {
        assert!(daemon.line("").2.contains(&format!("filter/{number}:")), "{number}");
    }
    daemon.die();
    let _b = client(&broker, "b");
    let daemon = Daemon::start(&folder);
    assert_eq!([daemon.next().0, daemon.next().0], [2, 4]);
    daemon.line("b connected from");
    // It too may order.
    let orders = folder.file("dltpipes").join(format!("dlt{}", broker.child.id()));
    let mut orders = std::fs::OpenOptions::new().write(true).open(orders).unwrap();
    orders.write_all(&[LEVEL, &[5, 0, 0, 0, 0, 0]].concat()).unwrap();
    ping(&mut a);
    daemon.line("PINGRESP");
}

#[test]
fn a_stalled_dlt_daemon_delays_nobody() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder);
    let broker = broker(&folder, "user root\n");
    let mut a = client(&broker, "a");
    daemon.line("a connected from");
    std::fs::write(
        folder.file("dltpipes").join(format!("dlt{}", broker.child.id())),
        [LEVEL, &[6, 0, 0, 0, 0, 0]].concat(),
    )
    .unwrap();
    daemon.signal("STOP");
    // Twice as many lines, which its pipe does not hold.
    for _ in 0..3_000 {
        ping(&mut a);
    }
    daemon.signal("CONT");
    for _ in 0..3_000 {
        daemon.line("PINGRESP");
    }
    // A line that is too long for a message ends early.
    let long = "\u{1f600}".repeat(200);
    let mut b = client(&broker, &long);
    b.send(&subscribe4(1, &long, 0));
    let (_, _, text) = daemon.line("subscribed to");
    assert!(text.ends_with("\u{1f600}\u{2026}") && (1_377..=1_383).contains(&text.len()), "{}", text.len());
}

#[test]
fn an_unusable_dlt_pipe_is_reported_and_stderr_used_instead() {
    let folder = Folder::new();
    let pipe = folder.file("dlt");
    std::fs::write(&pipe, "a file of somebody").unwrap();
    let told = broker(&folder, "user root\n");
    let why = told.stderr.wait_line("cannot log to dlt");
    assert!(why.ends_with("dlt: it is not the pipe of dlt-daemon"), "{why}");
    let _a = client(&told, "a");
    told.stderr.wait_line("a connected from");
    assert_eq!(std::fs::read(&pipe).unwrap(), b"a file of somebody");
    std::fs::remove_file(&pipe).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::empty()).unwrap();
    // Whoever runs the tests, and nobody instead of root.
    let told = broker(&folder, "user nobody\n");
    let why = told.stderr.wait_line("cannot log to dlt");
    assert!(why.ends_with("dlt: the broker's user must be in its group"), "{why}");
}
