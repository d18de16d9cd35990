//! What the black-box tests share: a broker that ends with its test, and a client that sends bytes written by hand.
//!
//! Packets are put together here byte by byte and not by the code under test.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses its part; a test fails by panicking"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long a test waits for what must come; never reached unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn skeeter() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("skeeter"))
}

/// A folder of this test's own, removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("skeeter-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The lines so far, and whether the pipe is closed.
type SoFar = (Vec<String>, bool);

/// Lines that a thread reads from a pipe.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<SoFar>, Condvar)>);

impl Lines {
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let filled = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                filled.0.0.lock().unwrap().0.push(line);
                filled.0.1.notify_all();
            }
            filled.0.0.lock().unwrap().1 = true;
            filled.0.1.notify_all();
        });
        lines
    }

    /// Waits until `wanted` finds what it looks for.
    pub(crate) fn wait<T>(&self, what: &str, wanted: impl Fn(&[String]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut state = self.0.0.lock().unwrap();
        loop {
            if let Some(found) = wanted(&state.0) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !state.1,
                "waited for {what}; the lines were:\n{}",
                state.0.join("\n")
            );
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }

    pub(crate) fn wait_line(&self, part: &str) -> String {
        self.wait(&format!("a line with {part:?}"), |lines| {
            lines.iter().find(|line| line.contains(part)).cloned()
        })
    }

    /// The lines that have come.
    pub(crate) fn so_far(&self) -> Vec<String> {
        self.0.0.lock().unwrap().0.clone()
    }

    /// Waits for the end, and gives all lines.
    pub(crate) fn all(&self) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.0.0.lock().unwrap();
        while !state.1 {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the pipe was not closed; the lines were:\n{}", state.0.join("\n"));
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
        state.0.clone()
    }
}

/// A running broker on a free port.
pub(crate) struct Broker {
    pub(crate) child: Child,
    pub(crate) port: u16,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

impl Broker {
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[])
    }

    pub(crate) fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = skeeter();
        command.args(["broker", "-p", "0"]).args(flags).envs(environment.iter().copied());
        Self::run(command)
    }

    /// The broker that this command starts, on a free port.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        let line = stdout.wait_line("listening on mqtt://");
        let port = line.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port, stdout, stderr }
    }

    /// A broker with this configuration, which names `listener 0 127.0.0.1` or no listener.
    pub(crate) fn with_config(folder: &Folder, config: &str, flags: &[&str]) -> Self {
        let path = folder.file("mosquitto.conf");
        std::fs::write(&path, config).unwrap();
        Self::start(&[&["-c", path.to_str().unwrap()], flags].concat())
    }

    pub(crate) fn connect(&self) -> Raw {
        Raw::connect(self.port)
    }

    /// Sends a signal to the broker by its name.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end; its status.
    pub(crate) fn status(&mut self) -> i32 {
        wait(&mut self.child)
    }

    /// Resident memory in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self) -> usize {
        self.bytes_of("VmRSS:")
    }

    /// Resident memory that is no part of files, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn own_memory(&self) -> usize {
        self.bytes_of("RssAnon:")
    }

    #[cfg(target_os = "linux")]
    fn bytes_of(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a fact that nothing announces.
pub(crate) fn wait_for<T>(what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = fact() {
            return found;
        }
        assert!(Instant::now() < end, "waited for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Waits for a process to end by itself; its status.
pub(crate) fn wait(child: &mut Child) -> i32 {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        assert!(Instant::now() < end, "the process did not end");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// A client that knows no MQTT.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Reads exactly as much as is expected and compares.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        let mut len = 0;
        while len < got.len() {
            match self.0.read(&mut got[len..]) {
                Ok(0) => panic!("closed after {:02x?}, expected {expected:02x?}", &got[..len]),
                Ok(count) => len += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{error} after {:02x?}, expected {expected:02x?}", &got[..len]),
            }
        }
        assert_eq!(got, expected, "got {got:02x?}, expected {expected:02x?}");
    }

    /// Reads one packet: its first byte and its body.
    #[track_caller]
    pub(crate) fn packet(&mut self) -> (u8, Vec<u8>) {
        self.try_packet().expect("the broker closed the connection instead of sending a packet")
    }

    /// The next packet, or nothing if the connection is closed.
    pub(crate) fn try_packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut byte = [0];
        self.0.read_exact(&mut byte).ok()?;
        let first = byte[0];
        let (mut len, mut shift) = (0_usize, 0);
        loop {
            self.0.read_exact(&mut byte).ok()?;
            len |= usize::from(byte[0] & 0x7F) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).ok()?;
        Some((first, body))
    }

    /// Asserts that nothing comes any more but the end.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "got {rest:02x?} instead of the end"),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "not closed: {error}")
            }
        }
    }

    /// Sends PINGREQ and reads until its answer: whatever was on its way has come by then.
    #[track_caller]
    pub(crate) fn ping(&mut self) -> Vec<(u8, Vec<u8>)> {
        self.send(&[0xC0, 0]);
        let mut packets = Vec::new();
        loop {
            match self.packet() {
                (0xD0, _) => return packets,
                packet => packets.push(packet),
            }
        }
    }

    pub(crate) fn shut(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// A packet: first byte, length, body.
pub(crate) fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let (mut bytes, mut len) = (vec![first], body.len());
    loop {
        let more = if len > 0x7F { 0x80 } else { 0 };
        bytes.push((len & 0x7F) as u8 | more);
        len >>= 7;
        if len == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// A string or binary data with its length.
pub(crate) fn text(text: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = text.as_ref();
    let mut field = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    field.extend(bytes);
    field
}

/// CONNECT of 3.1.1.
pub(crate) fn connect4(client: &str, clean: bool) -> Vec<u8> {
    packet(0x10, &[&text("MQTT"), &[4, u8::from(clean) << 1, 0, 0], &text(client)])
}

/// CONNECT of 5.0 with these properties.
pub(crate) fn connect5(client: &str, clean: bool, properties: &[u8]) -> Vec<u8> {
    let len = u8::try_from(properties.len()).unwrap();
    packet(0x10, &[&text("MQTT"), &[5, u8::from(clean) << 1, 0, 0, len], properties, &text(client)])
}

pub(crate) fn subscribe4(id: u16, filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&id.to_be_bytes(), &text(filter), &[qos]])
}

pub(crate) fn publish4(topic: &str, qos: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    packet(0x30 | qos << 1, &[&text(topic), if qos > 0 { &id } else { &[] }, payload])
}

pub(crate) const CONNACK4: [u8; 4] = [0x20, 2, 0, 0];
