//! A message as one line of JSON: what `sub --json` and `--record` write, and `pub --json` and `--replay` read.
//!
//! Text and binary have keys of their own (`payload` and `payload_base64`), so that nothing is guessed. What belongs to
//! one hop (packet identifier, DUP, expiry left, subscription identifiers) is written for people and not published again.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::json;
use crate::client::Outgoing;
use crate::codec::packet::Publish;
use crate::codec::property::{
    Form, PROPERTIES, PacketSet, Properties, PropertiesBuf, Property, PropertyInfo, PropertyValue, Scope,
};
use crate::message::QoS;

/// The key of the array of all subscription identifiers.
const SUBSCRIPTION_IDENTIFIERS: &str = "subscription-identifiers";

/// Appends the line of a message, without its newline.
pub(super) fn write(publish: &Publish<'_>, now: SystemTime, out: &mut Vec<u8>) {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    out.extend_from_slice(b"{\"time\":");
    out.extend_from_slice(format!("{}.{:06}", since.as_secs(), since.subsec_micros()).as_bytes());
    json::key("topic", out);
    json::string(publish.topic.as_bytes(), out);
    json::number("qos", publish.qos.bits(), out);
    json::number("retain", publish.retain, out);
    json::number("dup", publish.dup, out);
    if let Some(id) = publish.packet_id {
        json::number("mid", id, out);
    }
    text_or_base64("payload", publish.payload, out);
    if publish.properties.iter().any(|property| !matches!(property, Property::TopicAlias(_))) {
        json::key("properties", out);
        properties(publish.properties, out);
    }
    out.push(b'}');
}

fn text_or_base64(name: &str, bytes: &[u8], out: &mut Vec<u8>) {
    if std::str::from_utf8(bytes).is_ok() {
        json::key(name, out);
        json::string(bytes, out);
    } else {
        json::key(&format!("{name}_base64"), out);
        json::string(STANDARD.encode(bytes).as_bytes(), out);
    }
}

fn properties(properties: Properties<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    for property in properties.iter() {
        let name = json::property_key(property.info());
        match property.value() {
            // Subscription identifiers follow, an alias has done its work.
            _ if property.info().scope == Scope::Connection => {}
            PropertyValue::Number(number) => json::number(name, number, out),
            PropertyValue::Text(text) => {
                json::key(name, out);
                json::string(text.as_bytes(), out);
            }
            PropertyValue::Binary(bytes) => text_or_base64(name, bytes, out),
            // They follow, in one array.
            PropertyValue::Pair(..) => {}
        }
    }
    if properties.user_properties().next().is_some() {
        json::key("user-properties", out);
        json::user_properties(properties, out);
    }
    if properties.subscription_ids().next().is_some() {
        json::key(SUBSCRIPTION_IDENTIFIERS, out);
        let ids: Vec<_> = properties.subscription_ids().map(|id| id.to_string()).collect();
        out.extend_from_slice(format!("[{}]", ids.join(",")).as_bytes());
    }
    out.push(b'}');
}

/// A message that was read from a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageRecord {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) properties: PropertiesBuf,
    /// Microseconds since 1970.
    pub(super) time: Option<u64>,
}

impl MessageRecord {
    pub(super) fn message(&self) -> Outgoing<'_> {
        let Self { topic, payload, qos, retain, properties, time: _ } = self;
        let properties = properties.as_properties();
        Outgoing { topic, payload, qos: *qos, retain: *retain, properties }
    }

    /// Reads a line. What it does not say is taken from `default`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn read(line: &[u8], default: &Outgoing<'_>) -> Result<Self, String> {
        let object: Map<String, Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let mut record = Self {
            topic: default.topic.to_owned(),
            payload: Vec::new(),
            qos: default.qos,
            retain: default.retain,
            properties: PropertiesBuf::default(),
            time: None,
        };
        let bad = |key: &str, expected: &str| format!("{key:?}: expected {expected}");
        for (key, value) in &object {
            match (key.as_str(), value) {
                ("topic", Value::String(topic)) => record.topic.clone_from(topic),
                ("payload", Value::String(text)) => record.payload = text.clone().into_bytes(),
                // As %J writes it.
                ("payload", Value::Null) => {}
                ("payload", value) => record.payload = value.to_string().into_bytes(),
                ("payload_base64", Value::String(text)) => {
                    record.payload = STANDARD.decode(text).map_err(|why| format!("{key:?}: {why}"))?;
                }
                ("qos", value) => {
                    let qos = value.as_u64().and_then(|qos| QoS::from_bits(u8::try_from(qos).ok()?));
                    record.qos = qos.ok_or_else(|| bad(key, "0, 1 or 2"))?;
                }
                ("retain", Value::Bool(retain)) => record.retain = *retain,
                ("retain", Value::Number(number)) => record.retain = number.as_u64() != Some(0),
                ("time", value) => {
                    let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0);
                    // Exact to the microsecond for the next centuries.
                    record.time = Some((seconds.ok_or_else(|| bad(key, "seconds"))? * 1e6) as u64);
                }
                ("properties", Value::Object(properties)) => {
                    read_properties(properties, &mut record.properties)?
                }
                // What belonged to a hop, or says whom a kept message waits for.
                ("dup" | "mid" | "tst" | "payloadlen" | "for", _) => {}
                ("topic" | "payload_base64" | "retain" | "properties", _) => {
                    return Err(bad(key, "another type"));
                }
                _ => return Err(format!("there is no key {key:?}")),
            }
        }
        if record.topic.is_empty() {
            return Err("there is no topic".to_owned());
        }
        Ok(record)
    }
}

fn read_properties(object: &Map<String, Value>, properties: &mut PropertiesBuf) -> Result<(), String> {
    for (key, value) in object {
        let name = key.strip_suffix("_base64").unwrap_or(key);
        let is_published = |info: &&PropertyInfo| info.packets.intersects(PacketSet::PUBLISH);
        let info = PROPERTIES.iter().filter(is_published).find(|info| json::property_key(info) == name);
        match info {
            _ if key == SUBSCRIPTION_IDENTIFIERS => {}
            // A client must not publish identifiers [MQTT-3.3.4-6]; an alias belongs to a connection.
            Some(info) if info.scope == Scope::Connection => {}
            Some(info) if info.form == Form::Pair => read_user_properties(info, value, properties)?,
            Some(info) if name == key => read_property(info, value, properties)?,
            Some(info) if info.form == Form::Binary => {
                let bytes = STANDARD.decode(value.as_str().unwrap_or_default());
                let bytes = bytes.map_err(|why| format!("{key:?}: {why}"))?;
                push(info, PropertyValue::Binary(&bytes), properties)?;
            }
            _ => return Err(format!("there is no property {key:?}")),
        }
    }
    Properties::check(properties.as_properties().as_bytes(), PacketSet::PUBLISH)
        .map_err(|why| why.detail.to_owned())?;
    Ok(())
}

fn read_property(info: &PropertyInfo, value: &Value, properties: &mut PropertiesBuf) -> Result<(), String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let typed = match (value, info.form) {
        (Value::String(text), Form::Binary) => Some(PropertyValue::Binary(text.as_bytes())),
        (Value::String(text), _) => Some(PropertyValue::Text(text)),
        _ => number.map(PropertyValue::Number),
    };
    let typed = typed.ok_or_else(|| format!("{:?}: expected {}", info.name, info.form))?;
    push(info, typed, properties)
}

fn push(info: &PropertyInfo, value: PropertyValue<'_>, properties: &mut PropertiesBuf) -> Result<(), String> {
    let property = Property::new(info, value);
    properties.push(property.ok_or_else(|| format!("{:?}: expected {}", info.name, info.form))?);
    Ok(())
}

fn read_user_properties(
    info: &PropertyInfo,
    value: &Value,
    properties: &mut PropertiesBuf,
) -> Result<(), String> {
    let expected = || format!("{:?}: expected an array of objects of strings", json::property_key(info));
    for pairs in value.as_array().ok_or_else(expected)? {
        for (name, value) in pairs.as_object().ok_or_else(expected)? {
            let value = value.as_str().ok_or_else(expected)?;
            push(info, PropertyValue::Pair(name, value), properties)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{MessageRecord, write};
    use crate::client::Outgoing;
    use crate::codec::packet::{PacketId, Publish};
    use crate::codec::property::{Properties, PropertiesBuf, Property};
    use crate::message::QoS;

    fn default() -> Outgoing<'static> {
        Outgoing {
            topic: "",
            payload: b"",
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::EMPTY,
        }
    }

    #[test]
    fn a_line_says_all_of_a_message_and_reads_back() {
        let mut properties = PropertiesBuf::default();
        properties.push(Property::UserProperty(("k", "1")));
        properties.push(Property::CorrelationData(b"\xFF\0"));
        properties.push(Property::UserProperty(("k", "2")));
        properties.push(Property::SubscriptionIdentifier(7));
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: true,
            topic: "a/\"b\"",
            packet_id: Some(PacketId::MIN),
            properties: properties.as_properties(),
            payload: b"\xFFx",
        };
        let mut line = Vec::new();
        write(&publish, SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_001), &mut line);
        assert_eq!(
            String::from_utf8(line.clone()).unwrap(),
            r#"{"time":1700000000.000001,"topic":"a/\"b\"","qos":1,"retain":true,"dup":false,"mid":1,"payload_base64":"/3g=","properties":{"correlation-data_base64":"/wA=","user-properties":[{"k":"1"},{"k":"2"}],"subscription-identifiers":[7]}}"#
        );
        let record = MessageRecord::read(&line, &default()).unwrap();
        assert_eq!((record.topic.as_str(), record.payload.as_slice()), ("a/\"b\"", &b"\xFFx"[..]));
        assert_eq!(
            (record.qos, record.retain, record.time),
            (QoS::AtLeastOnce, true, Some(1_700_000_000_000_001))
        );
        let expected = [
            Property::CorrelationData(b"\xFF\0"),
            Property::UserProperty(("k", "1")),
            Property::UserProperty(("k", "2")),
        ];
        assert!(record.properties.as_properties().iter().eq(expected));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "",
            "1",
            "{}",
            r#"{"topic":""}"#,
            r#"{"topic":1}"#,
            r#"{"topic":"t","qos":3}"#,
            r#"{"topic":"t","paylod":"x"}"#,
            r#"{"topic":"t","payload_base64":"?"}"#,
            r#"{"topic":"t","time":"x"}"#,
            r#"{"topic":"t","properties":[]}"#,
            r#"{"topic":"t","properties":{"message-expiry-interval":-1}}"#,
            r#"{"topic":"t","properties":{"x":1}}"#,
            r#"{"topic":"t","properties":{"response-topic":"a/#"}}"#,
        ] {
            assert!(MessageRecord::read(bad.as_bytes(), &default()).is_err(), "{bad}");
        }
        let line = br#"{"topic":"t","payload":{"a":[1,2]},"retain":1}"#;
        let record = MessageRecord::read(line, &default()).unwrap();
        assert_eq!((record.payload.as_slice(), record.retain), (&br#"{"a":[1,2]}"#[..], true));
    }
}
