//! Passwords and rules: files of mosquitto's here, files of ours there, and the same rules for both brokers.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::{Broker, CONNACK4, Folder, Raw, packet, publish4, skeeter, subscribe4, text};
use crate::{Mosquitto, has, program, succeeded};

#[test]
fn mosquitto_clients_connect_with_passwords_of_mosquitto_passwd() {
    let peers = ["mosquitto_passwd", "mosquitto_pub", "mosquitto_sub"].map(program);
    if !has("mosquitto and mosquitto-clients", peers.iter().all(Option::is_some)) {
        return;
    }
    let [passwd, publish, subscribe] = peers.map(Option::unwrap);
    let folder = Folder::new();
    let (users, rules) = (folder.file("users"), folder.file("acl"));
    std::fs::write(&users, "").unwrap();
    for (user, method) in [("ann", "sha512-pbkdf2"), ("bob", "sha512")] {
        succeeded(
            &Command::new(&passwd)
                .args(["-H", method, "-b"])
                .arg(&users)
                .args([user, "s3cret"])
                .output()
                .unwrap(),
        );
    }
    std::fs::write(&rules, "user ann\ntopic #\nuser bob\ntopic read open/#\n").unwrap();
    let flags = ["--password-file", users.to_str().unwrap(), "--acl-file", rules.to_str().unwrap()];
    let broker = Broker::start(&flags);
    let port = broker.port.to_string();
    let say = |version: &str, user: &str, password: &str, topic: &str| {
        Command::new(&publish)
            .args([
                "-V", version, "-p", &port, "-u", user, "-P", password, "-t", topic, "-m", topic, "-r", "-q",
                "1",
            ])
            .output()
            .unwrap()
    };
    for version in ["311", "5"] {
        for user in ["ann", "bob"] {
            let refused = say(version, user, "wrong", "open/a");
            assert!(!refused.status.success(), "{version} {user}");
            succeeded(&say(version, user, "s3cret", "nobody"));
        }
        succeeded(&say(version, "ann", "s3cret", "open/a"));
        succeeded(&say(version, "ann", "s3cret", "shut/a"));
        // Bob may publish nothing; version 5 tells him so.
        let output = say(version, "bob", "s3cret", "open/b");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            version == "311" || told.contains("not authorised") || told.contains("Not authorized"),
            "{told}"
        );
        let heard = Command::new(&subscribe)
            .args(["-V", version, "-p", &port, "-u", "bob", "-P", "s3cret", "-t", "#", "-v", "-W", "1"])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&heard.stdout), "open/a open/a\n", "{version}");
    }
    broker.stderr.wait_line("(username bob): publish to open/b denied");
}

#[test]
fn mosquitto_accepts_users_of_skeeter_passwd() {
    let folder = Folder::new();
    let users = folder.file("users");
    for (user, method) in [("ann", "sha512-pbkdf2"), ("bob", "sha512")] {
        let mut command = skeeter();
        command.args(["passwd", "-H", method, "-I", "1000"]).arg(&users).arg(user);
        succeeded(&command.env("SKEETER_PASSWORD", "s3cret").output().unwrap());
    }
    let lines = format!("user root\nallow_anonymous false\npassword_file {}\n", users.display());
    let Some(mosquitto) = Mosquitto::start_with(&lines) else { return };
    for user in ["ann", "bob"] {
        assert_eq!(login(mosquitto.port, user, "s3cret").packet().1[1], 0, "{user}");
        assert_ne!(login(mosquitto.port, user, "wrong").packet().1[1], 0, "{user}");
    }
}

const RULES: &str = "\
topic read open/+
topic deny open/shut
user ann
topic readwrite a/#
topic deny a/secret/#
topic write only
pattern readwrite of/%u/#
pattern read client/%c
pattern deny of/bob/private
user bob
topic read $SYS/#
topic a/b
";

const TOPICS: &[&str] = &[
    "open",
    "open/a",
    "open/shut",
    "a",
    "a/b",
    "a/b/c",
    "a/secret",
    "a/secret/x",
    "only",
    "of/ann/x",
    "of/bob/x",
    "of/bob/private",
    "of",
    "client/ann",
    "client/bob",
    "/",
    "other",
];

fn login(port: u16, user: &str, password: &str) -> Raw {
    let mut client = Raw::connect(port);
    let head = [4, 0xC2, 0, 0];
    client.send(&packet(0x10, &[&text("MQTT"), &head, &text(user), &text(user), &text(password)]));
    client
}

/// What users can read and write under the rules, as (user, "reads" or "writes", topic).
fn outcome(port: u16) -> BTreeSet<(String, &'static str, String)> {
    let mut seen = BTreeSet::new();
    let open = |user: &str| {
        let mut client = login(port, user, "x");
        client.expect(&CONNACK4);
        client.send(&subscribe4(1, "#", 0));
        client.expect(&[0x90, 3, 0, 1, 0]);
        client
    };
    let mut admin = open("admin");
    let mut drain = |client: &mut Raw, user: &str, what: &'static str, by: &str| {
        // PINGRESP goes round what waits to be written; the second one comes after it.
        let mut packets = client.ping();
        packets.extend(client.ping());
        for (_, body) in packets {
            let len = usize::from(u16::from_be_bytes([body[0], body[1]]));
            let (topic, payload) = body[2..].split_at(len);
            if payload == by.as_bytes() {
                seen.insert((user.to_owned(), what, String::from_utf8(topic.to_vec()).unwrap()));
            }
        }
    };
    for user in ["ann", "bob", "eve"] {
        let mut client = open(user);
        for topic in TOPICS {
            admin.send(&publish4(topic, 0, 0, b"admin"));
            client.send(&publish4(topic, 0, 0, user.as_bytes()));
        }
        // Whoever published has been heard when its PINGRESP comes; what it led to has been written before.
        drain(&mut admin, user, "writes", user);
        drain(&mut client, user, "reads", "admin");
        drain(&mut admin, user, "writes", user);
        drain(&mut client, user, "reads", "admin");
    }
    seen
}

#[test]
fn both_brokers_understand_the_same_rules() {
    let folder = Folder::new();
    let rules = folder.file("acl");
    std::fs::write(&rules, format!("{RULES}user admin\ntopic #\n")).unwrap();
    let file = rules.to_str().unwrap();
    let lines = format!("user root\nallow_anonymous true\nacl_file {file}\n");
    let Some(mosquitto) = Mosquitto::start_with(&lines) else { return };
    let broker = Broker::start(&["--acl-file", file]);
    let ours = outcome(broker.port);
    assert_eq!(ours, outcome(mosquitto.port));
    assert!(ours.len() > 10, "{ours:?}");
}
