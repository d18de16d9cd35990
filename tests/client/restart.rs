//! A broker that is killed and comes back in the middle of `pub -l` and `pub --json`: nothing is lost or doubled beyond
//! what the QoS allows, and what may be is counted and told.

use std::collections::BTreeSet;
use std::io::Write;

use crate::run::{Run, Said, Server};
use crate::support::{self, Folder, Raw, packet};

const LINES: usize = 3000;

/// A broker that dies in the middle of everything, with the memory of one session.
struct Broker {
    server: Server,
    /// Whether it comes back with the session.
    remembers: bool,
    /// Payloads, in the order in which they were taken.
    taken: Vec<String>,
    /// QoS 2 identifiers whose PUBREL has not come.
    open: BTreeSet<[u8; 2]>,
    connections: usize,
    /// At QoS 0 there is nothing to resume.
    needs_session: bool,
}

impl Broker {
    fn new(remembers: bool) -> Self {
        let (taken, open) = (Vec::new(), BTreeSet::new());
        Self { server: Server::new(), remembers, taken, open, connections: 0, needs_session: true }
    }

    /// One life: dies after `packets` packets, wherever that is; whether the client went by itself.
    fn live(&mut self, packets: usize) -> bool {
        let mut raw = self.server.accept();
        let (_, connect) = raw.packet();
        let is_clean = connect[7] & 2 != 0;
        assert!(
            !is_clean || self.connections == 0 || !self.needs_session,
            "only the first connection begins a session"
        );
        self.connections += 1;
        if !self.remembers {
            self.open.clear();
        }
        let is_present = !is_clean && self.remembers;
        raw.send(&[0x20, 6, u8::from(is_present), 0, 3, 0x21, 0, 50]);
        for _ in 0..packets {
            let Some((first, body)) = raw.try_packet() else { panic!("the client went without a word") };
            if first == 0xE0 {
                return true;
            }
            self.answer(&mut raw, first, &body);
        }
        // Closed with bytes unread: the connection is reset, and what is on its way is lost.
        false
    }

    fn answer(&mut self, raw: &mut Raw, first: u8, body: &[u8]) {
        let topic = body.get(..2).map_or(0, |len| 2 + usize::from(u16::from_be_bytes([len[0], len[1]])));
        let payload = |at: usize| String::from_utf8(body[at + 1 + usize::from(body[at])..].to_vec()).unwrap();
        // It may be dead for the client already.
        let mut send = |bytes: &[u8]| drop(raw.0.write_all(bytes));
        match first & 0xF6 {
            0x30 => self.taken.push(payload(topic)),
            0x32 => {
                self.taken.push(payload(topic + 2));
                send(&packet(0x40, &[&body[topic..topic + 2]]));
            }
            0x34 => {
                if self.open.insert([body[topic], body[topic + 1]]) {
                    self.taken.push(payload(topic + 2));
                }
                send(&packet(0x50, &[&body[topic..topic + 2]]));
            }
            0x62 => {
                self.open.remove(&[body[0], body[1]]);
                send(&packet(0x70, &[&body[..2]]));
            }
            0xC0 => send(&[0xD0, 0]),
            other => panic!("{other:02x}"),
        }
    }
}

/// Publishes many lines through a broker that dies five times.
fn publish(flags: &[&str], input: &str, remembers: bool) -> (Vec<String>, Said) {
    let mut broker = Broker::new(remembers);
    let mut run = Run::start(broker.server.port(), &[&["pub"], flags].concat());
    let mut stdin = run.stdin();
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    for packets in [1, 97, 333, 500, 41] {
        assert!(!broker.live(packets), "died too late to show anything");
    }
    assert!(broker.live(usize::MAX));
    feeder.join().unwrap();
    (broker.taken, run.end())
}

fn lines() -> Vec<String> {
    (0..LINES).map(|number| format!("line {number}")).collect()
}

/// The number before these words on stderr; 0 if they are not there.
fn told(said: &Said, words: &str) -> usize {
    let before = said.stderr.split(words).next().filter(|before| before.len() < said.stderr.len());
    before.map_or(0, |before| before.trim_end().rsplit([' ', '\n']).next().unwrap().parse().unwrap())
}

/// Each line once, in the order of their first coming.
fn without_doubles(taken: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    taken.iter().filter(|line| seen.insert(line.as_str())).cloned().collect()
}

fn records(qos: usize) -> String {
    let record = |line: String| format!("{{\"topic\":\"t\",\"qos\":{qos},\"payload\":\"{line}\"}}\n");
    lines().into_iter().map(record).collect()
}

#[test]
fn at_qos_1_every_line_arrives_with_and_without_the_session() {
    for remembers in [true, false] {
        for (flags, input) in
            [(&["-t", "t", "-l", "-q", "1"][..], lines().join("\n")), (&["--json"], records(1))]
        {
            let (taken, said) = publish(flags, &input, remembers);
            assert_eq!(said.status, 0, "{said:?}");
            assert!(without_doubles(&taken) == lines(), "all lines, in their order");
            // No more than what was in flight comes again, each of five times.
            assert!(taken.len() <= LINES + 5 * 50, "{} doubles", taken.len() - LINES);
        }
    }
}

#[test]
fn at_qos_2_every_line_arrives_once_if_the_session_is_there() {
    for (flags, input) in [(&["-t", "t", "-l", "-q", "2"][..], lines().join("\n")), (&["--json"], records(2))]
    {
        let (taken, said) = publish(flags, &input, true);
        assert_eq!(said.status, 0, "{said:?}");
        assert!(taken == lines(), "all lines, once, in their order");
        assert_eq!(told(&said, "QoS 2 messages may have arrived twice"), 0, "{said:?}");
    }
}

#[test]
fn at_qos_2_without_the_session_what_may_have_doubled_is_counted() {
    let (taken, said) = publish(&["-t", "t", "-l", "-q", "2"], &lines().join("\n"), false);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(without_doubles(&taken) == lines(), "all lines, in their order");
    let doubles = taken.len() - LINES;
    let told = told(&said, "QoS 2 messages may have arrived twice");
    assert!(doubles <= told, "{doubles} doubles, {told} told");
}

#[test]
fn at_qos_0_what_may_be_lost_is_counted() {
    for (flags, input) in [(&["-t", "t", "-l"][..], lines().join("\n")), (&["--json"], records(0))] {
        let mut broker = Broker { needs_session: false, ..Broker::new(true) };
        let mut run = Run::start(broker.server.port(), &[&["pub"], flags].concat());
        let mut stdin = run.stdin();
        // The broker dies while the client waits for more, which comes only then.
        let (first, second) = input.split_at(input.match_indices('\n').nth(LINES / 2).unwrap().0 + 1);
        stdin.write_all(first.as_bytes()).unwrap();
        let is_gone = broker.live(100);
        assert!(!is_gone);
        stdin.write_all(second.as_bytes()).unwrap();
        drop(stdin);
        assert!(broker.live(usize::MAX));
        let said = run.end();
        assert_eq!(said.status, 0, "{said:?}");
        let lost = LINES - without_doubles(&broker.taken).len();
        assert_eq!(broker.taken.len() + lost, LINES, "none came twice");
        let told = told(&said, "QoS 0 messages may be lost");
        assert!(lost <= told, "{lost} lost, {told} told: {said:?}");
    }
}

/// The same with a real process that is killed: what it had acknowledged is in its data directory.
#[cfg(unix)]
#[test]
fn a_killed_broker_that_comes_back_gets_every_line() {
    for qos in ["1", "2"] {
        let folder = Folder::new();
        let (data, socket) = (folder.file("data"), folder.file("socket"));
        let (data, socket) = (data.to_str().unwrap(), socket.to_str().unwrap());
        let start = || support::Broker::start(&["--data-dir", data, "--unix", socket]);
        let mut broker = start();
        let absent = ["sub", "--unix", socket, "-i", "absent", "-c", "-q", qos, "-t", "t"];
        let said = Run::start_bare(&[&absent[..], &["-E"]].concat(), &[]).end();
        assert_eq!(said.status, 0, "{said:?}");
        let mut watcher = broker.connect();
        watcher.send(&support::connect4("watcher", true));
        watcher.expect(&support::CONNACK4);
        watcher.send(&support::subscribe4(1, "t", 0));
        watcher.expect(&[0x90, 3, 0, 1, 0]);

        let mut run = Run::start_bare(&["pub", "--unix", socket, "-t", "t", "-l", "-q", qos], &[]);
        let mut stdin = run.stdin();
        let input = lines().join("\n") + "\nend";
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        for _ in 0..LINES / 3 {
            watcher.packet();
        }
        broker.child.kill().unwrap();
        broker.status();
        let _broker = start();
        writer.join().unwrap().unwrap();
        let said = run.end();
        assert_eq!(said.status, 0, "{said:?}");
        assert_eq!(told(&said, "QoS 2 messages may have arrived twice"), 0, "{said:?}");

        let said = Run::start_bare(&[&absent[..], &["--until", "payload == \"end\""]].concat(), &[]).end();
        assert_eq!(said.status, 0, "{said:?}");
        let mut taken: Vec<_> = String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(taken.pop().as_deref(), Some("end"));
        assert!(without_doubles(&taken) == lines(), "QoS {qos}: all lines, in their order");
        assert!(qos == "1" || taken.len() == LINES, "{} doubles", taken.len() - LINES);
    }
}

#[test]
fn without_retry_it_ends_with_the_connection() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "1", "--no-retry"]);
    run.feed(b"a\nb\n");
    let (mut raw, _) = server.accept_with(crate::run::ACCEPT5);
    raw.packet();
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 7, "{said:?}");
    assert!(said.stderr.contains("2 messages were not acknowledged"), "{said:?}");
}
