//! `skeeter bench` tells the truth: brokers that stall, drop, double, swap or corrupt are found out, with exact counts.

use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::run::{ACCEPT4, Run, Said, Server};
use crate::support::{Broker, Raw, packet};

/// Messages of a run against a broker that misbehaves.
const COUNT: u64 = 1_000;

/// A broker for one publisher and one subscriber at QoS 0, who gets what `pass` makes of each PUBLISH.
fn broker(
    server: Server,
    mut pass: impl FnMut(u64, Vec<u8>) -> Vec<Vec<u8>> + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let (mut subscriber, _) = server.accept_with(ACCEPT4);
        let (first, body) = subscriber.packet();
        assert_eq!(first, 0x82);
        subscriber.send(&[0x90, 3, body[0], body[1], 0]);
        let (mut publisher, _) = server.accept_with(ACCEPT4);
        for number in 0.. {
            let Some((first, body)) = publisher.try_packet() else { return };
            if first == 0xE0 {
                return;
            }
            assert_eq!(first, 0x30);
            for body in pass(number, body) {
                subscriber.send(&packet(0x30, &[&body]));
            }
        }
    })
}

fn measure(more: &[&str], pass: impl FnMut(u64, Vec<u8>) -> Vec<Vec<u8>> + Send + 'static) -> (Said, Value) {
    let server = Server::new();
    let port = server.port();
    let broker = broker(server, pass);
    let mut arguments =
        vec!["bench", "--publishers", "1", "-V", "311", "--rate", "1000", "--json", "--no-sys"];
    arguments.extend(["--duration", "1", "--warm-up", "0", "--drain", "1", "--size", "20"]);
    arguments.extend(more);
    let said = Run::start(port, &arguments).end();
    broker.join().unwrap();
    let report = report(&said);
    assert_eq!(report["sent"], COUNT, "{report}");
    (said, report)
}

fn document(said: &Said) -> Value {
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stderr))
}

/// The first run in the JSON.
fn report(said: &Said) -> Value {
    document(said)["runs"][0].clone()
}

/// lost, duplicates, reordered, corrupt
fn counts(report: &Value) -> [u64; 4] {
    ["lost", "duplicates", "reordered", "corrupt"].map(|name| report[name].as_u64().unwrap())
}

#[test]
fn a_broker_that_drops_is_found_out() {
    let drop = |number, body| if number % 100 == 7 { vec![] } else { vec![body] };
    let (said, report) = measure(&["--threshold", "p99 < 100s, loss < 1%, loss <= 10"], drop);
    assert_eq!(counts(&report), [10, 0, 0, 0]);
    assert_eq!(
        (&report["latency_us"]["p99"], &report["latency_us"]["max"]),
        (&"lost".into(), &"lost".into())
    );
    assert!(report["latency_us"]["p90"].is_u64(), "{report}");
    assert_eq!(said.status, 67);
    assert!(said.stderr.contains("condition not met: p99 < 100s"), "{}", said.stderr);
    assert!(said.stderr.contains("condition not met: loss < 1%"), "{}", said.stderr);
    assert!(!said.stderr.contains("loss <= 10"), "{}", said.stderr);
}

#[test]
fn a_broker_that_doubles_is_found_out() {
    let double = |number, body: Vec<u8>| if number % 50 == 0 { vec![body.clone(), body] } else { vec![body] };
    assert_eq!(counts(&measure(&[], double).1), [0, 20, 0, 0]);
}

#[test]
fn a_broker_that_swaps_is_found_out() {
    let mut held = None;
    let swap = move |number, body| match (number % 100, held.take()) {
        (42, _) => {
            held = Some(body);
            vec![]
        }
        (_, Some(before)) => vec![body, before],
        (_, None) => vec![body],
    };
    assert_eq!(counts(&measure(&[], swap).1), [0, 0, 10, 0]);
}

#[test]
fn a_broker_that_corrupts_is_found_out() {
    let corrupt = |number, mut body: Vec<u8>| {
        let len = body.len();
        match number % 200 {
            // In the stamp, in the filler, and the end cut off: each is as good as lost.
            3 => body[len - 20] ^= 1,
            5 => body[len - 1] ^= 0x80,
            9 => body.truncate(len - 1),
            _ => {}
        }
        vec![body]
    };
    assert_eq!(counts(&measure(&[], corrupt).1), [15, 0, 0, 15]);
}

#[test]
fn a_stall_is_seen_by_all_messages_that_were_due_meanwhile() {
    let stall = |number, body| {
        if number == 500 {
            // What the test is about: a time, and no waiting for a fact.
            std::thread::sleep(Duration::from_millis(200));
        }
        vec![body]
    };
    let (said, report) = measure(&["--threshold", "max >= 200ms, p90 >= 80ms, loss = 0"], stall);
    assert_eq!((said.status, counts(&report)), (0, [0; 4]), "{report}");
}

#[test]
fn a_connection_that_breaks_is_told() {
    let server = Server::new();
    let port = server.port();
    let run = Run::start(port, &["bench", "--no-sys", "--publishers", "1", "-V", "311", "--duration", "60"]);
    let (mut subscriber, _) = server.accept_with(ACCEPT4);
    let (_, body) = subscriber.packet();
    subscriber.send(&[0x90, 3, body[0], body[1], 0]);
    let (mut publisher, _): (Raw, _) = server.accept_with(ACCEPT4);
    publisher.packet();
    publisher.shut();
    let said = run.end();
    assert_eq!(said.status, 7, "{}", said.stderr);
    assert!(said.stderr.contains("publisher 0 was lost"), "{}", said.stderr);
}

#[test]
fn a_silent_connection_is_a_lost_one() {
    let server = Server::new();
    let load = ["bench", "--no-sys", "--publishers", "1", "-V", "311", "-d", "60", "-k", "2", "--rate", "1"];
    let run = Run::start(server.port(), &load);
    let (mut subscriber, _) = server.accept_with(ACCEPT4);
    let (_, body) = subscriber.packet();
    subscriber.send(&[0x90, 3, body[0], body[1], 0]);
    let (publisher, _): (Raw, _) = server.accept_with(ACCEPT4);
    let said = run.end();
    drop((subscriber, publisher));
    assert_eq!(said.status, 7, "{}", said.stderr);
    assert!(said.stderr.contains("did not answer PINGREQ in time"), "{}", said.stderr);
}

#[test]
fn a_broker_of_3_1_1_is_measured_with_3_1_1() {
    // One refuses the level, the other one closes.
    for refusal in [&[0x20, 2, 0, 1][..], &[]] {
        let server = Server::new();
        let run = Run::start(server.port(), &["bench", "connect", "--no-sys", "--clients", "2", "-d", "0.1"]);
        let (raw, connect) = server.accept_with(refusal);
        drop(raw);
        assert_eq!(connect[6], 5);
        let mut open = Vec::new();
        for _ in 0..3 {
            let (raw, connect) = server.accept_with(ACCEPT4);
            assert_eq!(connect[6], 4);
            open.push(raw);
        }
        let said = run.end();
        assert_eq!(said.status, 0, "{}", said.stderr);
        assert!(said.stderr.contains("MQTT 3.1.1 is used"), "{}", said.stderr);
    }
}

#[test]
fn a_run_without_a_connection_ends_and_says_why() {
    let server = Server::new();
    let run = Run::start(
        server.port(),
        &["bench", "connect", "--no-sys", "--clients", "3", "-V", "311", "-d", "1h"],
    );
    for _ in 0..3 {
        server.accept_with(&[0x20, 2, 0, 5]);
    }
    let said = run.end();
    assert_eq!(said.status, 1, "{}", said.stderr);
    assert!(said.stderr.contains("not authorized"), "{}", said.stderr);
}

#[test]
fn a_broker_that_is_not_there_or_refuses_is_one_line() {
    let server = Server::new();
    let port = server.port();
    let run = Run::start(port, &["bench", "--no-sys", "--publishers", "1", "-V", "311"]);
    drop(server.accept_with(&[0x20, 2, 0, 5]));
    let said = run.end();
    assert_eq!((said.status, said.stderr.lines().count()), (1, 1), "{}", said.stderr);
    assert!(said.stderr.contains("refused the connection"), "{}", said.stderr);
    drop(server);
    let said = Run::start(port, &["bench", "--no-sys", "--publishers", "1"]).end();
    assert_eq!((said.status, said.stderr.lines().count()), (1, 1), "{}", said.stderr);
}

#[test]
fn every_scenario_runs_against_our_broker_at_every_qos() {
    let broker = Broker::start(&[]);
    for scenario in ["pub-sub", "fan-in", "fan-out", "shared"] {
        for qos in ["0", "1", "2"] {
            for rate in ["1000", "max"] {
                let arguments = ["bench", scenario, "-q", qos, "--rate", rate, "--json"];
                let more = ["--duration", "0.3", "--warm-up", "0.1", "--window", "10", "--subscribers", "5"];
                let publishers =
                    ["--publishers", "5", "--threshold", "loss=0,duplicates=0,reordered=0,corrupt=0"];
                let said = Run::start(broker.port, &[&arguments[..], &more, &publishers].concat()).end();
                let report = report(&said);
                assert_eq!(said.status, 0, "{scenario} {qos} {rate}: {report}");
                let copies = if matches!(scenario, "fan-in" | "fan-out") { 5 } else { 1 };
                assert_eq!(report["received"], report["sent"].as_u64().unwrap() * copies);
                assert!(rate == "max" || report["sent"] == 400, "{report}");
                assert!(report["sent"].as_u64().unwrap() > 0, "{report}");
            }
        }
    }
}

#[test]
fn the_table_fits_eighty_columns() {
    let broker = Broker::start(&[]);
    let arguments = ["bench", "--duration", "0.5", "--warm-up", "0", "--threshold", "loss = 0"];
    let said = Run::start(broker.port, &arguments).end();
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for part in
        ["open loop, 1000 messages/s", "lost 0 (0.000 %)", "latency", "p99.9", "█", "met:     loss = 0"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn the_highest_rate_that_meets_the_conditions_is_found() {
    let broker = Broker::start(&[]);
    let arguments = ["bench", "--find-max", "rate < 400, loss = 0", "--rate", "110", "--json"];
    let more = ["--duration", "0.5", "--warm-up", "0", "--publishers", "1"];
    let said = Run::start(broker.port, &[&arguments[..], &more].concat()).end();
    let report = document(&said);
    let found = &report["find_max"];
    assert_eq!((said.status, &found["confirmed"]), (0, &true.into()), "{report}");
    let (met, not_met) = (found["highest_met"].as_f64().unwrap(), found["lowest_not_met"].as_f64().unwrap());
    // A busy machine may fall behind, so only the order and the narrowness are sure.
    assert!(met < not_met && not_met / met <= 1.1, "{found}");
    let bottleneck = found["bottleneck"].as_str().unwrap();
    assert!(["none", "generator", "machine", "broker"].contains(&bottleneck), "{found}");
    assert!(said.stderr.lines().any(|line| line.ends_with(": conditions met")), "{}", said.stderr);
}

#[test]
fn the_scenarios_of_the_open_benchmark_suite_run() {
    let broker = Broker::start(&[]);
    for (scenario, publishers, subscribers) in [
        ("fanout-1-1K-1-1K", 1, 1_000),
        ("p2p-1K-1K-1K-1K", 1_000, 1_000),
        ("sharedsub-1K-5-1K-1K", 1_000, 5),
    ] {
        let more = ["--json", "--duration", "1", "--warm-up", "0", "--threshold", "loss=0"];
        let said = Run::start(broker.port, &[&["bench", scenario][..], &more].concat()).end();
        let report = report(&said);
        assert_eq!(said.status, 0, "{report}");
        let settings = &report["settings"];
        assert_eq!(
            (&settings["publishers"], &settings["subscribers"]),
            (&publishers.into(), &subscribers.into())
        );
        assert_eq!((&settings["qos"], &report["received"]), (&1.into(), &1_000.into()), "{report}");
    }
}
