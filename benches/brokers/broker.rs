//! The brokers under test, each on a port of its own.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Skeeter,
    Mosquitto(PathBuf),
    /// Its name, and the command that starts it, with `{port}` for the port.
    Other(String, String),
}

impl Kind {
    pub(crate) fn mosquitto() -> Option<Self> {
        let paths = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].map(PathBuf::from);
        paths.into_iter().find(|path| path.exists()).map(Self::Mosquitto)
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Skeeter => "skeeter",
            Self::Mosquitto(_) => "mosquitto",
            Self::Other(name, _) => name,
        }
    }

    /// Bytes of the program, where it is one file.
    pub(crate) fn size(&self) -> Option<u64> {
        let path = match self {
            Self::Skeeter => PathBuf::from(env!("CARGO_BIN_EXE_skeeter")),
            Self::Mosquitto(path) => path.clone(),
            Self::Other(..) => return None,
        };
        std::fs::metadata(path).ok().map(|file| file.len())
    }
}

pub(crate) struct Broker {
    child: Child,
    pub(crate) port: u16,
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
        }
    }
}

impl Broker {
    pub(crate) fn start(kind: &Kind) -> Self {
        let began = Instant::now();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut config = None;
        let mut command = match kind {
            Kind::Skeeter => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_skeeter"));
                command.args(["broker", "-p", "0", "-q", "--sys-interval", "0"]);
                command
            }
            Kind::Mosquitto(path) => {
                // Its defaults drop most of a flood; a benchmark of what arrives needs it to keep everything.
                let text = format!(
                    "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
                );
                let file = std::env::temp_dir().join(format!("skeeter-bench-{port}.conf"));
                std::fs::write(&file, text).unwrap();
                let mut command = Command::new(path);
                command.arg("-c").arg(&file);
                config = Some(file);
                command
            }
            Kind::Other(_, line) => {
                let mut command = Command::new("sh");
                // The broker itself is the child, so that its CPU time is read and it ends with us.
                command.args(["-c", &format!("exec {}", line.replace("{port}", &port.to_string()))]);
                command
            }
        };
        let is_own = matches!(kind, Kind::Skeeter);
        let stdout = if is_own { Stdio::piped() } else { Stdio::null() };
        let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null()).spawn().unwrap();
        let port = match child.stdout.take() {
            // It takes a free port, and says which.
            Some(pipe) => {
                let mut line = String::new();
                BufReader::new(pipe).read_line(&mut line).unwrap();
                line.trim().rsplit(':').next().unwrap().parse().unwrap()
            }
            None => port,
        };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "{} does not listen", kind.name());
            std::thread::sleep(Duration::from_micros(200));
        }
        Self { child, port, took: began.elapsed(), config }
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
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
    }
}
