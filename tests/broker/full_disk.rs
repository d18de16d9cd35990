//! A full disk, from outside: clients whose messages fill it can connect and take them, and then there is room again.
//!
//! The disk is a small tmpfs in a mount namespace of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, connect5, packet, subscribe4, text, wait_for};

/// Messages on their way to the broker at once.
const WINDOW: u32 = 50;
const PAYLOAD: usize = 1_000;
const MEGABYTES: u32 = 6;

/// A process that keeps a mount namespace with the small disk. It ends with its stdin.
struct SmallDisk {
    holder: Child,
    folder: Folder,
    is_root: bool,
}

impl SmallDisk {
    fn new() -> Self {
        let folder = Folder::new();
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mount = format!(
            "mount -t tmpfs -o size={MEGABYTES}m tmpfs '{}' && echo mounted && exec cat",
            folder.file(".").display()
        );
        let mut command = Command::new("unshare");
        command.arg("--mount").args((!is_root).then_some("--map-root-user")).args(["sh", "-c", &mount]);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "mounted\n", "a mount namespace needs root, or a user namespace");
        Self { holder, folder, is_root }
    }

    /// A command that sees the disk.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--mount"]);
        command.args((!self.is_root).then_some(["--user", "--preserve-credentials"]).into_iter().flatten());
        command.arg(program);
        command
    }

    fn broker(&self, durability: &str) -> Broker {
        let mut command = self.command(assert_cmd::cargo::cargo_bin!("skeeter").to_str().unwrap());
        command.args(["broker", "-p", "0", "--durability", durability, "--sys-interval", "1"]);
        command.args(["--max-queued-messages", "100000", "--max-queued-bytes", "100000000", "--data-dir"]);
        command.arg(self.folder.file("data"));
        Broker::run(command)
    }

    fn sh(&self, script: &str) {
        let status = self.command("sh").args(["-c", script]).current_dir("/").status().unwrap();
        assert!(status.success(), "{script}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A publisher that is told by MQTT 5 what was not stored. Payloads begin with ascending numbers.
struct Publisher {
    connection: Raw,
    next: u32,
}

impl Publisher {
    fn connect(broker: &Broker, next: u32) -> Self {
        let mut connection = broker.connect();
        connection.send(&connect5("publisher", true, &[]));
        assert_eq!(connection.packet().1[1], 0);
        Self { connection, next }
    }

    /// Publishes a window of messages; the numbers of those that were stored, and how many were refused.
    fn publish(&mut self) -> (Vec<u32>, usize) {
        let (mut stored, mut refused) = (Vec::new(), 0);
        let first = self.next;
        self.next += WINDOW;
        for number in first..self.next {
            let payload = [&number.to_be_bytes()[..], &[b'x'; PAYLOAD]].concat();
            let id = u16::try_from(number - first + 1).unwrap().to_be_bytes();
            self.connection.send(&packet(0x32, &[&text("q/x"), &id, &[0], &payload]));
        }
        for number in first..self.next {
            let (first_byte, body) = self.connection.packet();
            assert_eq!(first_byte, 0x40);
            match body.get(2) {
                None | Some(0) => stored.push(number),
                Some(0x97) => refused += 1,
                Some(reason) => panic!("PUBACK with reason {reason:#x}"),
            }
        }
        (stored, refused)
    }

    /// Publishes until the disk is full; the numbers of what was stored.
    fn fill(&mut self) -> Vec<u32> {
        let mut all = Vec::new();
        while self.next < 100_000 {
            let (stored, refused) = self.publish();
            all.extend(stored);
            if refused > 0 {
                return all;
            }
        }
        panic!("the disk was never full");
    }
}

/// A subscriber of MQTT 3.1.1 with a persistent session, which subscribes whenever it connects.
fn subscriber(broker: &Broker, session_present: bool) -> Raw {
    let mut connection = broker.connect();
    connection.send(&connect4("away", false));
    connection.expect(&[0x20, 2, u8::from(session_present), 0]);
    connection.send(&subscribe4(1, "q/#", 1));
    connection
}

/// Takes messages until there have been as many as this; their numbers.
fn drain(subscriber: &mut Raw, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let (first, body) = subscriber.packet();
        if first == 0x90 {
            assert_eq!(body, [0, 1, 1], "a subscription that exists is granted");
            continue;
        }
        assert_eq!(first & 0xF6, 0x32, "{first:#x}");
        let (id, payload) = (&body[5..7], &body[7..]);
        numbers.push(u32::from_be_bytes(payload[..4].try_into().unwrap()));
        subscriber.send(&packet(0x40, &[id]));
    }
    numbers
}

fn leave(mut connection: Raw) {
    connection.send(&[0xE0, 0]);
    connection.expect_closed();
}

/// Waits until the broker says in `$SYS` that the disk is full (`1`), or is not (`0`).
fn wait_for_state(broker: &Broker, state: u8) {
    let mut connection = broker.connect();
    connection.send(&connect4("watcher", true));
    connection.expect(&CONNACK4);
    connection.send(&subscribe4(1, "$SYS/broker/store/full", 0));
    wait_for("$SYS/broker/store/full", || (connection.packet().1.last() == Some(&state)).then_some(()));
    leave(connection);
}

/// `signal` ends the broker once, while the disk is full.
fn fills_and_drains(durability: &str, signal: &str) {
    let disk = SmallDisk::new();
    let mut broker = disk.broker(durability);
    let mut away = subscriber(&broker, false);
    away.expect(&[0x90, 3, 0, 1, 1]);
    leave(away);
    let mut next = 0;
    // The second time only works if the first has left the store as it was.
    for round in 0..3 {
        let mut publisher = Publisher::connect(&broker, next);
        let mut stored = publisher.fill();
        assert!(stored.len() > 1_000, "only {} messages fit on the disk", stored.len());
        wait_for_state(&broker, b'1');
        let mut new = broker.connect();
        new.send(&connect5("new", false, &[0x11, 0, 0, 0, 60]));
        assert_eq!(new.packet().1[1], 0x88, "a new persistent session is refused");
        if round == 1 {
            broker.signal(signal);
            broker.status();
            broker = disk.broker(durability);
            publisher = Publisher::connect(&broker, publisher.next);
            stored.extend(publisher.fill());
            wait_for_state(&broker, b'1');
        }
        let mut away = subscriber(&broker, true);
        assert_eq!(drain(&mut away, stored.len()), stored, "all that was acknowledged, and nothing else");
        assert_eq!(away.ping(), []);
        wait_for_state(&broker, b'0');
        let (stored, refused) = publisher.publish();
        assert_eq!((drain(&mut away, stored.len()), refused), (stored, 0));
        leave(away);
        next = publisher.next;
    }
    broker.stderr.wait_line("disk full: ");
    broker.stderr.wait_line("disk has room again");
}

#[test]
fn clients_whose_messages_fill_the_disk_can_take_them() {
    fills_and_drains("acks", "KILL");
}

#[test]
fn clients_can_take_messages_that_were_written_in_the_background() {
    fills_and_drains("interval=50ms", "TERM");
}

#[test]
fn room_that_another_program_makes_is_used() {
    let disk = SmallDisk::new();
    let broker = disk.broker("acks");
    disk.sh(&format!("head -c 3000000 /dev/zero > {}", disk.folder.file("other").display()));
    let mut away = subscriber(&broker, false);
    away.expect(&[0x90, 3, 0, 1, 1]);
    leave(away);
    let mut publisher = Publisher::connect(&broker, 0);
    let mut stored = publisher.fill();
    broker.stderr.wait_line("disk full: ");
    disk.sh(&format!("rm {}", disk.folder.file("other").display()));
    broker.stderr.wait_line("disk has room again");
    let (more, refused) = publisher.publish();
    assert_eq!(refused, 0);
    stored.extend(more);
    assert_eq!(drain(&mut subscriber(&broker, true), stored.len()), stored);
}
