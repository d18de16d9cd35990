//! DUP on what a bridge sends: set only on what the other broker may have been sent before [MQTT-3.3.1-3].

use std::path::Path;

use super::{OPEN, Other, Raw, message, packet, publish};
use crate::support::{Broker, Folder};

fn keeps(folder: &Path, lines: &str) -> String {
    format!("{lines}persistence true\npersistence_location {}/\n", folder.display())
}

/// The next PUBLISH: its first byte and its payload; it is acknowledged.
#[track_caller]
fn taken(far: &mut Raw) -> (u8, String) {
    let publish = far.packet();
    let first = publish.0;
    let (_, payload, id) = message(publish);
    far.send(&packet(0x40, &[&id.to_be_bytes()]));
    (first, payload)
}

#[test]
fn messages_retained_before_the_bridge_existed_are_sent_without_dup() {
    let (folder, other) = (Folder::new(), Other::new());
    let place = folder.file("lib");
    let mut broker = Broker::with_config(&folder, &keeps(&place, OPEN), &[]);
    publish(broker.port, &["-t", "d/x", "-m", "kept", "-q", "1", "-r"]);
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let _broker = Broker::with_config(&folder, &keeps(&place, &other.bridge("topic d/# out 1")), &[]);
    let (mut far, _) = other.greet(false);
    assert_eq!(taken(&mut far), (0x33, "kept".to_owned()));
}

#[test]
fn messages_queued_for_an_unreachable_broker_are_sent_without_dup() {
    let (folder, other) = (Folder::new(), Other::new());
    let place = folder.file("lib");
    let config = keeps(&place, &other.bridge("topic d/# out 1\nmax_inflight_messages 1"));
    let mut broker = Broker::with_config(&folder, &config, &[]);
    let (mut far, _) = other.greet(false);
    for payload in ["1", "2", "3"] {
        publish(broker.port, &["-t", "d/x", "-m", payload, "-q", "1"]);
    }
    // The first is sent and not acknowledged.
    assert_eq!(far.packet().0, 0x32);
    drop(far);
    // A connection that is refused, so that the bridge tries again and sends nothing.
    let mut refused = other.accept();
    assert_eq!(refused.packet().0, 0x10);
    refused.send(&[0x20, 2, 0, 3]);
    drop(refused);
    let (mut far, _) = other.greet(true);
    assert_eq!(far.packet().0, 0x3A, "it was sent before");
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
    let _broker = Broker::with_config(&folder, &config, &[]);
    // Nor what the first start with the other broker away left.
    let mut refused = other.accept();
    assert_eq!(refused.packet().0, 0x10);
    refused.send(&[0x20, 2, 0, 3]);
    drop(refused);
    let (mut far, _) = other.greet(true);
    let (first, body) = far.packet();
    assert_eq!(first, 0xA2, "it does not know that it asks for nothing there");
    far.send(&packet(0xB0, &[&body[..2]]));
    let came = [taken(&mut far), taken(&mut far), taken(&mut far)];
    assert_eq!(came, [(0x3A, "1".to_owned()), (0x32, "2".to_owned()), (0x32, "3".to_owned())]);
}
