//! Errors are one line: the program, what failed, why, and what to do; without numbers of the operating system.

use std::process::Command;

use crate::run::{ACCEPT4, Run, Said, Server};
use crate::support::{Broker, Folder, skeeter};

/// The one line on stderr, which begins with the program's name.
#[track_caller]
fn line(said: &Said, program: &str) -> String {
    assert_ne!(said.status, 0, "{said:?}");
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    assert!(!said.stderr.contains("os error"), "{said:?}");
    let line = said.stderr.trim_end();
    let rest = line.strip_prefix(program).and_then(|rest| rest.strip_prefix(": "));
    rest.unwrap_or_else(|| panic!("{program} is not at the beginning of {line:?}")).to_owned()
}

fn run(arguments: &[&str]) -> Said {
    let mut command = skeeter();
    command.args(arguments).env("XDG_CONFIG_HOME", "/nonexistent");
    Run::spawn(&mut command, &[]).end()
}

#[test]
fn nobody_at_a_port_is_told_with_the_command_that_starts_a_broker() {
    let port = Server::new().port();
    let refused = |start: &str| {
        format!(
            "cannot connect to 127.0.0.1:{port}: connection refused; is a broker running? (start one with: skeeter broker{start})"
        )
    };
    for (scheme, start) in [
        ("mqtt", format!(" -p {port}")),
        ("mqtts", format!(" --tls auto --tls-port {port}")),
        ("ws", format!(" --ws={port}")),
        ("wss", format!(" --tls auto --wss={port}")),
    ] {
        let url = format!("{scheme}://127.0.0.1:{port}/t");
        assert_eq!(line(&run(&["pub", &url, "-m", "x"]), "skeeter pub"), refused(&start));
        assert_eq!(line(&run(&["sub", &url]), "skeeter sub"), refused(&start));
        assert_eq!(line(&run(&["rr", &url, "-e", "e", "-m", "x"]), "skeeter rr"), refused(&start));
    }
    let said = Run::start_as("mosquitto_pub", port, &["-t", "t", "-m", "x"]).end();
    let expected = format!("cannot connect to 127.0.0.1:{port}: connection refused; is a broker running?");
    assert_eq!(line(&said, "mosquitto_pub"), expected);
}

#[test]
fn what_cannot_be_reached_is_told_with_what_to_change() {
    let port = Server::new().port().to_string();
    let proxy = format!("socks5h://127.0.0.1:{port}");
    for (flags, parts) in [
        (
            &["-h", "does.not.exist.invalid"][..],
            &["cannot connect to does.not.exist.invalid:1883: ", "host name"][..],
        ),
        (&["-h", "mqtt://localhost"], &["; give a URL without -h: -L mqtt://localhost"]),
        (&["-h", "localhost:1883"], &["; give the port with -p: -h localhost -p 1883"]),
        (&["-h", "[::1]"], &["; write an IPv6 address after -h without brackets"]),
        (&["-A", "192.0.2.1", "-h", "127.0.0.1"], &["; -A takes an address of this machine"]),
        (
            &["--proxy", &proxy],
            &["cannot connect to localhost:1883: the proxy 127.0.0.1:", "connection refused; check --proxy"],
        ),
        (
            &["--unix", "/nonexistent/socket"],
            &[
                "cannot connect to /nonexistent/socket: no such file or directory; is a broker running? (start one with: skeeter broker --unix /nonexistent/socket)",
            ],
        ),
    ] {
        let said = run(&[&["pub", "-t", "t", "-m", "x"], flags].concat());
        let line = line(&said, "skeeter pub");
        assert!(said.status == 1 && parts.iter().all(|part| line.contains(part)), "{flags:?}: {line}");
    }
}

/// A server that is not an MQTT broker: what it sends once it has been sent CONNECT, the status, and what is told.
const FOREIGN: &[(&[u8], i32, &str)] = &[
    (
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        21,
        "this is an HTTP server, not an MQTT broker; for MQTT over WebSocket, add --ws",
    ),
    (
        b"\x15\x03\x01\x00\x02\x02\x46",
        21,
        "this is a TLS server, not an MQTT broker; for MQTT over TLS, add --cafile",
    ),
    (b"SSH-2.0-OpenSSH_9.2p1\r\n", 21, "this is an SSH server, not an MQTT broker; check the port"),
    (
        b"INFO {\"server_id\":\"N\"}\r\n",
        21,
        "this is the client port of a NATS server, not an MQTT broker; use the port of its MQTT",
    ),
    (b"AMQP\x00\x00\x09\x01", 21, "this is an AMQP server, not an MQTT broker; check the port"),
    (
        b"220 mail.example.org ESMTP\r\n",
        21,
        "this is a mail or FTP server, not an MQTT broker; check the port",
    ),
    (b"", 7, "the broker closed the connection without answering CONNECT; if port "),
];

#[test]
fn a_server_of_another_protocol_is_named() {
    let server = Server::new();
    for (answer, status, told) in FOREIGN {
        let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-V", "5"]);
        let mut raw = server.accept();
        raw.packet();
        raw.send(answer);
        raw.shut();
        let said = run.end();
        assert_eq!(said.status, *status, "{said:?}");
        let expected = format!("cannot connect to 127.0.0.1:{}: {told}", server.port());
        assert!(line(&said, "skeeter pub").starts_with(&expected), "{expected}: {said:?}");
    }
}

#[test]
fn the_wrong_kind_of_port_is_told_with_the_flag_for_the_right_one() {
    let broker = Broker::start(&["--ws=0", "--tls", "auto"]);
    let port = |scheme: &str| {
        let line = broker.stdout.wait_line(&format!("listening on {scheme}://"));
        line.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned()
    };
    let (plain, web, tls) = (port("mqtt"), port("ws"), port("mqtts"));
    for (url, told) in [
        (format!("ws://127.0.0.1:{plain}/t"), "for MQTT without WebSocket, use an mqtt:// URL"),
        (format!("mqtts://127.0.0.1:{plain}/t"), "--no-tls"),
        (format!("mqtts://127.0.0.1:{web}/t"), "for MQTT without TLS, add --no-tls"),
        (format!("mqtt://127.0.0.1:{web}/t"), "for MQTT over WebSocket, add --ws"),
        (format!("mqtt://127.0.0.1:{tls}/t"), "--cafile FILE or --tls-use-os-certs"),
        (format!("mqtts://127.0.0.1:{tls}/t"), "to trust it, give the certificate of its CA with --cafile"),
    ] {
        let line = line(&run(&["pub", &url, "-m", "x"]), "skeeter pub");
        assert!(line.starts_with("cannot connect to 127.0.0.1:") && line.contains(told), "{url}: {line}");
    }
}

#[test]
fn a_refusal_is_told_with_what_to_change() {
    let server = Server::new();
    for (flags, connack, told) in [
        (
            &["-V", "5"][..],
            &[0x20, 3, 0, 0x87, 0][..],
            "not authorized (0x87); give a username and password with -u and -P",
        ),
        (
            &["-V", "311"],
            &[0x20, 2, 0, 5],
            "not authorized (0x87); give a username and password with -u and -P",
        ),
        (
            &["-V", "5", "-u", "ann"],
            &[0x20, 3, 0, 0x86, 0],
            "bad user name or password (0x86); check the username and password",
        ),
        (&["-V", "5"], &[0x20, 3, 0, 0x84, 0], "unsupported protocol version (0x84); try -V 311"),
        (
            &["-V", "311"],
            &[0x20, 2, 0, 2],
            "client identifier not valid (0x85); choose another client ID with -i",
        ),
        (&["-V", "5"], &[0x20, 3, 0, 0x89, 0], "server busy (0x89); try again later, or let --wait do it"),
        (&["-V", "5"], &[0x20, 3, 0, 0x8A, 0], "banned (0x8A)"),
    ] {
        let run = Run::start(server.port(), &[&["pub", "-t", "t", "-m", "x"], flags].concat());
        drop(server.accept_with(connack));
        let expected = format!(
            "cannot connect to 127.0.0.1:{}: the broker refused the connection: {told}",
            server.port()
        );
        let line = line(&run.end(), "skeeter pub");
        assert!(line.starts_with(&expected), "{expected}: {line}");
    }
    // What comes after CONNACK has nothing to do with connecting.
    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-V", "311", "-q", "1", "--no-retry"]);
    let (mut raw, _) = server.accept_with(ACCEPT4);
    raw.packet();
    raw.shut();
    let expected = format!("127.0.0.1:{}: the broker closed the connection", server.port());
    assert_eq!(line(&run.end(), "skeeter pub"), expected);
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let folder = Folder::new();
    let path = folder.file("directory");
    std::fs::create_dir(&path).unwrap();
    let directory = path.to_str().unwrap();
    let none = "/nonexistent/file";
    let missing = format!("cannot read {none}: no such file or directory");
    let is_directory = format!("cannot read {directory}: is a directory");
    let unwritable = format!("cannot write {none}: no such file or directory");
    let broker = Broker::start(&[]);
    let port = broker.port.to_string();
    for (arguments, program, told) in [
        (&["pub", "-t", "t", "-f", none][..], "skeeter pub", missing.as_str()),
        (&["pub", "-t", "t", "-f", directory], "skeeter pub", &is_directory),
        (&["pub", "-o", none], "skeeter pub", &missing),
        (&["sub", "-o", none], "skeeter sub", &missing),
        (&["pub", "-t", "t", "-m", "x", "--password-file", none, "-u", "me"], "skeeter pub", &missing),
        (&["pub", "-t", "t", "-m", "x", "--cafile", none, "-p", &port], "skeeter pub", &missing),
        (&["pub", "-t", "t", "-m", "x", "--capath", none, "-p", &port], "skeeter pub", &missing),
        (&["pub", "-t", "t", "-m", "x", "--cert", none, "--key", none], "skeeter pub", &missing),
        (&["sub", "-t", "t", "--record", none, "-p", &port], "skeeter sub", &unwritable),
        (&["pub", "--replay", none, "-p", &port], "skeeter pub", &missing),
        (&["bench", "-f", none], "skeeter bench", none),
        (&["passwd", "-b", none, "ann", "x"], "skeeter passwd", none),
        (&["passwd", "--check", none], "skeeter passwd", &missing),
        (&["store", "check", none], "skeeter store", none),
        (&["broker", "-c", none], "skeeter broker", none),
        (&["broker", "-p", "0", "--password-file", none], "skeeter broker", none),
        (&["broker", "-p", "0", "--data-dir", "/proc/none"], "skeeter broker", "/proc/none"),
        (&["broker", "-p", &port], "skeeter broker", "address already in use; another program listens there"),
        (&["broker", "--bind", "192.0.2.1", "-p", "0"], "skeeter broker", "see --bind"),
        (&["broker", "--bind", "does.not.exist.invalid", "-p", "0"], "skeeter broker", "cannot listen on"),
    ] {
        let line = line(&run(arguments), program);
        assert!(line.contains(told), "{arguments:?}: {line}");
    }
}

#[test]
fn a_wrong_flag_is_told_in_one_line_that_names_the_help() {
    for (arguments, program, told) in [
        (&["pub", "--nothing"][..], "skeeter pub", "unexpected argument '--nothing' found"),
        (&["pub", "-t", "t", "-m", "x", "--qoss", "1"], "skeeter pub", "a similar argument exists: '--qos'"),
        (&["sub", "-q", "7"], "skeeter sub", "invalid value '7' for '--qos <QOS>'"),
        (&["broker", "--log-format", "x"], "skeeter broker", "[possible values: "),
        (&["nothing"], "skeeter", "unrecognized subcommand 'nothing'"),
    ] {
        let said = run(arguments);
        let line = line(&said, program);
        assert_eq!(said.status, 2);
        assert!(line.contains(told) && line.ends_with(&format!("; see {program} --help")), "{line}");
    }
    let said = Run::start_as("mosquitto_sub", 1, &["--nothing"]).end();
    assert!(line(&said, "mosquitto_sub").ends_with("; see mosquitto_sub --help"), "{said:?}");
}

#[test]
fn a_flag_without_effect_is_told_or_refused() {
    let broker = Broker::start(&[]);
    let port = broker.port.to_string();
    for (flags, told) in [
        (&["--insecure"][..], "--insecure is ignored without TLS"),
        (&["--tls-version", "tlsv1.3"], "--tls-version is ignored without TLS"),
        (&["--ws-header", "a: b"], "--ws-header is ignored without --ws"),
        (&["--will-qos", "1"], "--will-qos is ignored without --will-topic"),
        (&["--repeat-delay", "1"], "--repeat-delay is ignored without --repeat"),
    ] {
        let publish = [&["pub", "-t", "t", "-m", "x", "-p", &port], flags].concat();
        let said = run(&publish);
        assert!(said.status == 0 && said.stderr == format!("skeeter pub: {told}\n"), "{said:?}");
        let said = Run::start_as("mosquitto_pub", broker.port, &publish[1..]).end();
        assert!(said.status == 0 && said.stderr.is_empty(), "{said:?}");
    }
    for (flags, told) in [
        (&["--pretty"][..], "--pretty is ignored without %j or %J in -F"),
        (&["--message-rate", "-C", "1"], "-C is ignored with --message-rate"),
        (&["-V", "311", "--retain-as-published"], "--retain-as-published is ignored without MQTT 5"),
    ] {
        let said = run(&[&["sub", "-t", "t", "-W", "0.1", "-p", &port], flags].concat());
        assert!(said.stderr.lines().next() == Some(&format!("skeeter sub: {told}")), "{said:?}");
    }
    let mut publish = Run::start(broker.port, &["pub", "-t", "t", "-l", "--repeat", "2"]);
    publish.feed(b"x\n");
    assert_eq!(publish.end().stderr, "skeeter pub: --repeat is ignored with more than one message\n");
}

/// mosquitto's clients take a host after -h, and so do ours; alone it is what a newcomer types first.
#[test]
fn h_alone_prints_the_most_used_flags() {
    for command in ["pub", "sub", "rr", "bench"] {
        let said = run(&[command, "-h"]);
        let text = String::from_utf8(said.stdout).unwrap();
        assert!(said.status == 0 && said.stderr.is_empty(), "{text}");
        assert!(text.contains("-h, --host <HOST>"), "{text}");
        assert!(text.ends_with(&format!("All flags: skeeter {command} --help\n")), "{text}");
    }
    assert!(
        line(&Run::start_as("mosquitto_pub", 1, &["-h"]).end(), "mosquitto_pub").contains("--host <HOST>")
    );
}

/// The broker closes the connection of a client whose certificate it does not accept.
#[test]
fn a_certificate_that_is_missing_or_wrong_is_told_with_the_flag_for_it() {
    let folder = Folder::new();
    crate::tls::certificates(&folder, "localhost");
    let path = |name: &str| folder.file(name).to_str().unwrap().to_owned();
    let (ca, certificate, key) = (path("ca.pem"), path("server.pem"), path("server.key"));
    crate::tls::openssl(
        &folder,
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem",
    );
    let expired = Command::new("openssl")
        .args("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile names -out old.pem".split(' '))
        .current_dir(folder.file(""))
        .output()
        .unwrap();
    assert!(expired.status.success(), "{expired:?}");
    let start = |certificate: &str, more: &[&str]| {
        let broker =
            Broker::start(&[&["--cert", certificate, "--key", &key, "--tls-port", "0"], more].concat());
        let line = broker.stdout.wait_line("listening on mqtts://");
        (broker, line.rsplit(':').next().unwrap().to_owned())
    };
    let (_plain, plain_port) = start(&certificate, &[]);
    let (_strict, strict_port) = start(&certificate, &["--cafile", &ca, "--require-certificate"]);
    let (_old, old_port) = start(&path("old.pem"), &[]);
    let (other, other_key) = (path("other.pem"), path("other.key"));
    for (host, port, flags, told) in [
        ("localhost", &plain_port, &["--cafile", other.as_str()][..], "with --cafile FILE"),
        ("127.0.0.1", &plain_port, &["--cafile", &ca], "skip this check with --insecure"),
        ("localhost", &old_port, &["--cafile", &ca], "certificate has expired; renew the certificate"),
        ("localhost", &strict_port, &["--cafile", &ca], "--cert and --key"),
        ("localhost", &strict_port, &["--cafile", &ca, "--cert", &other, "--key", &other_key], "refused"),
    ] {
        let url = format!("mqtts://{host}:{port}/t");
        let said = run(&[&["pub", &url, "-m", "x", "-q", "1"], flags].concat());
        let line = line(&said, "skeeter pub");
        assert!(said.status == 8 && line.contains(told), "{host} {flags:?}: {line}");
    }
}
