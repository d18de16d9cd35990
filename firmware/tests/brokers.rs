//! The real host binary against real brokers, on free ports, through a proxy that can be cut.
#![cfg(feature = "host")]
// In a test a panic is the report.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(what: &str, mut test: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = test() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Below the ports that the system gives to outgoing connections, so that none of those takes it meanwhile. Found by
/// knocking: a listener of ours would live on for a moment in every child that another test starts meanwhile, and so
/// keep the port in use.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 100) as u16 * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        if TcpStream::connect(("127.0.0.1", port)).is_err() {
            return port;
        }
    }
}

/// The brokers to be tried: Debian's, and the toolkit's where SKEETER names it.
fn brokers() -> Vec<fn(u16) -> Running> {
    let mut brokers: Vec<fn(u16) -> Running> = vec![mosquitto];
    if std::env::var_os("SKEETER").is_some() {
        brokers.push(skeeter);
    } else {
        let required = std::env::var_os("SKEETER_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "SKEETER does not name the toolkit's binary");
        eprintln!("SKEETER does not name the toolkit's binary: tried with mosquitto alone");
    }
    brokers
}

fn mosquitto(port: u16) -> Running {
    start(Command::new("mosquitto").args(["-p", &port.to_string()]), port)
}

fn skeeter(port: u16) -> Running {
    let program = std::env::var("SKEETER").unwrap();
    start(Command::new(program).args(["broker", "--port", &port.to_string()]), port)
}

fn start(command: &mut Command, port: u16) -> Running {
    // Debian keeps the broker in sbin.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
    command.env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running(command.spawn().unwrap());
    until("the broker", || {
        // A child of another test, before it became its program, may have held the port that was just given up.
        if running.0.try_wait().unwrap().is_some() {
            running = Running(command.spawn().unwrap());
        }
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    running
}

fn board(port: u16, device: &str, settings: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.args([format!("port={port}"), format!("device={device}"), "interval=2".into()]).args(settings);
    Running(command.stdout(Stdio::null()).spawn().unwrap())
}

/// Every line that a subscriber prints, once it is subscribed.
fn watch(port: u16, filter: &str) -> (Running, mpsc::Receiver<String>) {
    let mut child = Command::new("stdbuf")
        .args(["-oL", "mosquitto_sub", "-d", "-v", "-q", "1", "-p", &port.to_string(), "-t", filter])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let running = Running(child);
    wait_for(&receiver, "Subscribed");
    (running, receiver)
}

fn wait_for(lines: &mpsc::Receiver<String>, part: &str) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("never came: {part}"));
        if line.contains(part) && !line.contains("received PUBLISH") {
            return line;
        }
    }
}

/// Readings up to this number, as they arrived.
fn readings(lines: &mpsc::Receiver<String>, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last().is_none_or(|seq| *seq < last) {
        seqs.push(seq(&wait_for(lines, "/climate {")));
    }
    seqs
}

fn seq(line: &str) -> u64 {
    let json: serde_json::Value = serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
    assert!(json["time"].as_u64().unwrap() > 1_700_000_000 && json["temperature"].is_f64(), "{line}");
    json["seq"].as_u64().unwrap()
}

/// QoS 1 may say a thing twice, but nothing may be missing or out of order.
fn assert_whole(seqs: &[u64]) {
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1), "{seqs:?}");
}

#[test]
fn what_was_measured_while_the_broker_was_away_arrives_in_order() {
    for broker in brokers() {
        let port = free_port();
        let proxy = Proxy::new(port);
        let _board = board(proxy.port, "late", &[]);
        // The board has tried and failed a few times, and stays up.
        until("attempts", || (proxy.refused() >= 3).then_some(()));
        let running = broker(port);
        let (sub, lines) = watch(port, "sensors/late/climate");
        proxy.open();
        let mut seqs = readings(&lines, 3);
        assert_eq!(seqs[0], 0, "the first that was measured is the first to arrive");
        proxy.close();
        let attempts = proxy.refused();
        drop(running);
        drop(sub);
        // What the first subscriber still got before the broker went.
        seqs.extend(lines.iter().filter(|line| line.starts_with("sensors/late")).map(|line| seq(&line)));
        until("attempts", || (proxy.refused() >= attempts + 2).then_some(()));
        let _again = broker(port);
        let (_sub, lines) = watch(port, "sensors/late/climate");
        proxy.open();
        seqs.extend(readings(&lines, seqs.last().unwrap() + 3));
        assert_whole(&seqs);
    }
}

#[test]
fn cut_connections_lose_nothing() {
    for broker in brokers() {
        let port = free_port();
        let _broker = broker(port);
        let (_sub, lines) = watch(port, "sensors/cut/climate");
        let proxy = Proxy::new(port);
        proxy.open();
        let _board = board(proxy.port, "cut", &[]);
        let mut seqs = Vec::new();
        for last in [1, 2, 4] {
            seqs.extend(readings(&lines, last));
            proxy.cut();
        }
        seqs.extend(readings(&lines, 6));
        assert_eq!(seqs[0], 0);
        assert_whole(&seqs);
    }
}

#[test]
fn a_broker_that_never_answers_is_given_up_for_one_that_does() {
    for broker in brokers() {
        let port = free_port();
        let silent = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let _board = board(port, "silent", &[]);
        let (mut first, _) = silent.accept().unwrap();
        let mut bytes = Vec::new();
        first.set_read_timeout(Some(PATIENCE)).unwrap();
        first.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes[0], 0x10, "CONNECT, and then the board hung up by itself");
        drop((first, silent));
        let _broker = broker(port);
        let (_sub, lines) = watch(port, "sensors/silent/climate");
        let seqs = readings(&lines, 6);
        assert_whole(&seqs);
    }
}

#[test]
fn birth_death_sleep_and_settings_are_seen() {
    for broker in brokers() {
        let port = free_port();
        let _broker = broker(port);
        let (_sub, lines) = watch(port, "sensors/life/#");
        let running = board(port, "life", &[]);
        wait_for(&lines, "sensors/life/status online");
        wait_for(&lines, "sensors/life/diagnostics {");
        let set = ["-p", &port.to_string(), "-t", "sensors/life/set/sleep", "-m", "on"].map(String::from);
        assert!(Command::new("mosquitto_pub").args(&set).status().unwrap().success());
        wait_for(&lines, "sensors/life/status asleep");
        wait_for(&lines, "sensors/life/status online");
        drop(running);
        wait_for(&lines, "sensors/life/status");
        let running = board(port, "life", &[]);
        wait_for(&lines, "sensors/life/status online");
        drop(running);
        wait_for(&lines, "sensors/life/status offline");
    }
}

/// Home Assistant may start long after the board: what it needs to know waits for it at the broker.
#[test]
fn home_assistant_finds_the_board_later() {
    for broker in brokers() {
        let port = free_port();
        let _broker = broker(port);
        let (_sub, lines) = watch(port, "sensors/found/#");
        let _board = board(port, "found", &[]);
        wait_for(&lines, "sensors/found/diagnostics {");
        let (_late, lines) = watch(port, "homeassistant/#");
        // In the order that the broker likes.
        let mut found: Vec<String> = (0..4)
            .map(|_| {
                let line = wait_for(&lines, "homeassistant/sensor/found/");
                let (topic, json) = line.split_once(' ').unwrap();
                let json: serde_json::Value = serde_json::from_str(json).unwrap();
                assert!(json["state_topic"].as_str().unwrap().starts_with("sensors/found/"), "{line}");
                topic.split('/').nth(3).unwrap().to_string()
            })
            .collect();
        found.sort();
        assert_eq!(found, ["humidity", "rssi", "temperature", "uptime"]);
    }
}

/// A setting that was published while the board was away reaches it, and a harmful one never does.
#[test]
fn a_retained_setting_reaches_a_board_that_comes_later() {
    for broker in brokers() {
        let port = free_port();
        let _broker = broker(port);
        for (key, value) in [("sleep", "on"), ("reboot", "1"), ("broker", "elsewhere")] {
            let topic = format!("sensors/later/set/{key}");
            let set = ["-p", &port.to_string(), "-r", "-t", &topic, "-m", value].map(String::from);
            assert!(Command::new("mosquitto_pub").args(&set).status().unwrap().success());
        }
        let (_sub, lines) = watch(port, "sensors/later/+");
        let _board = board(port, "later", &[]);
        // It sleeps as told, wakes, and is still with this broker.
        for _ in 0..2 {
            wait_for(&lines, "sensors/later/status online");
            wait_for(&lines, "sensors/later/climate {");
            wait_for(&lines, "sensors/later/status asleep");
        }
    }
}

#[test]
fn user_and_password_are_given_and_a_refusal_is_told() {
    let port = free_port();
    let folder = env!("CARGO_TARGET_TMPDIR");
    let (users, config) = (format!("{folder}/users"), format!("{folder}/users.conf"));
    let _ = std::fs::remove_file(&users);
    let made = Command::new("mosquitto_passwd").args(["-b", "-c", &users, "ann", "secret"]).status().unwrap();
    assert!(made.success());
    std::fs::write(&config, format!("listener {port} 127.0.0.1\nuser root\npassword_file {users}\n"))
        .unwrap();
    let _broker = start(Command::new("mosquitto").args(["-c", &config]), port);
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.args([&format!("port={port}"), "device=wrong", "user=ann", "secret=guess"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let running = Running(child);
    assert!(told.any(|line| line.contains("set user, set secret") && line.contains("retrying")));
    drop(running);
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.args([&format!("port={port}"), "device=right", "user=ann", "secret=secret"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let _running = Running(child);
    assert!(told.any(|line| line.starts_with("connected to")));
}

/// Carries bytes to the broker while it is open.
struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: bool,
    refused: usize,
    sockets: Vec<TcpStream>,
}

impl Proxy {
    fn new(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                match TcpStream::connect(("127.0.0.1", broker)) {
                    Ok(far) if state.open => {
                        state.sockets.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                        carry(near.try_clone().unwrap(), far.try_clone().unwrap());
                        carry(far, near);
                    }
                    _ => state.refused += 1,
                }
            }
        });
        Self { port, state }
    }

    fn open(&self) {
        self.state.lock().unwrap().open = true;
    }

    fn close(&self) {
        self.state.lock().unwrap().open = false;
        self.cut();
    }

    fn cut(&self) {
        for socket in self.state.lock().unwrap().sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = from.read(&mut bytes) {
            if to.write_all(&bytes[..len]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
