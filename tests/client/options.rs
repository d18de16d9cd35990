//! Properties, wills, options files, secrets, the environment, and the names of mosquitto's clients.

use crate::run::{ACCEPT4, ACCEPT5, Run, Server};
use crate::support::{Folder, packet, skeeter, text, wait};

#[test]
fn connect_carries_will_expiry_and_properties() {
    let server = Server::new();
    let flags = [
        "pub",
        "-t",
        "t",
        "-m",
        "x",
        "-i",
        "c",
        "-k",
        "5",
        "-x",
        "60",
        "--will-topic",
        "w",
        "--will-payload",
        "gone",
        "--will-qos",
        "1",
        "--will-retain",
        "-D",
        "will",
        "will-delay-interval",
        "3",
        "-D",
        "connect",
        "user-property",
        "k",
        "v",
        "-D",
        "publish",
        "content-type",
        "text",
        "-D",
        "disconnect",
        "reason-string",
        "bye",
    ];
    let run = Run::start(server.port(), &flags);
    let (mut raw, connect) = server.accept_with(ACCEPT5);
    let expected = [
        text("MQTT"),
        vec![5, 0b0010_1110, 0, 5, 17, 0x26],
        text("k"),
        text("v"),
        vec![0x11, 0, 0, 0, 60],
        // Maximum Packet Size: 64 MiB.
        vec![0x27, 4, 0, 0, 0],
        text("c"),
        vec![5, 0x18, 0, 0, 0, 3],
        text("w"),
        text("gone"),
    ];
    assert_eq!(connect, expected.concat());
    raw.expect(&packet(0x30, &[&text("t"), &[7, 3], &text("text"), b"x"]));
    raw.expect(&packet(0xE0, &[&[0, 6, 0x1F], &text("bye")]));
    drop(raw);
    assert_eq!(run.end().status, 0);
    for bad in [
        &["-D", "publish", "receive-maximum", "1"][..],
        &["-D", "connect"],
        &["-D", "publish", "content-type", "a", "-D", "publish", "content-type", "b"],
        &["-D", "publish", "content-type", "a", "-V", "311"],
        &["-D", "will", "content-type", "a"],
        &["-x", "-1"],
        &["-x", "soon"],
        &["--will-payload", "x"],
        &["--will-topic", "a/#"],
    ] {
        let said = Run::start(server.port(), &[&["pub", "-t", "t", "-m", "x"], bad].concat()).end();
        assert_eq!(said.status, 2, "{bad:?} {said:?}");
    }
}

#[test]
fn a_wrong_property_is_quoted_as_it_was_typed() {
    for (words, expected) in [
        (
            &["publish", "message-expiry", "60"][..],
            "'-D publish message-expiry 60': there is no property \"message-expiry\"; did you mean message-expiry-interval?",
        ),
        (
            &["publish", "user-property", "a"],
            "'-D publish user-property a': user-property: expected a name and a value",
        ),
        (&["publish", "server-keep-alive", "5"], "server-keep-alive is only sent by servers"),
        (&["publish", "receive-maximum", "5"], "receive-maximum belongs to connect"),
        (&["publish", "subscription-identifier", "5"], "subscription-identifier belongs to subscribe"),
        (&["connect", "receive-maximum", "0"], "receive-maximum: expected a number from 1 to 65535"),
        (&["publish", "response-topic", "a/#"], "response-topic: expected a topic name without wildcards"),
    ] {
        let said = Run::start_bare(&[&["pub", "-t", "t", "-m", "x", "-D"], words].concat(), &[]).end();
        assert!(said.status == 2 && said.stderr.contains(expected), "{said:?}");
    }
}

#[test]
fn a_kept_session_lasts_for_ever_unless_it_is_told_otherwise() {
    let server = Server::new();
    for (flags, expiry) in
        [(&["-c", "-i", "c"][..], [0xFF; 4]), (&["-c", "-i", "c", "-x", "0x10"], [0, 0, 0, 16])]
    {
        let run = Run::start(server.port(), &[&["pub", "-t", "t", "-m", "x"], flags].concat());
        let (raw, connect) = server.accept_with(ACCEPT5);
        assert_eq!((connect[7] & 2, &connect[11..16]), (0, &[&[0x11], &expiry[..]].concat()[..]));
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_options_file() {
    let (server, folder) = (Server::new(), Folder::new());
    let port = server.port().to_string();
    let file = folder.file("options");
    std::fs::write(&file, format!("# ours\n-h 127.0.0.1\n-p {port}\n-t from/file\n-u file\n-P a b\n-r\n"))
        .unwrap();
    let directory = file.parent().unwrap().to_str().unwrap();
    std::fs::create_dir(folder.file("skeeter")).unwrap();
    std::fs::copy(&file, folder.file("skeeter/pub")).unwrap();
    let path = file.to_str().unwrap();
    let home = ("XDG_CONFIG_HOME", directory);
    let elsewhere = ("XDG_CONFIG_HOME", "/nonexistent");
    for (flags, environment, topic, user, password) in [
        (&["-o", path][..], &[elsewhere][..], "from/file", "file", "a b"),
        (&[], &[home], "from/file", "file", "a b"),
        (&["-t", "flag"], &[home, ("MQTT_USERNAME", "env"), ("MQTT_PASSWORD", "pw")], "flag", "env", "pw"),
        (&["-u", "flag"], &[home, ("MQTT_USERNAME", "env")], "from/file", "flag", "a b"),
    ] {
        let run = Run::start_bare(&[&["pub", "-m", "x"], flags].concat(), environment);
        let (mut raw, connect) = server.accept_with(ACCEPT5);
        assert!(connect.ends_with(&[text(user), text(password)].concat()), "{flags:?}");
        raw.expect(&packet(0x31, &[&text(topic), b"\0x"]));
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
    let said = Run::start_bare(&["pub", "-m", "x", "-o", "/nonexistent"], &[]).end();
    assert_eq!(said.status, 14, "{said:?}");
}

#[test]
fn passwords_come_from_files_and_descriptors() {
    let (server, folder) = (Server::new(), Folder::new());
    let file = folder.file("password");
    std::fs::write(&file, "s3cret word\n").unwrap();
    for flags in [&["--password-file", file.to_str().unwrap()][..], &["--password-fd", "0"]] {
        let mut run = Run::start(server.port(), &[&["pub", "-t", "t", "-m", "x", "-u", "u"], flags].concat());
        run.feed(b"s3cret word\n");
        let (raw, connect) = server.accept_with(ACCEPT5);
        assert!(connect.ends_with(&text("s3cret word")));
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
    let flags = ["pub", "-t", "t", "-m", "x", "-u", "u", "--password-file", "/nonexistent"];
    assert_eq!(Run::start(server.port(), &flags).end().status, 14);
}

#[test]
fn a_unix_socket_is_a_connection_too() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let run = Run::start_bare(&["pub", "-t", "t", "-m", "x", "--unix", path.to_str().unwrap()], &[]);
    let (mut stream, _) = listener.accept().unwrap();
    let mut connect = [0; 2];
    std::io::Read::read_exact(&mut stream, &mut connect).unwrap();
    assert_eq!(connect[0], 0x10);
    std::io::Write::write_all(&mut stream, ACCEPT5).unwrap();
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).unwrap();
    assert!(rest.ends_with(&[packet(0x30, &[&text("t"), b"\0x"]), vec![0xE0, 0]].concat()));
    drop(stream);
    assert_eq!(run.end().status, 0);
}

#[cfg(unix)]
#[test]
fn under_the_names_of_mosquitto_it_has_their_habits() {
    use std::os::unix::process::CommandExt;
    let server = Server::new();
    let port = server.port().to_string();
    let start = |name: &str, flags: &[&str]| {
        skeeter()
            .arg0(format!("/usr/bin/{name}"))
            .args(["-p", &port])
            .args(flags)
            .env("MQTT_HOST", "203.0.113.1")
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut child = start("mosquitto_pub", &["-h", "127.0.0.1", "-t", "t", "-m", "x"]);
    let (mut raw, connect) = server.accept_with(ACCEPT4);
    assert_eq!(connect[..7], *b"\0\x04MQTT\x04", "3.1.1 by default");
    raw.expect(&packet(0x30, &[&text("t"), b"x"]));
    drop(raw);
    assert_eq!(wait(&mut child), 0);
    let mut child = start("mosquitto_sub", &["-h", "127.0.0.1", "-t", "secret"]);
    let (mut raw, _) = server.accept_with(ACCEPT4);
    raw.packet();
    raw.send(&[0x90, 3, 0, 1, 0x80]);
    raw.packet();
    drop(raw);
    assert_eq!(wait(&mut child), 0, "all subscriptions refused");
    let mut child = start("mosquitto_sub", &["-h", "127.0.0.1", "-t", "t"]);
    drop(server.accept_with(&[0x20, 2, 0, 2]));
    assert_eq!(wait(&mut child), 2, "the code of CONNACK");
    for (name, flags) in
        [("mosquitto_pub", &["--help"][..]), ("mosquitto_rr", &["--version"]), ("mosquitto_sub", &[])]
    {
        assert_eq!(wait(&mut start(name, flags)), 1, "{name}");
    }
}
