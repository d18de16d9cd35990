//! The properties of MQTT 5: one table (section 2.2.2.2 of the standard) and what is derived from it.
//!
//! To add a property, add a row. Reading and writing packets, log lines, `-D`, JSON and `--exec` all follow the table.

mod form;
mod list;

use super::Malformed;
use super::read::{Reader, malformed};
use super::reason::Reason;

pub use form::{Form, PropertyValue};
pub use list::{Properties, PropertiesBuf};

/// A set of packets that carry properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketSet(u16);

impl PacketSet {
    const NONE: Self = Self(0);
    pub const CONNECT: Self = Self(1);
    /// The will message within CONNECT.
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

    const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sets have a packet in common.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// How far a property of a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To every receiver, unaltered.
    Message,
    /// To the next server or client, which passes on its own value or none.
    Hop,
    /// It only has a meaning on the connection it was sent on.
    Connection,
}

/// A row of the table.
#[derive(Debug)]
pub struct PropertyInfo {
    /// The identifier on the wire.
    pub id: u8,
    /// The name in commands and JSON, which is mosquitto's.
    pub name: &'static str,
    /// The key in log lines.
    pub log_key: &'static str,
    pub form: Form,
    pub scope: Scope,
    /// The packets that may carry it.
    pub packets: PacketSet,
    /// The packets that may carry it more than once.
    pub repeats: PacketSet,
}

impl PropertyInfo {
    /// The row of the property with this name in commands, in upper or lower case.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROPERTIES.iter().find(|info| info.name.eq_ignore_ascii_case(name))
    }
}

macro_rules! properties {
    ($(
        $variant:ident($type:ty) = $id:literal $form:ident, $name:literal / $log_key:literal,
        $count:ident $getter:ident, $scope:ident, $($packet:ident)+ $(, repeats $repeats:ident)?;
    )*) => {
        /// One property.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Property<'a> {
            $($variant($type),)*
        }

        /// The table, ordered by identifier.
        pub const PROPERTIES: &[PropertyInfo] = &[$(PropertyInfo {
            id: $id,
            name: $name,
            log_key: $log_key,
            form: Form::$form,
            scope: Scope::$scope,
            packets: PacketSet::NONE$(.union(PacketSet::$packet))+,
            repeats: PacketSet::NONE$(.union(PacketSet::$repeats))?,
        }),*];

        /// The position of each property in the table.
        #[derive(Clone, Copy)]
        enum Row {
            $($variant,)*
        }

        impl<'a> Property<'a> {
            /// The property of this row with this value, if the value has the form and is in the range of the row.
            pub fn new(info: &PropertyInfo, value: PropertyValue<'a>) -> Option<Self> {
                match info.id {
                    $($id => form::$form::accept(value).map(Self::$variant),)*
                    _ => None,
                }
            }

            pub const fn info(self) -> &'static PropertyInfo {
                match self { $(Self::$variant(_) => &PROPERTIES[Row::$variant as usize],)* }
            }

            pub fn value(self) -> PropertyValue<'a> {
                match self { $(Self::$variant(value) => form::$form::show(value),)* }
            }

            fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                match reader.u8()? {
                    $($id => form::$form::read(reader, concat!("invalid ", $name)).map(Self::$variant),)*
                    _ => Err(UNKNOWN),
                }
            }

            /// Skips one property without looking at its value, and returns its identifier.
            fn skip(reader: &mut Reader<'a>) -> Result<u8, Malformed> {
                let id = reader.u8()?;
                match id {
                    $($id => form::$form::skip(reader)?,)*
                    _ => return Err(UNKNOWN),
                }
                Ok(id)
            }

            fn write(self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(value) => {
                        out.push($id);
                        form::$form::write(value, out);
                    })*
                }
            }
        }

        impl<'a> Properties<'a> {
            $(getter!($count $getter, $variant($type) = $id, $name);)*
        }
    };
}

macro_rules! getter {
    (one $getter:ident, $variant:ident($type:ty) = $id:literal, $name:literal) => {
        #[doc = concat!("The `", $name, "`, if there is one.")]
        #[inline]
        pub fn $getter(self) -> Option<$type> {
            // Most packets have no properties at all.
            if self.is_empty() {
                return None;
            }
            match self.all($id).next() {
                Some(Property::$variant(value)) => Some(value),
                _ => None,
            }
        }
    };
    (each $getter:ident, $variant:ident($type:ty) = $id:literal, $name:literal) => {
        #[doc = concat!("Each `", $name, "`, in the order in which they were sent.")]
        pub fn $getter(self) -> impl Iterator<Item = $type> {
            self.all($id).filter_map(|property| match property {
                Property::$variant(value) => Some(value),
                _ => None,
            })
        }
    };
}

const UNKNOWN: Malformed = malformed("an unknown property");

// Variant(type) = identifier and form, name in commands and JSON / key in log lines,
//     method of `Properties` that finds one or each, scope, packets[, packet in which it may be repeated];
properties! {
    PayloadFormatIndicator(u8) = 0x01 Flag, "payload-format-indicator" / "payload-format",
        one payload_format, Message, WILL PUBLISH;
    MessageExpiryInterval(u32) = 0x02 FourBytes, "message-expiry-interval" / "message-expiry",
        one message_expiry, Hop, WILL PUBLISH;
    ContentType(&'a str) = 0x03 Utf8, "content-type" / "content-type",
        one content_type, Message, WILL PUBLISH;
    ResponseTopic(&'a str) = 0x08 Utf8Topic, "response-topic" / "response-topic",
        one response_topic, Message, WILL PUBLISH;
    CorrelationData(&'a [u8]) = 0x09 Binary, "correlation-data" / "correlation-data",
        one correlation_data, Message, WILL PUBLISH;
    SubscriptionIdentifier(u32) = 0x0B PositiveVariable, "subscription-identifier" / "subscription-id",
        each subscription_ids, Connection, PUBLISH SUBSCRIBE, repeats PUBLISH;
    SessionExpiryInterval(u32) = 0x11 FourBytes, "session-expiry-interval" / "session-expiry",
        one session_expiry, Connection, CONNECT CONNACK DISCONNECT;
    AssignedClientIdentifier(&'a str) = 0x12 Utf8, "assigned-client-identifier" / "assigned-client-id",
        one assigned_client_id, Connection, CONNACK;
    ServerKeepAlive(u16) = 0x13 TwoBytes, "server-keep-alive" / "server-keep-alive",
        one server_keep_alive, Connection, CONNACK;
    AuthenticationMethod(&'a str) = 0x15 Utf8, "authentication-method" / "authentication-method",
        one authentication_method, Connection, CONNECT CONNACK AUTH;
    AuthenticationData(&'a [u8]) = 0x16 Binary, "authentication-data" / "authentication-data",
        one authentication_data, Connection, CONNECT CONNACK AUTH;
    RequestProblemInformation(u8) = 0x17 Flag, "request-problem-information" / "request-problem-information",
        one request_problem_information, Connection, CONNECT;
    WillDelayInterval(u32) = 0x18 FourBytes, "will-delay-interval" / "will-delay",
        one will_delay, Hop, WILL;
    RequestResponseInformation(u8) = 0x19 Flag, "request-response-information" / "request-response-information",
        one request_response_information, Connection, CONNECT;
    ResponseInformation(&'a str) = 0x1A Utf8, "response-information" / "response-information",
        one response_information, Connection, CONNACK;
    ServerReference(&'a str) = 0x1C Utf8, "server-reference" / "server-reference",
        one server_reference, Connection, CONNACK DISCONNECT;
    ReasonString(&'a str) = 0x1F Utf8, "reason-string" / "reason-string",
        one reason_string, Connection, CONNACK ACK SUBACK DISCONNECT AUTH;
    ReceiveMaximum(u16) = 0x21 PositiveTwoBytes, "receive-maximum" / "receive-maximum",
        one receive_maximum, Connection, CONNECT CONNACK;
    TopicAliasMaximum(u16) = 0x22 TwoBytes, "topic-alias-maximum" / "topic-alias-maximum",
        one topic_alias_maximum, Connection, CONNECT CONNACK;
    TopicAlias(u16) = 0x23 Alias, "topic-alias" / "topic-alias",
        one topic_alias, Connection, PUBLISH;
    MaximumQoS(u8) = 0x24 Flag, "maximum-qos" / "maximum-qos",
        one maximum_qos, Connection, CONNACK;
    RetainAvailable(u8) = 0x25 Flag, "retain-available" / "retain-available",
        one retain_available, Connection, CONNACK;
    UserProperty((&'a str, &'a str)) = 0x26 Pair, "user-property" / "user-property",
        each user_properties, Message, ALL, repeats ALL;
    MaximumPacketSize(u32) = 0x27 PositiveFourBytes, "maximum-packet-size" / "maximum-packet-size",
        one maximum_packet_size, Connection, CONNECT CONNACK;
    WildcardSubscriptionAvailable(u8) = 0x28 Flag,
        "wildcard-subscription-available" / "wildcard-subscription-available",
        one wildcard_subscription_available, Connection, CONNACK;
    SubscriptionIdentifiersAvailable(u8) = 0x29 Flag,
        "subscription-identifier-available" / "subscription-identifiers-available",
        one subscription_identifiers_available, Connection, CONNACK;
    SharedSubscriptionAvailable(u8) = 0x2A Flag,
        "shared-subscription-available" / "shared-subscription-available",
        one shared_subscription_available, Connection, CONNACK;
}

/// The properties with one of these scopes, as a set of bits by identifier.
const fn with_scope(hop: Scope, connection: Scope) -> u64 {
    let (mut bits, mut at) = (0, 0);
    while at < PROPERTIES.len() {
        let scope = PROPERTIES[at].scope as u8;
        if scope == hop as u8 || scope == connection as u8 {
            bits |= 1 << PROPERTIES[at].id;
        }
        at += 1;
    }
    bits
}
