//! What a configuration, and a change of it, does to bridges.

use super::{OPEN, Other, grant, message, publish, with_dup, write};
use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, packet, publish4, skeeter, text};

#[test]
fn errors_in_bridge_options_are_reported() {
    let folder = Folder::new();
    let config = folder.file("c");
    let bridge = "connection b\naddress 127.0.0.1\ntopic # out\n";
    for (line, told) in [
        ("bridge_bind_address somewhere", "bridge_bind_address: expected an IP address"),
        ("remote_password x", "remote_password without remote_username"),
        ("local_password x", "local_password without local_username"),
        ("notification_topic a/#", "notification_topic: not a valid topic name"),
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

#[test]
fn the_acl_file_applies_to_local_username() {
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
    near.stderr.wait_line("local.far (username bridge): publish to in/forbidden denied");
    near.stderr.wait_line("bridge free: connected to");
}

#[test]
fn a_wrong_local_password_is_logged() {
    let folder = Folder::new();
    let config = "allow_anonymous true\nallow_user bridge:right\nconnection b\naddress 127.0.0.1:1\n\
                  local_username bridge\nlocal_password wrong\ntopic # both 1\n";
    let near = Broker::with_config(&folder, &format!("listener 0 127.0.0.1\n{config}"), &[]);
    near.stderr.wait_line("bridge b: refused by this broker");
    drop(near);
    let right = config.replace("wrong", "right");
    let near = Broker::with_config(&folder, &format!("listener 0 127.0.0.1\n{right}"), &[]);
    near.stderr.wait_line("bridge b: cannot connect to 127.0.0.1:1");
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
    broker.stderr.wait_line("bridge b: removed from the configuration");
    let mut here = Raw::connect(broker.port);
    here.send(&packet(
        0x10,
        &[&text("MQTT"), &[4, 0xC0, 0, 0], &text("here"), &text("ann"), &text("secret")],
    ));
    // There is no session.
    here.expect(&CONNACK4);
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
    broker.stderr.wait_line("bridge c: removed from the configuration");
    publish(broker.port, &["-t", "a", "-m", "no", "-q", "1"]);
    publish(broker.port, &["-t", "b", "-m", "yes", "-q", "1"]);
    assert_eq!(message(far.packet()).1, "yes");
    // Another one, with the next connection.
    reload(&with("c", "lazy"));
    broker.stderr.wait("the third reload", |lines| {
        let reloads = lines.iter().filter(|line| line.contains("configuration reloaded"));
        // The bridge has a line of its own when it takes up a new configuration.
        (reloads.filter(|line| !line.contains("bridge b")).count() == 3).then_some(())
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
    broker.stderr.wait_line("bridge b: removed from the configuration");
    let mut here = Raw::connect(broker.port);
    here.send(&connect4("here", false));
    here.expect(&CONNACK4);
}

#[test]
fn a_renamed_bridge_continues_the_session_of_the_old_one() {
    let (folder, other) = (Folder::new(), Other::new());
    let config = other.bridge("topic t out 1\nlocal_clientid here");
    let broker = Broker::with_config(&folder, &config, &[]);
    let (mut far, _) = other.greet(false);
    publish(broker.port, &["-t", "t", "-m", "waits", "-q", "1"]);
    let (_, payload, id) = message(far.packet());
    assert_eq!(payload, "waits");
    // Not acknowledged, so it is the next one's.
    write(&folder.file("mosquitto.conf"), &config.replace("connection b", "connection d"));
    broker.signal("HUP");
    broker.stderr.wait_line("another bridge takes over its session");
    let (mut far, _) = other.greet(true);
    let (first, body) = far.packet();
    assert_eq!(first, 0xA2, "it asks for what goes out only no more");
    far.send(&packet(0xB0, &[&body[..2]]));
    far.expect(&with_dup(publish4("t", 1, id, b"waits")));
    far.send(&packet(0x40, &[&id.to_be_bytes()]));
    publish(broker.port, &["-t", "t", "-m", "more", "-q", "1"]);
    assert_eq!(message(far.packet()).1, "more");
}
