//! The query of a URL as the arguments of an operation.

use serde_json::{Map, Value};

/// `a=1&b=text&c=true` as a JSON object: numbers and booleans become such, everything else is text.
pub(super) fn arguments(query: &str) -> Vec<u8> {
    let mut arguments = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        arguments.insert(decoded(name), typed(decoded(value)));
    }
    Value::Object(arguments).to_string().into_bytes()
}

fn typed(text: String) -> Value {
    match &*text {
        "true" => true.into(),
        "false" => false.into(),
        digits => digits.parse::<u64>().map_or_else(|_| text.clone().into(), Into::into),
    }
}

/// Without percent encoding; what is not encoded well stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn a_query_becomes_an_object() {
        let found = arguments("topic_filter=a%2F%23&limit=5&payload&contains=x+y%zz");
        let text = String::from_utf8(found).unwrap();
        assert_eq!(text, r#"{"contains":"x y%zz","limit":5,"payload":true,"topic_filter":"a/#"}"#);
    }
}
