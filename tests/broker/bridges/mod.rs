//! Bridges: what goes over them, what is acknowledged when, and what they do when a broker is not there. The other broker is
//! played by hand where its bytes matter, and is another skeeter elsewhere.

mod carrying;
mod configured;
mod connecting;
mod handing_on;
mod sent_before;

use std::net::TcpListener;
use std::path::Path;

use crate::support::{CONNACK4, PATIENCE, Raw, connect4, packet, skeeter, subscribe4, text};

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

fn with_dup(mut publish: Vec<u8>) -> Vec<u8> {
    publish[0] |= 8;
    publish
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
