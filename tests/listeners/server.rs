//! A broker with many server, and the ways through them that need no peer of their own.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use crate::support::{CONNACK4, Folder, Lines, Raw, connect4, packet, skeeter, text, wait};

/// Whether a program is there; where peers are required its absence is a failure.
pub(crate) fn has_peer(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    let found = found.status.success();
    assert!(found || std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "{program} is not installed");
    if !found {
        eprintln!("NOT RUN: {program} is not installed; .ci/run installs the peers");
    }
    found
}

/// A broker, and where it listens.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
    listeners: serde_json::Value,
    _folder: Folder,
}

impl Server {
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[])
    }

    pub(crate) fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let file = folder.file("ports.json");
        let mut child = skeeter()
            .args(["broker", "-p", "0", "--ports-file"])
            .arg(&file)
            .args(flags)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        stdout.wait_line("listening on ");
        let text = std::fs::read_to_string(&file).unwrap();
        let listeners = serde_json::from_str::<serde_json::Value>(&text).unwrap()["listeners"].take();
        Self { child, stdout, stderr, listeners, _folder: folder }
    }

    /// The port for a scheme, at 127.0.0.1.
    pub(crate) fn port(&self, scheme: &str) -> u16 {
        let start = format!("{scheme}://127.0.0.1:");
        let all = self.listeners.as_array().unwrap();
        let found = all.iter().find(|entry| entry["url"].as_str().unwrap().starts_with(&start));
        u16::try_from(found.unwrap()["port"].as_u64().unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// A connection by hand to the port of a scheme.
    pub(crate) fn connect(&self, scheme: &str) -> Raw {
        Raw::connect(self.port(scheme))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `openssl s_client`, with what it sends and receives.
pub(crate) struct SClient {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Lines,
}

impl SClient {
    pub(crate) fn start(port: u16, arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_client", "-quiet", "-no_ign_eof", "-verify_quiet", "-verify_return_error", "-connect"])
            .arg(format!("127.0.0.1:{port}"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().unwrap();
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdin, stdout, stderr }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // One that is refused may be gone already.
        let _ = self.stdin.as_mut().unwrap().write_all(bytes);
    }

    /// Reads as much as is expected.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        if let Err(error) = self.stdout.read_exact(&mut got) {
            panic!("{error}: {:?}", self.stderr.all());
        }
        assert_eq!(got, expected);
    }

    /// Reads to the end; what openssl said.
    pub(crate) fn refused(mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.stdout.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{rest:02x?}");
        self.stderr.all().join("\n")
    }

    /// Says CONNECT, and is let in.
    #[track_caller]
    pub(crate) fn comes_in(&mut self) {
        let id = format!("s_client {}", self.child.id());
        self.send(&connect4(&id, true));
        self.expect(&CONNACK4);
    }

    /// Says CONNECT and is turned away; what openssl said.
    pub(crate) fn turned_away(mut self) -> String {
        self.send(&connect4("s_client", true));
        self.refused()
    }
}

impl Drop for SClient {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `skeeter` to its end.
pub(crate) fn run(arguments: &[&str]) -> (i32, String) {
    let output = skeeter()
        .args(arguments)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A message goes out by one way and comes in by another: `skeeter sub` with these flags, `skeeter pub` with those.
#[track_caller]
pub(crate) fn converse(subscribe: &[&str], publish: &[&str]) {
    let mut child = skeeter()
        .args(["sub", "-t", "door/#", "-v", "-C", "2", "-q", "1"])
        .args(subscribe)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdout, stderr) = (Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
    // Retained, as the subscription may come later.
    let large = "x".repeat(100_000);
    for (topic, payload) in [("door/small", "in"), ("door/large", large.as_str())] {
        let mut all = vec!["pub", "-t", topic, "-m", payload, "-q", "1", "-r"];
        all.extend(publish);
        let (status, said) = run(&all);
        assert_eq!(status, 0, "{publish:?}: {said}");
    }
    assert_eq!(wait(&mut child), 0, "{subscribe:?}: {:?}", stderr.all());
    let lines = stdout.all();
    assert!(lines.contains(&"door/small in".to_owned()), "{subscribe:?}");
    assert!(lines.contains(&format!("door/large {large}")), "{subscribe:?}");
    for topic in ["door/small", "door/large"] {
        let mut all = vec!["pub", "-t", topic, "-n", "-r"];
        all.extend(publish);
        assert_eq!(run(&all).0, 0);
    }
}

pub(crate) fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn clients_connect_by_unix_socket() {
    let folder = Folder::new();
    let path = folder.file("mqtt.sock");
    let path = path.to_str().unwrap();
    // What a broker that was killed leaves behind is no obstacle; another file is.
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    let mut server = Server::start(&["--unix", path, "--unix-mode", "600"]);
    server.stdout.wait_line(&format!("listening on unix://{path}"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let port = server.port("mqtt").to_string();
    converse(&["--unix", path], &["-p", &port]);
    converse(&["-L", &format!("unix://{path}")], &["-p", "0", "-h", path]);
    server.stderr.wait_line("connected from a Unix socket");

    let second = skeeter().args(["broker", "-p", "0", "--unix", path]).output().unwrap();
    assert!(String::from_utf8_lossy(&second.stderr).contains("another program listens there"));
    server.signal("TERM");
    assert_eq!(wait(&mut server.child), 0);
    assert!(!std::path::Path::new(path).exists());
    std::fs::write(path, "precious").unwrap();
    let third = skeeter().args(["broker", "-p", "0", "--unix", path]).output().unwrap();
    assert!(!third.status.success());
    assert_eq!(std::fs::read_to_string(path).unwrap(), "precious");
}

#[test]
fn the_broker_listens_on_addresses_names_and_interfaces() {
    for flags in [&["--bind", "localhost"][..], &["--bind", "127.0.0.1"], &["--bind-interface", "lo"]] {
        let server = Server::start(flags);
        let mut raw = server.connect("mqtt");
        raw.send(&connect4("a", true));
        raw.expect(&CONNACK4);
    }
    let everywhere = Server::start_with(&["--bind", "*"], &[]);
    let line = everywhere.stdout.wait_line("listening on mqtt://0.0.0.0:");
    let mut raw = Raw::connect(line.rsplit(':').next().unwrap().parse().unwrap());
    raw.send(&connect4("a", true));
    raw.expect(&CONNACK4);
    everywhere.stderr.wait_line("connected from 127.0.0.1:");
    for (flag, value, why) in [
        ("--bind-interface", "nothing0", "there is none with an address"),
        ("--bind", "does.not.exist.invalid", "host name"),
        ("--bind", "192.0.2.1", "this machine does not have that address"),
    ] {
        let output = skeeter().args(["broker", "-p", "0", flag, value]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(why), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn slow_handshakes_time_out() {
    let certificates = crate::certificates::Certificates::new();
    let (chain, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    let server =
        Server::start(&["--cert", &chain, "--key", &key, "--ws", "--wss", "--handshake-timeout", "0.3"]);
    for (scheme, begin) in
        [("mqtts", &b""[..]), ("mqtts", &[0x16, 3, 1]), ("ws", b"GET / HTTP/1.1\r\nHost: "), ("wss", b"")]
    {
        let mut raw = server.connect(scheme);
        raw.send(begin);
        raw.expect_closed();
    }
    server.stderr.wait_line("it took too long to begin");
    // A connection that has begun is not bound by it.
    let mut raw = server.connect("mqtt");
    raw.send(&packet(0x10, &[&text("MQTT"), &[4, 2, 0, 0], &text("slow")])[..3]);
    raw.send(&connect4("slow", true)[3..]);
    raw.packet();
}
