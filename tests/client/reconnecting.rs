//! A broker that falls silent, that closes upon what it is sent, or that is not there: when the clients come back, how often
//! they try, and what they tell.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::run::{ACCEPT4, ACCEPT5, Run, Said, Server};
use crate::support::{Broker, Raw, packet, text};

/// What a broker played by a test knows of its client.
struct Peer {
    raw: Raw,
    is_v5: bool,
}

impl Peer {
    /// Accepts a client of any version.
    fn accept(server: &Server) -> Self {
        let mut raw = server.accept();
        let (first, body) = raw.packet();
        assert_eq!(first, 0x10, "the first packet is CONNECT");
        let is_v5 = body[2 + usize::from(body[1])] == 5;
        raw.send(if is_v5 { ACCEPT5 } else { ACCEPT4 });
        Self { raw, is_v5 }
    }

    /// Grants the SUBSCRIBE that comes next.
    fn grant(&mut self) {
        let (first, body) = self.raw.packet();
        assert_eq!(first, 0x82);
        let properties: &[u8] = if self.is_v5 { &[0] } else { &[] };
        self.raw.send(&packet(0x90, &[&body[..2], properties, &[0]]));
    }

    fn message(&mut self, topic: &str, payload: &[u8]) {
        let properties: &[u8] = if self.is_v5 { &[0] } else { &[] };
        self.raw.send(&packet(0x30, &[&text(topic), properties, payload]));
    }

    /// The next PUBLISH above QoS 0: its identifier, topic and payload. PINGREQ is answered; nothing if the client ends.
    fn publish(&mut self) -> Option<([u8; 2], String, Vec<u8>)> {
        loop {
            let (first, body) = self.raw.try_packet()?;
            match first {
                0xC0 => self.raw.send(&[0xD0, 0]),
                0xE0 => return None,
                _ if first & 0xF0 == 0x30 => {
                    let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                    let properties = if self.is_v5 { 1 + usize::from(body[end + 2]) } else { 0 };
                    let topic = String::from_utf8(body[2..end].to_vec()).unwrap();
                    return Some(([body[end], body[end + 1]], topic, body[end + 2 + properties..].to_vec()));
                }
                other => panic!("{other:02x}"),
            }
        }
    }

    fn acknowledge(&mut self, id: [u8; 2]) {
        // It may be closed already.
        let _ = std::io::Write::write_all(&mut self.raw.0, &packet(0x40, &[&id]));
    }

    /// Answers nothing until the client gives up.
    fn fall_silent(mut self) {
        while self.raw.try_packet().is_some() {}
    }
}

fn start(name: &str, port: u16, command: &str, flags: &[&str]) -> Run {
    match name {
        "skeeter" => Run::start(port, &[&[command], flags].concat()),
        #[cfg(unix)]
        _ => Run::start_as(name, port, flags),
        #[cfg(not(unix))]
        _ => panic!("{name}"),
    }
}

#[test]
fn a_silent_broker_is_a_lost_connection_for_sub() {
    std::thread::scope(|scope| {
        for (name, flags) in [
            ("skeeter", &["-V", "5"][..]),
            ("skeeter", &["-V", "311"]),
            ("skeeter", &["-V", "31"]),
            ("skeeter", &["-q", "1", "-c", "-i", "me"]),
            ("mosquitto_sub", &[]),
            ("mosquitto_sub", &["-V", "5"]),
        ] {
            scope.spawn(move || {
                let server = Server::new();
                let flags = [&["-t", "t", "-k", "1", "-C", "1"], flags].concat();
                let run = start(name, server.port(), "sub", &flags);
                let mut peer = Peer::accept(&server);
                peer.grant();
                peer.fall_silent();
                let mut peer = Peer::accept(&server);
                peer.grant();
                peer.message("t", b"back");
                peer.fall_silent();
                let said = run.end();
                assert_eq!(
                    (said.status, &said.stdout[..]),
                    (0, &b"back\n"[..]),
                    "{name} {flags:?}: {said:?}"
                );
                assert!(said.stderr.contains("did not answer PINGREQ in time; trying again"), "{said:?}");
                assert!(said.stderr.contains("connected again"), "{said:?}");
            });
        }
    });
}

#[test]
fn a_silent_broker_is_a_lost_connection_for_pub_and_rr() {
    std::thread::scope(|scope| {
        for (name, flags) in [
            ("skeeter", &["-l", "-V", "5"][..]),
            ("skeeter", &["-l", "-V", "311"]),
            // Without a keep alive the answer that is due is waited for, but for a minute.
            ("mosquitto_pub", &["-l"]),
        ] {
            scope.spawn(move || {
                let server = Server::new();
                let flags = [&["-t", "t", "-q", "1", "-k", "1"], flags].concat();
                let mut run = start(name, server.port(), "pub", &flags);
                run.feed(b"a\nb\n");
                Peer::accept(&server).fall_silent();
                let mut peer = Peer::accept(&server);
                for line in [b"a", b"b"] {
                    let (id, _, payload) = peer.publish().unwrap();
                    assert_eq!(payload, line);
                    peer.acknowledge(id);
                }
                assert!(peer.publish().is_none());
                drop(peer);
                if flags.contains(&"311") || name != "skeeter" {
                    // The session of 3.1.1 is cleaned at the end.
                    assert!(Peer::accept(&server).publish().is_none());
                }
                let said = run.end();
                assert_eq!(said.status, 0, "{name} {flags:?}: {said:?}");
            });
        }
        for name in ["skeeter", "mosquitto_rr"] {
            scope.spawn(move || {
                let server = Server::new();
                let flags = ["-t", "ask", "-e", "answer", "-m", "?", "-q", "1", "-k", "1"];
                let run = start(name, server.port(), "rr", &flags);
                for is_silent in [true, false] {
                    let mut peer = Peer::accept(&server);
                    peer.grant();
                    let (id, topic, _) = peer.publish().unwrap();
                    assert_eq!(topic, "ask");
                    if !is_silent {
                        peer.acknowledge(id);
                        peer.message("answer", b"42");
                    }
                    peer.fall_silent();
                }
                let said = run.end();
                assert_eq!((said.status, &said.stdout[..]), (0, &b"42\n"[..]), "{name}: {said:?}");
            });
        }
    });
}

#[test]
fn a_broker_that_is_silent_at_the_reconnect_is_tried_again() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "t", "-k", "1", "-C", "1"]);
    let mut peer = Peer::accept(&server);
    peer.grant();
    drop(peer);
    // The port accepts, and nobody answers CONNECT.
    let mut raw = server.accept();
    while raw.try_packet().is_some() {}
    let mut peer = Peer::accept(&server);
    peer.grant();
    peer.message("t", b"back");
    peer.fall_silent();
    let said = run.end();
    assert_eq!((said.status, &said.stdout[..]), (0, &b"back\n"[..]), "{said:?}");
}

#[test]
fn wait_is_how_long_is_waited_for_a_broker_that_is_not_there_or_silent() {
    let (silent, free) = (Server::new(), Server::new().port());
    for port in [silent.port(), free] {
        let began = Instant::now();
        let said = Run::start(port, &["pub", "-t", "t", "-m", "x", "--wait", "2"]).end();
        assert_eq!(said.status, 1, "{said:?}");
        assert!((2..12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }
    let server = Server::new();
    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "--wait", "forever"]);
    for _ in 0..8 {
        drop(server.accept());
    }
    drop(Peer::accept(&server));
    assert_eq!(run.end().status, 0);
    let said = Run::start(1, &["pub", "-t", "t", "-m", "x", "--wait", "long"]).end();
    assert!(said.status == 2 && said.stderr.contains("forever"), "{said:?}");
}

/// Serves connections until the client has ended; how many there were.
fn count_connections(server: &Server, run: Run, serve: impl Fn(Peer) + Sync) -> (usize, Said) {
    let (count, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                let peer = Peer::accept(server);
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                serve(peer);
            }
        });
        let said = run.end();
        is_over.store(true, Ordering::SeqCst);
        // The last one only ends the loop.
        let mut last = Raw::connect(server.port());
        last.send(&crate::support::connect4("last", true));
        said
    });
    (count.into_inner(), said)
}

#[test]
fn a_broker_that_closes_upon_what_it_is_sent_is_not_stormed() {
    std::thread::scope(|scope| {
        for (name, flags) in
            [("skeeter", &["-V", "5"][..]), ("skeeter", &["-V", "311", "-q", "1"]), ("mosquitto_sub", &[])]
        {
            scope.spawn(move || {
                let server = Server::new();
                let run = start(name, server.port(), "sub", &[&["-t", "t", "-W", "5"], flags].concat());
                let (count, said) = count_connections(&server, run, |mut peer| drop(peer.raw.try_packet()));
                assert_eq!(said.status, 27, "{said:?}");
                assert!((3..10).contains(&count), "{count} connections in 5 s");
                assert!(said.stderr.lines().count() <= 5, "{said:?}");
            });
        }
    });
}

#[test]
fn two_clients_with_one_client_id_do_not_storm_the_broker() {
    let broker = Broker::start(&[]);
    let flags = ["sub", "-V", "311", "-i", "dup", "-t", "t", "-W", "5"];
    let runs = [Run::start(broker.port, &flags), Run::start(broker.port, &flags)];
    for run in runs {
        let said = run.end();
        assert_eq!(said.status, 27, "{said:?}");
        assert!(said.stderr.lines().count() <= 5, "{said:?}");
    }
    let lines: Vec<_> = broker.stderr.so_far();
    let connected =
        lines.iter().filter(|line| line.contains("connected from") && line.contains("dup")).count();
    assert!(
        (4..20).contains(&connected),
        "{connected} connections of two clients in 5 s:\n{}",
        lines.join("\n")
    );
}

/// Serves publishers, closing upon each message to `bad`, with or without what was to be acknowledged before it. The topics
/// that were acknowledged, and how often `bad` came.
fn reject(server: &Server, run: Run, acknowledges: bool) -> (Vec<String>, usize, Said) {
    let (taken, rejected) = (std::sync::Mutex::new(Vec::new()), AtomicUsize::new(0));
    let (_, said) = count_connections(server, run, |mut peer| {
        let mut held = Vec::new();
        // What comes at once is read at once.
        while let Some((id, topic, _)) = peer.publish() {
            if topic == "bad" {
                rejected.fetch_add(1, Ordering::SeqCst);
                return;
            }
            let mut pending = [0; 1];
            peer.raw.0.set_nonblocking(true).unwrap();
            let more = peer.raw.0.peek(&mut pending).is_ok_and(|count| count > 0);
            peer.raw.0.set_nonblocking(false).unwrap();
            held.push((id, topic));
            if acknowledges || !more {
                for (id, topic) in held.drain(..) {
                    peer.acknowledge(id);
                    taken.lock().unwrap().push(topic);
                }
            }
        }
    });
    (taken.into_inner().unwrap(), rejected.into_inner(), said)
}

#[test]
fn a_message_that_ends_the_connection_three_times_is_skipped() {
    let record = |topic: &str| format!("{{\"topic\":\"{topic}\",\"qos\":1,\"payload\":\"x\"}}\n");
    let input = ["one", "bad", "two"].map(record).concat();
    std::thread::scope(|scope| {
        for version in ["5", "311"] {
            for acknowledges in [true, false] {
                let input = &input;
                scope.spawn(move || {
                    let server = Server::new();
                    let mut run = Run::start(server.port(), &["pub", "--json", "-V", version]);
                    run.feed(input.as_bytes());
                    let (mut taken, rejected, said) = reject(&server, run, acknowledges);
                    // A message whose acknowledgement was lost may come twice.
                    taken.dedup();
                    assert_eq!(taken, ["one", "two"], "{said:?}");
                    assert!(rejected == 3 || rejected <= 5 && !acknowledges, "{rejected}: {said:?}");
                    assert_eq!(said.status, 65, "{said:?}");
                    assert!(said.stderr.contains("a message to bad was given up"), "{said:?}");
                    assert!(said.stderr.contains("1 of 3 messages were refused"), "{said:?}");
                });
            }
        }
        scope.spawn(|| {
            let server = Server::new();
            let mut run = Run::start_as("mosquitto_pub", server.port(), &["-l", "-t", "bad", "-q", "1"]);
            run.feed(b"a\nb\n");
            let (taken, rejected, said) = reject(&server, run, true);
            assert!(taken.is_empty());
            assert_eq!((rejected, said.status), (6, 7), "{said:?}");
        });
    });
}

#[test]
fn a_single_message_that_ends_the_connection_three_times_is_rejected() {
    std::thread::scope(|scope| {
        for (name, flags, status, times) in [
            ("skeeter", &["-q", "1"][..], 65, 3),
            ("skeeter", &["-q", "1", "-V", "311"], 65, 3),
            ("skeeter", &["-q", "1", "--no-retry"], 7, 1),
            // It could arrive twice.
            ("skeeter", &["-q", "2"], 7, 1),
            ("mosquitto_pub", &["-q", "1"], 7, 3),
        ] {
            scope.spawn(move || {
                let server = Server::new();
                let run = start(name, server.port(), "pub", &[&["-t", "bad", "-m", "x"], flags].concat());
                let (_, rejected, said) = reject(&server, run, true);
                assert_eq!((said.status, rejected), (status, times), "{name} {flags:?}: {said:?}");
                assert!(
                    times == 1 || said.stderr.contains("the message to bad was not published"),
                    "{said:?}"
                );
            });
        }
    });
    // A broker that says why needs to say it once.
    let server = Server::new();
    let run = Run::start(server.port(), &["pub", "-t", "bad", "-m", "x", "-q", "1"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0xE0, 1, 0x90]);
    while raw.try_packet().is_some() {}
    let said = run.end();
    assert!(said.status == 65 && said.stderr.contains("topic name invalid"), "{said:?}");
}

#[test]
fn a_connection_that_breaks_by_chance_costs_no_message() {
    // Each of them ends before the message that was lost with the first one is sent again.
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "1"]);
    run.feed(b"a\nb\n");
    for breaks in 0..5 {
        let mut peer = Peer::accept(&server);
        if breaks < 2 {
            peer.publish();
        } else {
            // From here on a PINGREQ comes first.
            assert_eq!(peer.raw.packet().0, 0xC0);
        }
    }
    let mut peer = Peer::accept(&server);
    for line in [b"a", b"b"] {
        let (id, _, payload) = peer.publish().unwrap();
        assert_eq!(payload, line);
        peer.acknowledge(id);
    }
    assert!(peer.publish().is_none());
    drop(peer);
    let said = run.end();
    assert_eq!(said.status, 0, "{said:?}");
}

/// A host with two addresses, one of which answers no SYN: whichever comes first, the other one is reached soon.
#[cfg(target_os = "linux")]
#[test]
fn the_second_address_of_a_host_is_tried_when_the_first_does_not_answer() {
    if !crate::service::is_root() {
        return;
    }
    let live = std::net::TcpListener::bind("127.77.0.2:0").unwrap();
    let port = live.local_addr().unwrap().port();
    // A full backlog answers no more.
    let dead = std::net::TcpListener::bind(("127.77.0.3", port)).unwrap();
    let address = dead.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        filling.push(stream);
    }
    let folder = crate::support::Folder::new();
    let hosts = folder.file("hosts");
    for order in [["127.77.0.3", "127.77.0.2"], ["127.77.0.2", "127.77.0.3"]] {
        std::fs::write(&hosts, order.map(|address| format!("{address} dual\n")).concat()).unwrap();
        let mut command = std::process::Command::new("unshare");
        let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
        command.args(["-m", "sh", "-c", script, "sh"]).arg(&hosts);
        command.arg(crate::support::skeeter().get_program());
        command.args(["pub", "-h", "dual", "-p", &port.to_string(), "-t", "t", "-m", "x", "--wait", "8"]);
        let began = Instant::now();
        let run = Run::spawn(&mut command, &[]);
        let (stream, _) = live.accept().unwrap();
        let mut raw = Raw(stream);
        assert_eq!(raw.packet().0, 0x10);
        raw.send(ACCEPT5);
        while raw.try_packet().is_some() {}
        let said = run.end();
        assert_eq!(said.status, 0, "{order:?}: {said:?}");
        assert!(began.elapsed() < Duration::from_secs(6), "{order:?}: {:?}", began.elapsed());
    }
}
