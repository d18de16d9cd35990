//! A configuration that is read again.

use super::*;

fn broker(folder: &Folder, more: &str) -> Broker {
    Broker::with_config(folder, &format!("{OPEN}{more}"), &[])
}

fn rewrite(folder: &Folder, more: &str) {
    std::fs::write(folder.file("mosquitto.conf"), format!("{OPEN}{more}")).unwrap();
}

fn packet_size(broker: &Broker) -> Vec<u8> {
    let mut client = broker.connect();
    client.send(&connect5("size", true, &[]));
    let (_, body) = client.packet();
    let at = body.iter().position(|byte| *byte == 0x27).unwrap();
    body[at + 1..at + 5].to_vec()
}

#[test]
fn sighup_applies_the_new_configuration_and_keeps_connections_open() {
    let folder = Folder::new();
    let broker = broker(&folder, "allow_user ann:old\n");
    let mut client = broker.connect();
    client.send(&connect4("stays", true));
    client.expect(&CONNACK4);
    rewrite(&folder, "allow_user ann:new\nmax_packet_size 1000\nlog_type all\nmessage_size_limit 3\n");
    broker.signal("HUP");
    broker.stderr.wait_line("configuration reloaded");
    assert_eq!(packet_size(&broker), 1000_u32.to_be_bytes());
    for (password, code) in [("old", 4), ("new", 0)] {
        let mut ann = broker.connect();
        ann.send(&login("ann", "ann", password));
        ann.expect(&[0x20, 2, 0, code]);
    }
    client.send(&subscribe4(1, "t", 0));
    client.packet();
    broker.stderr.wait_line("stays subscribed to t");
    // A limit that is not told in CONNACK is in force for connections that are open.
    client.send(&publish4("t", 0, 0, b"long"));
    client.send(&publish4("t", 0, 0, b"sho"));
    assert_eq!(until_end(&mut client, "t"), [(0x30, b"\0\x01tsho".to_vec())]);
}

#[test]
fn a_changed_file_is_reloaded_without_a_signal() {
    let folder = Folder::new();
    let broker = broker(&folder, "");
    rewrite(&folder, "max_packet_size 1000\n");
    broker.stderr.wait_line("configuration reloaded");
    assert_eq!(packet_size(&broker), 1000_u32.to_be_bytes());
}

#[test]
fn a_configuration_with_an_error_changes_nothing() {
    let folder = Folder::new();
    let broker = broker(&folder, "");
    for (more, expected) in [
        ("max_packet_size 1000\nmax_packet_sizes 1000\n", "mosquitto.conf:5: unknown option"),
        ("max_packet_size 1000\nacl_file /no/such/file\n", "/no/such/file"),
        ("max_packet_size 1000\nlistener 0 127.0.0.1\n", "needs a restart"),
        ("max_packet_size 1000\npid_file x\n", "needs a restart"),
    ] {
        rewrite(&folder, more);
        broker.signal("HUP");
        broker.stderr.wait("the refusal", |lines| {
            lines
                .iter()
                .any(|line| line.contains("configuration not reloaded") && line.contains(expected))
                .then_some(())
        });
        assert_eq!(packet_size(&broker), 2_000_000_u32.to_be_bytes(), "{more}");
    }
}

#[test]
fn reloading_under_load_drops_no_connection_and_no_message() {
    const MESSAGES: u16 = 3_000;
    let folder = Folder::new();
    let broker = broker(&folder, "allow_user ann:secret\n");
    let mut subscriber = broker.connect();
    subscriber.send(&connect4("subscriber", true));
    subscriber.expect(&CONNACK4);
    subscriber.send(&subscribe4(1, "t", 0));
    subscriber.packet();
    let port = broker.port;
    let publisher = std::thread::spawn(move || {
        let mut publisher = Raw::connect(port);
        publisher.send(&login("publisher", "ann", "secret"));
        publisher.expect(&CONNACK4);
        for number in 1..=MESSAGES {
            publisher.send(&publish4("t", 1, number, &number.to_be_bytes()));
            publisher.expect(&[0x40, 2, (number >> 8) as u8, number as u8]);
        }
    });
    for size in 0..20 {
        rewrite(&folder, &format!("allow_user ann:secret\nmax_packet_size {}\n", 1000 + size));
        broker.signal("HUP");
        broker.stderr.wait("a reload", |lines| {
            let reloads = lines.iter().filter(|line| line.contains("configuration reloaded")).count();
            (reloads > size).then_some(())
        });
    }
    for number in 1..=MESSAGES {
        let (_, body) = subscriber.packet();
        assert_eq!(body[3..], number.to_be_bytes());
    }
    publisher.join().unwrap();
    assert_eq!(packet_size(&broker), 1019_u32.to_be_bytes());
}
