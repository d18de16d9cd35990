//! Results for people.

use std::fmt::Write;

use serde_json::Value;

use crate::cli::control::ControlCommand;
use crate::text::Escaped;

/// The result of a command as text.
pub(super) fn text(command: &ControlCommand, result: &Value) -> String {
    match command {
        ControlCommand::Clients(_) => clients(result),
        ControlCommand::Client { .. } => client(result),
        ControlCommand::Retained { payload, .. } => retained(result, *payload),
        ControlCommand::Listeners => listeners(result),
        ControlCommand::Explain(_) => explain(result),
        ControlCommand::Kick { .. } => {
            count(result, "disconnected", "connection closed", "connections closed")
        }
        ControlCommand::EndSession { .. } => count(result, "ended", "session ended", "sessions ended"),
        ControlCommand::Unsubscribe { .. } => {
            count(result, "removed", "subscription removed", "subscriptions removed")
        }
        ControlCommand::DeleteRetained { dry_run: true, .. } => {
            count(result, "topics", "retained message would be deleted", "retained messages would be deleted")
        }
        ControlCommand::DeleteRetained { .. } => {
            count(result, "topics", "retained message deleted", "retained messages deleted")
        }
        ControlCommand::Broker => lines(result, 0),
        ControlCommand::Call { .. } => format!("{result:#}\n"),
    }
}

fn count(result: &Value, key: &str, one: &str, many: &str) -> String {
    let count = result[key].as_u64().unwrap_or(0);
    format!("{count} {}\n", if count == 1 { one } else { many })
}

/// A value in a table: what a client has chosen is escaped.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => Escaped(text).to_string(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// Rows under a heading, in columns as wide as they must be; the last one is not padded.
fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|title| title.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let heading: Vec<String> = heading.iter().map(|title| (*title).to_owned()).collect();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string does not fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn clients(result: &Value) -> String {
    let empty = Vec::new();
    let clients = result["clients"].as_array().unwrap_or(&empty);
    let rows = clients.iter().map(|client| {
        let state = match (client["connected"].as_bool(), client["lagging"].as_bool()) {
            (Some(true), Some(true)) => "lagging".to_owned(),
            (Some(true), _) => age(client["connected_seconds"].as_u64()),
            _ => "disconnected".to_owned(),
        };
        let columns = ["client_id", "username", "address", "protocol_version"];
        let mut row: Vec<String> = columns.iter().map(|column| cell(&client[*column])).collect();
        row.push(state);
        let columns = ["subscriptions", "queued_messages", "in_flight_messages"];
        row.extend(columns.iter().map(|column| cell(&client[*column])));
        row
    });
    let heading =
        ["CLIENT ID", "USER", "ADDRESS", "MQTT", "CONNECTED", "SUBSCRIPTIONS", "QUEUED", "IN FLIGHT"];
    table(&heading, &rows.collect::<Vec<_>>())
}

/// A duration in its largest unit.
fn age(seconds: Option<u64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds @ 0..60) => format!("{seconds}s"),
        Some(seconds @ 60..3_600) => format!("{}m", seconds / 60),
        Some(seconds @ 3_600..86_400) => format!("{}h", seconds / 3_600),
        Some(seconds) => format!("{}d", seconds / 86_400),
    }
}

fn client(result: &Value) -> String {
    let empty = Vec::new();
    let sessions = result["sessions"].as_array().unwrap_or(&empty);
    let texts: Vec<String> = sessions.iter().map(|session| lines(session, 0)).collect();
    texts.join("\n")
}

/// One `key: value` per line; the entries of a list below their key.
fn lines(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    let Some(object) = value.as_object() else { return text };
    for (key, value) in object {
        let name = key.replace('_', " ");
        let pad = " ".repeat(indent);
        // Writing to a string does not fail.
        let _ = match value {
            Value::Null => Ok(()),
            Value::Array(entries) => {
                let _ = writeln!(text, "{pad}{name}:");
                entries.iter().try_for_each(|entry| writeln!(text, "{pad}  {}", cell(entry)))
            }
            Value::Object(_) => write!(text, "{pad}{name}:\n{}", lines(value, indent + 2)),
            value => writeln!(text, "{pad}{name}: {}", cell(value)),
        };
    }
    text
}

fn retained(result: &Value, with_payload: bool) -> String {
    let empty = Vec::new();
    let messages = result["messages"].as_array().unwrap_or(&empty);
    let rows = messages.iter().map(|message| {
        let mut row: Vec<String> =
            ["topic", "qos", "payload_bytes", "publisher"].iter().map(|key| cell(&message[*key])).collect();
        if with_payload {
            let text = message.get("payload").map(cell);
            row.push(text.unwrap_or_else(|| format!("base64:{}", cell(&message["payload_base64"]))));
        }
        row
    });
    let mut heading = vec!["TOPIC", "QOS", "BYTES", "PUBLISHER"];
    heading.extend(with_payload.then_some("PAYLOAD"));
    table(&heading, &rows.collect::<Vec<_>>())
}

fn listeners(result: &Value) -> String {
    let empty = Vec::new();
    let listeners = result["listeners"].as_array().unwrap_or(&empty);
    let rows = listeners.iter().map(|listener| {
        let urls = listener["urls"].as_array().unwrap_or(&empty);
        let urls: Vec<String> = urls.iter().map(cell).collect();
        vec![cell(&listener["number"]), cell(&listener["anonymous"]), urls.join(" ")]
    });
    table(&["NUMBER", "ANONYMOUS", "URL"], &rows.collect::<Vec<_>>())
}

fn explain(result: &Value) -> String {
    let verdict = if result["allowed"] == true { "allowed" } else { "denied" };
    format!("{verdict}: {}\n", cell(&result["reason"]))
}
