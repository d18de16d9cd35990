//! `-D PACKET PROPERTY VALUE`: properties of MQTT 5 by name, for the packets that a client sends.

use std::ffi::{OsStr, OsString};

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

use crate::codec::property::{
    Form, PROPERTIES, PacketSet, PropertiesBuf, Property, PropertyInfo, PropertyValue,
};

/// Separates the words of one `-D`, which reach clap as one value. No argument can contain it.
const SEPARATOR: char = '\0';

/// The packets whose properties the user can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PropertyCarrier {
    Connect,
    Publish,
    Subscribe,
    Unsubscribe,
    Disconnect,
    Will,
}

impl PropertyCarrier {
    const ALL: [(&str, Self); 6] = [
        ("connect", Self::Connect),
        ("publish", Self::Publish),
        ("subscribe", Self::Subscribe),
        ("unsubscribe", Self::Unsubscribe),
        ("disconnect", Self::Disconnect),
        ("will", Self::Will),
    ];

    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let expected =
            || format!("{text:?} is not connect, publish, subscribe, unsubscribe, disconnect or will");
        found.map(|(_, carrier)| *carrier).ok_or_else(expected)
    }

    fn packet(self) -> PacketSet {
        match self {
            Self::Connect => PacketSet::CONNECT,
            Self::Publish => PacketSet::PUBLISH,
            Self::Subscribe => PacketSet::SUBSCRIBE,
            Self::Unsubscribe => PacketSet::UNSUBSCRIBE,
            Self::Disconnect => PacketSet::DISCONNECT,
            Self::Will => PacketSet::WILL,
        }
    }

    /// Whether a client may set this property in this packet.
    fn takes(self, info: &PropertyInfo) -> bool {
        let is = |property: Property<'_>| info.id == property.info().id;
        let is_of_server = match self {
            // [MQTT-3.3.4-6]
            Self::Publish => is(Property::SubscriptionIdentifier(1)),
            Self::Disconnect => is(Property::ServerReference("")),
            _ => false,
        };
        info.packets.intersects(self.packet()) && !is_of_server
    }
}

/// One property for one kind of packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PropertyArg {
    pub(crate) carrier: PropertyCarrier,
    property: PropertiesBuf,
}

impl PropertyArg {
    /// Reads the words that [`join`] has put together.
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split(SEPARATOR);
        let (Some(carrier), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else {
            return Err("expected a packet, a property and a value".to_owned());
        };
        let carrier = PropertyCarrier::parse(carrier)?;
        let info = PropertyInfo::named(name).ok_or_else(|| unknown(name))?;
        let value = match (info.form, words.next()) {
            (Form::Pair, Some(second)) => PropertyValue::Pair(value, second),
            (Form::Pair, None) => return Err(format!("{}: expected a name and a value", info.name)),
            (Form::Binary, _) => PropertyValue::Binary(value.as_bytes()),
            (form, _) if form.range().is_none() => PropertyValue::Text(value),
            (form, _) => {
                let number = value.parse().map_err(|_| format!("{}: expected {form}", info.name))?;
                PropertyValue::Number(number)
            }
        };
        if !carrier.takes(info) {
            return Err(misplaced(info));
        }
        let mut property = PropertiesBuf::default();
        let typed =
            Property::new(info, value).ok_or_else(|| format!("{}: expected {}", info.name, info.form))?;
        property.push(typed);
        Ok(Self { carrier, property })
    }
}

fn unknown(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match PROPERTIES.iter().find(|info| info.name.starts_with(&lower) || info.log_key == lower) {
        Some(info) if !lower.is_empty() => {
            format!("there is no property {name:?}; did you mean {}?", info.name)
        }
        _ => format!("there is no property {name:?}"),
    }
}

/// Where a property belongs that was given for another packet.
fn misplaced(info: &PropertyInfo) -> String {
    let takers = PropertyCarrier::ALL.iter().filter(|(_, carrier)| carrier.takes(info));
    let takers: Vec<_> = takers.map(|(name, _)| *name).collect();
    match takers.as_slice() {
        [] => format!("{} is only sent by servers", info.name),
        names => format!("{} belongs to {}", info.name, names.join(" or ")),
    }
}

/// Parses the value of `-D`, and quotes it as it was typed if it is wrong.
#[derive(Clone)]
pub(crate) struct PropertyParser;

impl TypedValueParser for PropertyParser {
    type Value = PropertyArg;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<PropertyArg, clap::Error> {
        let result = match value.to_str() {
            Some(text) => PropertyArg::parse(text),
            None => Err("expected UTF-8".to_owned()),
        };
        result.map_err(|why| {
            let typed = value.to_string_lossy().replace(SEPARATOR, " ");
            let text = format!("invalid property '-D {typed}': {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}

/// All properties for this kind of packet, in the order in which they were given.
///
/// # Errors
/// When one is repeated that must not be.
pub(crate) fn of(arguments: &[PropertyArg], carrier: PropertyCarrier) -> Result<PropertiesBuf, String> {
    let mut all = PropertiesBuf::default();
    for argument in arguments.iter().filter(|argument| argument.carrier == carrier) {
        for property in argument.property.as_properties().iter() {
            let info = property.info();
            let is_there = all.as_properties().iter().any(|other| other.info().id == info.id);
            if is_there && !info.repeats.intersects(carrier.packet()) {
                return Err(format!("-D: {} can only be given once for a packet", info.name));
            }
            all.push(property);
        }
    }
    Ok(all)
}

/// Puts the words of each `-D` together into one value, so that it can take three of them, or four. `takes_value` tells whether
/// an argument is a flag whose value follows: such a value may be `-D` itself.
pub(crate) fn join(
    arguments: impl IntoIterator<Item = OsString>,
    takes_value: impl Fn(&OsStr) -> bool,
) -> Vec<OsString> {
    let mut joined = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let is_property = argument == "-D" || argument == "--property";
        let value = if is_property {
            let mut words: Vec<OsString> = arguments.by_ref().take(2).collect();
            let is_pair = words.get(1).is_some_and(|name| name.eq_ignore_ascii_case("user-property"));
            words.extend(arguments.by_ref().take(if is_pair { 2 } else { 1 }));
            Some(words.join(OsStr::new("\0"))).filter(|_| !words.is_empty())
        } else if takes_value(&argument) {
            arguments.next()
        } else {
            None
        };
        joined.push(argument);
        joined.extend(value);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::{PropertyArg, PropertyCarrier, join, of};
    use crate::codec::property::Property;
    use std::ffi::OsString;

    fn parse(words: &[&str]) -> Result<PropertyArg, String> {
        PropertyArg::parse(&words.join("\0"))
    }

    #[test]
    fn a_property_is_three_words_and_a_user_property_four() {
        let words = [
            "pub",
            "-D",
            "publish",
            "user-property",
            "k",
            "v",
            "-m",
            "-D",
            "-D",
            "CONNECT",
            "Receive-Maximum",
            "9",
            "url",
        ];
        let joined = join(words.map(OsString::from), |word| word == "-m");
        let expected = [
            "pub",
            "-D",
            "publish\0user-property\0k\0v",
            "-m",
            "-D",
            "-D",
            "CONNECT\0Receive-Maximum\x009",
            "url",
        ];
        assert_eq!(joined, expected.map(OsString::from));
        assert_eq!(parse(&["CONNECT", "Receive-Maximum", "9"]).unwrap().carrier, PropertyCarrier::Connect);
    }

    #[test]
    fn what_does_not_belong_there_is_refused() {
        for bad in [
            &["publish", "receive-maximum", "9"][..],
            &["publish", "subscription-identifier", "9"],
            &["publish", "response-topic", "a/#"],
            &["publish", "topic-alias", "0"],
            &["publish", "payload-format-indicator", "2"],
            &["publish", "message-expiry-interval", "x"],
            &["publish", "user-property", "k"],
            &["connect", "receive-maximum", "0"],
            &["connect", "receive-maximum", "65536"],
            &["subscribe", "subscription-identifier", "268435456"],
            &["puback", "reason-string", "x"],
            &["connect", "server-keep-alive", "1"],
            &["connect", "nonsense", "1"],
            &["connect"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_may_stand_once_stands_once() {
        let expiry = parse(&["publish", "message-expiry-interval", "5"]).unwrap();
        let pair = parse(&["publish", "user-property", "k", "v"]).unwrap();
        let other = parse(&["will", "will-delay-interval", "5"]).unwrap();
        let all = [expiry.clone(), pair.clone(), pair, other];
        let properties = of(&all, PropertyCarrier::Publish).unwrap();
        let expected = [
            Property::MessageExpiryInterval(5),
            Property::UserProperty(("k", "v")),
            Property::UserProperty(("k", "v")),
        ];
        assert!(properties.as_properties().iter().eq(expected));
        assert!(of(&[expiry.clone(), expiry], PropertyCarrier::Publish).is_err());
    }
}
