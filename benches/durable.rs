//! What it costs to acknowledge a message when it is on the disk: QoS 1 to kept sessions, one connected and one absent.
//!
//! `cargo bench --bench durable [-- SECONDS [PUBLISHERS ...]]`. For 1, 10, 100 and 1,000 publishers with 20 messages in
//! flight each, in turn: `skeeter broker` in memory with every sync made 1 ms longer, so that machines compare, and on the disk;
//! the same with `--durability none`; and Debian's mosquitto, told to save after every change, which it does not wait for.
//! Acknowledged messages a second, the time to the acknowledgement, and the ratio to `none`. Linux; only loopback.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first thing that fails")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const WINDOW: usize = 20;
/// Half of the messages go to a client that is there, half to one that is not.
const FILTERS: [&str; 2] = ["here/#", "absent/#"];

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(body.len()).unwrap()], body].concat()
}

fn connect(client: &str, clean: bool) -> Vec<u8> {
    packet(0x10, &[&text("MQTT")[..], &[4, u8::from(clean) << 1, 0, 0], &text(client)].concat())
}

/// A broker in a process of its own, with a folder that goes with it.
struct Broker {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A folder on the disk, or in memory: there a sync costs what is added to it and no more.
fn folder(name: &str, in_memory: bool) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let parent = if in_memory && memory.is_dir() { memory } else { env!("CARGO_TARGET_TMPDIR").into() };
    let folder = parent.join(format!("skeeter-durable-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn skeeter(name: &str, in_memory: bool, flags: &[&str]) -> Broker {
    let folder = folder(name, in_memory);
    let mut child = Command::new(env!("CARGO_BIN_EXE_skeeter"))
        .args(["broker", "-p", "0", "-q", "--sys-interval", "0", "--max-queued-messages", "100000000"])
        .args(["--max-queued-bytes", "100G", "--data-dir", folder.join("data").to_str().unwrap()])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = tokio::process::ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
    let line = BufReader::new(stdout).lines().next_line().await.unwrap().unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
    Broker { child, port, folder }
}

async fn mosquitto() -> Option<Broker> {
    let folder = folder("mosquitto", false);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.join("conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\nuser root\n\
         persistence true\npersistence_location {}/\nautosave_interval 1\nautosave_on_changes true\n",
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new("/usr/sbin/mosquitto");
    let child = command.args(["-c", config.to_str().unwrap()]).stderr(Stdio::null()).spawn().ok()?;
    let end = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < end, "mosquitto does not listen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Some(Broker { child, port, folder })
}

/// Opens a connection and says CONNECT.
async fn open(port: u16, client: &str, clean: bool) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&connect(client, clean)).await.unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack[3], 0);
    stream
}

async fn subscriber(port: u16, number: usize) -> TcpStream {
    let mut stream = open(port, &format!("s{number}"), false).await;
    let body = [&[0, 1][..], &text(FILTERS[number]), &[1]].concat();
    stream.write_all(&packet(0x82, &body)).await.unwrap();
    stream.read_exact(&mut [0; 5]).await.unwrap();
    stream
}

/// Reads packets of less than 128 bytes and acknowledges each.
async fn acknowledge(mut stream: TcpStream) {
    let (mut bytes, mut acks) = (Vec::new(), Vec::new());
    while stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
        let mut at = 0;
        while bytes.len() >= at + 2 && bytes.len() >= at + 2 + usize::from(bytes[at + 1]) {
            let topic = 4 + usize::from(bytes[at + 3]);
            acks.extend_from_slice(&[0x40, 2, bytes[at + topic], bytes[at + topic + 1]]);
            at += 2 + usize::from(bytes[at + 1]);
        }
        bytes.drain(..at);
        if stream.write_all(&acks).await.is_err() {
            return;
        }
        acks.clear();
    }
}

/// Publishes with a full window until `end`; how many were acknowledged, and how long that took.
async fn publish(port: u16, number: usize, end: Instant) -> (u64, Histogram<u64>) {
    let mut stream = open(port, &format!("p{number}"), true).await;
    let topic = format!("{}/{number}", FILTERS[number % 2].trim_end_matches("/#"));
    let (mut sent, mut times) = (vec![Instant::now(); WINDOW + 1], Histogram::new(3).unwrap());
    let publish = |id: usize| {
        let id = u16::try_from(id).unwrap().to_be_bytes();
        packet(0x32, &[&text(&topic)[..], &id, b"0123456789abcdef"].concat())
    };
    let first: Vec<u8> = (1..=WINDOW).flat_map(publish).collect();
    stream.write_all(&first).await.unwrap();
    let (mut count, mut bytes, mut next) = (0, Vec::new(), Vec::new());
    while Instant::now() < end {
        stream.read_buf(&mut bytes).await.unwrap();
        let whole = bytes.len() / 4 * 4;
        let now = Instant::now();
        for ack in bytes[..whole].chunks_exact(4) {
            let id = usize::from(u16::from_be_bytes([ack[2], ack[3]]));
            times.record(u64::try_from((now - sent[id]).as_micros()).unwrap()).unwrap();
            count += 1;
            sent[id] = now;
            next.extend(publish(id));
        }
        bytes.drain(..whole);
        stream.write_all(&next).await.unwrap();
        next.clear();
    }
    (count, times)
}

/// One run; acknowledged messages a second.
async fn run(name: &str, broker: &Broker, publishers: usize, span: Duration) -> f64 {
    drop(subscriber(broker.port, 1).await);
    tokio::spawn(acknowledge(subscriber(broker.port, 0).await));
    let began = Instant::now();
    let tasks: Vec<_> =
        (0..publishers).map(|number| tokio::spawn(publish(broker.port, number, began + span))).collect();
    let (mut count, mut times) = (0, Histogram::<u64>::new(3).unwrap());
    for task in tasks {
        let (acknowledged, own) = task.await.unwrap();
        count += acknowledged;
        times.add(own).unwrap();
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = count as f64 / began.elapsed().as_secs_f64();
    let ms = |quantile| {
        #[allow(clippy::cast_precision_loss, reason = "a time for people")]
        let micros = times.value_at_quantile(quantile) as f64;
        micros / 1_000.0
    };
    println!(
        "{publishers:>10} publishers  {name:<24} {rate:>9.0}/s acknowledged   p50 {:>8.2} ms   p99 {:>8.2} ms",
        ms(0.5),
        ms(0.99)
    );
    rate
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let span = Duration::from_secs(numbers.first().map_or(3, |seconds| *seconds as u64));
    let cells = if numbers.len() > 1 { &numbers[1..] } else { &[1, 10, 100, 1_000] };
    for publishers in cells {
        let mut rates = Vec::new();
        for round in 0..3 {
            let slow = skeeter("slow", true, &["--sync-delay", "1"]).await;
            let slow = run("acks, 1 ms a sync", &slow, *publishers, span).await;
            let acks = run("acks", &skeeter("acks", false, &[]).await, *publishers, span).await;
            let none =
                run("none", &skeeter("none", false, &["--durability", "none"]).await, *publishers, span)
                    .await;
            rates.push((slow / none, acks / none));
            match mosquitto().await {
                Some(broker) => drop(run("mosquitto, saving", &broker, *publishers, span).await),
                None if round == 0 => println!("mosquitto is not installed, so it is left out"),
                None => {}
            }
        }
        rates.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (slow, acks) = rates[rates.len() / 2];
        println!(
            "{publishers:>10} publishers  of the rate of none: {slow:.2} with 1 ms a sync, {acks:.2} as the disk is\n"
        );
    }
}
