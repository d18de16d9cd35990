//! What scripts written for mosquitto's clients rely on: names, values, and which of two flags counts.

use crate::run::{Polite, Run, Server};
use crate::support::{Folder, packet, text};

type Packets = Vec<(u8, Vec<u8>)>;

fn connect(packets: &Packets) -> &[u8] {
    assert_eq!(packets[0].0, 0x10);
    &packets[0].1
}

fn message(topic: &str, payload: &str) -> Vec<u8> {
    packet(0x30, &[&text(topic), &[0], payload.as_bytes()])
}

#[test]
fn long_names_say_what_the_short_ones_say() {
    let (server, folder) = (Polite::new(&[message("t", "x")]), Folder::new());
    let file = folder.file("payload");
    std::fs::write(&file, "from a file").unwrap();
    let path = file.to_str().unwrap();
    let (publish, subscribe) = (&["pub", "-t", "t", "-m", "x"][..], &["sub", "-t", "t", "-C", "1"][..]);
    for (base, short, long) in [
        (publish, &["-i", "me"][..], &["--id", "me"][..]),
        (publish, &["-u", "me"], &["--username", "me"]),
        (publish, &["-u", "me", "-P", "pw"], &["-u", "me", "--pw", "pw"]),
        (publish, &["-k", "7"], &["--keepalive", "7"]),
        (publish, &["-V", "311"], &["--protocol-version", "mqttv311"]),
        (publish, &["-q", "2"], &["--qos", "2"]),
        (publish, &["-r"], &["--retain"]),
        (publish, &["-c", "-i", "me"], &["--disable-clean-session", "-i", "me"]),
        (publish, &["-D", "publish", "content-type", "c"], &["--property", "publish", "content-type", "c"]),
        (publish, &[], &["--nodelay"]),
        (publish, &["-x", "9"], &["--session-expiry", "9"]),
        (&["pub", "-m", "x"], &["-t", "t"], &["--topic", "t"]),
        (&["pub", "-t", "t"], &["-m", "y"], &["--message", "y"]),
        (&["pub", "-t", "t"], &["-n"], &["--null-message"]),
        (&["pub", "-t", "t"], &["-f", path], &["--file", path]),
        (&["pub", "-t", "t"], &["-l"], &["--stdin-line"]),
        (subscribe, &["-U", "u"], &["--unsubscribe", "u"]),
        (subscribe, &["-v"], &["--verbose"]),
        (subscribe, &["-R"], &["--no-retained"]),
        (subscribe, &["-F", "%p%p"], &["--format", "%p%p"]),
        (&["sub", "-C", "1"], &["-t", "t"], &["--topic", "t"]),
    ] {
        let (said_short, out_short) = server.talk(&[base, short].concat());
        let (said_long, out_long) = server.talk(&[base, long].concat());
        assert_eq!(said_short, said_long, "{short:?} {long:?}");
        assert_eq!((out_short.status, out_long.status), (0, 0), "{out_long:?}");
        assert_eq!(out_short.stdout, out_long.stdout, "{long:?}");
    }
    let port = server.port().to_string();
    let run = Run::start_bare(&["pub", "-t", "t", "-m", "x", "--host", "127.0.0.1", "--port", &port], &[]);
    server.serve();
    assert_eq!(run.end().status, 0);
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "--stdin-file"]);
    run.feed(b"all of it");
    assert!(server.serve()[1].1.ends_with(b"all of it"));
    assert_eq!(run.end().status, 0);
    let filtered = Polite::new(&[message("no/t", "x"), message("t", "y")]);
    let (_, said) = filtered.talk(&["sub", "-t", "#", "-C", "1", "--filter-out", "no/#"]);
    assert_eq!(said.stdout, b"y\n");
}

#[test]
fn of_what_contradicts_the_last_counts() {
    let server = Polite::new(&[message("a", "x")]);
    let port = server.port().to_string();
    let url = format!("mqtt://bob:pw@127.0.0.1:{port}/b");
    // Nobody listens there.
    let nowhere = ["-h", "203.0.113.1", "-p", "1"];
    for (flags, topic) in [
        (&["-L", url.as_str()][..], "b"),
        (&["--url", &url], "b"),
        (&["-t", "a", "-L", &url], "b"),
        (&["-L", &url, "-t", "a"], "a"),
        (&["-u", "ann", "-L", &url], "b"),
    ] {
        let run = Run::start_bare(&[&["pub", "-m", "x"], &nowhere[..], flags].concat(), &[]);
        let packets = server.serve();
        assert!(connect(&packets).ends_with(&[text("bob"), text("pw")].concat()), "{flags:?}");
        assert_eq!(packets[1].1, [text(topic), vec![0, b'x']].concat(), "{flags:?}");
        assert_eq!(run.end().status, 0);
    }
    let (packets, _) = server.talk(&["pub", "-t", "a", "-m", "x", "-L", &url, "-u", "ann"]);
    assert!(connect(&packets).ends_with(&[text("ann"), text("pw")].concat()));
    // What only 5 has makes it 5, unless a version is asked for afterwards.
    let property = ["-D", "connect", "user-property", "k", "v"];
    for flags in [&property[..], &["-x", "5"]] {
        let (packets, said) = server.talk(&[&["pub", "-t", "a", "-m", "x", "-V", "311"], flags].concat());
        assert_eq!((connect(&packets)[6], said.status), (5, 0), "{flags:?}");
        let (packets, said) = server.talk(&[&["pub", "-t", "a", "-m", "x"], flags, &["-V", "5"]].concat());
        assert_eq!((connect(&packets)[6], said.status), (5, 0), "{flags:?} before -V 5");
        let (_, status) =
            (0, Run::start(1, &[&["pub", "-t", "a", "-m", "x"], flags, &["-V", "311"]].concat()));
        assert_eq!(status.end().status, 2, "{flags:?}");
    }
    // A scalar flag given twice; one identifier or the other.
    let (packets, _) =
        server.talk(&["pub", "-t", "a", "-m", "x", "-k", "9", "-k", "8", "-i", "one", "-I", "two-"]);
    let id = String::from_utf8(connect(&packets)[13..].to_vec()).unwrap();
    assert_eq!(connect(&packets)[9], 8);
    assert!(id.strip_prefix("two-").is_some_and(|number| number.parse::<u32>().is_ok()), "{id}");
    let (packets, _) = server.talk(&["pub", "-t", "a", "-m", "x", "--id-prefix", "p", "--id", "one"]);
    assert!(connect(&packets).ends_with(&text("one")));
}

#[test]
fn values_may_begin_with_a_hyphen() {
    let server = Polite::new(&[]);
    let flags = [
        "pub",
        "-t",
        "-topic",
        "-m",
        "-D",
        "--will-topic",
        "-D",
        "-u",
        "-h",
        "-P",
        "--",
        "-i",
        "-t",
        "--will-topic",
        "-w",
        "--will-payload",
        "-x",
    ];
    let (packets, said) = server.talk(&flags);
    assert_eq!(said.status, 0, "{said:?}");
    let ends = [text("-t"), vec![0], text("-w"), text("-x"), text("-h"), text("--")].concat();
    assert!(connect(&packets).ends_with(&ends), "{:?}", connect(&packets));
    assert_eq!(packets[1].1, [text("-topic"), b"\0-D".to_vec()].concat());
}

#[test]
fn the_environment_has_a_variable_for_every_flag_of_the_connection() {
    let (server, folder) = (Polite::new(&[]), Folder::new());
    let file = folder.file("options");
    std::fs::write(&file, "-i file\n-k 9\n-c\n--will-topic file\n").unwrap();
    let base = ["pub", "-t", "t", "-m", "x", "-o", file.to_str().unwrap()];
    let environment = [
        ("MQTT_ID", "env"),
        ("MQTT_KEEPALIVE", "8"),
        ("MQTT_WILL_TOPIC", "env"),
        ("MQTT_WILL_QOS", "1"),
        ("MQTT_WILL_RETAIN", "yes"),
        ("MQTT_DISABLE_CLEAN_SESSION", "1"),
        ("MQTT_SESSION_EXPIRY", "7"),
        ("MQTT_PROPERTY", "connect user-property k v w"),
        ("MQTT_VERSION", "5"),
        ("MQTT_QUIET", "0"),
    ];
    let start = |flags: &[&str]| {
        let port = server.port().to_string();
        let all = [&base[..], &["-h", "127.0.0.1", "-p", &port], flags].concat();
        let run = Run::start_bare(&all, &environment);
        let packets = server.serve();
        let said = run.end();
        assert_eq!(said.status, 0, "{said:?}");
        packets
    };
    let expected = |keep: u8, id: &str| {
        // The last one is the largest packet that the client accepts, 64 MiB.
        let last = vec![0x11, 0, 0, 0, 7, 0x27, 4, 0, 0, 0];
        let properties = [vec![5 + 9 + 5, 0x26], text("k"), text("v w"), last].concat();
        [text("MQTT"), vec![5, 0b0010_1100, 0, keep], properties, text(id), vec![0], text("env"), text("")]
            .concat()
    };
    assert_eq!(connect(&start(&[])), expected(8, "env"));
    assert_eq!(connect(&start(&["-k", "6", "-i", "flag"])), expected(6, "flag"));
    let said = Run::start_bare(&["pub", "-t", "t", "-m", "x"], &[("MQTT_WILL_RETAIN", "perhaps")]).end();
    assert!(said.status == 2 && said.stderr.contains("MQTT_WILL_RETAIN"), "{said:?}");
}

#[test]
fn an_empty_stdin_is_no_message() {
    let server = Polite::new(&[]);
    for (said, status) in [
        (Run::start(server.port(), &["pub", "-t", "t", "-s", "-r"]).end(), 14),
        #[cfg(unix)]
        (Run::start_as("mosquitto_pub", server.port(), &["-t", "t", "-s", "-r"]).end(), 1),
        #[cfg(unix)]
        (Run::start_as("mosquitto_rr", server.port(), &["-t", "t", "-e", "e", "-s"]).end(), 1),
    ] {
        assert_eq!(said.status, status, "{said:?}");
        assert!(said.stderr.contains("stdin is empty"), "{said:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_connection_begins_where_it_is_told_to() {
    let server = Server::new();
    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-V", "5", "-A", "127.0.0.1"]);
    let raw = server.accept();
    assert_eq!(raw.0.peer_addr().unwrap().ip().to_string(), "127.0.0.1");
    drop(raw);
    run.end();
    let folder = Folder::new();
    let path = folder.file("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    // Port 0 makes the host a path.
    let path = path.to_str().unwrap();
    let run = Run::start_bare(&["pub", "-t", "t", "-m", "x", "-V", "5", "-p", "0", "-h", path], &[]);
    drop(listener.accept().unwrap());
    assert_ne!(run.end().status, 2);
}

#[test]
fn no_more_messages_are_in_flight_than_asked_for() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "1", "-M", "1", "-V", "311"]);
    run.feed(b"a\nb\n");
    let (mut raw, _) = server.accept_with(crate::run::ACCEPT4);
    raw.expect(&packet(0x32, &[&text("t"), &[0, 1], b"a"]));
    raw.send(&[0xD0, 0, 0x40, 2, 0, 1]);
    raw.expect(&packet(0x32, &[&text("t"), &[0, 2], b"b"]));
    raw.send(&[0x40, 2, 0, 2]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    drop(server.accept_with(crate::run::ACCEPT4));
    assert_eq!(run.end().status, 0);
}

#[cfg(unix)]
#[test]
fn packets_are_told_in_our_words_on_stderr_and_in_mosquittos_on_stdout() {
    let server = Polite::new(&[message("t", "hello")]);
    let (_, said) = server.talk(&["sub", "-t", "t", "-C", "1", "-d", "-i", "me"]);
    assert_eq!(said.stdout, b"hello\n");
    let told: Vec<&str> = said.stderr.lines().collect();
    assert!(told[0].starts_with("skeeter sub: sent CONNECT v=5 id=me"), "{told:?}");
    assert!(told[1].starts_with("skeeter sub: received CONNACK"), "{told:?}");
    assert_eq!(told[2], "skeeter sub: sent SUBSCRIBE m=1 filter=t");
    assert_eq!(told.last(), Some(&"skeeter sub: sent DISCONNECT"), "{told:?}");

    let server = Polite::new(&[packet(0x31, &[&text("t"), b"hello"]), packet(0x30, &[&text("t"), b"you"])]);
    let (_, said) =
        server.talk_as("mosquitto_sub", &["-t", "t", "-t", "u", "-q", "1", "-C", "2", "--debug", "-i", "me"]);
    let expected = "\
Client me sending CONNECT
Client me received CONNACK (0)
Client me sending SUBSCRIBE (Mid: 1, Topic: t, QoS: 1, Options: 0x00)
Client me sending SUBSCRIBE (Mid: 1, Topic: u, QoS: 1, Options: 0x00)
Client me received SUBACK
Subscribed (mid: 1): 0, 0
Client me received PUBLISH (d0, q0, r1, m0, 't', ... (5 bytes))
hello
Client me received PUBLISH (d0, q0, r0, m0, 't', ... (3 bytes))
you
Client me sending DISCONNECT
";
    assert_eq!(String::from_utf8(said.stdout).unwrap(), expected);
    let (_, said) = server.talk_as("mosquitto_pub", &["-t", "t", "-m", "x", "-q", "2", "-d"]);
    let expected = "\
Client (null) sending CONNECT
Client (null) received CONNACK (0)
Client (null) sending PUBLISH (d0, q2, r0, m1, 't', ... (1 bytes))
Client (null) received PUBREC (Mid: 1)
Client (null) sending PUBREL (m1)
Client (null) received PUBCOMP (Mid: 1, RC:0)
Client (null) sending DISCONNECT
";
    assert_eq!((String::from_utf8(said.stdout).unwrap(), said.stderr.as_str()), (expected.to_owned(), ""));
}

#[cfg(unix)]
#[test]
fn mosquitto_sub_goes_on_with_the_filters_it_was_granted() {
    let server = Server::new();
    let run = Run::start_as("mosquitto_sub", server.port(), &["-t", "secret", "-t", "t", "-C", "1"]);
    let (mut raw, _) = server.accept_with(crate::run::ACCEPT4);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0x80, 0]);
    raw.send(&packet(0x30, &[&text("t"), b"x"]));
    raw.expect(&[0xE0, 0]);
    drop(raw);
    let said = run.end();
    assert_eq!((said.status, said.stdout.as_slice()), (0, &b"x\n"[..]));
}

#[cfg(unix)]
#[test]
fn mosquitto_rr_begins_with_5() {
    let server = Polite::responding(&[message("e", "answer")]);
    let flags = ["-t", "t", "-e", "e", "-m", "x"];
    let (packets, said) = server.talk_as("mosquitto_rr", &flags);
    assert_eq!((connect(&packets)[6], said.stdout.as_slice()), (5, &b"answer\n"[..]));
    let server = Polite::responding(&[packet(0x30, &[&text("e"), b"answer"])]);
    let (packets, said) =
        server.talk_as("mosquitto_rr", &[&flags[..], &["-V", "mqttv311", "--latency"]].concat());
    assert_eq!(connect(&packets)[6], 4);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.starts_with("answer\nLatency: ") && text.ends_with("s\n"), "{text}");
}
