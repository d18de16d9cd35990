//! JSON both ways: what `sub --json` prints, `pub --json` publishes again.

use serde_json::{Map, Value, json};

use crate::run::{ACCEPT5, Run, Server};
use crate::support::{Broker, Folder, packet, text};

/// A sequence that is the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn text(&mut self, longest: u64) -> String {
        let letters: Vec<char> = "aZ09 /\"\\\t\u{1}é漢🦟#+$".chars().collect();
        (0..self.below(longest + 1)).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }

    /// Base64 of any bytes whose first is no UTF-8.
    fn binary(&mut self) -> String {
        format!("/{}", ["w==", "+Ay", "wD+AA=="][self.below(3) as usize])
    }

    fn message(&mut self, number: u64) -> Value {
        let mut message = Map::new();
        message.insert("topic".into(), format!("mirror/{}/é", self.below(50)).into());
        message.insert("qos".into(), self.below(3).into());
        message.insert("retain".into(), (self.below(8) == 0).into());
        let kind = self.below(9);
        let is_text = kind >= 3;
        match kind {
            0..3 => message.insert("payload_base64".into(), self.binary().into()),
            3 => message.insert("payload".into(), "".into()),
            _ => message.insert("payload".into(), format!("{number} {}", self.text(40)).into()),
        };
        let mut properties = Map::new();
        if self.below(2) == 0 {
            // 1 says that the payload is text.
            let indicator = if is_text { self.below(2) } else { 0 };
            properties.insert("payload-format-indicator".into(), indicator.into());
        }
        if self.below(2) == 0 {
            properties.insert("content-type".into(), self.text(10).into());
        }
        if self.below(2) == 0 {
            properties.insert("response-topic".into(), format!("answer/{}", self.below(9)).into());
        }
        match self.below(3) {
            0 => properties.insert("correlation-data_base64".into(), self.binary().into()),
            1 => properties.insert("correlation-data".into(), self.text(10).into()),
            _ => None,
        };
        if self.below(4) == 0 {
            properties.insert("message-expiry-interval".into(), (1000 + self.below(1000)).into());
        }
        // Names may repeat, and their order counts.
        let mut users = vec![json!({ "number": number.to_string() })];
        users.extend((0..self.below(4)).map(|_| json!({ self.text(2): self.text(8) })));
        properties.insert("user-properties".into(), users.into());
        message.insert("properties".into(), properties.into());
        message.into()
    }
}

/// Without what belongs to one hop.
fn content(line: &str) -> Value {
    let mut value: Value = serde_json::from_str(line).unwrap();
    let object = value.as_object_mut().unwrap();
    for key in ["time", "mid", "dup"] {
        object.remove(key);
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("message-expiry-interval");
        properties.remove("subscription-identifiers");
    }
    // No payload is an empty one.
    object.entry("payload_base64").or_insert_with(|| "".into());
    object.entry("payload").or_insert_with(|| "".into());
    value
}

/// Publishes `input` through a broker of its own; what a subscriber there prints.
fn through_a_broker(input: &str, count: usize) -> String {
    let (broker, folder) = (Broker::start(&[]), Folder::new());
    let ready = folder.file("ready");
    let (count, ready_flag) = (count.to_string(), ready.to_str().unwrap());
    let flags = ["sub", "--json", "-t", "mirror/#", "-q", "2", "-C", &count, "--ready-file", ready_flag];
    let with_id = ["-D", "subscribe", "subscription-identifier", "7"];
    let sub = Run::start(broker.port, &[&flags[..], &with_id].concat());
    while !ready.exists() {
        std::thread::yield_now();
    }
    let mut publish = Run::start(broker.port, &["pub", "--json"]);
    publish.feed(input.as_bytes());
    let said = publish.end();
    assert_eq!(said.status, 0, "{said:?}");
    String::from_utf8(sub.end().stdout).unwrap()
}

#[test]
fn ten_thousand_messages_are_mirrored() {
    let mut random = Random(7);
    let messages: Vec<_> = (0..10_000).map(|number| random.message(number).to_string()).collect();
    let first = through_a_broker(&messages.join("\n"), messages.len());
    assert!(first.contains("\"subscription-identifiers\":[7]"));
    let second = through_a_broker(&first, messages.len());
    let wanted: Vec<_> = messages.iter().map(|message| content(message)).collect();
    for (text, what) in [(&first, "published"), (&second, "mirrored")] {
        let contents: Vec<_> = text.lines().map(content).collect();
        // Order is promised among messages of one QoS.
        for qos in 0..3 {
            let of_qos =
                |all: &[Value]| all.iter().filter(|one| one["qos"] == qos).cloned().collect::<Vec<_>>();
            assert!(of_qos(&contents) == of_qos(&wanted), "as they were {what}, at QoS {qos}");
        }
        assert_eq!(contents.len(), wanted.len());
    }
}

#[test]
fn a_line_that_is_no_message_is_told_and_the_others_are_published() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "--json", "-t", "default"]);
    run.feed(b"{\"payload\":\"a\"}\n\nnonsense\n{\"topic\":\"t\",\"payload\":{\"x\":1}}\n");
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&packet(0x30, &[&text("default"), b"\0a"]));
    raw.expect(&packet(0x30, &[&text("t"), b"\0{\"x\":1}"]));
    raw.expect(&[0xC0, 0]);
    raw.send(&[0xD0, 0]);
    raw.packet();
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 65);
    assert!(said.stderr.contains("line 3") && said.stderr.contains("1 of 3"), "{said:?}");
}

#[test]
fn a_recording_is_replayed() {
    let (server, folder) = (Server::new(), Folder::new());
    let file = folder.file("record");
    let path = file.to_str().unwrap();
    let run = Run::start(server.port(), &["sub", "-t", "t", "-C", "2", "--record", path]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    // Retain as published.
    raw.expect(&packet(0x82, &[&[0, 1, 0], &text("t"), &[8]]));
    raw.send(&[0x90, 4, 0, 1, 0, 0]);
    raw.send(&[packet(0x31, &[&text("t"), b"\0one"]), packet(0x30, &[&text("t"), b"\0two"])].concat());
    raw.packet();
    drop(raw);
    assert_eq!(run.end().stdout, b"");
    for how in [&["--as-fast-as-possible"][..], &["--speed", "2"]] {
        let run = Run::start(server.port(), &[&["pub", "--replay", path], how].concat());
        let (mut raw, _) = server.accept_with(ACCEPT5);
        raw.expect(&packet(0x31, &[&text("t"), b"\0one"]));
        raw.expect(&packet(0x30, &[&text("t"), b"\0two"]));
        raw.expect(&[0xC0, 0]);
        raw.send(&[0xD0, 0]);
        raw.packet();
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
    // A thousand seconds apart, at a thousand times the speed: not before a second has passed.
    std::fs::write(&file, "{\"time\":1,\"topic\":\"t\"}\n{\"time\":1001,\"topic\":\"t\"}\n").unwrap();
    let run = Run::start(server.port(), &["pub", "--replay", path, "--speed", "1000", "--loop"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    let began = std::time::Instant::now();
    raw.packet();
    assert!(began.elapsed() > std::time::Duration::from_millis(900));
    raw.packet();
    run.signal("TERM");
    drop(raw);
    run.end();
}
