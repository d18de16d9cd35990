//! Configurations: what the broker does with their limits, listeners and rights.

mod faults;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod reload;

use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, connect5, packet, publish4, subscribe4, text};

/// Whoever runs the tests as root stays root, so that the broker may write where they may.
pub(crate) const OPEN: &str = "user root\nlistener 0 127.0.0.1\nallow_anonymous true\n";

/// What comes before a message with the payload `end`, which this client sends to a topic it has subscribed to.
fn until_end(client: &mut Raw, topic: &str) -> Vec<(u8, Vec<u8>)> {
    client.send(&publish4(topic, 0, 0, b"end"));
    let mut packets = Vec::new();
    loop {
        match client.packet() {
            (_, body) if body.ends_with(b"end") => return packets,
            packet => packets.push(packet),
        }
    }
}

/// CONNECT of 3.1.1 with a user name and a password.
fn login(client: &str, name: &str, password: &str) -> Vec<u8> {
    packet(0x10, &[&text("MQTT"), &[4, 0xC2, 0, 0], &text(client), &text(name), &text(password)])
}

#[test]
fn anonymous_clients_are_allowed_without_a_listener_and_denied_with_one() {
    let folder = Folder::new();
    // -p is for the listener that is not named; with one it is not asked.
    let broker = Broker::with_config(&folder, "user root\n", &[]);
    let mut client = broker.connect();
    client.send(&connect4("a", true));
    client.expect(&CONNACK4);
    let config = "user root\nlistener 0 127.0.0.1\nallow_user ann:secret\n";
    let broker = Broker::with_config(&folder, config, &["-p", "1"]);
    let mut client = broker.connect();
    client.send(&connect4("a", true));
    client.expect(&[0x20, 2, 0, 5]);
    let mut client = broker.connect();
    client.send(&login("a", "ann", "secret"));
    client.expect(&CONNACK4);
    let broker = Broker::with_config(&folder, "user root\nlistener 0 127.0.0.1\n", &[]);
    let mut client = broker.connect();
    client.send(&login("a", "ann", "secret"));
    client.expect(&[0x20, 2, 0, 4]);
}

#[test]
fn connack_has_mosquittos_limits_in_mosquittos_order() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, OPEN, &[]);
    let mut client = broker.connect();
    client.send(&connect5("a", true, &[]));
    client.expect(&[0x20, 14, 0, 0, 11, 0x22, 0, 10, 0x27, 0, 0x1E, 0x84, 0x80, 0x21, 0, 20]);
    let config = format!("{OPEN}max_keepalive 30\nmax_packet_size 1000\nmax_inflight_messages 5\n");
    let broker = Broker::with_config(&folder, &config, &["--max-topic-alias", "3"]);
    let mut client = broker.connect();
    client.send(&connect5("a", true, &[]));
    client.expect(&[0x20, 17, 0, 0, 14, 0x13, 0, 30, 0x22, 0, 3, 0x27, 0, 0, 3, 0xE8, 0x21, 0, 5]);
}

#[test]
fn before_mqtt_5_a_keep_alive_above_the_maximum_is_refused() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}max_keepalive 20\n"), &[]);
    for (keep_alive, code) in [(0, 2), (21, 2), (20, 0)] {
        let mut client = broker.connect();
        client.send(&packet(0x10, &[&text("MQTT"), &[4, 2, 0, keep_alive], &text("a")]));
        client.expect(&[0x20, 2, 0, code]);
    }
}

#[test]
fn puback_says_if_there_are_no_subscribers() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, OPEN, &[]);
    let mut client = broker.connect();
    client.send(&connect5("a", true, &[]));
    client.packet();
    client.send(&packet(0x32, &[&text("t"), &[0, 7, 0], b"x"]));
    client.expect(&[0x40, 3, 0, 7, 0x10]);
}

#[test]
fn max_queued_messages_limits_the_queue() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}max_queued_messages 3\n"), &[]);
    let mut away = broker.connect();
    away.send(&connect4("away", false));
    away.expect(&CONNACK4);
    away.send(&subscribe4(1, "t", 1));
    away.packet();
    away.send(&[0xE0, 0]);
    away.expect_closed();
    let mut client = broker.connect();
    client.send(&connect4("a", true));
    client.expect(&CONNACK4);
    for number in 1..=5 {
        client.send(&publish4("t", 1, number, &[number as u8]));
        client.packet();
    }
    let mut away = broker.connect();
    away.send(&connect4("away", false));
    away.expect(&[0x20, 2, 1, 0]);
    let got: Vec<_> = away.ping().into_iter().map(|(_, body)| *body.last().unwrap()).collect();
    assert_eq!(got, [1, 2, 3]);
}

#[test]
fn persistent_client_expiration_ends_sessions() {
    let folder = Folder::new();
    let config = format!("{OPEN}persistent_client_expiration 1s\n");
    let broker = Broker::with_config(&folder, &config, &[]);
    let mut client = broker.connect();
    client.send(&connect4("a", false));
    client.expect(&CONNACK4);
    client.send(&[0xE0, 0]);
    client.expect_closed();
    broker.stderr.wait_line("a: session expired");
}

#[test]
fn a_listener_accepts_the_versions_it_names() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}accept_protocol_versions 4\n"), &[]);
    let mut client = broker.connect();
    client.send(&connect4("a", true));
    client.expect(&CONNACK4);
    let mut client = broker.connect();
    client.send(&connect5("b", true, &[]));
    client.expect(&[0x20, 3, 0, 0x84, 0]);
}

#[test]
fn connack_has_the_limits_of_the_listener() {
    let folder = Folder::new();
    let more = "max_qos 1\nmax_topic_alias 3\nretain_available false\nmax_inflight_messages 0\n";
    let broker = Broker::with_config(&folder, &format!("{OPEN}{more}"), &[]);
    let mut client = broker.connect();
    client.send(&connect5("a", true, &[]));
    client.expect(&[0x20, 15, 0, 0, 12, 0x22, 0, 3, 0x25, 0, 0x27, 0, 0x1E, 0x84, 0x80, 0x24, 1]);
    // SUBACK grants no more, and a message beyond ends the connection.
    client.send(&packet(0x82, &[&[0, 1, 0], &text("t"), &[2]]));
    client.expect(&[0x90, 4, 0, 1, 0, 1]);
    client.send(&packet(0x34, &[&text("t"), &[0, 7, 0], b"x"]));
    client.expect(&[0xE0, 1, 0x9B]);
    client.expect_closed();
    let mut client = broker.connect();
    client.send(&connect5("a", true, &[]));
    client.packet();
    client.send(&packet(0x31, &[&text("t"), &[0], b"x"]));
    client.expect(&[0xE0, 1, 0x9A]);
}

#[test]
fn allow_duplicate_messages_controls_overlapping_subscriptions() {
    let folder = Folder::new();
    for (value, expected) in [("true", 2), ("false", 1)] {
        let config = format!("{OPEN}allow_duplicate_messages {value}\n");
        let broker = Broker::with_config(&folder, &config, &[]);
        let mut client = broker.connect();
        client.send(&connect4("a", true));
        client.expect(&CONNACK4);
        client.send(&subscribe4(1, "t/#", 0));
        client.packet();
        client.send(&subscribe4(2, "t/+", 0));
        client.packet();
        client.send(&publish4("t/a", 0, 0, b"x"));
        assert_eq!(until_end(&mut client, "t/a").len(), expected, "{value}");
    }
}

#[test]
fn sessions_are_counted_whether_they_are_connected_or_not() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}global_max_clients 1\n"), &[]);
    let mut client = broker.connect();
    client.send(&connect4("a", false));
    client.expect(&CONNACK4);
    client.send(&[0xE0, 0]);
    client.expect_closed();
    let mut other = broker.connect();
    other.send(&connect5("b", true, &[]));
    other.expect(&[0x20, 3, 0, 0x97, 0]);
    let mut client = broker.connect();
    client.send(&connect4("a", false));
    client.expect(&[0x20, 2, 1, 0]);
}

#[test]
fn max_inflight_bytes_always_allows_one_message() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}max_inflight_bytes 10\n"), &[]);
    let mut client = broker.connect();
    client.send(&connect4("a", true));
    client.expect(&CONNACK4);
    client.send(&subscribe4(1, "t", 1));
    client.packet();
    client.send(&subscribe4(2, "end", 0));
    client.packet();
    for id in 1..=3 {
        client.send(&publish4("t", 1, id, &[b'x'; 20]));
    }
    for id in 0..3 {
        if id > 0 {
            client.send(&[0x40, 2, 0, id]);
        }
        let packets = until_end(&mut client, "end");
        let published = packets.iter().filter(|packet| packet.0 == 0x32).count();
        assert_eq!(published, 1, "after {id} acknowledgements");
    }
}

#[test]
fn client_ids_come_from_the_username_or_the_prefix_of_the_listener() {
    let folder = Folder::new();
    let more = "listener_auto_id_prefix made-\n";
    let broker = Broker::with_config(&folder, &format!("{OPEN}{more}"), &[]);
    let mut client = broker.connect();
    client.send(&connect5("", true, &[]));
    let (_, body) = client.packet();
    assert!(body.windows(5).any(|bytes| bytes == b"made-"));
    let more = "use_username_as_clientid true\nallow_user ann:secret\n";
    let broker = Broker::with_config(&folder, &format!("{OPEN}{more}"), &[]);
    let mut client = broker.connect();
    client.send(&login("whatever", "ann", "secret"));
    client.expect(&CONNACK4);
    broker.stderr.wait_line("ann connected from");
}

#[test]
fn each_listener_has_its_own_permissions() {
    let folder = Folder::new();
    let config = "user root\nper_listener_settings true\nlistener 0 127.0.0.1\nallow_anonymous true\n\
                  listener 0 127.0.0.1\nlistener 0 127.0.0.1\nlistener_allow_anonymous true\n";
    let broker = Broker::with_config(&folder, config, &[]);
    let ports = broker.stdout.wait("three listeners", |lines| {
        let ports = lines.iter().filter(|line| line.starts_with("listening"));
        let ports: Vec<u16> = ports.map(|line| line.rsplit(':').next().unwrap().parse().unwrap()).collect();
        (ports.len() == 3).then_some(ports)
    });
    for (port, expected) in ports.into_iter().zip([0, 5, 0]) {
        let mut client = Raw::connect(port);
        client.send(&connect4("a", true));
        let (_, body) = client.packet();
        assert_eq!(body[1] == 0, expected == 0, "{body:?}");
    }
}

/// mosquitto 2.0.11 adds the mount point and does not take it away again, against its manual; this is what the manual says.
#[test]
fn a_mount_point_prefixes_the_topics_of_its_listener() {
    let folder = Folder::new();
    let config = format!("{OPEN}listener 0 127.0.0.1\nmount_point house/\n");
    let broker = Broker::with_config(&folder, &config, &[]);
    let ports = broker.stdout.wait("two listeners", |lines| {
        let ports = lines.iter().filter(|line| line.starts_with("listening"));
        let ports: Vec<u16> = ports.map(|line| line.rsplit(':').next().unwrap().parse().unwrap()).collect();
        (ports.len() == 2).then_some(ports)
    });
    let [mut outside, mut inside] = [ports[0], ports[1]].map(Raw::connect);
    for (client, name, filter) in [(&mut outside, "outside", "house/+"), (&mut inside, "inside", "+")] {
        client.send(&connect4(name, true));
        client.expect(&CONNACK4);
        client.send(&subscribe4(1, filter, 0));
        client.packet();
    }
    inside.send(&publish4("a", 0, 0, b"x"));
    inside.expect(&[0x30, 4, 0, 1, b'a', b'x']);
    outside.expect(b"\x30\x0A\0\x07house/ax");
}

#[test]
fn each_listener_has_its_own_limit_of_connections() {
    let folder = Folder::new();
    let ports = folder.file("ports");
    let config =
        "user root\nallow_anonymous true\nlistener 0 127.0.0.1\nmax_connections 1\nlistener 0 127.0.0.1\n";
    let broker = Broker::with_config(&folder, config, &["--ports-file", ports.to_str().unwrap()]);
    let text = std::fs::read_to_string(&ports).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let port = |at: usize| u16::try_from(all["listeners"][at]["port"].as_u64().unwrap()).unwrap();
    let open = |port: u16, name: &str| {
        let mut raw = Raw::connect(port);
        raw.send(&connect4(name, true));
        raw
    };
    let mut first = open(port(0), "a");
    first.expect(&CONNACK4);
    open(port(0), "b").expect_closed();
    broker.stderr.wait_line("connection limit reached");
    for name in ["c", "d"] {
        open(port(1), name).expect(&CONNACK4);
    }
    // A place is free again.
    first.send(&[0xE0, 0]);
    first.expect_closed();
    crate::support::wait_for("a free place", || {
        let mut raw = open(port(0), "e");
        raw.try_packet().map(drop)
    });
}
