//! JSON as the clients write it: strings of any bytes, properties under mosquitto's names, and a layout for people.

use crate::codec::property::{Form, Properties, PropertyInfo, PropertyValue};

/// Appends a JSON string. Bytes that are no UTF-8 pass through as they are.
pub(super) fn string(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.iter().enumerate() {
        let escape = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0C => b'f',
            0..0x20 => 0,
            _ => continue,
        };
        out.extend_from_slice(&text[plain..at]);
        plain = at + 1;
        match escape {
            0 => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
    }
    out.extend_from_slice(&text[plain..]);
    out.push(b'"');
}

/// Appends `"key":`, after a comma if anything stands before it in its object.
pub(super) fn key(name: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    string(name.as_bytes(), out);
    out.push(b':');
}

pub(super) fn number(name: &str, value: impl std::fmt::Display, out: &mut Vec<u8>) {
    key(name, out);
    out.extend_from_slice(value.to_string().as_bytes());
}

/// The key of a property, which is mosquitto's.
pub(super) fn property_key(info: &PropertyInfo) -> &'static str {
    // All user properties are in one array.
    if info.form == Form::Pair { "user-properties" } else { info.name }
}

/// Appends the object of the properties as mosquitto_sub writes it.
pub(super) fn properties(properties: Properties<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut users_written = false;
    for property in properties.iter() {
        let name = property_key(property.info());
        match property.value() {
            PropertyValue::Number(value) => number(name, value, out),
            PropertyValue::Text(text) => {
                key(name, out);
                string(text.as_bytes(), out);
            }
            PropertyValue::Binary(bytes) => {
                key(name, out);
                string(until_nul(bytes), out);
            }
            PropertyValue::Pair(..) if users_written => {}
            PropertyValue::Pair(..) => {
                users_written = true;
                key(name, out);
                user_properties(properties, out);
            }
        }
    }
    out.push(b'}');
}

/// Appends `[{"key":"value"},...]`: keys may repeat, and their order counts.
pub(super) fn user_properties(properties: Properties<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, (name, value)) in properties.user_properties().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.push(b'{');
        key(name, out);
        string(value.as_bytes(), out);
        out.push(b'}');
    }
    out.push(b']');
}

/// The bytes before the first NUL, where mosquitto_sub ends a string.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Appends valid JSON without the blanks between its parts.
pub(super) fn minify(json: &[u8], out: &mut Vec<u8>) {
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        if !in_string && byte.is_ascii_whitespace() {
            continue;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
        out.push(*byte);
    }
}

/// Lays out minified JSON for people: a member a line, indented by tabs, arrays on one line.
pub(super) fn pretty(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let (mut in_string, mut escaped) = (false, false);
    // What is open: objects begin new lines, arrays do not but indent what is in them.
    let mut open = Vec::new();
    let line = |depth: usize, out: &mut Vec<u8>| {
        out.push(b'\n');
        out.resize(out.len() + depth, b'\t');
    };
    let mut bytes = json.iter().peekable();
    while let Some(byte) = bytes.next() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            out.push(*byte);
            continue;
        }
        match byte {
            b'{' if bytes.peek() == Some(&&b'}') => {
                bytes.next();
                out.extend_from_slice(b"{}");
            }
            b'{' => {
                out.push(b'{');
                open.push(b'{');
                line(open.len(), &mut out);
            }
            b'[' => {
                out.push(b'[');
                open.push(b'[');
            }
            b'}' => {
                open.pop();
                line(open.len(), &mut out);
                out.push(b'}');
            }
            b']' => {
                open.pop();
                out.push(b']');
            }
            b',' if open.last() == Some(&b'[') => out.extend_from_slice(b", "),
            b',' => {
                out.push(b',');
                line(open.len(), &mut out);
            }
            b':' => out.extend_from_slice(b":\t"),
            _ => {
                in_string = *byte == b'"';
                out.push(*byte);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{minify, pretty, string};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_escape_what_they_must() {
        assert_eq!(text(|out| string("a\"\\\n\u{1}é/\0".as_bytes(), out)), r#""a\"\\\n\u0001é/\u0000""#);
        let mut out = Vec::new();
        string(b"\xFF", &mut out);
        assert_eq!(out, b"\"\xFF\"");
    }

    #[test]
    fn blanks_go_between_parts_only() {
        let json = b" { \"a b\" : [ 1 , \"x \\\" , \" ] }\n";
        assert_eq!(text(|out| minify(json, out)), r#"{"a b":[1,"x \" , "]}"#);
    }

    #[test]
    fn the_layout_is_the_one_of_mosquitto_sub() {
        let json = r#"{"a":1,"b":{"c":[1,2],"d":{}},"e":[{"k":"v,:"}]}"#;
        let expected = "{\n\t\"a\":\t1,\n\t\"b\":\t{\n\t\t\"c\":\t[1, 2],\n\t\t\"d\":\t{}\n\t},\n\t\"e\":\t[{\n\t\t\t\"k\":\t\"v,:\"\n\t\t}]\n}";
        assert_eq!(String::from_utf8(pretty(json.as_bytes())).unwrap(), expected);
    }
}
