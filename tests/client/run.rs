//! A client process and the server that a test plays for it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Stdio};
use std::thread::JoinHandle;

use crate::support::{PATIENCE, Raw, skeeter, wait};

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
        let mut child = skeeter()
            .args(arguments)
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
