//! CPU that a broker spends on a message: `skeeter broker` against Debian's mosquitto, in turn (A B A B ...).
//!
//! `cargo bench --bench brokers [-- MILLIONS]`. Each cell sends that many million messages (1) through each broker and prints
//! the broker's CPU-seconds per million delivered messages, as the operating system counts them, the rate, what was lost,
//! and the ratio of the medians. A bare relay of the same bytes is the floor. Linux only; everything stays on loopback.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first thing that fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;

/// A broker under test, on a port of its own.
struct Broker {
    child: Child,
    port: u16,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Broker {
    fn skeeter() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_skeeter"))
            .args(["broker", "-p", "0", "-q", "--sys-interval", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    fn mosquitto() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let config = std::env::temp_dir().join(format!("skeeter-bench-{port}.conf"));
        // Its defaults drop most of a flood; a benchmark of what arrives needs it to keep everything.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
        );
        std::fs::write(&config, text).ok()?;
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"]
            .into_iter()
            .find(|path| std::fs::exists(path).unwrap_or(false))?;
        let child =
            Command::new(program).args(["-c", config.to_str()?]).stderr(Stdio::null()).spawn().ok()?;
        let broker = Self { child, port };
        let end = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "mosquitto does not listen");
        }
        let _ = std::fs::remove_file(config);
        Some(broker)
    }

    /// CPU-seconds of the process so far.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // Clock ticks are hundredths of a second on Linux.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut field = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    field.extend(text.as_bytes());
    field
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut len = body.len();
    loop {
        bytes.push((len & 0x7F) as u8 | if len > 0x7F { 0x80 } else { 0 });
        len >>= 7;
        if len == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

fn client(port: u16, name: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let body = [&text("MQTT")[..], &[4, 2, 0, 0], &text(name)].concat();
    stream.write_all(&packet(0x10, &body)).unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    stream
}

fn subscriber(port: u16, name: &str, topic: &str, qos: u8) -> TcpStream {
    let mut stream = client(port, name);
    let body = [&[0, 1][..], &text(topic), &[qos]].concat();
    stream.write_all(&packet(0x82, &body)).unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    stream
}

fn publish(topic: &str, qos: u8, id: u16) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    body.extend([b'x'; 16]);
    packet(0x30 | qos << 1, &body)
}

/// Publishes `count` messages; above QoS 0 with at most 1,000 in flight.
fn pump(mut stream: TcpStream, topic: &str, qos: u8, count: usize) {
    const BURST: usize = 500;
    let bursts: Vec<u8> =
        (1..=BURST).flat_map(|id| publish(topic, qos, u16::try_from(id).unwrap())).collect();
    let mut acks = vec![0; BURST * 4];
    for _ in 0..count / BURST {
        stream.write_all(&bursts).unwrap();
        if qos > 0 {
            stream.read_exact(&mut acks).unwrap();
        }
        if qos == 2 {
            let releases: Vec<u8> =
                (1..=BURST).flat_map(|id| packet(0x62, &u16::try_from(id).unwrap().to_be_bytes())).collect();
            stream.write_all(&releases).unwrap();
            stream.read_exact(&mut acks).unwrap();
        }
    }
}

/// Counts `count` messages, answers them, and says how many came.
fn drain(mut stream: TcpStream, qos: u8, count: usize) -> usize {
    let (mut buffer, mut rest, mut got, mut done) = (vec![0; 1 << 16], Vec::new(), 0, 0);
    while done < count {
        let Ok(read @ 1..) = stream.read(&mut buffer) else { break };
        rest.extend_from_slice(&buffer[..read]);
        let (mut at, mut answers) = (0, Vec::new());
        // All packets here are shorter than 128 bytes.
        while rest.len() >= at + 2 && rest.len() >= at + 2 + usize::from(rest[at + 1]) {
            let body = &rest[at + 2..at + 2 + usize::from(rest[at + 1])];
            if rest[at] >> 4 == 3 {
                got += 1;
                let id = 2 + usize::from(body[1]);
                match qos {
                    0 => done += 1,
                    1 => {
                        answers.extend(packet(0x40, &body[id..id + 2]));
                        done += 1;
                    }
                    _ => answers.extend(packet(0x50, &body[id..id + 2])),
                }
            } else if rest[at] >> 4 == 6 {
                answers.extend(packet(0x70, body));
                done += 1;
            }
            at += 2 + body.len();
        }
        rest.drain(..at);
        stream.write_all(&answers).unwrap();
    }
    got
}

/// One measurement: CPU-seconds per million delivered, delivered per second, lost.
fn measure(
    broker: &Broker,
    publishers: usize,
    fan_out: usize,
    qos: u8,
    messages: usize,
) -> (f64, f64, usize) {
    let each = messages / (publishers * fan_out) / 500 * 500;
    let port = broker.port;
    let subscribers: Vec<_> = (0..publishers)
        .flat_map(|number| (0..fan_out).map(move |copy| (number, copy)))
        .map(|(number, copy)| subscriber(port, &format!("s{number}-{copy}"), &format!("bench/{number}"), qos))
        .collect();
    let sources: Vec<_> = (0..publishers).map(|number| client(port, &format!("p{number}"))).collect();
    let (before, began) = (broker.cpu(), Instant::now());
    let receiving: Vec<_> =
        subscribers.into_iter().map(|stream| std::thread::spawn(move || drain(stream, qos, each))).collect();
    let sending: Vec<_> = sources
        .into_iter()
        .enumerate()
        .map(|(number, stream)| {
            std::thread::spawn(move || pump(stream, &format!("bench/{number}"), qos, each))
        })
        .collect();
    sending.into_iter().for_each(|thread| thread.join().unwrap());
    let got: usize = receiving.into_iter().map(|thread| thread.join().unwrap()).sum();
    let (cpu, took) = (broker.cpu() - before, began.elapsed().as_secs_f64());
    let millions = got as f64 / 1e6;
    (cpu / millions, got as f64 / took, each * publishers * fan_out - got)
}

/// A thread that copies bytes from one socket to another: what the kernel alone costs.
fn floor(messages: usize) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut source = TcpStream::connect(address).unwrap();
    let mut from = listener.accept().unwrap().0;
    let mut sink = TcpStream::connect(address).unwrap();
    let mut to = listener.accept().unwrap().0;
    let relay = std::thread::spawn(move || {
        let own = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
        };
        let (before, mut buffer) = (own(), vec![0; 1 << 16]);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            to.write_all(&buffer[..count]).unwrap();
        }
        own() - before
    });
    let reader = std::thread::spawn(move || while let Ok(1..) = sink.read(&mut [0; 1 << 16]) {});
    let burst = publish("bench/0", 0, 0).repeat(500);
    (0..messages / 500).for_each(|_| source.write_all(&burst).unwrap());
    drop(source);
    let cpu = relay.join().unwrap();
    reader.join().unwrap();
    cpu / (messages as f64 / 1e6)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let millions: f64 = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(1.0);
    let messages = (millions * 1e6) as usize;
    println!("bare relay: {:.3} CPU-s per million", floor(messages * 10));
    println!(
        "{:<22}{:>10}{:>12}{:>7}{:>12}{:>12}{:>7}{:>8}",
        "cell", "skeeter", "msg/s", "lost", "mosquitto", "msg/s", "lost", "ratio"
    );
    for (name, publishers, fan_out, qos) in [
        ("1 pair QoS 0", 1, 1, 0),
        ("10 pairs QoS 0", 10, 1, 0),
        ("10 pairs QoS 1", 10, 1, 1),
        ("10 pairs QoS 2", 10, 1, 2),
        ("fan-out 1:100 QoS 0", 1, 100, 0),
    ] {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        let (mut rates, mut losses) = ([0.0; 2], [0; 2]);
        for _ in 0..ROUNDS {
            let (cpu, rate, lost) = measure(&Broker::skeeter(), publishers, fan_out, qos, messages);
            own.push(cpu);
            (rates[0], losses[0]) = (rate, losses[0] + lost);
            if let Some(mosquitto) = Broker::mosquitto() {
                let (cpu, rate, lost) = measure(&mosquitto, publishers, fan_out, qos, messages / 4);
                other.push(cpu);
                (rates[1], losses[1]) = (rate, losses[1] + lost);
            }
        }
        let own = median(own);
        print!("{name:<22}{own:>10.3}{:>12.0}{:>7}", rates[0], losses[0]);
        if other.is_empty() {
            println!("   mosquitto is not installed");
        } else {
            let other = median(other);
            println!("{other:>12.3}{:>12.0}{:>7}{:>8.1}", rates[1], losses[1], other / own);
        }
    }
}
