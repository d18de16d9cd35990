//! A client process and the server that a test plays for it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Stdio};
use std::thread::JoinHandle;

use crate::support::{PATIENCE, Raw, packet, skeeter, wait};

/// CONNACK that accepts, of MQTT 5 and of 3.1.1.
pub(crate) const ACCEPT5: &[u8] = &[0x20, 3, 0, 0, 0];
pub(crate) const ACCEPT4: &[u8] = &[0x20, 2, 0, 0];

/// A server that knows no MQTT.
pub(crate) struct Server(TcpListener);

impl Server {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub(crate) fn accept(&self) -> Raw {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Raw(stream)
    }

    /// Accepts a connection and its CONNECT, which is given back.
    pub(crate) fn accept_with(&self, connack: &[u8]) -> (Raw, Vec<u8>) {
        let mut raw = self.accept();
        let (first, body) = raw.packet();
        assert_eq!(first, 0x10, "the first packet is CONNECT");
        raw.send(connack);
        (raw, body)
    }
}

/// What a process said before it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// A running client.
pub(crate) struct Run {
    pub(crate) child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
}

impl Run {
    /// Starts `skeeter` with these arguments, the port among them.
    pub(crate) fn start(port: u16, arguments: &[&str]) -> Self {
        Self::start_with(port, arguments, &[])
    }

    pub(crate) fn start_with(port: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let port = port.to_string();
        let mut all = arguments.to_vec();
        all.extend(["-h", "127.0.0.1", "-p", &port]);
        Self::start_bare(&all, environment)
    }

    pub(crate) fn start_bare(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(skeeter().args(arguments), environment)
    }

    /// Starts the binary under the name of one of mosquitto's clients.
    #[cfg(unix)]
    pub(crate) fn start_as(name: &str, port: u16, arguments: &[&str]) -> Self {
        use std::os::unix::process::CommandExt;
        let port = port.to_string();
        let mut command = skeeter();
        command.arg0(format!("/usr/bin/{name}")).args(["-h", "127.0.0.1", "-p", &port]).args(arguments);
        Self::spawn(&mut command, &[("XDG_CONFIG_HOME", "/nonexistent")])
    }

    pub(crate) fn spawn(command: &mut std::process::Command, environment: &[(&str, &str)]) -> Self {
        let mut child = command
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = gather(child.stdout.take().unwrap());
        let stderr = gather(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Writes all of stdin and closes it.
    pub(crate) fn feed(&mut self, input: &[u8]) {
        self.stdin().write_all(input).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Said {
        drop(self.child.stdin.take());
        let status = wait(&mut self.child);
        let stderr = String::from_utf8_lossy(&self.stderr.join().unwrap()).into_owned();
        Said { status, stdout: self.stdout.join().unwrap(), stderr }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

fn gather(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).unwrap();
        all
    })
}

/// Whether a program of the peers is there; in CI its absence is a failure.
pub(crate) fn has_peer(program: &str) -> bool {
    let found = std::process::Command::new(program).arg("--help").output().is_ok();
    assert!(found || std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "{program} is not installed");
    found
}

/// A broker that grants everything, sends `messages` once it is subscribed to, or published to, and keeps what it is told.
pub(crate) struct Polite {
    server: Server,
    messages: Vec<Vec<u8>>,
    /// Whether the messages are sent for each PUBLISH at QoS 0, and not for SUBSCRIBE.
    responds: bool,
}

impl Polite {
    pub(crate) fn new(messages: &[Vec<u8>]) -> Self {
        Self { server: Server::new(), messages: messages.to_vec(), responds: false }
    }

    /// One that sends these messages as the response to a request.
    pub(crate) fn responding(messages: &[Vec<u8>]) -> Self {
        Self { responds: true, ..Self::new(messages) }
    }

    /// Runs a client to its end; the packets it sent, and what it said.
    pub(crate) fn talk(&self, arguments: &[&str]) -> (Vec<(u8, Vec<u8>)>, Said) {
        let mut run = Run::start(self.server.port(), arguments);
        drop(run.stdin());
        (self.serve(), run.end())
    }

    /// The same under the name of one of mosquitto's clients.
    #[cfg(unix)]
    pub(crate) fn talk_as(&self, name: &str, arguments: &[&str]) -> (Vec<(u8, Vec<u8>)>, Said) {
        let run = Run::start_as(name, self.server.port(), arguments);
        (self.serve(), run.end())
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// One connection, to its end.
    pub(crate) fn serve(&self) -> Vec<(u8, Vec<u8>)> {
        let mut raw = self.server.accept();
        let mut packets = Vec::new();
        let mut is_v5 = false;
        while let Some((first, body)) = raw.try_packet() {
            let id = |at: usize| [body[at], body[at + 1]];
            let after_topic = || 2 + usize::from(u16::from_be_bytes(id(0)));
            match first & 0xF0 {
                0x10 => {
                    let level = body[2 + usize::from(u16::from_be_bytes(id(0)))];
                    is_v5 = level == 5;
                    raw.send(if is_v5 { ACCEPT5 } else { ACCEPT4 });
                }
                0x30 if first & 6 == 2 => raw.send(&packet(0x40, &[&id(after_topic())])),
                0x30 if first & 6 == 4 => raw.send(&packet(0x50, &[&id(after_topic())])),
                0x60 => raw.send(&packet(0x70, &[&id(0)])),
                0x80 => {
                    let properties = if is_v5 { &[0][..] } else { &[] };
                    let granted = vec![0; filters(&body, is_v5)];
                    raw.send(&packet(0x90, &[&id(0), properties, &granted]));
                    if !self.responds {
                        // It may be gone before it has taken all of them.
                        let _ = raw.0.write_all(&self.messages.concat());
                    }
                }
                0x30 if first & 6 == 0 && self.responds => {
                    let _ = raw.0.write_all(&self.messages.concat());
                }
                0xA0 if is_v5 => raw.send(&packet(0xB0, &[&id(0), &[0, 0]])),
                0xA0 => raw.send(&packet(0xB0, &[&id(0)])),
                0xC0 => raw.send(&[0xD0, 0]),
                _ => {}
            }
            packets.push((first, body));
            if first == 0xE0 {
                break;
            }
        }
        packets
    }
}

/// How many filters a SUBSCRIBE has.
fn filters(body: &[u8], is_v5: bool) -> usize {
    let mut at = if is_v5 { 3 + usize::from(body[2]) } else { 2 };
    let mut count = 0;
    while at < body.len() {
        at += 3 + usize::from(u16::from_be_bytes([body[at], body[at + 1]]));
        count += 1;
    }
    count
}
