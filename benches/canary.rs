//! What a client that is in notices of others who try to get in: 10,000 half-open connections, and a flood of wrong
//! passwords by argon2id.
//!
//! `cargo bench --bench canary`. The canary publishes to itself at QoS 1 and pings, one after the other; each line gives
//! its round trips in microseconds in one situation. Situations come in turn (A B A B ...), on one broker each.
//! Everything stays on loopback; what must arrive is asserted by `tests/broker/locks.rs`.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first thing that fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const SONGS: usize = 2_000;
const HALF_OPEN: usize = 10_000;
const GUESSES: usize = 200;

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
fn sing(name: &str, canary: &mut TcpStream) {
    let mut times = Vec::with_capacity(SONGS);
    for _ in 0..SONGS {
        let began = Instant::now();
        // PUBLISH to `c` at QoS 1, and PINGREQ; back come PUBLISH, PUBACK and PINGRESP in some order.
        canary.write_all(b"\x32\x06\x00\x01c\x00\x01x\xC0\x00").unwrap();
        let mut got = [0; 8 + 4 + 2];
        canary.read_exact(&mut got).unwrap();
        times.push(began.elapsed().as_micros());
        let at = got.iter().position(|byte| *byte == 0x32).unwrap();
        canary.write_all(&[0x40, 2, got[at + 5], got[at + 6]]).unwrap();
    }
    times.sort_unstable();
    let at = |percent: usize| times[(SONGS * percent / 100).min(SONGS - 1)];
    println!("{name:<40} {:>8} {:>8} {:>8} {:>8}", at(50), at(90), at(99), at(100));
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
        sing("alone", &mut canary);
        let half_open: Vec<_> = (0..HALF_OPEN)
            .map(|_| {
                let mut client = broker.connect();
                client.write_all(&[0x10]).unwrap();
                client
            })
            .collect();
        sing("beside 10,000 half-open connections", &mut canary);
        let guesses: Vec<_> = (0..GUESSES)
            .map(|number| {
                let mut client = broker.connect();
                client.write_all(&login("x", &format!("guess {number}"))).unwrap();
                client
            })
            .collect();
        sing("and while guesses are verified", &mut canary);
        drop((half_open, guesses));
    }
    let _ = std::fs::remove_file(users);
}
