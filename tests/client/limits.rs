//! What holds `skeeter bench` back, and that it says so: its own machine, its limits, or the broker.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::run::{ACCEPT4, Run, Said, Server, has_peer};
use crate::support::{Broker, Raw, skeeter};

#[track_caller]
fn report(said: &Said) -> Value {
    let document: Value =
        serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stderr));
    document["runs"][0].clone()
}

/// A subscriber that has heard a message of the run: from here on it sends.
fn wait_for_messages(broker: &Broker) -> Raw {
    let mut raw = broker.connect();
    raw.send(&crate::support::connect4("look", true));
    raw.expect(&crate::support::CONNACK4);
    raw.send(&crate::support::subscribe4(1, "bench/#", 0));
    raw.expect(&[0x90, 3, 0, 1, 0]);
    raw.packet();
    raw
}

#[test]
fn a_generator_that_is_throttled_is_called_the_bottleneck() {
    let broker = Broker::start(&[]);
    for rate in ["1000", "max"] {
        // The closed loop is slow too, or the broker could not keep up with both.
        let load = ["bench", "--clients", "2", "--rate", rate, "--window", "1", "-d", "2", "--warm-up", "0"];
        let run = Run::start(broker.port, &[&load[..], &["--json", "--no-sys"]].concat());
        drop(wait_for_messages(&broker));
        // It runs for a tenth of the time: what the test is about, as a limit of CPU time would have it.
        for _ in 0..5 {
            run.signal("STOP");
            std::thread::sleep(Duration::from_millis(270));
            run.signal("CONT");
            std::thread::sleep(Duration::from_millis(30));
        }
        let said = run.end();
        let report = report(&said);
        assert_eq!((&report["bottleneck"], &report["lost"]), (&"generator".into(), &0.into()), "{report}");
        if rate == "1000" {
            assert!(report["send_delay_us"]["max"].as_u64().unwrap() >= 260_000, "{report}");
        }
    }
}

/// A broker for one pair at QoS 1 that lets the publisher wait for half a second, once.
fn hold_up(server: &Server, pause: impl Fn(u64) -> bool) {
    let (mut subscriber, _) = server.accept_with(ACCEPT4);
    let (_, body) = subscriber.packet();
    // What was asked for is granted.
    subscriber.send(&[0x90, 3, body[0], body[1], body[body.len() - 1]]);
    let (mut publisher, _) = server.accept_with(ACCEPT4);
    let mut number = 0;
    while let Some((first, body)) = publisher.try_packet() {
        if first & 0xF0 != 0x30 {
            continue;
        }
        if pause(number) {
            std::thread::sleep(Duration::from_millis(500));
        }
        number += 1;
        let topic = 2 + usize::from(body[1]) + usize::from(body[0]) * 256;
        if first & 0x06 != 0 {
            publisher.send(&[0x40, 2, body[topic], body[topic + 1]]);
        }
        subscriber.send(&crate::support::packet(first, &[&body]));
    }
}

#[test]
fn a_broker_that_does_not_acknowledge_or_read_is_called_the_bottleneck() {
    for more in [
        // Ten in flight, and then nothing may leave.
        &["-q", "1", "--max-inflight", "10", "-s", "20"][..],
        // More in half a second than sockets hold.
        &["-q", "0", "-s", "200k"],
    ] {
        let server = Server::new();
        let load = ["bench", "--publishers", "1", "-V", "311", "--rate", "200", "-d", "1", "--warm-up", "0"];
        let run = Run::start(server.port(), &[&load[..], &["--json", "--no-sys"], more].concat());
        hold_up(&server, |number| number == 50);
        let said = run.end();
        let report = report(&said);
        let count = |name: &str| report["generator"][name].as_u64().unwrap();
        // Some fifty were due meanwhile, and that they waited is not the generator's fault.
        assert!(count("delayed_by_broker") >= 20, "{report}");
        assert!(report["send_delay_us"]["max"].as_u64().unwrap() < 350_000, "{report}");
        assert_eq!(report["lost"], 0, "{report}");
        assert!(report["latency_us"]["max"].as_u64().unwrap() >= 400_000, "{report}");
    }
}

#[test]
fn what_the_broker_says_of_itself_is_in_the_report() {
    let broker = Broker::start(&["--sys-interval", "1"]);
    let load = ["bench", "--rate", "2000", "-d", "4", "--warm-up", "0", "--quiet"];
    let said = Run::start(broker.port, &[&load[..], &["--json"]].concat()).end();
    let report = report(&said);
    let told = &report["broker"];
    assert_eq!(told["source"], "$SYS", "{report}");
    assert!(told["version"].as_str().unwrap().starts_with("skeeter version "), "{told}");
    let resident = broker.memory() as f64;
    let memory = told["memory_bytes"].as_f64().unwrap();
    assert!((resident / 2.0..=resident * 2.0).contains(&memory), "{memory} and {resident}");
    let figure = |name: &str| told[name].as_f64().unwrap_or_else(|| panic!("no {name} in {told}"));
    assert!(figure("cpu_seconds") > 0.0 && figure("cpu_share") < 4.0, "{told}");
    // As much as the process itself says, but for what the connections cost.
    let pid = broker.child.id().to_string();
    let said = Run::start(broker.port, &[&load[..], &["--json", "--broker-pid", &pid]].concat()).end();
    let other = self::report(&said);
    assert_eq!(other["broker"]["source"], "process", "{other}");
    let costs = [&report, &other].map(|run| run["broker"]["cpu_seconds_per_million"].as_f64().unwrap());
    assert!((0.2..5.0).contains(&(costs[0] / costs[1])), "{costs:?}");
}

#[test]
fn a_broker_that_tells_too_seldom_is_not_guessed_at() {
    let broker = Broker::start(&[]);
    let said = Run::start(broker.port, &["bench", "-d", "300ms", "--warm-up", "0", "--quiet"]).end();
    let text = String::from_utf8(said.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("broker")).unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("MB") && line.contains("CPU time unknown") && line.contains("($SYS)"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

/// Runs this in a shell, with the binary as $0 and the port as $1.
fn shell(script: &str, port: u16) -> Output {
    let program = skeeter().get_program().to_owned();
    Command::new("sh").args(["-c", script]).arg(program).arg(port.to_string()).output().unwrap()
}

/// The one line that a run ends with.
#[track_caller]
fn line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    text
}

#[test]
fn open_files_that_run_out_are_one_line() {
    let broker = Broker::start(&[]);
    for (scenario, limited) in [("connect", "64"), ("fan-out --subscribers 200", "100")] {
        let script = format!(
            "ulimit -n {limited}; exec \"$0\" bench {scenario} --no-sys --threads 2 -h 127.0.0.1 -p \"$1\""
        );
        let text = line(&shell(&script, broker.port));
        assert!(text.contains("too many open files") && text.contains("ulimit -Hn"), "{text}");
        let reached = text.rsplit('(').next().unwrap().split(' ').next().unwrap();
        let most = limited.parse().unwrap();
        assert!((1..most).contains(&reached.parse::<u32>().unwrap()), "{text}");
    }
}

#[test]
fn the_limit_of_open_files_is_raised_where_that_is_allowed() {
    let broker = Broker::start(&[]);
    let script = "ulimit -Sn 64; exec \"$0\" bench connect --clients 200 -d 100ms --no-sys --quiet -h 127.0.0.1 -p \"$1\"";
    let output = shell(script, broker.port);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// With a network of its own that has 40 ports, where a broker listens.
#[test]
fn ports_that_run_out_are_one_line() {
    if !has_peer("unshare") || !has_peer("ip") {
        return;
    }
    let script = "ip link set lo up && echo 40000 40039 > /proc/sys/net/ipv4/ip_local_port_range || exit 99
        \"$0\" broker -p 1883 -q --exec \"$0 bench connect --clients $1 --no-sys -h 127.0.0.1 $2\"";
    let run = |clients: &str, more: &str| {
        let (program, more) = (skeeter().get_program().to_owned(), more.to_owned());
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", script]).arg(program).args([clients, &more]);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let text = line(&run("100", ""));
    assert!(
        text.contains("no port is left") && text.contains("sysctl -w net.ipv4.ip_local_port_range"),
        "{text}"
    );
    assert!(text.contains("(4") || text.contains("(3"), "{text}");
    // More addresses have more ports.
    let output = run("100", "-d 100ms --bind 127.0.0.2-127.0.0.9");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // An address that is not this machine's has none at all, and that is another thing.
    let text = line(&run("10", "--bind 192.0.2.1"));
    assert!(text.contains("192.0.2.1 is not an address of this machine"), "{text}");
}

#[test]
fn memory_that_will_not_suffice_is_one_line() {
    let broker = Broker::start(&[]);
    for (more, part) in [
        ("--rate max --window 1000000 --clients 10", "--window"),
        ("fan-in --publishers 1000 -s 2M --rate 10k", "--size"),
    ] {
        let script =
            format!("ulimit -v 1000000; exec \"$0\" bench {more} -d 1 --no-sys -h 127.0.0.1 -p \"$1\"");
        let text = line(&shell(&script, broker.port));
        assert!(
            text.contains("memory") && text.contains("ulimit -v unlimited") && text.contains(part),
            "{text}"
        );
    }
}

#[test]
fn memory_that_runs_out_on_the_way_is_one_line() {
    if !has_peer("prlimit") {
        return;
    }
    let broker = Broker::start(&[]);
    let load = ["bench", "--clients", "7", "-q", "1", "-d", "1h", "--no-sys"];
    let run = Run::start(broker.port, &load);
    drop(wait_for_messages(&broker));
    let pid = run.child.id().to_string();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let size = size.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024;
    let limit = format!("--as={}", size + (2 << 20));
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    let said = run.end();
    assert_eq!((said.status, said.stderr.lines().count()), (1, 1), "{}", said.stderr);
    for part in ["out of memory", "`ulimit -v unlimited`", "(14 connections were open)"] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}
