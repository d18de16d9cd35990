//! The control interface: what `skeeter ctl` shows and does, who may use it, and that nobody else notices.

use std::process::Output;

use serde_json::Value;

use crate::support::{
    Broker, CONNACK4, Folder, Raw, connect4, connect5, packet, publish4, skeeter, subscribe4, text, wait_for,
};

fn run(broker: &Broker, words: &[&str]) -> Output {
    skeeter().args(["ctl", "-p", &broker.port.to_string()]).args(words).output().unwrap()
}

/// What a command prints; it must succeed.
#[track_caller]
fn printed(broker: &Broker, words: &[&str]) -> String {
    let output = run(broker, words);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(broker: &Broker, words: &[&str]) -> Value {
    serde_json::from_str(&printed(broker, &[&["--json"], words].concat())).unwrap()
}

/// What a command that fails says on stderr.
#[track_caller]
fn failure(broker: &Broker, words: &[&str]) -> String {
    let output = run(broker, words);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// A client with this CONNECT, which the broker accepts.
fn client(broker: &Broker, connect: &[u8]) -> Raw {
    let mut client = broker.connect();
    client.send(connect);
    assert_eq!(client.packet().0, 0x20);
    client
}

#[test]
fn clients_are_listed_with_what_waits_for_them() {
    let broker = Broker::start(&[]);
    let mut sensor = client(&broker, &connect4("sensor-7", false));
    sensor.send(&subscribe4(1, "orders/#", 1));
    sensor.packet();
    // It acknowledges nothing, so one message is in flight; and a client that is gone has one queued.
    let mut gone = client(&broker, &connect4("display-1", false));
    gone.send(&subscribe4(1, "orders/+", 1));
    gone.packet();
    gone.send(&[0xE0, 0]);
    gone.expect_closed();
    let mut publisher = client(&broker, &connect4("publisher", true));
    publisher.send(&publish4("orders/1", 1, 1, b"hello"));
    publisher.expect(&[0x40, 2, 0, 1]);
    let list = json(&broker, &["clients"]);
    let found =
        |id: &str| list["clients"].as_array().unwrap().iter().find(|client| client["client_id"] == id);
    let sensor_report = found("sensor-7").unwrap();
    assert_eq!(sensor_report["connected"], true);
    assert_eq!(sensor_report["protocol_version"], "3.1.1");
    assert_eq!(sensor_report["in_flight_messages"], 1);
    assert_eq!(sensor_report["subscriptions"], 1);
    assert!(sensor_report["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(sensor_report["listener"].as_str().unwrap().starts_with("mqtt://"));
    let gone_report = found("display-1").unwrap();
    assert_eq!((&gone_report["connected"], &gone_report["queued_messages"]), (&false.into(), &1.into()));
    assert!(gone_report["address"].is_null());
    let ids = |words: &[&str]| {
        let list = json(&broker, words);
        let clients = list["clients"].as_array().unwrap().clone();
        clients.iter().map(|client| client["client_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["clients", "--disconnected"]), ["display-1"]);
    assert_eq!(ids(&["clients", "sensor"]), ["sensor-7"]);
    assert!(ids(&["clients", "--user", "nobody"]).is_empty());
    let table = printed(&broker, &["clients"]);
    assert!(table.starts_with("CLIENT ID"), "{table}");
    let details = printed(&broker, &["client", "sensor-7"]);
    assert!(details.contains("topic filters:\n  orders/#\n"), "{details}");
    assert!(failure(&broker, &["client", "nobody"]).contains("\"nobody\""));
}

#[test]
fn all_pages_of_a_long_list_are_read() {
    let broker = Broker::start(&["--allow-control-characters"]);
    let count = 2_300;
    for number in 0..count {
        let mut gone = client(&broker, &connect4(&format!("c{number}"), false));
        gone.send(&[0xE0, 0]);
        gone.expect_closed();
    }
    let mut publisher = client(&broker, &connect4("publisher", true));
    for number in 0..count {
        let mut message = publish4(&format!("r/{number}"), 0, 0, b"x");
        message[0] |= 1;
        publisher.send(&message);
    }
    publisher.ping();
    let list = json(&broker, &["clients", "--disconnected"]);
    let mut ids: Vec<_> =
        list["clients"].as_array().unwrap().iter().map(|c| c["client_id"].clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(list.get("next").is_none(), "the pages are joined");
    let list = json(&broker, &["retained", "r/#"]);
    let mut topics: Vec<_> =
        list["messages"].as_array().unwrap().iter().map(|m| m["topic"].to_string()).collect();
    topics.sort();
    topics.dedup();
    assert_eq!(topics.len(), count);
    assert_eq!(
        printed(&broker, &["delete-retained", "--dry-run", "r/#"]),
        "2300 retained messages would be deleted\n"
    );
    assert_eq!(printed(&broker, &["delete-retained", "r/#"]), "2300 retained messages deleted\n");
    assert!(json(&broker, &["retained", "r/#"])["messages"].as_array().unwrap().is_empty());
    // A client ID is escaped where it is shown.
    let _odd = client(&broker, &connect4("odd\u{1b}[31m", true));
    let table = printed(&broker, &["clients", "odd"]);
    assert!(!table.contains('\u{1b}'), "{table:?}");
}

#[test]
fn a_client_is_disconnected_and_its_session_and_subscriptions_are_ended() {
    let broker = Broker::start(&["-v"]);
    // Session expiry of an hour.
    let connect = connect5("sensor-7", false, &[0x11, 0, 0, 0x0E, 0x10]);
    let mut sensor = client(&broker, &connect);
    sensor.send(&packet(0x82, &[&[0, 1, 0], &text("a/#"), &[1]]));
    sensor.packet();
    assert_eq!(printed(&broker, &["kick", "sensor-7"]), "1 connection closed\n");
    let (first, body) = sensor.packet();
    assert_eq!((first, body[0]), (0xE0, 0x98), "administrative action");
    sensor.expect_closed();
    assert!(failure(&broker, &["kick", "sensor-7"]).contains("is not connected"));
    // The session was kept.
    let mut again = broker.connect();
    again.send(&connect);
    assert_eq!(again.packet().1[0], 1, "session present");
    assert_eq!(printed(&broker, &["unsubscribe", "sensor-7", "a/#"]), "1 subscription removed\n");
    assert!(failure(&broker, &["unsubscribe", "sensor-7", "a/#"]).contains("has no subscription"));
    assert_eq!(printed(&broker, &["end-session", "sensor-7"]), "1 session ended\n");
    assert_eq!(again.packet().0, 0xE0);
    again.expect_closed();
    let mut fresh = broker.connect();
    fresh.send(&connect);
    assert_eq!(fresh.packet().1[0], 0, "no session");
    fresh.send(&[0xE0, 0]);
    fresh.expect_closed();
    // One that is not connected ends at once.
    assert_eq!(printed(&broker, &["end-session", "sensor-7"]), "1 session ended\n");
    assert!(failure(&broker, &["client", "sensor-7"]).contains("no client or session"));
    let line = broker.stderr.wait_line("control request disconnect");
    assert!(line.contains("sensor-7"), "{line}");
}

#[test]
fn with_an_acl_only_its_rules_permit_requests_and_explain_names_them() {
    let folder = Folder::new();
    let acl = "topic readwrite open/#\n\nuser operator\ntopic readwrite $CONTROL/skeeter/v1/#\ntopic read open/#\n\
               user monitor\ntopic readwrite #\ntopic readwrite $CONTROL/skeeter/v1/broker/#\n";
    std::fs::write(folder.file("acl"), acl).unwrap();
    let config =
        format!("listener 0 127.0.0.1\nallow_anonymous true\nacl_file {}\n", folder.file("acl").display());
    let broker = Broker::with_config(&folder, &config, &[]);
    let as_user = |user: &str, words: &[&str]| run(&broker, &[&["-u", user], words].concat());
    assert!(as_user("operator", &["broker"]).status.success());
    assert!(as_user("monitor", &["broker"]).status.success());
    for denied in [as_user("monitor", &["clients"]), run(&broker, &["clients"])] {
        let said = String::from_utf8(denied.stderr).unwrap();
        assert!(denied.status.code() == Some(65) || denied.status.code() == Some(64), "{said}");
        assert!(said.contains("not authorized") && said.lines().count() == 1, "{said}");
    }
    broker.stderr.wait_line("publish to $CONTROL/skeeter/v1/clients denied");
    let explain = |words: &[&str]| {
        let output = as_user("operator", &[&["explain"], words].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, said) = explain(&["--user", "operator", "subscribe", "open/1"]);
    assert!(status == Some(0) && said.contains("/acl:5: topic read open/#"), "{said}");
    let (status, said) = explain(&["--user", "operator", "publish", "open/1"]);
    assert!(status == Some(1) && said.starts_with("denied: no rule of"), "{said}");
    let (status, said) = explain(&["publish", "open/1"]);
    assert!(status == Some(0) && said.contains("/acl:1:"), "{said}");
}

#[test]
fn without_an_acl_only_listeners_of_this_machine_take_requests() {
    let broker = Broker::start(&["--bind", "0.0.0.0"]);
    let said = failure(&broker, &["clients"]);
    assert!(said.contains("not authorized"), "{said}");
    broker.stderr.wait_line("control requests need an ACL rule");
    // Also in MQTT 3.1.1, where no reason is told.
    let said = failure(&broker, &["-V", "311", "-W", "1", "clients"]);
    assert!(said.contains("no response within 1 s"), "{said}");
}

#[test]
fn requests_and_responses_are_seen_by_nobody_else() {
    let broker = Broker::start(&[]);
    let mut spy = client(&broker, &connect4("spy", true));
    spy.send(&subscribe4(1, "$CONTROL/#", 1));
    spy.packet();
    let mut asker = client(&broker, &connect4("asker", true));
    asker.send(&subscribe4(1, "$CONTROL/skeeter/v1/+/response", 0));
    asker.packet();
    // A request is not retained, whatever it says.
    let mut request = publish4("$CONTROL/skeeter/v1/listeners", 1, 9, b"");
    request[0] |= 1;
    asker.send(&request);
    let (mut packets, mut response) = (0, None);
    while packets < 2 {
        let (first, body) = asker.packet();
        packets += 1;
        if first & 0xF0 == 0x30 {
            response = Some(body);
        }
    }
    let body = response.expect("the response came");
    let topic = "$CONTROL/skeeter/v1/listeners/response";
    assert_eq!(&body[2..2 + topic.len()], topic.as_bytes());
    assert!(spy.ping().is_empty(), "requests and responses are not routed");
    let mut late = client(&broker, &connect4("late", true));
    late.send(&subscribe4(1, "$CONTROL/#", 1));
    late.packet();
    assert!(late.ping().is_empty(), "nothing was retained");
}

#[test]
fn a_request_that_is_wrong_is_answered_with_an_error() {
    let broker = Broker::start(&[]);
    for (words, part) in [
        (&["call", "no-such-thing"][..], "no operation"),
        (&["call", "clients", r#"{"limit":0}"#], "limit must be from 1 to 1000"),
        (&["call", "clients", r#"{"nonsense":1}"#], "unknown field"),
        (&["call", "client"], "client_id"),
        (&["call", "retained", r#"{"topic_filter":"a/#/b"}"#], "is not valid"),
        (&["call", "disconnect", r#"{"client_id":"x","reason_code":0}"#], "from 128 to 255"),
        (&["explain", "--listener", "9", "publish", "a"], "there is no listener 9"),
        (&["call", "clients", "{"], "the arguments are not JSON"),
    ] {
        let said = failure(&broker, words);
        assert!(said.contains(part), "{words:?}: {said}");
    }
    let operations = json(&broker, &["call", "operations"]);
    assert!(operations["operations"].as_array().unwrap().len() > 8);
}

#[test]
fn a_flood_of_requests_is_bounded_and_harms_no_one() {
    let broker = Broker::start(&[]);
    let mut flooder = client(&broker, &connect4("flooder", true));
    let request = publish4("$CONTROL/skeeter/v1/clients", 0, 0, b"");
    let mut all = Vec::new();
    for _ in 0..20_000 {
        all.extend_from_slice(&request);
    }
    flooder.send(&all);
    flooder.ping();
    wait_for("the answer to somebody else", || run(&broker, &["broker"]).status.success().then_some(()));
    let mut other = broker.connect();
    other.send(&connect4("other", true));
    other.expect(&CONNACK4);
}
