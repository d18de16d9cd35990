//! `--where` and `--until`: conditions on a message, in the Common Expression Language.
//!
//! Its variables are `topic`, `qos`, `retain`, `payload` and the fields of a JSON object. JSON numbers are doubles, so that `31`
//! and `31.0` are equal. A condition that cannot be evaluated for a message is false; the reason is reported if it was never
//! true.

use std::collections::HashMap;

use cel::objects::Key;
use cel::{Context, ExecutionError, Program, Value};

use crate::codec::packet::Publish;
use crate::text::shortened;

/// The conditions given by the flags.
pub(super) struct Conditions {
    only: Option<Condition>,
    until: Option<Condition>,
    /// The functions of the language.
    language: Context<'static, 'static>,
}

struct Condition {
    program: Program,
    /// The variables it uses; no others are computed.
    names: Vec<String>,
    /// Whether it was true for any message.
    was_true: bool,
    /// Why it last could not be evaluated.
    trouble: Option<String>,
}

/// The conditions evaluated for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) wanted: bool,
    pub(super) last: bool,
}

impl Conditions {
    /// # Errors
    /// Why a condition is not valid.
    pub(super) fn new(only: Option<&str>, until: Option<&str>) -> Result<Self, String> {
        let read = |flag: &str, text: Option<&str>| {
            text.map(|text| {
                Condition::new(text).map_err(|why| format!("{flag} '{}': {why}", shortened(text)))
            })
            .transpose()
        };
        Ok(Self {
            only: read("--where", only)?,
            until: read("--until", until)?,
            language: if only.is_none() && until.is_none() { Context::empty() } else { Context::default() },
        })
    }

    /// Evaluates the conditions for a message; that of `--until` only if that of `--where` is true.
    pub(super) fn ask(&mut self, publish: &Publish<'_>) -> Answer {
        let Self { only, until, language } = self;
        if only.is_none() && until.is_none() {
            return Answer { wanted: true, last: false };
        }
        let payload = read(publish.payload);
        let wanted = only.as_mut().is_none_or(|condition| condition.ask(publish, &payload, language));
        let last =
            wanted && until.as_mut().is_some_and(|condition| condition.ask(publish, &payload, language));
        Answer { wanted, last }
    }

    /// Which condition was never true, as an error message.
    pub(super) fn unmet(&self) -> Option<String> {
        let unmet = |flag: &str, what: &str, condition: &Option<Condition>| {
            let condition = condition.as_ref().filter(|condition| !condition.was_true)?;
            let trouble = condition
                .trouble
                .as_ref()
                .map_or_else(String::new, |why| format!("; for the last message, {why}"));
            Some(format!("{flag}: {what}{trouble}"))
        };
        unmet("--where", "the condition was true for no message", &self.only)
            .or_else(|| unmet("--until", "the condition never became true", &self.until))
    }
}

impl Condition {
    fn new(text: &str) -> Result<Self, String> {
        let program = Program::compile(text).map_err(|errors| {
            // The others follow from the first.
            let (line, column) = errors.errors.first().map_or((1, 1), |error| error.pos);
            syntax_error(text, line, column)
        })?;
        let names = program.references().variables().into_iter().map(str::to_owned).collect();
        Ok(Self { program, names, was_true: false, trouble: None })
    }

    fn ask(&mut self, publish: &Publish<'_>, payload: &Value, language: &Context<'static, 'static>) -> bool {
        let mut scope = language.new_inner_scope();
        for name in &self.names {
            let value = match (name.as_str(), payload) {
                ("topic", _) => Value::from(publish.topic),
                ("qos", _) => Value::Float(f64::from(publish.qos.bits())),
                ("retain", _) => Value::Bool(publish.retain),
                ("payload", _) => payload.clone(),
                (field, Value::Map(map)) => match map.get(&Key::from(field)) {
                    Some(value) => value.clone(),
                    None => continue,
                },
                _ => continue,
            };
            scope.add_variable_from_value(name.as_str(), value);
        }
        match self.program.execute(&scope) {
            Ok(Value::Bool(answer)) => {
                self.was_true |= answer;
                answer
            }
            Ok(_) => {
                self.trouble = Some("it was neither true nor false".to_owned());
                false
            }
            Err(error) => {
                self.trouble = Some(evaluation_error(&error));
                false
            }
        }
    }
}

/// JSON if it is valid, otherwise text, otherwise bytes.
fn read(payload: &[u8]) -> Value {
    if let Ok(json) = serde_json::from_slice(payload) {
        return value(json);
    }
    match std::str::from_utf8(payload) {
        Ok(text) => text.into(),
        Err(_) => payload.to_vec().into(),
    }
}

fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => items.into_iter().map(value).collect::<Vec<_>>().into(),
        serde_json::Value::Object(members) => {
            let members = members.into_iter().map(|(key, member)| (key, value(member)));
            members.collect::<HashMap<_, _>>().into()
        }
    }
}

/// What is wrong with a condition at this place; the parser's own words are those of its grammar. `line` and `column` count
/// from 1.
fn syntax_error(text: &str, line: isize, column: isize) -> String {
    let index = |number: isize| usize::try_from(number - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(index(line)).map(str::len).sum();
    let rest = &text[before..];
    let offset = rest.char_indices().nth(index(column)).map_or(rest.len(), |(at, _)| at);
    let rest = rest[offset..].trim_start();
    let Some(first) = rest.chars().next() else {
        return "the condition ends too early".to_owned();
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let len =
        if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
    let token = &rest[..len];
    let advice = match token {
        "=" => "; == compares",
        ">" if text[..text.len() - rest.len()].ends_with('<') => "; != means unequal",
        "and" | "AND" => "; && means and",
        "or" | "OR" => "; || means or",
        "not" | "NOT" => "; ! means not",
        "'" | "\"" => "; the quotation mark is not closed",
        _ => "",
    };
    let place = text[..text.len() - rest.len()].chars().count() + 1;
    format!("unexpected {token} at character {place}{advice}")
}

/// Why a condition could not be evaluated for a message.
fn evaluation_error(error: &ExecutionError) -> String {
    match error {
        ExecutionError::UndeclaredReference(name) | ExecutionError::NoSuchKey(name) => {
            format!("there was no {name}")
        }
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::ValuesNotComparable(..)
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedTargetType { .. } => {
            "its values had types that cannot be combined so, such as text and a number".to_owned()
        }
        ExecutionError::NotSupportedAsMethod { method, .. } => format!("{method}() could not be applied"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divided by zero".to_owned()
        }
        ExecutionError::IndexOutOfBounds(_) => "an index was beyond the end of its list".to_owned(),
        ExecutionError::FunctionError { function, message } => format!("{function}() failed: {message}"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("a function got {actual} arguments instead of {expected}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Conditions};
    use crate::codec::packet::Publish;
    use crate::codec::property::Properties;
    use crate::message::QoS;

    fn publish(payload: &[u8]) -> Publish<'_> {
        Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: true,
            topic: "sensors/kitchen",
            packet_id: None,
            properties: Properties::EMPTY,
            payload,
        }
    }

    fn ask(condition: &str, payload: &[u8]) -> Result<bool, String> {
        let mut conditions = Conditions::new(Some(condition), None)?;
        let Answer { wanted, .. } = conditions.ask(&publish(payload));
        assert_eq!(conditions.unmet().is_none(), wanted);
        Ok(wanted)
    }

    #[test]
    fn conditions_speak_of_the_message_and_the_fields_of_its_json() {
        let json = br#"{"temperature": 31, "status": "ok", "on": true, "of": {"deep": [1, 2.5]}, "topic": "own", "none": null}"#;
        for condition in [
            "temperature > 30",
            "temperature == 31",
            "temperature >= 30.5 && temperature < 32",
            "temperature * 1.8 + 32.0 > 87.0",
            "status == \"ok\"",
            "status == 'ok' && on",
            "of.deep[1] == 2.5",
            "payload.topic == 'own' && topic == 'sensors/kitchen'",
            "topic.startsWith('sensors/') && topic.endsWith('kitchen')",
            "topic.matches('^sensors/[a-z]+$')",
            "qos == 1 && retain",
            "has(payload.temperature) && !has(payload.humidity)",
            "status in ['ok', 'fine']",
            "size(of.deep) == 2",
            "none == null",
        ] {
            assert_eq!(ask(condition, json), Ok(true), "{condition}");
        }
        for condition in [
            "temperature > 31",
            "humidity > 1",
            "humidity > 1 || temperature > 90",
            "status > 3",
            "temperature",
            "1 / 0 == 1",
        ] {
            assert_eq!(ask(condition, json), Ok(false), "{condition}");
        }
        assert_eq!(ask("payload > 20", b"21.5"), Ok(true));
        assert_eq!(ask("payload == 'on'", b"on"), Ok(true));
        assert_eq!(ask("payload == b'\\xff'", b"\xFF"), Ok(true));
        assert_eq!(ask("payload == ''", b""), Ok(true));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for (bad, why) in [
            ("", "the condition ends too early"),
            ("temperature >", "the condition ends too early"),
            ("(", "the condition ends too early"),
            ("temp = 1", "unexpected = at character 6; == compares"),
            ("temp <> 1", "unexpected > at character 7; != means unequal"),
            ("temp > 30 and on", "unexpected and at character 11; && means and"),
            ("on == 1 or x", "unexpected or at character 9; || means or"),
            ("'", "unexpected ' at character 1; the quotation mark is not closed"),
            ("a @ b", "unexpected @ at character 3"),
        ] {
            let error = ask(bad, b"").unwrap_err();
            assert_eq!(error, format!("--where '{bad}': {why}"));
        }
    }

    #[test]
    fn a_condition_that_was_never_true_says_what_was_missing() {
        for (condition, why) in [
            ("humidity > 1", "; for the last message, there was no humidity"),
            ("payload.deep > 1", "; for the last message, there was no deep"),
            ("status > 3", "; for the last message, its values had types"),
            ("status", "; for the last message, it was neither true nor false"),
            ("temperature > 40", ""),
        ] {
            let mut conditions = Conditions::new(Some(condition), None).unwrap();
            conditions.ask(&publish(br#"{"temperature": 31, "status": "ok"}"#));
            let told = conditions.unmet().unwrap();
            let rest = told.strip_prefix("--where: the condition was true for no message").unwrap();
            assert!(rest.starts_with(why) && rest.is_empty() == why.is_empty(), "{told}");
        }
    }
}
