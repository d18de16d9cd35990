//! What a configuration says of the process: its log, its user, its files, its memory.

use std::process::Stdio;

use super::OPEN;
use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, skeeter, subscribe4};

#[cfg(unix)]
#[test]
fn log_dest_and_log_type_select_destinations_and_lines() {
    let folder = Folder::new();
    let file = folder.file("log");
    let config = format!(
        "{OPEN}log_dest file {}\nlog_dest topic\nlog_dest stdout\nlog_type subscribe\nlog_type notice\n\
         connection_messages false\nlog_timestamp_format %Y!%m\n",
        file.display()
    );
    let broker = Broker::with_config(&folder, &config, &[]);
    let mut client = broker.connect();
    client.send(&connect4("a", true));
    client.expect(&CONNACK4);
    client.send(&subscribe4(1, "$SYS/broker/log/M/#", 0));
    client.packet();
    client.send(&subscribe4(2, "second", 0));
    let (_, body) = loop {
        let packet = client.packet();
        if packet.0 == 0x30 && packet.1.ends_with(b"a subscribed to second: granted QoS 0") {
            break packet;
        }
    };
    assert_eq!(&body[2..29], b"$SYS/broker/log/M/subscribe");
    assert_eq!((body[33], &body[36..38]), (b'!', &b": "[..]), "the time comes first");
    broker.stdout.wait_line("a subscribed to second");
    client.send(&[0xE0, 0]);
    client.expect_closed();
    let mut broker = broker;
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("a subscribed to second") && !text.contains("connected"), "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(broker.stderr.all().is_empty());
}

#[cfg(unix)]
#[test]
fn a_log_file_that_is_a_symbolic_link_is_refused_and_the_broker_runs() {
    let folder = Folder::new();
    let (file, link) = (folder.file("log"), folder.file("link"));
    std::fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let broker = Broker::with_config(&folder, &format!("{OPEN}log_dest file {}\n", link.display()), &[]);
    broker.stderr.wait_line("it is a symbolic link");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "");
}

#[cfg(unix)]
#[test]
fn log_timestamps_are_seconds_with_a_configuration_file_and_can_be_disabled() {
    let folder = Folder::new();
    for (more, expected) in [("", true), ("log_timestamp false\n", false)] {
        let broker = Broker::with_config(&folder, &format!("{OPEN}{more}"), &[]);
        let mut client = broker.connect();
        client.send(&connect4("a", true));
        client.expect(&CONNACK4);
        let line = broker.stderr.wait_line("a connected from");
        let seconds = line.split(": ").next().unwrap().parse::<u64>().is_ok();
        assert_eq!((seconds, line.starts_with("a connected")), (expected, !expected), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn the_pid_file_exists_while_the_broker_runs() {
    let folder = Folder::new();
    let file = folder.file("pid");
    let mut broker = Broker::with_config(&folder, &format!("{OPEN}pid_file {}\n", file.display()), &[]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), broker.child.id().to_string());
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    assert!(!file.exists());
    let path = folder.file("mosquitto.conf");
    std::fs::write(&path, format!("{OPEN}pid_file /no/such/folder/pid\n")).unwrap();
    let output = skeeter().arg("broker").arg("-c").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write pid_file /no/such/folder/pid"));
}

/// The users of a process, as the system counts them: real and effective.
#[cfg(target_os = "linux")]
fn users(pid: u32) -> Vec<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    line.split_whitespace().skip(1).take(2).map(str::to_owned).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn started_as_root_the_broker_switches_to_the_configured_user() {
    if users(std::process::id())[0] != "0" {
        // Only root can become somebody else; others stay who they are.
        let broker = Broker::with_config(&Folder::new(), "user nobody\n", &[]);
        assert_eq!(users(broker.child.id()), users(std::process::id()));
        return;
    }
    let nobody = std::fs::read_to_string("/etc/passwd").unwrap();
    let nobody = nobody.lines().find(|line| line.starts_with("nobody:")).unwrap();
    let nobody = nobody.split(':').nth(2).unwrap().to_owned();
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, "user nobody\n", &[]);
    assert_eq!(users(broker.child.id()), [nobody.clone(), nobody]);
    let path = folder.file("mosquitto.conf");
    std::fs::write(&path, "user nosuchuser\nlistener 0 127.0.0.1\n").unwrap();
    let output = skeeter().arg("broker").arg("-c").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no user nosuchuser"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_broker_runs_in_the_background() {
    let folder = Folder::new();
    let (config, pid, ports) = (folder.file("mosquitto.conf"), folder.file("pid"), folder.file("ports"));
    std::fs::write(&config, format!("{OPEN}pid_file {}\n", pid.display())).unwrap();
    let status = skeeter()
        .args(["broker", "-d", "-c"])
        .arg(&config)
        .arg("--ports-file")
        .arg(&ports)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    // The process that was started has ended before the ports are told.
    let text = crate::support::wait_for("the ports file", || std::fs::read_to_string(&ports).ok());
    let port = text.split("\"port\":").nth(1).unwrap().split([',', '}']).next().unwrap().parse().unwrap();
    let mut client = Raw::connect(port);
    client.send(&connect4("a", true));
    client.expect(&CONNACK4);
    let number = std::fs::read_to_string(&pid).unwrap();
    let status = std::process::Command::new("kill").args(["-s", "TERM", &number]).status().unwrap();
    assert!(status.success());
    client.expect_closed();
    crate::support::wait_for("the broker to end", || (!pid.exists()).then_some(()));
}

/// Whether this is root and the system has a user mosquitto, so that owners can be compared.
#[cfg(target_os = "linux")]
fn has_mosquitto() -> bool {
    users(std::process::id())[0] == "0"
        && std::fs::read_to_string("/etc/passwd").unwrap().lines().any(|line| line.starts_with("mosquitto:"))
}

#[cfg(target_os = "linux")]
#[test]
fn what_root_creates_belongs_to_the_user_that_the_broker_becomes() {
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
    if !has_mosquitto() {
        eprintln!("NOT RUN: needs root and a user mosquitto");
        return;
    }
    let folder = Folder::new();
    std::fs::set_permissions(folder.file("."), PermissionsExt::from_mode(0o755)).unwrap();
    let (socket, named, data) = (folder.file("socket"), folder.file("named"), folder.file("data"));
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let passwd = passwd.lines().find(|line| line.starts_with("mosquitto:")).unwrap();
    let uid: u32 = passwd.split(':').nth(2).unwrap().parse().unwrap();
    let config = format!(
        "user mosquitto\nlistener 0 127.0.0.1\nallow_anonymous true\nlistener 0 {}\nlistener 0 {}\nsocket_mode 606\n\
         socket_owner 12\nsocket_group root\npersistence true\npersistence_location {}\n",
        socket.display(),
        named.display(),
        data.display()
    );
    let broker = Broker::with_config(&folder, &config, &[]);
    let found = |path: &std::path::Path| {
        let found = std::fs::metadata(path).unwrap();
        (found.uid(), found.permissions().mode() & 0o777)
    };
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!(found(&socket), (uid, 0o770));
    assert_eq!(found(&named), (12, 0o606));
    for path in [data.clone(), data.join("lock"), data.join("skeeter.redb")] {
        assert_eq!(found(&path).0, uid, "{}", path.display());
    }
    drop(broker);
}

#[cfg(target_os = "linux")]
#[test]
fn a_unix_socket_of_an_unknown_owner_is_an_error() {
    let folder = Folder::new();
    let path = folder.file("mosquitto.conf");
    let text =
        format!("user root\nlistener 0 {}\nsocket_owner nosuchuser\n", folder.file("socket").display());
    std::fs::write(&path, text).unwrap();
    let output = skeeter().arg("broker").arg("-c").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no user nosuchuser"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_listener_may_have_a_link_local_address_with_its_zone() {
    let all = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let Some(line) = all.lines().find(|line| line.starts_with("fe80")) else {
        eprintln!("NOT RUN: no interface has a link-local address");
        return;
    };
    let words: Vec<_> = line.split_whitespace().collect();
    let groups: Vec<_> =
        words[0].as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
    let address = format!("{}%{}", groups.join(":"), words[5]);
    let folder = Folder::new();
    let config = format!("user root\nlistener 0 {address}\nallow_anonymous true\n");
    let broker = Broker::with_config(&folder, &config, &[]);
    assert!(std::net::TcpStream::connect((address.as_str(), broker.port)).is_ok());
}
