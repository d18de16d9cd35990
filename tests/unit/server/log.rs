//! The schema of the JSON log is written from the table of events, and every event is valid by it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::LogEvent;

/// What each key means, in every event that has it.
const KEYS: &[(&str, &str)] = &[
    ("anonymous", "Whether clients may connect without authentication."),
    ("arguments", "Arguments of a control request, JSON, cut after 200 characters."),
    ("bridge", "Name of a bridge (connection) in the configuration."),
    ("clean_start", "Clean Start of CONNECT (Clean Session before MQTT 5)."),
    ("client_id", "Client ID, cut after 200 characters."),
    ("connected", "Number of connected clients."),
    ("connected_seconds", "Seconds since the client connected."),
    ("count", "Number of messages or log lines."),
    ("detail", "Further details of the reason."),
    ("durability", "Durability of the store: see --durability."),
    ("error", "Why a control request failed."),
    ("filter", "Topic filter, cut after 200 characters."),
    ("idle_seconds", "Seconds without messages."),
    ("in_flight_messages", "Number of QoS 1 and 2 messages sent but not yet acknowledged."),
    ("keep_alive", "Keep alive requested by the client, in seconds; 0 means none."),
    ("listener", "URL of a listener."),
    ("milliseconds", "Duration in milliseconds."),
    ("mqtt_version", "3.1, 3.1.1 or 5."),
    ("next_target", "Address that is tried next."),
    ("operation", "Operation of a control request; see skeeter-control(7)."),
    ("packet", "Type of the packet, such as PUBLISH."),
    ("path", "Path of a file."),
    ("pid", "Process ID of the broker."),
    ("publisher", "Client ID of the publisher, cut after 200 characters."),
    ("qos", "QoS of the message."),
    ("queued_messages", "Number of queued messages."),
    ("reason", "Name of the reason code in the MQTT standard, or another description of the cause."),
    ("reason_code", "Reason code of MQTT 5."),
    ("refused", "Number of messages, sessions and subscriptions refused."),
    ("remote", "True if the remote broker refused, false if this one did."),
    (
        "remote_address",
        "Address and port of the client. If it connected through a proxy, ` via ` and the address of the proxy follow.",
    ),
    ("retained_messages", "Number of retained messages."),
    ("retry_seconds", "Seconds until the next attempt; absent if there will be none."),
    ("seconds", "Number of seconds; see the event."),
    ("sent", "True if the packet was sent, false if it was received."),
    ("session_kept", "Whether another bridge takes over the session."),
    ("session_present", "Whether an existing session was resumed."),
    ("sessions", "Number of sessions."),
    ("shared_subscription", "$share/NAME/FILTER, cut after 200 characters."),
    ("source", "IP address or network that caused the lines."),
    ("store_path", "Path of skeeter's own file."),
    ("subscriptions", "Number of subscriptions."),
    ("target", "Address of the remote broker."),
    ("topic", "Topic name, cut after 200 characters."),
    ("username", "Username, cut after 200 characters."),
    ("version", "Version of skeeter."),
];

/// The schema: one object per event, told apart by `event`.
fn schema() -> Value {
    let keys: BTreeMap<_, _> = KEYS.iter().copied().collect();
    let events = LogEvent::schema().into_iter().map(|event| {
        let mut properties = Map::new();
        properties.insert("event".into(), json!({ "const": event.name }));
        properties.insert("level".into(), json!({ "const": event.level }));
        let mut required = vec!["time", "level", "event", "message"];
        properties.insert("time".into(), json!(true));
        properties.insert("message".into(), json!(true));
        for (key, field) in event.keys {
            let Some(field) = field else { continue };
            let description = keys.get(key).unwrap_or_else(|| panic!("describe the key {key} in KEYS"));
            properties.insert(key.into(), json!({ "type": field.json_type, "description": description }));
            if field.required {
                required.push(key);
            }
        }
        json!({
            "title": event.name, "description": event.description, "properties": properties, "required": required,
            "additionalProperties": false,
        })
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Log of skeeter broker --log-format json",
        "description": "Each line is one object. Events and keys may be added; renamed or removed ones are in the changelog.",
        "type": "object",
        "properties": {
            "time": { "type": "string", "format": "date-time", "description": "RFC 3339, UTC, with milliseconds." },
            "level": { "enum": ["error", "warning", "notice", "info", "debug"] },
            "event": { "type": "string", "description": "What happened; stable." },
            "message": { "type": "string", "description": "The line of the log for people, without the time." },
        },
        "required": ["time", "level", "event", "message"],
        "oneOf": events.collect::<Vec<_>>(),
    })
}

#[test]
fn the_schema_of_the_json_log_is_written_from_the_table_of_events() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/log/log.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
        std::fs::write(&path, text).unwrap();
        panic!("{} was stale and is rewritten, please commit it", path.display());
    }
}

/// The list of events for the manual page.
fn manual() -> String {
    let mut page = String::new();
    for event in LogEvent::schema() {
        let keys = event.keys.iter().filter_map(|(key, field)| Some((key, (*field)?)));
        let keys =
            keys.map(|(key, field)| if field.required { (*key).to_owned() } else { format!("[{key}]") });
        let (name, level, keys) = (event.name, event.level, keys.collect::<Vec<_>>().join(", "));
        page += &format!(".TP\n\\fB{name}\\fR ({level})\n{}\n", event.description.replace('-', "\\-"));
        if !keys.is_empty() {
            page += &format!(".br\nKeys: {keys}.\n");
        }
    }
    page
}

#[test]
fn the_manual_lists_the_events() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/skeeter-sys.7");
    let page = std::fs::read_to_string(&path).unwrap();
    let begin = page.find(".\\\" The list is written by a test").unwrap();
    let begin = begin + page[begin..].find('\n').unwrap() + 1;
    let end = page.find(".\\\" end of the events").unwrap();
    if page[begin..end] != manual() {
        std::fs::write(&path, format!("{}{}{}", &page[..begin], manual(), &page[end..])).unwrap();
        panic!("{} was stale and is rewritten, please commit it", path.display());
    }
}

#[test]
fn event_names_and_keys_are_consistent() {
    let events = LogEvent::schema();
    let mut types = BTreeMap::new();
    for event in &events {
        assert_eq!(events.iter().filter(|other| other.name == event.name).count(), 1, "{}", event.name);
        assert!(event.description.ends_with('.'), "{}", event.description);
        for (key, field) in event.keys.iter().filter_map(|(key, field)| Some((key, (*field)?))) {
            let of_key = types.entry(*key).or_insert(field.json_type);
            assert_eq!(*of_key, field.json_type, "{key} has one type in all events");
        }
    }
    let described: Vec<_> = KEYS.iter().map(|(key, _)| *key).collect();
    assert_eq!(described, types.into_keys().collect::<Vec<_>>(), "KEYS describes the keys in use");
}

/// Why a line is not valid by the schema; enough of JSON schema for ours.
fn fault(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).unwrap();
    let schema = schema();
    let events = schema["oneOf"].as_array().unwrap();
    let Some(event) = events.iter().find(|event| event["title"] == value["event"]) else {
        return Some("unknown event".to_owned());
    };
    let fields = value.as_object().unwrap();
    let missing =
        event["required"].as_array().unwrap().iter().find(|key| fields.get(key.as_str().unwrap()).is_none());
    let wrong = fields.iter().find(|(key, value)| {
        let expected = event["properties"].get(*key).unwrap_or(&Value::Null);
        let is_type = match expected["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => expected == &json!(true) && value.is_string() || expected["const"] == **value,
        };
        !is_type
    });
    missing.map(|key| format!("{key} is missing")).or_else(|| wrong.map(|(key, _)| format!("{key} is wrong")))
}

#[test]
fn every_event_is_valid_by_the_schema() {
    for event in LogEvent::samples(true).into_iter().chain(LogEvent::samples(false)) {
        let line = super::json(&event, SystemTime::UNIX_EPOCH);
        assert!(line.starts_with("{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\""), "{line}");
        assert_eq!(fault(&line), None, "{line}");
        println!("{}", event.text());
    }
}

#[test]
fn an_event_names_what_happened_in_the_line_and_in_json() {
    let event =
        LogEvent::samples(true).into_iter().find(|event| event.name() == "client_disconnected").unwrap();
    assert_eq!(event.text(), "name disconnected from text: text (0x87): text");
    assert_eq!(
        super::json(&event, SystemTime::UNIX_EPOCH),
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"notice\",\"event\":\"client_disconnected\",\
         \"client_id\":\"name\",\"remote_address\":\"text\",\"reason_code\":135,\"reason\":\"text\",\"detail\":\"text\",\
         \"message\":\"name disconnected from text: text (0x87): text\"}"
    );
}
