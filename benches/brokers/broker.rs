//! The brokers under test, each on a port of its own, behind the door that a cell asks for.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Skeeter,
    /// With so many workers.
    Workers(usize),
    Mosquitto(PathBuf),
    /// Its name, and the command that starts it, with `{port}` for the port, or `{tls_port}` and `{ws_port}`.
    Other(String, String),
}

/// How clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Plain,
    Tls,
    WebSocket,
}

impl Door {
    fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "mqtt",
            Self::Tls => "mqtts",
            Self::WebSocket => "ws",
        }
    }

    /// What stands for its port in the command of another broker.
    fn mark(self) -> &'static str {
        match self {
            Self::Plain => "{port}",
            Self::Tls => "{tls_port}",
            Self::WebSocket => "{ws_port}",
        }
    }
}

impl Kind {
    pub(crate) fn mosquitto() -> Option<Self> {
        let paths = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].map(PathBuf::from);
        paths.into_iter().find(|path| path.exists()).map(Self::Mosquitto)
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Skeeter => "skeeter".to_owned(),
            Self::Workers(count) => format!("{count} worker{}", if *count == 1 { "" } else { "s" }),
            Self::Mosquitto(_) => "mosquitto".to_owned(),
            Self::Other(name, _) => name.clone(),
        }
    }

    /// Whether it has this door.
    pub(crate) fn has(&self, door: Door) -> bool {
        match self {
            Self::Other(_, command) => command.contains(door.mark()),
            _ => true,
        }
    }

    /// Bytes of the program, where it is one file.
    pub(crate) fn size(&self) -> Option<u64> {
        let path = match self {
            Self::Skeeter => PathBuf::from(env!("CARGO_BIN_EXE_skeeter")),
            Self::Mosquitto(path) => path.clone(),
            Self::Workers(_) | Self::Other(..) => return None,
        };
        std::fs::metadata(path).ok().map(|file| file.len())
    }
}

/// A certificate for this machine that is its own authority, made once: RSA, as most have it.
pub(crate) fn certificate() -> &'static (PathBuf, PathBuf) {
    static MADE: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("skeeter-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let status = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "openssl is needed for the cells with TLS");
        (certificate, key)
    })
}

pub(crate) struct Broker {
    child: Child,
    pub(crate) port: u16,
    pub(crate) url: String,
    /// From its start to when it took a connection.
    pub(crate) took: Duration,
    config: Option<PathBuf>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(config) = &self.config {
            let _ = std::fs::remove_file(config);
            let _ = std::fs::remove_file(config.with_extension("socket"));
        }
    }
}

fn own(workers: Option<usize>, door: Door, tells: bool) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skeeter"));
    command.args(["broker", "-p", "0", "-q", "--sys-interval", if tells { "1" } else { "0" }]);
    if let Some(workers) = workers {
        command.args(["--workers", &workers.to_string()]);
    }
    match door {
        Door::Plain => {}
        Door::Tls => {
            let (certificate, key) = certificate();
            command.arg("--no-plain").arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        Door::WebSocket => drop(command.arg("--ws")),
    }
    command
}

fn mosquitto(door: Door, port: u16, tells: bool) -> String {
    // Its defaults drop most of a flood; a benchmark of what arrives needs it to keep everything.
    // It cannot bind a WebSocket to an address, nor start with WebSockets alone.
    let listener = match door {
        Door::Plain | Door::Tls => format!("listener {port} 127.0.0.1"),
        Door::WebSocket => {
            let socket = std::env::temp_dir().join(format!("skeeter-bench-{port}.socket"));
            format!("listener 0 {}\nlistener {port}\nprotocol websockets", socket.display())
        }
    };
    let mut text = format!(
        "user root\n{listener}\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n\
         sys_interval {}\n",
        u8::from(tells)
    );
    if door == Door::Tls {
        let (certificate, key) = certificate();
        text += &format!("certfile {}\nkeyfile {}\n", certificate.display(), key.display());
    }
    text
}

/// Whether somebody takes connections; a port that nobody listens on may connect to itself.
fn listens(port: u16) -> bool {
    let stream = TcpStream::connect(("127.0.0.1", port));
    stream.is_ok_and(|stream| stream.local_addr().ok() != stream.peer_addr().ok())
}

impl Broker {
    /// `tells`: whether it publishes `$SYS`, every second.
    pub(crate) fn start(kind: &Kind, door: Door, tells: bool) -> Self {
        if door == Door::Tls {
            // Not while it is timed.
            certificate();
        }
        let began = Instant::now();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut config = None;
        let mut command = match kind {
            Kind::Skeeter => own(None, door, tells),
            Kind::Workers(count) => own(Some(*count), door, tells),
            Kind::Mosquitto(path) => {
                let file = std::env::temp_dir().join(format!("skeeter-bench-{port}.conf"));
                std::fs::write(&file, mosquitto(door, port, tells)).unwrap();
                let mut command = Command::new(path);
                command.arg("-c").arg(&file);
                config = Some(file);
                command
            }
            Kind::Other(_, line) => {
                let mut command = Command::new("sh");
                let mut line = line.replace(door.mark(), &port.to_string());
                if door == Door::Tls {
                    let (certificate, key) = certificate();
                    line = line.replace("{cert}", &certificate.display().to_string());
                    line = line.replace("{key}", &key.display().to_string());
                }
                // The broker itself is the child, so that its CPU time is read and it ends with us.
                command.args(["-c", &format!("exec {line}")]);
                command
            }
        };
        let is_own = matches!(kind, Kind::Skeeter | Kind::Workers(_));
        let stdout = if is_own { Stdio::piped() } else { Stdio::null() };
        let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null()).spawn().unwrap();
        let start = format!("{}://127.0.0.1:", door.scheme());
        let port = match child.stdout.take() {
            // It takes a free port, and says which.
            Some(pipe) => {
                let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
                let line = lines.find(|line| line.contains(&start)).expect("skeeter says where it listens");
                line.rsplit(':').next().unwrap().parse().unwrap()
            }
            None => port,
        };
        while !listens(port) {
            let is_there = child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(10);
            assert!(is_there, "{} does not listen", kind.name());
            std::thread::sleep(Duration::from_micros(200));
        }
        Self { child, port, url: format!("{start}{port}"), took: began.elapsed(), config }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU-seconds so far.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // Clock ticks are hundredths of a second on Linux.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// Bytes that are resident.
    pub(crate) fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// Bytes that were resident at most.
    pub(crate) fn most_memory(&self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
    }
}
