//! CPU that the clients spend on a message, beside Debian's mosquitto-clients, in turn (A B A B ...).
//!
//! `cargo bench --bench clients [-- MILLIONS]`. The other end is a thread of this program that speaks just enough of MQTT
//! 3.1.1, the same for both. Each cell tells CPU-seconds per million messages, as the operating system counts them, the
//! highest memory in use, and the ratio of the medians; the last one the time of one `pub -m` from start to exit, beside
//! that of a process that does nothing. Linux only; everything stays on loopback.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first thing that fails")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const ONE_SHOTS: usize = 200;

/// Which client is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Skeeter,
    Mosquitto,
}

impl Client {
    fn command(self, name: &str, port: u16) -> Command {
        let mut command = match self {
            Self::Skeeter => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_skeeter"));
                command.args([name, "-V", "311"]);
                command
            }
            Self::Mosquitto => Command::new(format!("/usr/bin/mosquitto_{name}")),
        };
        command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", "bench/a"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn is_there(self) -> bool {
        self == Self::Skeeter || Path::new("/usr/bin/mosquitto_pub").exists()
    }
}

fn stat(id: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect()
}

/// CPU-seconds of a process that has ended, before it is waited for. Clock ticks are hundredths of a second on Linux.
fn cpu(child: &mut Child) -> f64 {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let fields = stat(child.id());
        if fields[0] == "Z" {
            let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
            assert!(child.wait().unwrap().success());
            return ticks / 100.0;
        }
        assert!(Instant::now() < end, "the client did not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The most memory the process has had so far, in MiB; nothing when it has ended.
fn peak(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Watches the memory of a process until it ends; the system keeps the highest.
fn watch(id: u32) -> JoinHandle<f64> {
    std::thread::spawn(move || {
        let mut highest = 0.0;
        while let Some(mib) = peak(id) {
            highest = mib;
            std::thread::sleep(Duration::from_millis(5));
        }
        highest
    })
}

/// Reads packets of at most 127 bytes and hands out the first byte and the body of each; gives up when there are no more.
struct Packets {
    stream: TcpStream,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

impl Packets {
    fn accept(listener: &TcpListener) -> Self {
        let stream = listener.accept().unwrap().0;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, buffer: vec![0; 1 << 17], at: 0, end: 0 }
    }

    /// The next packet, if it is there already.
    fn here(&mut self) -> Option<(u8, &[u8])> {
        let rest = &self.buffer[self.at..self.end];
        let len = 2 + usize::from(*rest.get(1)?);
        let packet = rest.get(..len)?;
        self.at += len;
        Some((packet[0], &packet[2..]))
    }

    /// Waits for more bytes; whether some came.
    fn more(&mut self) -> bool {
        self.buffer.copy_within(self.at..self.end, 0);
        (self.end, self.at) = (self.end - self.at, 0);
        let count = self.stream.read(&mut self.buffer[self.end..]).unwrap_or(0);
        self.end += count;
        count > 0
    }

    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, body)) = self.here() {
                return Some((first, body.to_vec()));
            }
            if !self.more() {
                return None;
            }
        }
    }
}

/// Takes connections until they have brought `count` messages, and answers what wants an answer.
fn sink(listener: &TcpListener, count: usize) {
    let mut got = 0;
    loop {
        let mut packets = Packets::accept(listener);
        let mut answers = Vec::new();
        let mut is_over = false;
        while !is_over && packets.more() {
            while let Some((first, body)) = packets.here() {
                match first & 0xF0 {
                    0x10 => answers.extend([0x20, 2, 0, 0]),
                    0x30 => {
                        got += 1;
                        if first & 6 == 2 {
                            let id = 2 + usize::from(body[1]);
                            answers.extend([0x40, 2, body[id], body[id + 1]]);
                        }
                    }
                    0xC0 => answers.extend([0xD0, 0]),
                    0xE0 => is_over = true,
                    other => panic!("{other:02x}"),
                }
            }
            // It may be gone already.
            let _ = packets.stream.write_all(&answers);
            answers.clear();
        }
        if got >= count {
            break;
        }
    }
}

fn lines(count: usize) -> PathBuf {
    let path = std::env::temp_dir().join(format!("skeeter-bench-lines-{count}"));
    let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
    (0..count).for_each(|number| writeln!(file, "line {number:011}").unwrap());
    path
}

/// `pub -l` of so many lines: CPU-seconds per million, and MiB.
fn publish(client: Client, qos: &str, count: usize) -> (f64, f64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = lines(count);
    let mut command = client.command("pub", listener.local_addr().unwrap().port());
    let mut child = command.args(["-l", "-q", qos]).stdin(File::open(&path).unwrap()).spawn().unwrap();
    let memory = watch(child.id());
    sink(&listener, count);
    // Ours may come back to clean its session.
    let rest = std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(&[0x20, 2, 0, 0]);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let cpu = cpu(&mut child);
    drop(rest);
    std::fs::remove_file(path).unwrap();
    (cpu / (count as f64 / 1e6), memory.join().unwrap())
}

/// `sub -v` of so many messages to a file: CPU-seconds per million, and MiB.
fn subscribe(client: Client, qos: u8, count: usize) -> (f64, f64) {
    const BURST: usize = 1000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = std::env::temp_dir().join(format!("skeeter-bench-out-{}", std::process::id()));
    let mut command = client.command("sub", listener.local_addr().unwrap().port());
    command.args(["-v", "-C", &count.to_string(), "-q", &qos.to_string()]);
    let mut child = command.stdout(File::create(&path).unwrap()).spawn().unwrap();
    let memory = watch(child.id());
    let mut packets = Packets::accept(&listener);
    packets.next().unwrap();
    packets.stream.write_all(&[0x20, 2, 0, 0]).unwrap();
    let (_, subscribe) = packets.next().unwrap();
    packets.stream.write_all(&[0x90, 3, subscribe[0], subscribe[1], qos]).unwrap();
    let mut burst = Vec::new();
    for id in 1..=u16::try_from(BURST).unwrap() {
        let id = if qos > 0 { &id.to_be_bytes()[..] } else { &[] };
        burst.extend([0x30 | qos << 1, (25 + id.len()) as u8, 0, 7]);
        burst.extend(b"bench/a");
        burst.extend(id);
        burst.extend(b"0123456789abcdef");
    }
    let mut acknowledged = 0;
    for number in 1..=count / BURST {
        packets.stream.write_all(&burst).unwrap();
        while qos > 0 && acknowledged < number * BURST {
            match packets.here() {
                Some(_) => acknowledged += 1,
                None => assert!(packets.more(), "the client is gone"),
            }
        }
    }
    while packets.more() {
        packets.at = packets.end;
    }
    drop(packets);
    let cpu = cpu(&mut child);
    let written = std::fs::read(&path).unwrap();
    assert_eq!(written.len(), count * b"bench/a 0123456789abcdef\n".len(), "all is in the file");
    std::fs::remove_file(path).unwrap();
    (cpu / (count as f64 / 1e6), memory.join().unwrap())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One cell: ours and theirs in turn.
fn cell(name: &str, counts: [usize; 2], measure: impl Fn(Client, usize) -> (f64, f64)) {
    let (mut cpu, mut memory) = ([Vec::new(), Vec::new()], [0.0_f64; 2]);
    for _ in 0..ROUNDS {
        for (at, client) in [Client::Skeeter, Client::Mosquitto].into_iter().enumerate() {
            if client.is_there() {
                let (seconds, mib) = measure(client, counts[at]);
                cpu[at].push(seconds);
                memory[at] = memory[at].max(mib);
            }
        }
    }
    let [ours, theirs] = &mut cpu;
    print!("{name:<16}{:>10.3}{:>9.1}", median(ours), memory[0]);
    if theirs.is_empty() {
        println!("   mosquitto-clients are not installed");
    } else {
        println!("{:>12.3}{:>9.1}{:>8.1}", median(theirs), memory[1], median(theirs) / median(ours));
    }
}

/// Milliseconds from start to exit.
fn one_shot(mut command: Command, listener: &TcpListener) -> f64 {
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    sink(listener, 1);
    assert!(child.wait().unwrap().success());
    began.elapsed().as_secs_f64() * 1e3
}

fn one_shots() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (mut ours, mut theirs, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ONE_SHOTS {
        for (client, times) in [(Client::Skeeter, &mut ours), (Client::Mosquitto, &mut theirs)] {
            if client.is_there() {
                let mut command = client.command("pub", port);
                command.args(["-m", "x"]);
                times.push(one_shot(command, &listener));
            }
        }
        let began = Instant::now();
        Command::new("/bin/true").status().unwrap();
        nothing.push(began.elapsed().as_secs_f64() * 1e3);
    }
    print!(
        "one pub -m: {:.2} ms, a process that does nothing {:.2} ms",
        median(&mut ours),
        median(&mut nothing)
    );
    match theirs.is_empty() {
        true => println!(),
        false => println!(
            ", mosquitto_pub {:.2} ms, ratio {:.2}",
            median(&mut theirs),
            median(&mut theirs) / median(&mut ours)
        ),
    }
}

fn main() {
    let millions: f64 = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(1.0);
    let count = ((millions * 1e3) as usize).max(100) * 1000;
    println!(
        "{:<16}{:>10}{:>9}{:>12}{:>9}{:>8}",
        "CPU-s/million", "skeeter", "MiB", "mosquitto", "MiB", "ratio"
    );
    cell("pub -l", [count * 2, count / 2], |client, count| publish(client, "0", count));
    // Theirs loses lines when its packet identifiers have all been used.
    cell("pub -l -q 1", [count * 2, 60_000], |client, count| publish(client, "1", count));
    cell("sub -v", [count * 2, count / 2], |client, count| subscribe(client, 0, count));
    cell("sub -v -q 1", [count * 2, count / 2], |client, count| subscribe(client, 1, count));
    one_shots();
}
