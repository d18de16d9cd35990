//! The types that values of log events have, and how each is written in JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::broker::Denial;
use crate::codec::reason::Reason;
use crate::text::{Quoted, shortened};

/// A key of an event in the schema.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldSchema {
    pub(super) json_type: &'static str,
    pub(super) required: bool,
}

/// The value of one key of an event.
pub(super) trait Field {
    /// The value in JSON; `None` leaves the key out.
    fn to_json(&self) -> Option<Value>;

    /// What the schema says of it; `None` if it is never in JSON.
    #[cfg(test)]
    fn schema() -> Option<FieldSchema>;

    #[cfg(test)]
    fn sample(present: bool) -> Self;
}

/// Appends `,"key":value` to the beginning of a JSON object.
pub(super) fn push_field(json: &mut String, key: &str, field: &impl Field) {
    if let Some(value) = field.to_json() {
        *json += &format!(",\"{key}\":{value}");
    }
}

/// Until a bridge connects again; `None` if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Retry(pub(in crate::server) Option<Duration>);

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("not retrying, see start_type"),
            Some(pause) if pause.subsec_millis() == 0 => write!(f, "retrying in {} s", pause.as_secs()),
            Some(pause) => write!(f, "retrying in {:.1} s", pause.as_secs_f64()),
        }
    }
}

/// Text that is part of the message and not a key in JSON.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct TextOnly<'a>(pub(in crate::server) &'a str);

macro_rules! fields {
    ($($type:ty, $json_type:literal, $sample:expr, |$value:ident| $json:expr;)*) => {$(
        impl<'a> Field for $type {
            fn to_json(&self) -> Option<Value> {
                let $value = *self;
                Some(json!($json))
            }

            #[cfg(test)]
            fn schema() -> Option<FieldSchema> {
                Some(FieldSchema { json_type: $json_type, required: true })
            }

            #[cfg(test)]
            fn sample(_: bool) -> Self {
                $sample
            }
        }
    )*};
}

fields! {
    &'a str, "string", "text", |text| text;
    // A client can choose how long these are.
    Quoted<'a>, "string", Quoted("name"), |name| shortened(name.0);
    &'a Denial, "string", &Denial::Own, |denial| denial.to_string();
    Reason, "integer", Reason::NOT_AUTHORIZED, |reason| reason.0;
    bool, "boolean", true, |flag| flag;
    u8, "integer", 1, |number| number;
    u16, "integer", 1, |number| number;
    u32, "integer", 1, |number| number;
    u64, "integer", 1, |number| number;
    i64, "integer", -1, |number| number;
    usize, "integer", 1, |number| number;
}

impl<T: Field> Field for Option<T> {
    fn to_json(&self) -> Option<Value> {
        self.as_ref()?.to_json()
    }

    #[cfg(test)]
    fn schema() -> Option<FieldSchema> {
        T::schema().map(|schema| FieldSchema { required: false, ..schema })
    }

    #[cfg(test)]
    fn sample(present: bool) -> Self {
        present.then(|| T::sample(present))
    }
}

impl Field for Retry {
    fn to_json(&self) -> Option<Value> {
        self.0.map(|pause| json!(pause.as_secs_f64()))
    }

    #[cfg(test)]
    fn schema() -> Option<FieldSchema> {
        Some(FieldSchema { json_type: "number", required: false })
    }

    #[cfg(test)]
    fn sample(present: bool) -> Self {
        Self(present.then_some(Duration::from_millis(1_500)))
    }
}

impl Field for TextOnly<'_> {
    fn to_json(&self) -> Option<Value> {
        None
    }

    #[cfg(test)]
    fn schema() -> Option<FieldSchema> {
        None
    }

    #[cfg(test)]
    fn sample(_: bool) -> Self {
        Self("Received PINGREQ from a")
    }
}
