//! SUBSCRIBE, UNSUBSCRIBE and what answers them.

use std::borrow::Cow;
use std::fmt;

use super::{PacketId, ReasonCodes, Version, framed, packet_id, qos, read_properties, write_properties};
use crate::codec::Malformed;
use crate::codec::describe::Fields;
use crate::codec::frame::Frame;
use crate::codec::property::{PacketSet, Properties};
use crate::codec::read::{Reader, malformed, protocol_error};
use crate::codec::reason::Reason;
use crate::codec::write;
use crate::message::QoS;

pub(super) const SUBACK: &[u8] = &[0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2];
pub(super) const UNSUBACK: &[u8] = &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    pub packet_id: PacketId,
    pub properties: Properties<'a>,
    /// At least one.
    pub filters: Vec<Subscription<'a>>,
}

/// One filter of a SUBSCRIBE with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// As sent; the receiver checks whether it is valid.
    pub filter: Cow<'a, str>,
    pub options: Options,
}

/// Subscription options; in 3.1.1 only the QoS can differ from the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    pub qos: QoS,
    pub no_local: bool,
    pub retain_as_published: bool,
    pub retain_handling: RetainHandling,
}

/// Which retained messages a SUBSCRIBE asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetainHandling {
    #[default]
    Send = 0,
    SendIfNew = 1,
    DoNotSend = 2,
}

/// SUBACK and UNSUBACK. In 3.1.1 an UNSUBACK has no reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suback<'a> {
    pub packet_id: PacketId,
    pub properties: Properties<'a>,
    /// One for each filter, in the order of the filters.
    pub reasons: Vec<Reason>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    pub packet_id: PacketId,
    pub properties: Properties<'a>,
    /// At least one.
    pub filters: Vec<Cow<'a, str>>,
}

impl TryFrom<mqttrs::Subscribe> for Subscribe<'static> {
    type Error = Malformed;

    fn try_from(subscribe: mqttrs::Subscribe) -> Result<Self, Malformed> {
        let filters = subscribe.topics.into_iter().map(|topic| Subscription {
            filter: Cow::Owned(topic.topic_path),
            options: Options { qos: qos(topic.qos), ..Options::default() },
        });
        let packet_id = packet_id(subscribe.pid)?;
        Ok(Self { packet_id, properties: Properties::EMPTY, filters: filters.collect() })
    }
}

impl<'a> Subscribe<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let packet_id = reader.packet_id()?;
        let properties = read_properties(reader, PacketSet::SUBSCRIBE)?;
        let mut filters = Vec::new();
        while !reader.is_empty() {
            let filter = reader.string()?;
            let options = Options::read(reader)?;
            if options.no_local && filter.starts_with("$share/") {
                return Err(protocol_error("No Local on a shared subscription")); // [MQTT-3.8.3-4]
            }
            filters.push(Subscription { filter: Cow::Borrowed(filter), options });
        }
        if filters.is_empty() {
            return Err(protocol_error("there is no topic filter")); // [MQTT-3.8.3-2]
        }
        Ok(Self { packet_id, properties, filters })
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(0x82, out, |out| {
            write::u16(self.packet_id.get(), out);
            write_properties(version, self.properties, out);
            for subscription in &self.filters {
                write::string(&subscription.filter, out);
                out.push(subscription.options.bits(version));
            }
        });
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.field("m", self.packet_id)?;
        fields.properties("", self.properties)?;
        self.filters.iter().try_for_each(|subscription| {
            fields.text("filter", &subscription.filter)?;
            subscription.options.describe(fields)
        })
    }
}

impl Options {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bits = reader.u8()?;
        if bits & 0xC0 != 0 {
            return Err(malformed("reserved subscription options are set")); // [MQTT-3.8.3-5]
        }
        let retain_handling = match (bits >> 4) & 3 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(protocol_error("a Retain Handling of 3")),
        };
        Ok(Self {
            qos: QoS::from_bits(bits & 3).ok_or(protocol_error("a QoS of 3"))?,
            no_local: bits & 0b100 != 0,
            retain_as_published: bits & 0b1000 != 0,
            retain_handling,
        })
    }

    fn bits(self, version: Version) -> u8 {
        let mut bits = self.qos.bits();
        if version == Version::V5 {
            bits |= u8::from(self.no_local) << 2 | u8::from(self.retain_as_published) << 3;
            bits |= (self.retain_handling as u8) << 4;
        }
        bits
    }

    fn describe(self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        let Self { qos, no_local, retain_as_published, retain_handling } = self;
        fields.nonzero("q", qos.bits())?;
        fields.nonzero("no-local", no_local.into())?;
        fields.nonzero("retain-as-published", retain_as_published.into())?;
        fields.nonzero("retain-handling", retain_handling as u8)
    }
}

impl TryFrom<mqttrs::Suback> for Suback<'static> {
    type Error = Malformed;

    fn try_from(suback: mqttrs::Suback) -> Result<Self, Malformed> {
        let reasons = suback.return_codes.iter().map(|code| match code {
            mqttrs::SubscribeReturnCodes::Success(granted) => Reason(qos(*granted).bits()),
            mqttrs::SubscribeReturnCodes::Failure => Reason::UNSPECIFIED_ERROR,
        });
        let packet_id = packet_id(suback.pid)?;
        Ok(Self { packet_id, properties: Properties::EMPTY, reasons: reasons.collect() })
    }
}

/// A SUBACK of 3.1 or 3.1.1 with a return code that those do not define, or nothing.
pub(super) fn undefined_codes(frame: Frame<'_>) -> Option<Suback<'static>> {
    match frame.body() {
        [high, low, codes @ ..] if codes.iter().any(|code| !matches!(code, 0..=2 | 0x80)) => {
            let packet_id = PacketId::new(u16::from_be_bytes([*high, *low]))?;
            let reasons = codes.iter().map(|code| Reason(*code)).collect();
            Some(Suback { packet_id, properties: Properties::EMPTY, reasons })
        }
        _ => None,
    }
}

impl<'a> Suback<'a> {
    /// An UNSUBACK of 3.1.1.
    pub(super) fn without_reasons(packet_id: PacketId) -> Self {
        Self { packet_id, properties: Properties::EMPTY, reasons: Vec::new() }
    }

    pub(super) fn read(
        reader: &mut Reader<'a>,
        codes: ReasonCodes,
        defined: &[u8],
    ) -> Result<Self, Malformed> {
        let packet_id = reader.packet_id()?;
        let properties = read_properties(reader, PacketSet::SUBACK)?;
        let mut reasons = Vec::new();
        while !reader.is_empty() {
            reasons.push(codes.read(reader, defined)?);
        }
        if reasons.is_empty() {
            return Err(protocol_error("there is no reason code"));
        }
        Ok(Self { packet_id, properties, reasons })
    }

    pub(super) fn encode(&self, first: u8, version: Version, out: &mut Vec<u8>) {
        framed(first, out, |out| {
            write::u16(self.packet_id.get(), out);
            write_properties(version, self.properties, out);
            let code = |reason: &Reason| match version {
                Version::V5 => reason.0,
                // One code for every failure [v3 MQTT-3.9.3-2].
                Version::V3_1 | Version::V3_1_1 => reason.0.min(Reason::UNSPECIFIED_ERROR.0),
            };
            out.extend(self.reasons.iter().map(code));
        });
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.field("m", self.packet_id)?;
        fields.properties("", self.properties)?;
        self.reasons.iter().try_for_each(|reason| fields.reason(*reason))
    }
}

impl TryFrom<mqttrs::Unsubscribe> for Unsubscribe<'static> {
    type Error = Malformed;

    fn try_from(unsubscribe: mqttrs::Unsubscribe) -> Result<Self, Malformed> {
        let filters = unsubscribe.topics.into_iter().map(Cow::Owned).collect();
        Ok(Self { packet_id: packet_id(unsubscribe.pid)?, properties: Properties::EMPTY, filters })
    }
}

impl<'a> Unsubscribe<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let packet_id = reader.packet_id()?;
        let properties = read_properties(reader, PacketSet::UNSUBSCRIBE)?;
        let mut filters = Vec::new();
        while !reader.is_empty() {
            filters.push(Cow::Borrowed(reader.string()?));
        }
        if filters.is_empty() {
            return Err(protocol_error("there is no topic filter")); // [MQTT-3.10.3-2]
        }
        Ok(Self { packet_id, properties, filters })
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(0xA2, out, |out| {
            write::u16(self.packet_id.get(), out);
            write_properties(version, self.properties, out);
            self.filters.iter().for_each(|filter| write::string(filter, out));
        });
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.field("m", self.packet_id)?;
        fields.properties("", self.properties)?;
        self.filters.iter().try_for_each(|filter| fields.text("filter", filter))
    }
}
