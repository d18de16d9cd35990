//! Messages between two brokers of ours: each once, under its name there, as it was.

use super::{OPEN, client, heard, publish, said, subscriber};
use crate::support::{Broker, Folder, Raw, skeeter, subscribe4};

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
fn messages_in_both_directions_arrive_once_and_do_not_loop() {
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

/// A bridge that lost its connection over such a message would bring it again, and lose it again.
#[test]
fn a_topic_that_this_broker_refuses_is_skipped_and_does_not_end_the_bridge() {
    let folder = Folder::new();
    let far = Broker::start(&["-v", "--allow-control-characters"]);
    let config =
        format!("{OPEN}connection b\naddress 127.0.0.1:{}\nremote_clientid far\ntopic # in 2\n", far.port);
    let near = Broker::with_config(&folder, &config, &[]);
    far.stderr.wait_line("far subscribed to #");
    let mut here = subscriber(near.port, "#", 0);
    for qos in ["0", "1", "2"] {
        publish(far.port, &["-t", "bad/\u{1b}[2J", "-m", "f", "-q", qos]);
        publish(far.port, &["-t", &format!("good/{qos}"), "-m", "f", "-q", qos]);
    }
    let topics: Vec<_> = (0..3).map(|_| heard(&mut here).0).collect();
    assert_eq!(topics, ["good/0", "good/1", "good/2"]);
    let lines = near.stderr.so_far();
    assert_eq!(lines.iter().filter(|line| line.contains("bridge b: connected to")).count(), 1, "{lines:?}");
}

#[test]
fn prefixes_are_replaced() {
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
