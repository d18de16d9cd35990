//! `-D COMMAND PROPERTY VALUE`: properties of MQTT 5 by name, with the checks of which belongs where.

use std::ffi::{OsStr, OsString};

use crate::codec::property::{Place, Properties, PropertiesBuf, Property};

/// Between the words of one `-D`, which reach clap as one value: an argument cannot hold it.
pub(crate) const SEPARATOR: char = '\0';

/// The packets of a client that carry properties of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Connect,
    Publish,
    Subscribe,
    Unsubscribe,
    Disconnect,
    Will,
}

impl Carrier {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "connect" => Self::Connect,
            "publish" => Self::Publish,
            "subscribe" => Self::Subscribe,
            "unsubscribe" => Self::Unsubscribe,
            "disconnect" => Self::Disconnect,
            "will" => Self::Will,
            _ => {
                return Err(format!(
                    "{name:?} is not connect, publish, subscribe, unsubscribe, disconnect or will"
                ));
            }
        })
    }

    fn place(self) -> Place {
        match self {
            Self::Connect => Place::CONNECT,
            Self::Publish => Place::PUBLISH,
            Self::Subscribe => Place::SUBSCRIBE,
            Self::Unsubscribe => Place::UNSUBSCRIBE,
            Self::Disconnect => Place::DISCONNECT,
            Self::Will => Place::WILL,
        }
    }
}

/// One property for one kind of packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PropertyArg {
    pub(crate) carrier: Carrier,
    property: PropertiesBuf,
}

impl PropertyArg {
    /// Reads the words that [`join`] has put together.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split(SEPARATOR);
        let (Some(carrier), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else {
            return Err("expected a packet, a property and a value".to_owned());
        };
        let carrier = Carrier::parse(carrier)?;
        let mut property = PropertiesBuf::default();
        property.push(named(name, value, words.next())?);
        if carrier == Carrier::Publish && name.eq_ignore_ascii_case("subscription-identifier") {
            return Err("a client publishes no subscription identifiers".to_owned()); // [MQTT-3.3.4-6]
        }
        Properties::check(property.as_properties().as_bytes(), carrier.place())
            .map_err(|why| format!("{name}: {}", why.detail))?;
        Ok(Self { carrier, property })
    }
}

/// All properties for this kind of packet, in their order.
///
/// # Errors
/// When one stands twice that may not.
pub(crate) fn of(arguments: &[PropertyArg], carrier: Carrier) -> Result<PropertiesBuf, String> {
    let mut all = PropertiesBuf::default();
    for argument in arguments.iter().filter(|argument| argument.carrier == carrier) {
        for property in argument.property.as_properties().iter() {
            all.push(property);
        }
    }
    match Properties::check(all.as_properties().as_bytes(), carrier.place()) {
        Ok(_) => Ok(all),
        Err(why) => Err(why.detail.to_owned()),
    }
}

fn named<'a>(name: &str, value: &'a str, second: Option<&'a str>) -> Result<Property<'a>, String> {
    let name = name.to_ascii_lowercase();
    let number = |maximum: u32| match value.parse::<u32>() {
        Ok(number) if number <= maximum => Ok(number),
        _ => Err(format!("{name}: expected a number from 0 to {maximum}, not {value:?}")),
    };
    // The ranges were checked just before.
    let byte = || number(1).map(|number| number as u8);
    let short = || number(u16::MAX.into()).map(|number| number as u16);
    let short_text = |text: &'a str| match text.len() {
        0..=65_535 => Ok(text),
        _ => Err(format!("{name}: the value is longer than 65,535 bytes")),
    };
    let string = || short_text(value);
    Ok(match name.as_str() {
        "payload-format-indicator" => Property::PayloadFormatIndicator(byte()?),
        "message-expiry-interval" => Property::MessageExpiryInterval(number(u32::MAX)?),
        "content-type" => Property::ContentType(string()?),
        "response-topic" => Property::ResponseTopic(string()?),
        "correlation-data" => Property::CorrelationData(string()?.as_bytes()),
        "subscription-identifier" => Property::SubscriptionIdentifier(number(268_435_455)?),
        "session-expiry-interval" => Property::SessionExpiryInterval(number(u32::MAX)?),
        "authentication-method" => Property::AuthenticationMethod(string()?),
        "authentication-data" => Property::AuthenticationData(string()?.as_bytes()),
        "request-problem-information" => Property::RequestProblemInformation(byte()?),
        "request-response-information" => Property::RequestResponseInformation(byte()?),
        "will-delay-interval" => Property::WillDelayInterval(number(u32::MAX)?),
        "reason-string" => Property::ReasonString(string()?),
        "receive-maximum" => Property::ReceiveMaximum(short()?),
        "topic-alias-maximum" => Property::TopicAliasMaximum(short()?),
        "topic-alias" => Property::TopicAlias(short().and_then(|alias| match alias {
            0 => Err("topic-alias: expected a number from 1".to_owned()),
            alias => Ok(alias),
        })?),
        "maximum-packet-size" => Property::MaximumPacketSize(number(u32::MAX)?),
        "user-property" => match second {
            Some(second) => Property::UserProperty((string()?, short_text(second)?)),
            None => return Err("user-property: expected a key and a value".to_owned()),
        },
        "assigned-client-identifier"
        | "server-keep-alive"
        | "response-information"
        | "server-reference"
        | "maximum-qos"
        | "retain-available"
        | "wildcard-subscription-available"
        | "subscription-identifier-available"
        | "shared-subscription-available" => return Err(format!("{name}: only servers send it")),
        _ => return Err(format!("there is no property {name:?}")),
    })
}

/// Puts the words of each `-D` together into one value, so that it can take three of them, or four.
pub(crate) fn join(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut joined = Vec::new();
    let mut arguments = arguments.into_iter();
    let mut is_value = false;
    while let Some(argument) = arguments.next() {
        let begins = !is_value && (argument == "-D" || argument == "--property");
        // What stands behind these is a value, also if it looks like a flag.
        is_value = !is_value && ["-m", "--message"].iter().any(|flag| argument == OsStr::new(flag));
        joined.push(argument);
        if !begins {
            continue;
        }
        let mut words: Vec<OsString> = arguments.by_ref().take(2).collect();
        let is_pair = words.get(1).is_some_and(|name| name.eq_ignore_ascii_case("user-property"));
        words.extend(arguments.by_ref().take(if is_pair { 2 } else { 1 }));
        if !words.is_empty() {
            joined.push(words.join(OsStr::new("\0")));
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::{Carrier, PropertyArg, join, of};
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
        let joined = join(words.map(OsString::from));
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
        assert_eq!(parse(&["CONNECT", "Receive-Maximum", "9"]).unwrap().carrier, Carrier::Connect);
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
        let properties = of(&all, Carrier::Publish).unwrap();
        let expected = [
            Property::MessageExpiryInterval(5),
            Property::UserProperty(("k", "v")),
            Property::UserProperty(("k", "v")),
        ];
        assert!(properties.as_properties().iter().eq(expected));
        assert!(of(&[expiry.clone(), expiry], Carrier::Publish).is_err());
    }
}
