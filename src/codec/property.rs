//! Properties of MQTT 5, kept as they are on the wire and read where they are asked for.
//!
//! A [`Properties`] was checked when its packet was decoded: each property may stand in that packet, none stands twice
//! that may not, every value is well formed. So reading it again cannot fail. One table says what there is: identifier,
//! type, and the packets it may stand in (section 2.2.2.2).

use super::Malformed;
use super::read::{Reader, malformed, protocol_error};
use super::write;

/// Where properties stand, as a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u16);

impl Place {
    pub const CONNECT: Self = Self(1);
    pub const WILL: Self = Self(1 << 1);
    pub const CONNACK: Self = Self(1 << 2);
    pub const PUBLISH: Self = Self(1 << 3);
    /// PUBACK, PUBREC, PUBREL and PUBCOMP.
    pub const ACK: Self = Self(1 << 4);
    pub const SUBSCRIBE: Self = Self(1 << 5);
    /// SUBACK and UNSUBACK.
    pub const SUBACK: Self = Self(1 << 6);
    pub const UNSUBSCRIBE: Self = Self(1 << 7);
    pub const DISCONNECT: Self = Self(1 << 8);
    pub const AUTH: Self = Self(1 << 9);
    const ALL: Self = Self(u16::MAX);

    const fn holds(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for Place {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

macro_rules! properties {
    ($($name:ident($type:ty) = $id:literal, $read:ident, $places:expr;)*) => {
        /// One property.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Property<'a> {
            $($name($type),)*
        }

        /// The identifiers by name.
        #[allow(non_upper_case_globals, reason = "they are named as the properties are")]
        mod id {
            $(pub(super) const $name: u8 = $id;)*
        }

        impl<'a> Property<'a> {
            /// The identifier on the wire.
            pub const fn id(self) -> u8 {
                match self { $(Self::$name(_) => $id,)* }
            }

            /// The name that the standard gives it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                match reader.u8()? {
                    $($id => $read(reader).map(Self::$name),)*
                    _ => Err(malformed("an unknown property")),
                }
            }

            /// Goes past one property without a look at its value, and returns its identifier.
            fn skip(reader: &mut Reader<'a>) -> Result<u8, Malformed> {
                let id = reader.u8()?;
                match id {
                    $($id => skip::$read(reader)?,)*
                    _ => return Err(malformed("an unknown property")),
                }
                Ok(id)
            }

            fn places(self) -> Place {
                match self { $(Self::$name(_) => $places,)* }
            }
        }
    };
}

properties! {
    PayloadFormatIndicator(u8) = 0x01, bool_byte, Place::WILL | Place::PUBLISH;
    MessageExpiryInterval(u32) = 0x02, u32, Place::WILL | Place::PUBLISH;
    ContentType(&'a str) = 0x03, string, Place::WILL | Place::PUBLISH;
    ResponseTopic(&'a str) = 0x08, topic, Place::WILL | Place::PUBLISH;
    CorrelationData(&'a [u8]) = 0x09, binary, Place::WILL | Place::PUBLISH;
    SubscriptionIdentifier(u32) = 0x0B, positive_variable, Place::PUBLISH | Place::SUBSCRIBE;
    SessionExpiryInterval(u32) = 0x11, u32, Place::CONNECT | Place::CONNACK | Place::DISCONNECT;
    AssignedClientIdentifier(&'a str) = 0x12, string, Place::CONNACK;
    ServerKeepAlive(u16) = 0x13, u16, Place::CONNACK;
    AuthenticationMethod(&'a str) = 0x15, string, Place::CONNECT | Place::CONNACK | Place::AUTH;
    AuthenticationData(&'a [u8]) = 0x16, binary, Place::CONNECT | Place::CONNACK | Place::AUTH;
    RequestProblemInformation(u8) = 0x17, bool_byte, Place::CONNECT;
    WillDelayInterval(u32) = 0x18, u32, Place::WILL;
    RequestResponseInformation(u8) = 0x19, bool_byte, Place::CONNECT;
    ResponseInformation(&'a str) = 0x1A, string, Place::CONNACK;
    ServerReference(&'a str) = 0x1C, string, Place::CONNACK | Place::DISCONNECT;
    ReasonString(&'a str) = 0x1F, string, Place::CONNACK | Place::ACK | Place::SUBACK | Place::DISCONNECT | Place::AUTH;
    ReceiveMaximum(u16) = 0x21, positive_u16, Place::CONNECT | Place::CONNACK;
    TopicAliasMaximum(u16) = 0x22, u16, Place::CONNECT | Place::CONNACK;
    TopicAlias(u16) = 0x23, u16, Place::PUBLISH;
    MaximumQoS(u8) = 0x24, bool_byte, Place::CONNACK;
    RetainAvailable(u8) = 0x25, bool_byte, Place::CONNACK;
    UserProperty((&'a str, &'a str)) = 0x26, pair, Place::ALL;
    MaximumPacketSize(u32) = 0x27, positive_u32, Place::CONNECT | Place::CONNACK;
    WildcardSubscriptionAvailable(u8) = 0x28, bool_byte, Place::CONNACK;
    SubscriptionIdentifiersAvailable(u8) = 0x29, bool_byte, Place::CONNACK;
    SharedSubscriptionAvailable(u8) = 0x2A, bool_byte, Place::CONNACK;
}

fn u16(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    reader.u16()
}

fn u32(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    reader.u32()
}

fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    reader.string()
}

fn binary<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    reader.binary()
}

fn pair<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, &'a str), Malformed> {
    Ok((reader.string()?, reader.string()?)) // [MQTT-1.5.7-1]
}

fn bool_byte(reader: &mut Reader<'_>) -> Result<u8, Malformed> {
    let value = reader.u8()?;
    if value > 1 { Err(protocol_error("a property that is 0 or 1 is neither")) } else { Ok(value) }
}

fn positive_u16(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    let value = reader.u16()?;
    if value == 0 { Err(protocol_error("a Receive Maximum of 0")) } else { Ok(value) }
}

fn positive_u32(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let value = reader.u32()?;
    if value == 0 { Err(protocol_error("a Maximum Packet Size of 0")) } else { Ok(value) }
}

fn positive_variable(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let value = reader.variable()?;
    if value == 0 { Err(protocol_error("a Subscription Identifier of 0")) } else { Ok(value) }
}

fn topic<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    let topic = reader.string()?;
    if topic.is_empty() || topic.contains(['+', '#']) {
        return Err(protocol_error("the response topic is not a topic name")); // [MQTT-3.3.2-14]
    }
    Ok(topic)
}

/// How long the value of each type is.
mod skip {
    use super::super::Malformed;
    use super::Reader;

    pub(super) fn bool_byte(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.take(1).map(drop)
    }

    pub(super) fn u16(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.take(2).map(drop)
    }

    pub(super) fn u32(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.take(4).map(drop)
    }

    pub(super) fn binary(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.binary().map(drop)
    }

    pub(super) fn pair(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        binary(reader)?;
        binary(reader)
    }

    pub(super) fn positive_variable(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.variable().map(drop)
    }

    pub(super) use binary as string;
    pub(super) use binary as topic;
    pub(super) use u16 as positive_u16;
    pub(super) use u32 as positive_u32;
}

/// The properties of one packet, checked, without their length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    pub const EMPTY: Self = Self(&[]);

    /// Checks `bytes`, which stand in `place`.
    ///
    /// # Errors
    /// When a property is unknown, does not belong there, stands there twice, or has a value that is not allowed.
    pub fn check(bytes: &'a [u8], place: Place) -> Result<Self, Malformed> {
        let (mut reader, mut seen) = (Reader(bytes), 0_u64);
        while !reader.is_empty() {
            let property = Property::read(&mut reader)?;
            if !property.places().holds(place) {
                return Err(malformed("a property that does not belong to this packet"));
            }
            let repeats = match property {
                Property::UserProperty(_) => true,
                Property::SubscriptionIdentifier(_) => place == Place::PUBLISH,
                _ => false,
            };
            let bit = 1_u64 << property.id();
            if seen & bit != 0 && !repeats {
                return Err(protocol_error("a property that may stand once stands twice"));
            }
            seen |= bit;
        }
        Ok(Self(bytes))
    }

    /// As on the wire, without the length before them.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The properties in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = Property<'a>> {
        let mut reader = Reader(self.0);
        std::iter::from_fn(move || Property::read(&mut reader).ok())
    }

    pub fn subscription_ids(self) -> impl Iterator<Item = u32> {
        self.all(id::SubscriptionIdentifier).filter_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(id),
            _ => None,
        })
    }

    pub fn user_properties(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.all(id::UserProperty).filter_map(|property| match property {
            Property::UserProperty(pair) => Some(pair),
            _ => None,
        })
    }

    /// These properties without those that belong to one hop: expiry, alias, subscription identifiers, will delay. The
    /// others keep their order [MQTT-3.3.2-18]. `scratch` is filled, and what it held lost, only if there are any to leave
    /// out.
    pub fn without_hop<'b>(self, scratch: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        self.without(scratch, |id| {
            matches!(
                id,
                id::MessageExpiryInterval
                    | id::TopicAlias
                    | id::SubscriptionIdentifier
                    | id::WillDelayInterval
            )
        })
    }

    /// These properties without those that mean something on one connection only: alias and subscription identifiers
    /// [MQTT-3.3.4-6]. `scratch` as above.
    pub(crate) fn without_link<'b>(self, scratch: &'b mut Vec<u8>) -> Properties<'b>
    where
        'a: 'b,
    {
        Properties(self.without(scratch, |id| matches!(id, id::TopicAlias | id::SubscriptionIdentifier)))
    }

    fn without<'b>(self, scratch: &'b mut Vec<u8>, leaves_out: impl Fn(u8) -> bool) -> &'b [u8]
    where
        'a: 'b,
    {
        if self.is_empty() || self.spans().all(|(id, _)| !leaves_out(id)) {
            return self.0;
        }
        scratch.clear();
        for (_, span) in self.spans().filter(|(id, _)| !leaves_out(*id)) {
            scratch.extend_from_slice(span);
        }
        scratch
    }

    /// The identifier of each property with all its bytes.
    fn spans(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut reader = Reader(self.0);
        std::iter::from_fn(move || {
            let before = reader.0;
            if before.is_empty() {
                return None;
            }
            let id = Property::skip(&mut reader).ok()?;
            Some((id, &before[..before.len() - reader.0.len()]))
        })
    }

    fn first(self, wanted: u8) -> Option<Property<'a>> {
        self.all(wanted).next()
    }

    /// The properties with this identifier; the others are not looked into.
    fn all(self, wanted: u8) -> impl Iterator<Item = Property<'a>> {
        let spans = self.spans().filter(move |(id, _)| *id == wanted);
        spans.filter_map(|(_, span)| Property::read(&mut Reader(span)).ok())
    }
}

macro_rules! getters {
    ($($getter:ident, $name:ident, $type:ty;)*) => {
        impl<'a> Properties<'a> {
            $(
                #[doc = concat!("The ", stringify!($name), ", if it is there.")]
                #[inline]
                pub fn $getter(self) -> Option<$type> {
                    // Most packets have no properties at all.
                    if self.is_empty() {
                        return None;
                    }
                    match self.first(id::$name) {
                        Some(Property::$name(value)) => Some(value),
                        _ => None,
                    }
                }
            )*
        }
    };
}

getters! {
    payload_format, PayloadFormatIndicator, u8;
    message_expiry, MessageExpiryInterval, u32;
    content_type, ContentType, &'a str;
    response_topic, ResponseTopic, &'a str;
    correlation_data, CorrelationData, &'a [u8];
    session_expiry, SessionExpiryInterval, u32;
    assigned_client_id, AssignedClientIdentifier, &'a str;
    server_keep_alive, ServerKeepAlive, u16;
    authentication_method, AuthenticationMethod, &'a str;
    authentication_data, AuthenticationData, &'a [u8];
    request_problem_information, RequestProblemInformation, u8;
    will_delay, WillDelayInterval, u32;
    request_response_information, RequestResponseInformation, u8;
    response_information, ResponseInformation, &'a str;
    server_reference, ServerReference, &'a str;
    reason_string, ReasonString, &'a str;
    receive_maximum, ReceiveMaximum, u16;
    topic_alias_maximum, TopicAliasMaximum, u16;
    topic_alias, TopicAlias, u16;
    maximum_qos, MaximumQoS, u8;
    retain_available, RetainAvailable, u8;
    maximum_packet_size, MaximumPacketSize, u32;
    wildcard_subscription_available, WildcardSubscriptionAvailable, u8;
    subscription_identifiers_available, SubscriptionIdentifiersAvailable, u8;
    shared_subscription_available, SharedSubscriptionAvailable, u8;
}

/// Properties that are being put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertiesBuf(Vec<u8>);

impl PropertiesBuf {
    /// Appends a property; whether it may stand where these will stand is for the caller to know.
    pub fn push(&mut self, property: Property<'_>) {
        let out = &mut self.0;
        out.push(property.id());
        match property {
            Property::PayloadFormatIndicator(value)
            | Property::RequestProblemInformation(value)
            | Property::RequestResponseInformation(value)
            | Property::MaximumQoS(value)
            | Property::RetainAvailable(value)
            | Property::WildcardSubscriptionAvailable(value)
            | Property::SubscriptionIdentifiersAvailable(value)
            | Property::SharedSubscriptionAvailable(value) => out.push(value),
            Property::MessageExpiryInterval(value)
            | Property::SessionExpiryInterval(value)
            | Property::WillDelayInterval(value)
            | Property::MaximumPacketSize(value) => out.extend_from_slice(&value.to_be_bytes()),
            Property::ContentType(value)
            | Property::ResponseTopic(value)
            | Property::AssignedClientIdentifier(value)
            | Property::AuthenticationMethod(value)
            | Property::ResponseInformation(value)
            | Property::ServerReference(value)
            | Property::ReasonString(value) => write::string(value, out),
            Property::CorrelationData(value) | Property::AuthenticationData(value) => {
                write::binary(value, out)
            }
            Property::SubscriptionIdentifier(value) => write::variable(value as usize, out),
            Property::ServerKeepAlive(value)
            | Property::ReceiveMaximum(value)
            | Property::TopicAliasMaximum(value)
            | Property::TopicAlias(value) => out.extend_from_slice(&value.to_be_bytes()),
            Property::UserProperty((name, value)) => {
                write::string(name, out);
                write::string(value, out);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_properties(&self) -> Properties<'_> {
        Properties(&self.0)
    }
}
