//! What the publisher says, as packets of MQTT 3.1.1 and JSON.

use super::Diagnostics;
use crate::dht::Fault;
use crate::queue::{Queue, Reading, When};
use crate::settings::Settings;
use crate::wire::encode;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use mqttrs::{Connect, ConnectReturnCode, LastWill, Packet, Pid, Protocol, Publish, QoS, QosPid, Subscribe};

pub(super) fn connect(settings: &Settings, keep_alive: u16, out: &mut Vec<u8>) {
    let topic = format!("sensors/{}/status", settings.device);
    let id = format!("sensor-{}", settings.device);
    let user = (!settings.user.is_empty()).then_some(settings.user.as_str());
    let packet = Packet::Connect(Connect {
        protocol: Protocol::MQTT311,
        keep_alive,
        client_id: &id,
        clean_session: true,
        last_will: Some(LastWill { topic: &topic, message: b"offline", qos: QoS::AtLeastOnce, retain: true }),
        username: user,
        password: user.map(|_| settings.secret.as_bytes()), // [MQTT-3.1.2-22]
    });
    encode(&packet, topic.len() + id.len() + settings.user.len() + settings.secret.len() + 16, out);
}

pub(super) fn subscribe(filter: &str, pid: u16, out: &mut Vec<u8>) {
    // mqttrs has room for 256 bytes and five filters; ours is one of at most 46.
    let mut topics = heapless::Vec::new();
    let _ = topics
        .push(mqttrs::SubscribeTopic { topic_path: heapless::String::from(filter), qos: QoS::AtMostOnce });
    if let Ok(pid) = Pid::try_from(pid) {
        encode(&Packet::Subscribe(Subscribe { pid, topics }), filter.len(), out);
    }
}

pub(super) fn publish(topic_name: &str, payload: &[u8], retain: bool, pid: u16, out: &mut Vec<u8>) {
    if let Ok(pid) = Pid::try_from(pid) {
        let packet = Packet::Publish(Publish {
            dup: false,
            qospid: QosPid::AtLeastOnce(pid),
            retain,
            topic_name,
            payload,
        });
        encode(&packet, topic_name.len() + payload.len(), out);
    }
}

pub(super) fn ping(out: &mut Vec<u8>) {
    encode(&Packet::Pingreq, 0, out);
}

pub(super) fn disconnect(out: &mut Vec<u8>) {
    encode(&Packet::Disconnect, 0, out);
}

/// Why the broker refused, and what to do.
pub(super) fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::BadUsernamePassword => {
            "the broker refused the username or password (set user, set secret)"
        }
        ConnectReturnCode::NotAuthorized => {
            "the broker refused the connection: not authorized (set user, set secret)"
        }
        ConnectReturnCode::RefusedIdentifierRejected => "the broker refused the client ID (set device)",
        ConnectReturnCode::RefusedProtocolVersion => "the broker does not support MQTT 3.1.1",
        _ => "the broker refused the connection: not available",
    }
}

/// `time` is in seconds since 1970, or null when nobody can say.
pub(super) fn climate(reading: &Reading, epoch: Option<u64>) -> String {
    let unix = match reading.when {
        When::Unix(at) => Some(at),
        When::Local(at) => epoch.map(|epoch| epoch + at),
        When::Unknown => None,
    };
    let sample = reading.sample;
    let sign = if sample.temperature < 0 { "-" } else { "" };
    let size = sample.temperature.unsigned_abs();
    format!(
        r#"{{"temperature":{sign}{}.{},"humidity":{}.{},"time":{},"seq":{}}}"#,
        size / 10,
        size % 10,
        sample.humidity / 10,
        sample.humidity % 10,
        null_or(unix.map(|millis| millis / 1000)),
        reading.seq
    )
}

/// `uptime` is in seconds; `queued` and `dropped` count readings.
pub(super) fn diagnostics(board: &Diagnostics, now: u64, queue: &Queue, fault: Option<Fault>) -> String {
    format!(
        r#"{{"rssi":{},"uptime":{},"heap":{},"reset":"{}","version":"{}","queued":{},"dropped":{},"fault":{}}}"#,
        null_or(board.rssi),
        now / 1000,
        null_or(board.heap),
        board.reset,
        env!("CARGO_PKG_VERSION"),
        queue.len(),
        queue.dropped,
        null_or(fault.map(|fault| format!("\"{fault}\"")))
    )
}

fn null_or<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "null".to_string(), |value| value.to_string())
}
