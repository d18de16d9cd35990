//! What a connected client notices of others: 10,000 half-open connections, a flood of wrong passwords by argon2id, and a
//! flood of messages that one subscriber of everything takes slowly or not at all.
//!
//! `cargo bench --bench canary`. The canary publishes to itself at QoS 1 and pings, one after the other; beside a flood of
//! messages it does so every ten milliseconds. Each line gives its round trips in microseconds in one situation.
//! Situations come in turn (A B A B ...), on one broker each.
//! Everything stays on loopback; what must arrive is asserted by `tests/broker/locks.rs`.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first thing that fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SONGS: usize = 2_000;
const HALF_OPEN: usize = 10_000;
const GUESSES: usize = 200;
/// Round trips beside a flood of messages, and the pause between two.
const PACED: usize = 500;
const PAUSE: Duration = Duration::from_millis(10);

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
    fn start(users: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_skeeter"))
            .args(["broker", "-p", "0", "-q", "--password-file", users])
            .args(["--connect-timeout", "600", "--max-failed-logins", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }
}

fn login(client: &str, password: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\xC2\x00\x00".to_vec();
    for field in [client, "ann", password] {
        body.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        body.extend(field.as_bytes());
    }
    [&[0x10, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

/// Sings, and prints how long each song took.
fn sing(name: &str, canary: &mut TcpStream, songs: usize, pause: Duration) {
    let mut times = Vec::with_capacity(songs);
    for _ in 0..songs {
        let began = Instant::now();
        // PUBLISH to `c` at QoS 1, and PINGREQ; back come PUBLISH, PUBACK and PINGRESP in some order.
        canary.write_all(b"\x32\x06\x00\x01c\x00\x01x\xC0\x00").unwrap();
        let mut got = [0; 8 + 4 + 2];
        canary.read_exact(&mut got).unwrap();
        times.push(began.elapsed().as_micros());
        let at = got.iter().position(|byte| *byte == 0x32).unwrap();
        canary.write_all(&[0x40, 2, got[at + 5], got[at + 6]]).unwrap();
        std::thread::sleep(pause);
    }
    times.sort_unstable();
    let at = |percent: usize| times[(songs * percent / 100).min(songs - 1)];
    println!("{name:<40} {:>8} {:>8} {:>8} {:>8}", at(50), at(90), at(99), at(100));
}

/// How a subscriber of everything, whose window is one message, takes what it is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slow {
    /// There is none.
    Absent,
    /// It acknowledges nothing and sends PINGREQ.
    Pings,
    /// It acknowledges two messages a second.
    Acknowledges,
    /// At QoS 0, it reads 24,000 bytes a second.
    Reads,
    /// It does nothing.
    Dead,
}

impl Slow {
    fn subscribe(self, broker: &Broker) -> TcpStream {
        let mut client = broker.connect();
        // CONNECT of MQTT 5 with Receive Maximum 1.
        client.write_all(b"\x10\x20\x00\x04MQTT\x05\xC2\x00\x00\x03\x21\x00\x01\x00\x04slow").unwrap();
        client.write_all(b"\x00\x03ann\x00\x06secret").unwrap();
        assert_eq!(packet(&mut client).unwrap().0, 0x20);
        let qos = if self == Self::Reads { 0 } else { 1 };
        client.write_all(&[0x82, 7, 0, 1, 0, 0, 1, b'#', qos]).unwrap();
        assert_eq!(packet(&mut client).unwrap().0, 0x90);
        client
    }

    /// Does it once; an error ends it.
    fn act(self, client: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Self::Absent | Self::Dead => {}
            Self::Pings => {
                client.write_all(&[0xC0, 0])?;
                while packet(client)?.0 != 0xD0 {}
            }
            Self::Acknowledges => {
                let (_, body) = packet(client)?;
                let at = 2 + usize::from(body[1]);
                std::thread::sleep(Duration::from_millis(400));
                client.write_all(&[0x40, 2, body[at], body[at + 1]])?;
            }
            Self::Reads => drop(client.read(&mut [0; 2_400])?),
        }
        std::thread::sleep(Duration::from_millis(100));
        Ok(())
    }
}

/// The next packet: its first byte, and its body.
fn packet(client: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    client.read_exact(&mut byte)?;
    let (first, mut len, mut shift) = (byte[0], 0_usize, 0);
    loop {
        client.read_exact(&mut byte)?;
        len |= usize::from(byte[0] & 0x7F) << shift;
        shift += 7;
        if byte[0] < 0x80 {
            break;
        }
    }
    let mut body = vec![0; len];
    client.read_exact(&mut body)?;
    Ok((first, body))
}

fn sing_beside_a_flood(users: &str, slow: Slow) {
    let broker = Broker::start(users);
    let stop = Arc::new(AtomicBool::new(false));
    let mut canary = broker.connect();
    canary.write_all(&login("canary", "secret")).unwrap();
    canary.read_exact(&mut [0; 4]).unwrap();
    canary.write_all(b"\x82\x06\x00\x01\x00\x01c\x01").unwrap();
    canary.read_exact(&mut [0; 5]).unwrap();
    let mut threads = Vec::new();
    if slow != Slow::Absent {
        let (mut client, stopped) = (slow.subscribe(&broker), stop.clone());
        threads.push(std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) && slow.act(&mut client).is_ok() {}
        }));
    }
    let (mut publisher, stopped) = (broker.connect(), stop.clone());
    threads.push(std::thread::spawn(move || {
        publisher.write_all(&login("flood", "secret")).unwrap();
        publisher.read_exact(&mut [0; 4]).unwrap();
        // PUBLISH at QoS 1 with 1,000 bytes, fifteen at a time.
        let message = [&b"\x32\xED\x07\x00\x01f\x00\x01"[..], &[b'x'; 1_000]].concat();
        let burst: Vec<u8> = (1..=15_u8)
            .flat_map(|id| {
                let mut message = message.clone();
                message[7] = id;
                message
            })
            .collect();
        let mut publish =
            || publisher.write_all(&burst).and_then(|()| publisher.read_exact(&mut [0; 15 * 4]));
        while !stopped.load(Ordering::Relaxed) && publish().is_ok() {}
    }));
    let name = match slow {
        Slow::Absent => "beside a flood of messages",
        Slow::Pings => "and a subscriber that only pings",
        Slow::Acknowledges => "and one with two messages a second",
        Slow::Reads => "and one that reads 24 kB a second",
        Slow::Dead => "and one that has died",
    };
    sing(name, &mut canary, PACED, PAUSE);
    stop.store(true, Ordering::Relaxed);
    drop(broker);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

fn main() {
    raise_limit();
    let users = std::env::temp_dir().join(format!("skeeter-canary-{}", std::process::id()));
    let made = Command::new(env!("CARGO_BIN_EXE_skeeter"))
        .args(["passwd", "-c"])
        .arg(&users)
        .arg("ann")
        .env("SKEETER_PASSWORD", "secret")
        .status();
    assert!(made.unwrap().success());
    println!("{:<40} {:>8} {:>8} {:>8} {:>8}", "microseconds, percentiles", 50, 90, 99, 100);
    for _ in 0..2 {
        let broker = Broker::start(users.to_str().unwrap());
        let mut canary = broker.connect();
        canary.write_all(&login("canary", "secret")).unwrap();
        canary.read_exact(&mut [0; 4]).unwrap();
        canary.write_all(b"\x82\x06\x00\x01\x00\x01c\x01").unwrap();
        canary.read_exact(&mut [0; 5]).unwrap();
        sing("alone", &mut canary, SONGS, Duration::ZERO);
        let half_open: Vec<_> = (0..HALF_OPEN)
            .map(|_| {
                let mut client = broker.connect();
                client.write_all(&[0x10]).unwrap();
                client
            })
            .collect();
        sing("beside 10,000 half-open connections", &mut canary, SONGS, Duration::ZERO);
        let guesses: Vec<_> = (0..GUESSES)
            .map(|number| {
                let mut client = broker.connect();
                client.write_all(&login("x", &format!("guess {number}"))).unwrap();
                client
            })
            .collect();
        sing("and while guesses are verified", &mut canary, SONGS, Duration::ZERO);
        drop((half_open, guesses));
        for slow in [Slow::Absent, Slow::Pings, Slow::Acknowledges, Slow::Reads, Slow::Dead] {
            sing_beside_a_flood(users.to_str().unwrap(), slow);
        }
    }
    let _ = std::fs::remove_file(users);
}
