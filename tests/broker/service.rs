//! The broker as a service of systemd, beside a stand-in for it: what it reports, the sockets that it is handed, and its
//! credentials.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{
    CONNACK4, Folder, Lines, PATIENCE, Raw, connect4, packet, skeeter, text, wait, wait_for,
};

/// What systemd hears from one service.
struct Manager {
    socket: UnixDatagram,
    child: Child,
}

impl Manager {
    fn start(folder: &Folder, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let path = folder.file("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = skeeter()
            .args(["broker", "-p", "0"])
            .args(flags)
            .env("NOTIFY_SOCKET", &path)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { socket, child }
    }

    fn hear(&self) -> String {
        let mut bytes = [0; 128];
        let count = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The monotonic clock of this machine in microseconds.
fn monotonic() -> u128 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    (seconds * 1e6) as u128
}

#[test]
fn systemd_is_told_of_start_reload_and_stop() {
    let folder = Folder::new();
    let mut manager = Manager::start(&folder, &[], &[]);
    assert_eq!(manager.hear(), "READY=1");
    // Uptime counts in hundredths of a second.
    let before = monotonic() - 10_000;
    manager.signal("HUP");
    let reloading = manager.hear();
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    let time: u128 = time.parse().unwrap();
    assert!((before..=monotonic() + 10_000).contains(&time), "{time}");
    assert_eq!(manager.hear(), "READY=1");
    manager.signal("TERM");
    assert_eq!(manager.hear(), "STOPPING=1");
    assert_eq!(wait(&mut manager.child), 0);
}

#[test]
fn a_reload_that_fails_ends_for_systemd_as_well() {
    let folder = Folder::new();
    let config = folder.file("skeeter.conf");
    std::fs::write(&config, "listener 0 127.0.0.1\nuser root\n").unwrap();
    let manager = Manager::start(&folder, &["-c", config.to_str().unwrap()], &[]);
    assert_eq!(manager.hear(), "READY=1");
    std::fs::write(&config, "listener 0 127.0.0.1\nuser root\nnonsense\n").unwrap();
    manager.signal("HUP");
    assert!(manager.hear().starts_with("RELOADING=1\n"));
    assert_eq!(manager.hear(), "READY=1");
}

#[test]
fn the_watchdog_is_fed_in_time_if_it_watches_this_process() {
    let folder = Folder::new();
    let manager = Manager::start(&folder, &["--workers", "3"], &[("WATCHDOG_USEC", "3000000")]);
    assert_eq!(manager.hear(), "READY=1");
    let mut last = Instant::now();
    for _ in 0..3 {
        assert_eq!(manager.hear(), "WATCHDOG=1");
        assert!(last.elapsed() < Duration::from_secs(3), "{:?}", last.elapsed());
        last = Instant::now();
    }
}

#[test]
fn the_watchdog_of_another_process_is_not_fed() {
    let folder = Folder::new();
    // Of its own it would be fed a thousand times a second.
    let environment = [("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let manager = Manager::start(&folder, &[], &environment);
    assert_eq!(manager.hear(), "READY=1");
    manager.signal("HUP");
    assert!(manager.hear().starts_with("RELOADING=1\n"));
}

#[test]
fn the_watchdog_is_not_fed_while_one_worker_hangs() {
    const HANGS: Duration = Duration::from_secs(2);
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "strace is missing");
        eprintln!("NOT RUN: strace is not installed");
        return;
    }
    let folder = Folder::new();
    let manager = Manager::start(&folder, &["--workers", "2"], &[("WATCHDOG_USEC", "30000")]);
    assert_eq!(manager.hear(), "READY=1");
    let tasks = format!("/proc/{}/task", manager.child.id());
    let worker = wait_for("the second worker", || {
        let mut tasks = std::fs::read_dir(&tasks).unwrap().map(|entry| entry.unwrap().path());
        let task = tasks.find(|task| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "worker 1")
        })?;
        Some(task.file_name().unwrap().to_str().unwrap().to_owned())
    });
    // Once woken, the thread does nothing for a while.
    let mut strace = Command::new("strace")
        .args(["-qq", "-e", &format!("inject=epoll_wait:delay_exit={}:when=1", HANGS.as_micros())])
        .args(["-o", "/dev/null", "-p", &worker])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    let mut last = Instant::now();
    loop {
        assert_eq!(manager.hear(), "WATCHDOG=1");
        if last.elapsed() >= HANGS / 2 {
            break;
        }
        assert!(Instant::now() < end, "the pings went on while a worker did nothing");
        last = Instant::now();
    }
    // It answers again, and so the pings go on.
    assert_eq!(manager.hear(), "WATCHDOG=1");
    strace.kill().unwrap();
    strace.wait().unwrap();
}

/// A broker that is handed two sockets, and ends with its test.
struct Activated {
    child: Child,
    stderr: Lines,
}

impl Activated {
    /// Starts it by a shell that moves the sockets to where systemd has them.
    fn start(first: impl Into<OwnedFd>, second: impl Into<OwnedFd>, flags: &[&str]) -> Self {
        let script = "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=first:second exec \"$0\" broker \"$@\" 3<&0 4<&1 </dev/null >/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(assert_cmd::cargo::cargo_bin!("skeeter"))
            .args(flags)
            .stdin(Stdio::from(first.into()))
            .stdout(Stdio::from(second.into()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stderr }
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn listeners_take_the_sockets_that_systemd_has_opened() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let unix = UnixListener::bind(&path).unwrap();
    // Connections wait in the sockets until the broker runs.
    let mut early = Raw::connect(port);
    early.send(&connect4("early", true));
    let flags = ["-p", &port.to_string(), "--unix", path.to_str().unwrap()];
    let mut broker = Activated::start(unix, tcp, &flags);
    early.expect(&CONNACK4);
    let url = format!("unix://{}", path.display());
    let ping = skeeter().args(["pub", "--ping", "-L", &url]).output().unwrap();
    assert_eq!(ping.status.code(), Some(0), "{}", String::from_utf8_lossy(&ping.stderr));
    let status = Command::new("kill").args(["-s", "TERM", &broker.child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(wait(&mut broker.child), 0);
    // The next start gets the same socket, so its file stays.
    assert!(path.exists());
}

#[test]
fn a_socket_that_no_listener_wants_stops_the_start() {
    let (one, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (port, address) = (one.local_addr().unwrap().port(), other.local_addr().unwrap());
    let mut broker = Activated::start(one, other, &["-p", &port.to_string()]);
    broker.stderr.wait_line(&format!("the inherited socket \"second\" ({address}) belongs to no listener"));
    assert_eq!(wait(&mut broker.child), 1);
}

#[test]
fn a_socket_of_another_kind_stops_the_start() {
    let one = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = one.local_addr().unwrap().port();
    let mut broker = Activated::start(one, UnixDatagram::unbound().unwrap(), &["-p", &port.to_string()]);
    broker.stderr.wait_line("the inherited socket \"second\" is not a listening TCP or Unix stream socket");
    assert_eq!(wait(&mut broker.child), 1);
}

#[test]
fn files_of_the_configuration_may_be_credentials() {
    let folder = Folder::new();
    let hash = skeeter()
        .args(["passwd", "-b"])
        .arg(folder.file("passwords"))
        .args(["ann", "secret"])
        .output()
        .unwrap();
    assert!(hash.status.success());
    let config = folder.file("skeeter.conf");
    let text_of = "user root\nlistener 0 127.0.0.1\npassword_file $CREDENTIALS_DIRECTORY/passwords\n";
    std::fs::write(&config, text_of).unwrap();
    let directory = folder.file("");
    let mut broker = skeeter()
        .args(["broker", "-c", config.to_str().unwrap()])
        .env("CREDENTIALS_DIRECTORY", &directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let line = Lines::of(broker.stdout.take().unwrap()).wait_line("listening on mqtt://");
    let mut client = Raw::connect(line.rsplit(':').next().unwrap().parse().unwrap());
    client.send(&packet(0x10, &[&text("MQTT"), &[4, 0xC2, 0, 0], &text("a"), &text("ann"), &text("secret")]));
    client.expect(&CONNACK4);
    broker.kill().unwrap();
    broker.wait().unwrap();
    let without = skeeter()
        .args(["broker", "--check-config", "-c", config.to_str().unwrap()])
        .env_remove("CREDENTIALS_DIRECTORY")
        .output()
        .unwrap();
    assert_eq!(without.status.code(), Some(3));
    let errors = String::from_utf8_lossy(&without.stderr);
    assert!(
        errors.contains(":3: password_file: CREDENTIALS_DIRECTORY is not set; systemd sets it"),
        "{errors}"
    );
}

#[test]
fn the_environment_stands_for_flags_and_flags_override_it() {
    let folder = Folder::new();
    let config = folder.file("skeeter.conf");
    std::fs::write(&config, "user root\nlistener 0 127.0.0.1\nallow_anonymous true\n").unwrap();
    let urls = |flags: &[&str], environment: &[(&str, &str)]| {
        let output = skeeter()
            .arg("broker")
            .args(flags)
            .args(["--exec", "echo $MQTT_URL"])
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (url, _) = urls(&[], &[("SKEETER_BIND", "127.0.0.2,127.0.0.1"), ("SKEETER_PORT", "0")]);
    assert!(url.starts_with("mqtt://127.0.0.2:"), "{url}");
    let (url, _) = urls(&["--bind", "127.0.0.3"], &[("SKEETER_BIND", "127.0.0.2")]);
    assert!(url.starts_with("mqtt://127.0.0.3:"), "{url}");
    let environment = [
        ("SKEETER_CONFIG_FILE", config.to_str().unwrap()),
        ("SKEETER_LOG_FORMAT", "json"),
        ("SKEETER_PORT", "1"),
    ];
    let (url, log) = urls(&[], &environment);
    assert!(
        url.starts_with("mqtt://127.0.0.1:") && log.contains("\"event\":\"broker_started\""),
        "{url}{log}"
    );
}
