//! Reads what [`super::full`] writes, for the transcripts: a line becomes the bytes to send.

use std::borrow::Cow;

use crate::codec::encode;
use crate::codec::packet::{
    Ack, Auth, Connack, Connect, Disconnect, Options, Packet, PacketId, Publish, RetainHandling, Suback,
    Subscribe, Subscription, Unsubscribe, Version, Will,
};
use crate::codec::property::{Form, PROPERTIES, PropertiesBuf, Property, PropertyValue};
use crate::codec::reason::Reason;
use crate::message::QoS;

/// The packet in `line` as `version` writes it; CONNECT may name its own version. A line `hex:...` is its bytes.
///
/// # Errors
/// What in the line cannot be read, in words.
pub(crate) fn parse(version: Version, line: &str) -> Result<Vec<u8>, String> {
    let line = line.trim();
    if let Some(digits) = line.strip_prefix("hex:") {
        return hex(digits);
    }
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut fields = fields(rest)?;
    let properties = take_properties("", &mut fields)?;
    let mut out = Vec::new();
    if name == "CONNECT" {
        connect(version, &mut fields, &properties, &mut out)?;
    } else {
        packet(version, name, &mut fields, &properties, &mut out)?;
    }
    match fields.first() {
        Some(left) => Err(format!("{name} has no field {}", left.key)),
        None => Ok(out),
    }
}

struct Field {
    key: String,
    value: Vec<u8>,
    /// The value of a user property, whose name is `value`.
    second: Vec<u8>,
}

impl Field {
    fn text(&self) -> Result<&str, String> {
        std::str::from_utf8(&self.value).map_err(|_| format!("{} is not text", self.key))
    }

    fn number<T: TryFrom<u64>>(&self) -> Result<T, String> {
        let text = self.text()?;
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        let number = number.map_err(|_| format!("{}={text} is not a number", self.key))?;
        T::try_from(number).map_err(|_| format!("{}={text} is too large", self.key))
    }

    fn qos(&self) -> Result<QoS, String> {
        QoS::from_bits(self.number()?).ok_or_else(|| format!("{} is 0, 1 or 2", self.key))
    }

    fn reason(&self) -> Result<Reason, String> {
        self.number().map(Reason)
    }
}

/// Takes the fields apart: `key=value`, `key=name=value`, or a key alone for `key=1`.
fn fields(mut rest: &str) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(fields);
        }
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        rest = &rest[end..];
        let (mut value, mut second) = (b"1".to_vec(), Vec::new());
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = take_value(after)?;
            if let Some(after) = rest.strip_prefix('=') {
                (second, rest) = take_value(after)?;
            }
        }
        fields.push(Field { key, value, second });
    }
}

fn take_value(rest: &str) -> Result<(Vec<u8>, &str), String> {
    if let Some(quoted) = rest.strip_prefix('"') {
        return unquote(quoted);
    }
    let end = rest.find(['=', ' ']).unwrap_or(rest.len());
    let (word, rest) = rest.split_at(end);
    match word.strip_prefix("hex:") {
        Some(digits) => Ok((hex(digits)?, rest)),
        None => Ok((word.as_bytes().to_vec(), rest)),
    }
}

fn hex(digits: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b' ').collect();
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    };
    digits.chunks(2).map(|chunk| pair(chunk).ok_or("not hexadecimal".into())).collect()
}

fn unquote(rest: &str) -> Result<(Vec<u8>, &str), String> {
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next().ok_or("a quote is not closed")? {
            '"' => return Ok((text.into_bytes(), chars.as_str())),
            '\\' => text.push(match chars.next().ok_or("a quote is not closed")? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (code, rest) = chars.as_str().split_once('}').ok_or("a bad escape")?;
                    chars = rest.chars();
                    let code = code.strip_prefix('{').and_then(|code| u32::from_str_radix(code, 16).ok());
                    code.and_then(char::from_u32).ok_or("a bad escape")?
                }
                other => other,
            }),
            other => text.push(other),
        }
    }
}

fn take(key: &str, fields: &mut Vec<Field>) -> Option<Field> {
    let at = fields.iter().position(|field| field.key == key)?;
    Some(fields.remove(at))
}

fn flag(key: &str, fields: &mut Vec<Field>) -> Result<bool, String> {
    take(key, fields).map_or(Ok(0), |field| field.number::<u8>()).map(|number| number != 0)
}

fn bytes(key: &str, fields: &mut Vec<Field>) -> Option<Vec<u8>> {
    take(key, fields).map(|field| field.value)
}

fn string(key: &str, fields: &mut Vec<Field>) -> Result<Option<String>, String> {
    take(key, fields).map(|field| field.text().map(str::to_owned)).transpose()
}

fn qos(key: &str, fields: &mut Vec<Field>) -> Result<QoS, String> {
    take(key, fields).map_or(Ok(QoS::AtMostOnce), |field| field.qos())
}

fn take_properties(prefix: &str, fields: &mut Vec<Field>) -> Result<PropertiesBuf, String> {
    let mut properties = PropertiesBuf::default();
    let mut left = Vec::new();
    for field in fields.drain(..) {
        match field.key.strip_prefix(prefix).map(|key| property(key, &field)).transpose()?.flatten() {
            Some(property) => properties.push(property),
            None => left.push(field),
        }
    }
    *fields = left;
    Ok(properties)
}

fn property<'f>(key: &str, field: &'f Field) -> Result<Option<Property<'f>>, String> {
    let Some(info) = PROPERTIES.iter().find(|info| info.log_key == key) else { return Ok(None) };
    let value = match info.form {
        form if form.range().is_some() => PropertyValue::Number(field.number()?),
        Form::Binary => PropertyValue::Binary(&field.value),
        Form::Pair => {
            let value = std::str::from_utf8(&field.second).map_err(|_| "a user property is not text")?;
            PropertyValue::Pair(field.text()?, value)
        }
        _ => PropertyValue::Text(field.text()?),
    };
    let property = Property::new(info, value);
    property.map(Some).ok_or_else(|| format!("{key}: expected {}", info.form))
}

fn connect(
    version: Version,
    fields: &mut Vec<Field>,
    properties: &PropertiesBuf,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let version = match string("v", fields)?.as_deref() {
        None => version,
        Some("3.1") => Version::V3_1,
        Some("3.1.1") => Version::V3_1_1,
        Some("5") => Version::V5,
        Some(other) => return Err(format!("there is no version {other}")),
    };
    let client_id = string("id", fields)?.unwrap_or_default();
    let username = string("username", fields)?;
    let password = bytes("password", fields);
    let will_properties = take_properties("will.", fields)?;
    let will_topic = string("will.topic", fields)?;
    let will_payload = bytes("will.payload", fields).unwrap_or_default();
    let (will_qos, will_retain) = (qos("will.q", fields)?, flag("will.retain", fields)?);
    let packet = Packet::Connect(Connect {
        version,
        bridge: flag("bridge", fields)?,
        clean_start: flag("clean", fields)?,
        keep_alive: take("keep", fields).map_or(Ok(0), |field| field.number())?,
        properties: properties.as_properties(),
        client_id: &client_id,
        will: will_topic.as_deref().map(|topic| Will {
            qos: will_qos,
            retain: will_retain,
            properties: will_properties.as_properties(),
            topic,
            payload: &will_payload,
        }),
        username: username.as_deref(),
        password: password.as_deref(),
    });
    encode(version, &packet, out);
    Ok(())
}

/// Any packet but CONNECT.
fn packet(
    version: Version,
    name: &str,
    fields: &mut Vec<Field>,
    properties: &PropertiesBuf,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let properties = properties.as_properties();
    let id = take("m", fields).map(|field| field.number::<u16>()).transpose()?;
    let id = id.map(|id| PacketId::new(id).ok_or("m=0 is no packet identifier")).transpose()?;
    let needed = || id.ok_or(format!("{name} needs m="));
    let (topic, payload) = (string("topic", fields)?, bytes("payload", fields).unwrap_or_default());
    let ack = |fields: &mut Vec<Field>| {
        let reason = take("rc", fields).map_or(Ok(Reason::SUCCESS), |field| field.reason())?;
        Ok::<_, String>(Ack { packet_id: needed()?, reason, properties })
    };
    let packet = match name {
        "CONNACK" => Packet::Connack(Connack {
            session_present: flag("present", fields)?,
            reason: reason(fields)?,
            properties,
        }),
        "PUBLISH" => Packet::Publish(Publish {
            dup: flag("dup", fields)?,
            qos: qos("q", fields)?,
            retain: flag("retain", fields)?,
            topic: topic.as_deref().unwrap_or_default(),
            packet_id: id,
            properties,
            payload: &payload,
        }),
        "PUBACK" => Packet::Puback(ack(fields)?),
        "PUBREC" => Packet::Pubrec(ack(fields)?),
        "PUBREL" => Packet::Pubrel(ack(fields)?),
        "PUBCOMP" => Packet::Pubcomp(ack(fields)?),
        "SUBSCRIBE" => {
            Packet::Subscribe(Subscribe { packet_id: needed()?, properties, filters: subscriptions(fields)? })
        }
        "SUBACK" => Packet::Suback(Suback { packet_id: needed()?, properties, reasons: reasons(fields)? }),
        "UNSUBSCRIBE" => {
            let mut filters = Vec::new();
            while let Some(filter) = string("filter", fields)? {
                filters.push(Cow::Owned(filter));
            }
            Packet::Unsubscribe(Unsubscribe { packet_id: needed()?, properties, filters })
        }
        "UNSUBACK" => {
            Packet::Unsuback(Suback { packet_id: needed()?, properties, reasons: reasons(fields)? })
        }
        "PINGREQ" => Packet::Pingreq,
        "PINGRESP" => Packet::Pingresp,
        "DISCONNECT" => Packet::Disconnect(Disconnect { reason: reason(fields)?, properties }),
        "AUTH" => Packet::Auth(Auth { reason: reason(fields)?, properties }),
        _ => return Err(format!("there is no packet {name}")),
    };
    encode(version, &packet, out);
    Ok(())
}

fn reason(fields: &mut Vec<Field>) -> Result<Reason, String> {
    take("rc", fields).map_or(Ok(Reason::SUCCESS), |field| field.reason())
}

fn reasons(fields: &mut Vec<Field>) -> Result<Vec<Reason>, String> {
    let mut reasons = Vec::new();
    while let Some(field) = take("rc", fields) {
        reasons.push(field.reason()?);
    }
    Ok(reasons)
}

/// Filters, each with the options that follow it.
fn subscriptions(fields: &mut Vec<Field>) -> Result<Vec<Subscription<'static>>, String> {
    let mut filters: Vec<Subscription<'static>> = Vec::new();
    for field in fields.drain(..) {
        if field.key == "filter" {
            let filter = Cow::Owned(field.text()?.to_owned());
            filters.push(Subscription { filter, options: Options::default() });
            continue;
        }
        let options = &mut filters.last_mut().ok_or(format!("{} before a filter", field.key))?.options;
        match field.key.as_str() {
            "q" => options.qos = field.qos()?,
            "no-local" => options.no_local = field.number::<u8>()? != 0,
            "retain-as-published" => options.retain_as_published = field.number::<u8>()? != 0,
            "retain-handling" => {
                options.retain_handling = match field.number::<u8>()? {
                    0 => RetainHandling::Send,
                    1 => RetainHandling::SendIfNew,
                    2 => RetainHandling::DoNotSend,
                    _ => return Err("retain-handling is 0, 1 or 2".into()),
                }
            }
            other => return Err(format!("SUBSCRIBE has no field {other}")),
        }
    }
    Ok(filters)
}
