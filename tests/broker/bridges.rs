//! Bridges: what goes over them, what is acknowledged when, and what they do when a broker is not there. The other broker is
//! played by hand where its bytes matter, and is another skeeter elsewhere.

use std::net::TcpListener;
use std::path::Path;

use crate::support::{
    Broker, CONNACK4, Folder, PATIENCE, Raw, connect4, connect5, packet, publish4, skeeter, subscribe4, text,
};

const OPEN: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

/// Another broker, played by the test.
struct Other(TcpListener);

impl Other {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The lines of a bridge to it that is quick to come back and says nothing of itself.
    fn bridge(&self, lines: &str) -> String {
        let port = self.port();
        format!(
            "{OPEN}connection b\naddress 127.0.0.1:{port}\nremote_clientid far\nnotifications false\nrestart_timeout 1\n{lines}\n"
        )
    }

    fn accept(&self) -> Raw {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw(stream)
    }

    /// Takes the bridge in; what its CONNECT said.
    fn greet(&self, session_present: bool) -> (Raw, Vec<u8>) {
        let mut raw = self.accept();
        let (first, body) = raw.packet();
        assert_eq!(first, 0x10);
        raw.send(&[0x20, 2, u8::from(session_present), 0]);
        (raw, body)
    }

    /// Takes it in and grants the one subscription that it asks for.
    fn greet_and_grant(&self, session_present: bool, filter: &str, qos: u8) -> Raw {
        let (mut raw, _) = self.greet(session_present);
        grant(&mut raw, filter, qos);
        raw
    }
}

#[track_caller]
fn grant(raw: &mut Raw, filter: &str, qos: u8) {
    let (first, body) = raw.packet();
    let expected = [&text(filter)[..], &[qos]].concat();
    assert_eq!((first, &body[2..]), (0x82, &expected[..]), "{body:02x?}");
    raw.send(&packet(0x90, &[&body[..2], &[qos]]));
}

fn client(port: u16, name: &str) -> Raw {
    let mut raw = Raw::connect(port);
    raw.send(&connect4(name, true));
    raw.expect(&CONNACK4);
    raw
}

fn subscriber(port: u16, filter: &str, qos: u8) -> Raw {
    let mut raw = client(port, &format!("sub{filter}{qos}").replace(['#', '+', '/', '$'], ""));
    raw.send(&subscribe4(1, filter, qos));
    raw.expect(&[0x90, 3, 0, 1, qos]);
    raw
}

/// The topic and the payload of a PUBLISH, and its identifier.
#[track_caller]
fn message((first, body): (u8, Vec<u8>)) -> (String, String, u16) {
    assert_eq!(first & 0xF0, 0x30, "{first:02x} {body:02x?}");
    let len = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let topic = String::from_utf8(body[2..][..len].to_vec()).unwrap();
    let rest = &body[2 + len..];
    let (id, payload) = if first & 6 == 0 { (&[0, 0][..], rest) } else { rest.split_at(2) };
    (topic, String::from_utf8_lossy(payload).into_owned(), u16::from_be_bytes([id[0], id[1]]))
}

/// The next message at QoS 0.
#[track_caller]
fn heard(raw: &mut Raw) -> (String, String) {
    let (topic, payload, _) = message(raw.packet());
    (topic, payload)
}

fn said(topic: &str, payload: &str) -> (String, String) {
    (topic.to_owned(), payload.to_owned())
}

fn publish(port: u16, flags: &[&str]) {
    let output = skeeter().args(["pub", "-p", &port.to_string()]).args(flags).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn what_goes_out_is_acknowledged_by_the_other_broker() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic out/# out 2"), &[]);
    let (mut far, connect) = other.greet(false);
    // 0x84: a bridge; the session is kept; 60 s.
    let expected = [&text("MQTT")[..], &[0x84, 0, 0, 60], &text("far")].concat();
    assert_eq!(connect, expected);
    publish(broker.port, &["-t", "out/1", "-m", "one", "-q", "1"]);
    publish(broker.port, &["-t", "out/2", "-m", "two", "-q", "2"]);
    publish(broker.port, &["-t", "elsewhere", "-m", "x", "-q", "1"]);
    far.expect(&publish4("out/1", 1, 1, b"one"));
    far.expect(&publish4("out/2", 2, 2, b"two"));
    // Neither is answered: both come again, under the same identifiers.
    far.shut();
    broker.stderr.wait_line("the connection to 127.0.0.1:");
    let (mut far, _) = other.greet(true);
    far.expect(&with_dup(publish4("out/1", 1, 1, b"one")));
    far.expect(&with_dup(publish4("out/2", 2, 2, b"two")));
    far.send(&[0x40, 2, 0, 1, 0x50, 2, 0, 2]);
    far.expect(&[0x62, 2, 0, 2]);
    // PUBCOMP is lost: then PUBREL comes again, and not the message.
    far.shut();
    let (mut far, _) = other.greet(true);
    far.expect(&[0x62, 2, 0, 2]);
    far.send(&[0x70, 2, 0, 2]);
    publish(broker.port, &["-t", "out/3", "-m", "three", "-q", "0"]);
    far.expect(&publish4("out/3", 0, 0, b"three"));
    far.shut();
    // All is done.
    let (mut far, _) = other.greet(true);
    publish(broker.port, &["-t", "out/4", "-m", "four", "-q", "0"]);
    far.expect(&publish4("out/4", 0, 0, b"four"));
}

fn with_dup(mut publish: Vec<u8>) -> Vec<u8> {
    publish[0] |= 8;
    publish
}

#[test]
fn what_comes_in_is_acknowledged_once_it_is_here() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic in/# in 2"), &[]);
    let mut here = subscriber(broker.port, "in/#", 0);
    let mut far = other.greet_and_grant(false, "in/#", 2);
    far.send(&publish4("in/1", 1, 7, b"one"));
    far.expect(&[0x40, 2, 0, 7]);
    far.send(&publish4("in/2", 2, 9, b"two"));
    far.expect(&[0x50, 2, 0, 9]);
    assert_eq!([heard(&mut here), heard(&mut here)], [said("in/1", "one"), said("in/2", "two")]);
    // The connection is lost before PUBREL: sent again it is no new message.
    far.shut();
    let (mut far, _) = other.greet(true);
    far.send(&with_dup(publish4("in/2", 2, 9, b"two")));
    far.expect(&[0x50, 2, 0, 9]);
    far.send(&[0x62, 2, 0, 9]);
    far.expect(&[0x70, 2, 0, 9]);
    far.send(&publish4("in/2", 2, 9, b"three"));
    far.expect(&[0x50, 2, 0, 9]);
    assert_eq!(heard(&mut here), said("in/2", "three"));
    // Now the other broker has lost its session: the same identifier is another message.
    far.shut();
    let mut far = other.greet_and_grant(false, "in/#", 2);
    far.send(&publish4("in/2", 2, 9, b"four"));
    far.expect(&[0x50, 2, 0, 9]);
    assert_eq!(heard(&mut here), said("in/2", "four"));
    far.send(&[0x62, 2, 0, 9]);
    far.expect(&[0x70, 2, 0, 9]);
}

#[test]
fn a_broker_that_has_lost_its_sessions_loses_no_message_to_old_identifiers() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic out/# out 2"), &[]);
    // The other broker has the session of an earlier process, and may hold any identifier.
    let (mut far, _) = other.greet(true);
    let (first, body) = far.packet();
    assert_eq!((first, &body[2..]), (0xA2, &text("out/#")[..]));
    far.send(&packet(0xB0, &[&body[..2]]));
    for _ in 0..2 {
        publish(broker.port, &["-t", "out/a", "-m", "new", "-q", "2"]);
        let (mut first, mut body) = far.packet();
        if first == 0x62 {
            far.send(&packet(0x70, &[&body]));
            let released = body;
            (first, body) = far.packet();
            assert_eq!(message((first, body.clone())).2.to_be_bytes(), released[..]);
        } else {
            panic!("{first:02x}: not released");
        }
        let id = message((first, body)).2.to_be_bytes();
        far.send(&packet(0x50, &[&id]));
        far.expect(&packet(0x62, &[&id]));
        far.send(&packet(0x70, &[&id]));
    }
}

#[test]
fn what_waits_for_the_other_broker_survives_kill_9() {
    let (folder, other) = (Folder::new(), Other::new());
    let directory = folder.file("data");
    let flags = ["--data-dir", directory.to_str().unwrap()];
    let config = other.bridge("topic # both 2");
    let mut broker = Broker::with_config(&folder, &config, &flags);
    // Its session is there, and the other broker is not.
    broker.stderr.wait_line("local.far left");
    publish(broker.port, &["-t", "out/1", "-m", "one", "-q", "1"]);
    publish(broker.port, &["-t", "out/2", "-m", "two", "-q", "2"]);
    let mut far = other.greet_and_grant(false, "#", 2);
    far.expect(&publish4("out/1", 1, 1, b"one"));
    far.expect(&publish4("out/2", 2, 2, b"two"));
    // Of the second the other broker has said that it has it.
    far.send(&[0x50, 2, 0, 2]);
    far.expect(&[0x62, 2, 0, 2]);
    // A client here that is away must get what has been acknowledged.
    let mut away = Raw::connect(broker.port);
    away.send(&connect4("away", false));
    away.expect(&CONNACK4);
    away.send(&subscribe4(1, "in/#", 2));
    away.expect(&[0x90, 3, 0, 1, 2]);
    away.send(&[0xE0, 0]);
    far.send(&publish4("in/1", 2, 5, b"five"));
    far.expect(&[0x50, 2, 0, 5]);
    broker.child.kill().unwrap();
    broker.child.wait().unwrap();
    let broker = Broker::with_config(&folder, &config, &flags);
    // It does not know any more what it has subscribed to.
    let (mut far, _) = other.greet(true);
    let (mut released, mut came) = (false, Vec::new());
    while !released || came.is_empty() {
        match far.packet() {
            (0x82, body) => far.send(&packet(0x90, &[&body[..2], &[2]])),
            (0x62, body) => {
                assert_eq!(body, [0, 2]);
                released = true;
                far.send(&[0x70, 2, 0, 2]);
            }
            other => came.push(message(other)),
        }
    }
    let [(topic, payload, id)] = &came[..] else { panic!("{came:?}") };
    assert_eq!((topic.as_str(), payload.as_str()), ("out/1", "one"));
    far.send(&packet(0x40, &[&id.to_be_bytes()]));
    // What was held here is held still.
    far.send(&with_dup(publish4("in/1", 2, 5, b"five")));
    far.expect(&[0x50, 2, 0, 5]);
    far.send(&[0x62, 2, 0, 5]);
    far.expect(&[0x70, 2, 0, 5]);
    let mut away = Raw::connect(broker.port);
    away.send(&connect4("away", false));
    away.expect(&[0x20, 2, 1, 0]);
    assert_eq!(message(away.packet()).1, "five");
    assert!(away.ping().is_empty());
}

#[test]
fn both_brokers_are_told_whether_the_bridge_is_connected() {
    let folder = Folder::new();
    let other = Other::new();
    let lines = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{}\nremote_clientid far\nrestart_timeout 1\nremote_username u\n\
         remote_password p\ntopic x out\n",
        other.port()
    );
    let broker = Broker::with_config(&folder, &lines, &[]);
    let state = "$SYS/broker/connection/far/state";
    let mut here = subscriber(broker.port, state, 0);
    assert_eq!(heard(&mut here), said(state, "0"));
    let (mut far, connect) = other.greet(false);
    let will = [&text(state)[..], &text("0")].concat();
    let expected =
        [&text("MQTT")[..], &[0x84, 0xEC, 0, 60], &text("far"), &will, &text("u"), &text("p")].concat();
    assert_eq!(connect, expected);
    far.expect(&packet(0x33, &[&text(state), &[0xFF, 0xFF], b"1"]));
    far.send(&[0x40, 2, 0xFF, 0xFF]);
    assert_eq!(heard(&mut here), said(state, "1"));
    far.shut();
    assert_eq!(heard(&mut here), said(state, "0"));
    let (mut far, _) = other.greet(false);
    far.expect(&packet(0x33, &[&text(state), &[0xFF, 0xFF], b"1"]));
    assert_eq!(heard(&mut here), said(state, "1"));
    // It says farewell when the broker ends.
    broker.signal("TERM");
    far.expect(&packet(0x31, &[&text(state), b"0"]));
    far.expect(&[0xE0, 0]);
}

#[test]
fn a_refusal_is_told_in_one_line() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic x out"), &[]);
    let mut far = other.accept();
    far.packet();
    far.send(&[0x20, 2, 0, 4]);
    let line = broker.stderr.wait_line("bridge b: cannot connect to");
    let expected = format!(
        "bridge b: cannot connect to 127.0.0.1:{}: the broker refused the connection: bad user name or password (0x86); \
         next try in 1 s",
        other.port()
    );
    assert!(line.ends_with(&expected), "{line}");
}

#[test]
fn brokers_that_do_not_know_bridges_are_asked_as_by_a_client() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic x out"), &[]);
    let mut far = other.accept();
    assert_eq!(far.packet().1[6], 0x84);
    far.send(&[0x20, 2, 0, 1]);
    let (_far, connect) = other.greet(false);
    assert_eq!(connect[6], 4);
    broker.stderr.wait_line("the other broker does not know bridges");
}

#[test]
fn a_lazy_bridge_comes_when_enough_waits_and_leaves_when_idle() {
    let (folder, other) = (Folder::new(), Other::new());
    let lines = "topic out/# out 1\nstart_type lazy\nthreshold 3\nidle_timeout 1";
    let broker = Broker::with_config(&folder, &other.bridge(lines), &[]);
    broker.stderr.wait_line("local.far left");
    for round in 0..2 {
        // QoS 0 waits too.
        for (payload, qos) in [("one", "0"), ("two", "1")] {
            publish(broker.port, &["-t", "out/a", "-m", payload, "-q", qos]);
        }
        other.0.set_nonblocking(true).unwrap();
        assert!(other.0.accept().is_err(), "it came too early");
        other.0.set_nonblocking(false).unwrap();
        publish(broker.port, &["-t", "out/a", "-m", "three", "-q", "1"]);
        let (mut far, _) = other.greet(round > 0);
        for expected in ["one", "two", "three"] {
            let (_, payload, id) = message(far.packet());
            assert_eq!(payload, expected);
            if id > 0 {
                far.send(&packet(0x40, &[&id.to_be_bytes()]));
            }
        }
        far.expect(&[0xE0, 0]);
        far.expect_closed();
        broker.stderr.wait_line("no message for 1 s: disconnected until more wait");
    }
}

#[test]
fn other_addresses_are_tried_and_the_first_is_gone_back_to() {
    let folder = Folder::new();
    let (first, second) = (Other::new(), Other::new());
    let (first_port, second_port) = (first.port(), second.port());
    drop(first);
    let lines = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{first_port} 127.0.0.1:{second_port}\nnotifications false\n\
         restart_timeout 1\ntopic x out\n"
    );
    let broker = Broker::with_config(&folder, &lines, &[]);
    let (mut far, _) = second.greet(false);
    broker.stderr.wait_line(&format!("trying 127.0.0.1:{second_port}"));
    let first = Other(TcpListener::bind(("127.0.0.1", first_port)).unwrap());
    far.expect(&[0xE0, 0]);
    // That it answers is found out by a connection of its own.
    drop(first.accept());
    let (_far, _) = first.greet(false);
    broker.stderr.wait_line("answers again: going back to it");
}

#[test]
fn once_is_once() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic x out\nstart_type once"), &[]);
    let (mut far, _) = other.greet(false);
    broker.stderr.wait_line("bridge b: connected to");
    far.shut();
    broker.stderr.wait_line("it is not tried again, see start_type");
}

/// Two brokers, and a bridge from the first to the second.
fn pair(folder: &Folder, lines: &str) -> (Broker, Broker) {
    let far = Broker::start(&["-v"]);
    let config = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{}\nrestart_timeout 1\nremote_clientid far\n{lines}\n",
        far.port
    );
    let near = Broker::with_config(folder, &config, &[]);
    near.stderr.wait_line("bridge b: connected to");
    (near, far)
}

/// Both subscribers have all that was to come: a message to each broker comes last.
#[track_caller]
fn until_end(raw: &mut Raw) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while !(all.iter().any(|(topic, _): &(String, String)| topic.ends_with("end/near"))
        && all.iter().any(|(topic, _)| topic.ends_with("end/far")))
    {
        all.push(heard(raw));
    }
    all.sort();
    all
}

#[test]
fn everything_both_ways_comes_once_and_does_not_go_round() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        let folder = Folder::new();
        let (near, far) = pair(&folder, &format!("topic # both 2\nbridge_protocol_version {version}"));
        far.stderr.wait_line("far subscribed to #");
        let (mut here, mut there) = (subscriber(near.port, "#", 0), subscriber(far.port, "#", 0));
        for qos in ["0", "1", "2"] {
            publish(near.port, &["-t", &format!("near/{qos}"), "-m", "n", "-q", qos]);
            publish(far.port, &["-t", &format!("far/{qos}"), "-m", "f", "-q", qos]);
        }
        publish(near.port, &["-t", "end/near", "-m", "e", "-q", "2"]);
        publish(far.port, &["-t", "end/far", "-m", "e", "-q", "2"]);
        let expected = ["end/far", "end/near", "far/0", "far/1", "far/2", "near/0", "near/1", "near/2"];
        for raw in [&mut here, &mut there] {
            let topics: Vec<_> = until_end(raw).into_iter().map(|(topic, _)| topic).collect();
            assert_eq!(topics, expected, "{version}");
            // What goes round would have come with it.
            assert!(raw.ping().is_empty(), "{version}");
        }
    }
}

#[test]
fn prefixes_are_changed_on_the_way() {
    let folder = Folder::new();
    let lines = "topic # both 1 here/ there/\ntopic \"\" out 1 single other/single\n\
                 topic broker/version in 0 far/ $SYS/\n";
    let (near, far) = pair(&folder, lines);
    far.stderr.wait_line("far subscribed to there/#");
    let (mut here, mut there) = (subscriber(near.port, "#", 0), subscriber(far.port, "#", 0));
    publish(near.port, &["-t", "here/a", "-m", "1", "-q", "1"]);
    publish(near.port, &["-t", "single", "-m", "2", "-q", "1"]);
    publish(near.port, &["-t", "not", "-m", "3", "-q", "1"]);
    publish(near.port, &["-t", "here/end/near", "-m", "4", "-q", "1"]);
    publish(far.port, &["-t", "there/b", "-m", "5", "-q", "1"]);
    publish(far.port, &["-t", "there/end/far", "-m", "6", "-q", "1"]);
    let here: Vec<_> =
        until_end(&mut here).into_iter().filter(|(topic, _)| topic != "far/broker/version").collect();
    let expected = [
        said("here/a", "1"),
        said("here/b", "5"),
        said("here/end/far", "6"),
        said("here/end/near", "4"),
        said("not", "3"),
        said("single", "2"),
    ];
    assert_eq!(here, expected);
    let expected = [
        said("other/single", "2"),
        said("there/a", "1"),
        said("there/b", "5"),
        said("there/end/far", "6"),
        said("there/end/near", "4"),
    ];
    assert_eq!(until_end(&mut there), expected);
    // What is retained there came with the subscription.
    let (topic, version) = heard(&mut subscriber(near.port, "far/broker/version", 0));
    assert!(topic == "far/broker/version" && version.starts_with("skeeter"), "{version}");
}

#[test]
fn retained_messages_and_properties_arrive_as_they_were() {
    let folder = Folder::new();
    let far = Broker::start(&["-v"]);
    publish(far.port, &["-t", "in/old", "-m", "old", "-r", "-q", "1"]);
    let config = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{}\ntopic out/# out 1\ntopic in/# in 1\nbridge_protocol_version mqttv50\n",
        far.port
    );
    let near = Broker::with_config(&folder, &config, &[]);
    near.stderr.wait_line("bridge b: connected to");
    far.stderr.wait_line("subscribed to in/#");
    publish(
        near.port,
        &["-t", "out/kept", "-m", "kept", "-r", "-q", "1", "-D", "publish", "user-property", "a", "b"],
    );
    publish(far.port, &["-t", "in/new", "-m", "new", "-r", "-q", "1"]);
    for (port, topic, payload) in
        [(far.port, "out/kept", "kept"), (near.port, "in/old", "old"), (near.port, "in/new", "new")]
    {
        // Until it is retained there it comes live.
        let output = skeeter()
            .args(["sub", "-p", &port.to_string(), "-t", topic, "-C", "1", "-W", "20", "-F", "%t %p %P"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let properties = if topic == "out/kept" { "a:b" } else { "" };
        assert_eq!(told.trim_end(), format!("{topic} {payload} {properties}").trim_end());
        let mut late = client(port, "late");
        late.send(&subscribe4(1, topic, 0));
        late.expect(&[0x90, 3, 0, 1, 0]);
        assert_eq!(late.packet().0, 0x31, "{topic}");
    }
}

#[test]
fn a_local_user_may_do_what_the_rules_say() {
    let folder = Folder::new();
    let rules = folder.file("acl");
    write(&rules, "user bridge\ntopic read out/#\ntopic write in/allowed\n");
    let far = Broker::start(&["-v"]);
    let config = format!(
        "{OPEN}acl_file {}\nconnection b\naddress 127.0.0.1:{}\nlocal_username bridge\ntopic # both 1\nremote_clientid far\n\
         connection free\naddress 127.0.0.1:{}\ntopic free/# out 1\n",
        rules.display(),
        far.port,
        far.port
    );
    let near = Broker::with_config(&folder, &config, &[]);
    far.stderr.wait_line("far subscribed to #");
    publish(far.port, &["-t", "in/forbidden", "-m", "x", "-q", "1"]);
    near.stderr.wait_line("local.far, user bridge may not publish to in/forbidden");
    near.stderr.wait_line("bridge free: connected to");
}

#[test]
fn a_local_password_that_is_wrong_is_told() {
    let folder = Folder::new();
    let config = "allow_anonymous true\nallow_user bridge:right\nconnection b\naddress 127.0.0.1:1\n\
                  local_username bridge\nlocal_password wrong\ntopic # both 1\n";
    let near = Broker::with_config(&folder, &format!("listener 0 127.0.0.1\n{config}"), &[]);
    near.stderr.wait_line("bridge b: this broker does not let it in");
    drop(near);
    let right = config.replace("wrong", "right");
    let near = Broker::with_config(&folder, &format!("listener 0 127.0.0.1\n{right}"), &[]);
    near.stderr.wait_line("bridge b: cannot connect to 127.0.0.1:1");
}

#[test]
fn a_reload_starts_changes_and_ends_bridges() {
    let (folder, one, two) = (Folder::new(), Other::new(), Other::new());
    let with = |topic: &str, reload: &str| {
        one.bridge(&format!("topic {topic} both 1\nbridge_reload_type {reload}\nlocal_clientid here"))
    };
    let broker = Broker::with_config(&folder, &with("a", "immediate"), &[]);
    let reload = |config: &str| {
        write(&folder.file("mosquitto.conf"), config);
        broker.signal("HUP");
    };
    let mut far = one.greet_and_grant(false, "a", 1);
    // Another bridge beside; the first one does not notice.
    let second =
        format!("connection c\naddress 127.0.0.1:{}\ntopic y out\nnotifications false\n", two.port());
    reload(&[with("a", "immediate"), second].concat());
    let (_second, _) = two.greet(false);
    // Another topic, at once.
    reload(&with("b", "immediate"));
    far.expect(&[0xE0, 0]);
    let (mut far, _) = one.greet(true);
    let (first, body) = far.packet();
    assert_eq!((first, &body[2..]), (0xA2, &text("a")[..]));
    far.send(&packet(0xB0, &[&body[..2]]));
    grant(&mut far, "b", 1);
    broker.stderr.wait_line("bridge c: it is not in the configuration any more");
    publish(broker.port, &["-t", "a", "-m", "no", "-q", "1"]);
    publish(broker.port, &["-t", "b", "-m", "yes", "-q", "1"]);
    assert_eq!(message(far.packet()).1, "yes");
    // Another one, with the next connection.
    reload(&with("c", "lazy"));
    broker.stderr.wait("the third reload", |lines| {
        (lines.iter().filter(|line| line.contains("everything was read again")).count() == 3).then_some(())
    });
    far.send(&publish4("b", 1, 5, b"still"));
    far.expect(&[0x40, 2, 0, 5]);
    far.shut();
    let (mut far, _) = one.greet(true);
    let (first, body) = far.packet();
    assert_eq!((first, &body[2..]), (0xA2, &text("b")[..]));
    // No bridge at all: its session here is gone too.
    far.send(&packet(0xB0, &[&body[..2]]));
    grant(&mut far, "c", 1);
    reload(OPEN);
    far.expect(&[0xE0, 0]);
    broker.stderr.wait_line("bridge b: it is not in the configuration any more");
    let mut here = Raw::connect(broker.port);
    here.send(&connect4("here", false));
    here.expect(&CONNACK4);
}

#[test]
fn limits_of_the_other_broker_are_kept() {
    let (folder, other) = (Folder::new(), Other::new());
    let lines = "topic # both 2\nbridge_protocol_version mqttv50\nbridge_receive_maximum 7\nbridge_max_topic_alias 3\n\
                 keepalive_interval 30\nbridge_session_expiry_interval 3600\nmax_packet_size 5000\nmax_inflight_messages 4";
    let broker = Broker::with_config(&folder, &other.bridge(lines), &[]);
    let mut far = other.accept();
    let (_, connect) = far.packet();
    let properties =
        [&[0x11, 0, 0, 0x0E, 0x10][..], &[0x21, 0, 7], &[0x27, 0, 0, 0x13, 0x88], &[0x22, 0, 3]].concat();
    let length = [u8::try_from(properties.len()).unwrap()];
    let expected = [&text("MQTT")[..], &[5, 0, 0, 30], &length, &properties, &text("far")].concat();
    assert_eq!(connect, expected);
    // Receive Maximum 2, Maximum QoS 1, no retained messages, packets of 60 bytes.
    let limits = [&[0x21, 0, 2][..], &[0x24, 1], &[0x25, 0], &[0x27, 0, 0, 0, 60]].concat();
    far.send(&packet(0x20, &[&[0, 0, u8::try_from(limits.len()).unwrap()], &limits]));
    let (first, body) = far.packet();
    // No Local, Retain As Published, and what is retained if the subscription is new.
    assert_eq!((first, &body[2..]), (0x82, &[&[0][..], &text("#"), &[0x1E]].concat()[..]));
    far.send(&packet(0x90, &[&body[..2], &[0, 2]]));
    publish(broker.port, &["-t", "big", "-m", &"x".repeat(100), "-q", "2"]);
    for payload in ["one", "two", "three"] {
        publish(broker.port, &["-t", "t", "-m", payload, "-q", "2", "-r"]);
    }
    broker.stderr.wait_line("a message to big is larger than the 60 bytes that the other broker takes");
    let mut ids = Vec::new();
    for payload in ["one", "two"] {
        let (first, body) = far.packet();
        assert_eq!(first, 0x32, "QoS 1, and not retained");
        let len = body.len();
        assert_eq!(&body[len - payload.len()..], payload.as_bytes());
        ids.push([body[3], body[4]]);
    }
    // Only now there is room for the third.
    far.send(&packet(0x40, &[&ids[0]]));
    let (_, body) = far.packet();
    assert!(body.ends_with(b"three"));
    far.send(&packet(0x40, &[&ids[1]]));
    far.send(&packet(0x40, &[&body[3..5]]));
    // A topic alias that it sets holds for what comes.
    let mut here = subscriber(broker.port, "in", 0);
    far.send(&packet(0x30, &[&text("in"), &[3, 0x23, 0, 2], b"1"]));
    far.send(&packet(0x30, &[&text(""), &[3, 0x23, 0, 2], b"2"]));
    assert_eq!([heard(&mut here), heard(&mut here)], [said("in", "1"), said("in", "2")]);
}

#[test]
fn a_client_that_calls_itself_a_bridge_may_tell_its_state() {
    let broker = Broker::start(&[]);
    let mut raw = Raw::connect(broker.port);
    raw.send(&connect5("m", true, &[]));
    assert_eq!(raw.packet().1[1], 0);
    let mut say = |topic: &str| {
        raw.send(&packet(0x33, &[&text(topic), &[0, 1, 0], b"1"]));
        raw.packet().1.get(2).copied().unwrap_or(0)
    };
    assert_eq!(say("$SYS/broker/connection/m/state"), 0x10);
    assert_eq!(say("$SYS/broker/uptime"), 0x87);
}

#[test]
fn a_bridge_leaves_nothing_behind_where_clients_need_a_password() {
    let (folder, other) = (Folder::new(), Other::new());
    let locked = "listener 0 127.0.0.1\nallow_user ann:secret\nlog_type all\n";
    let with = other.bridge("topic x out 1\nlocal_clientid here").replace(OPEN, locked);
    let broker = Broker::with_config(&folder, &with, &[]);
    let (mut far, _) = other.greet(false);
    broker.stderr.wait_line("bridge b: connected to");
    write(&folder.file("mosquitto.conf"), locked);
    broker.signal("HUP");
    far.expect(&[0xE0, 0]);
    broker.stderr.wait_line("bridge b: it is not in the configuration any more");
    let mut here = Raw::connect(broker.port);
    here.send(&packet(
        0x10,
        &[&text("MQTT"), &[4, 0xC0, 0, 0], &text("here"), &text("ann"), &text("secret")],
    ));
    // There is no session.
    here.expect(&CONNACK4);
}

#[test]
fn faults_of_bridges_are_named() {
    let folder = Folder::new();
    let config = folder.file("c");
    let bridge = "connection b\naddress 127.0.0.1\ntopic # out\n";
    for (line, told) in [
        ("bridge_bind_address somewhere", "bridge_bind_address: expected an IP address"),
        ("remote_password x", "remote_password without remote_username"),
        ("local_password x", "local_password without local_username"),
        ("notification_topic a/#", "notification_topic: this is no topic to publish to"),
        ("topic a out 0 l+/", "the prefix \"l+/\" has a wildcard"),
        ("start_type manual", "manual is not supported"),
    ] {
        write(&config, &format!("{bridge}{line}\n"));
        let output = skeeter().arg("broker").arg("-c").arg(&config).arg("--check-config").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("c:4: {told}")) || said.contains(told), "{line}: {said}");
        assert_eq!(output.status.code(), Some(3), "{line}");
    }
}
