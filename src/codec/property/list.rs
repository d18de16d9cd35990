//! The properties of one packet, kept as they are on the wire and read where they are needed.

use super::super::read::{Reader, malformed, protocol_error};
use super::{Malformed, PacketSet, Property, Scope, with_scope};

/// The properties of one packet, without the length before them.
///
/// They were checked when the packet was decoded, so reading them again cannot fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

/// Properties that a message loses on its way to a receiver: expiry, alias, subscription identifiers, will delay.
const OF_HOP: u64 = with_scope(Scope::Hop, Scope::Connection);
/// Properties that only have a meaning on one connection: alias and subscription identifiers.
const OF_CONNECTION: u64 = with_scope(Scope::Connection, Scope::Connection);

impl<'a> Properties<'a> {
    pub const EMPTY: Self = Self(&[]);

    /// Checks the properties of `packet`.
    ///
    /// # Errors
    /// When a property is unknown, not allowed in this packet, repeated though it must not be, or has an invalid value.
    pub fn check(bytes: &'a [u8], packet: PacketSet) -> Result<Self, Malformed> {
        let (mut reader, mut seen) = (Reader(bytes), 0_u64);
        while !reader.is_empty() {
            let info = Property::read(&mut reader)?.info();
            if !info.packets.intersects(packet) {
                return Err(malformed("a property that does not belong to this packet"));
            }
            let bit = 1_u64 << info.id;
            if seen & bit != 0 && !info.repeats.intersects(packet) {
                return Err(protocol_error("a repeated property that may only occur once"));
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

    /// These properties without those of [`Scope::Hop`] and [`Scope::Connection`]; the others keep their order
    /// [MQTT-3.3.2-18]. `scratch` is overwritten only if there are any to leave out.
    pub fn without_hop<'b>(self, scratch: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        self.without(OF_HOP, scratch)
    }

    /// These properties without those of [`Scope::Connection`] [MQTT-3.3.4-6]. `scratch` as above.
    pub(crate) fn without_link<'b>(self, scratch: &'b mut Vec<u8>) -> Properties<'b>
    where
        'a: 'b,
    {
        Properties(self.without(OF_CONNECTION, scratch))
    }

    /// `left_out` has the bit of each identifier to leave out.
    fn without<'b>(self, left_out: u64, scratch: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        let stays = |id: u8| left_out & (1 << id) == 0;
        if self.is_empty() || self.spans().all(|(id, _)| stays(id)) {
            return self.0;
        }
        scratch.clear();
        for (_, span) in self.spans().filter(|(id, _)| stays(*id)) {
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

    /// The properties with this identifier; the values of the others are skipped.
    pub(super) fn all(self, wanted: u8) -> impl Iterator<Item = Property<'a>> {
        let spans = self.spans().filter(move |(id, _)| *id == wanted);
        spans.filter_map(|(_, span)| Property::read(&mut Reader(span)).ok())
    }
}

/// Properties that are being assembled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertiesBuf(Vec<u8>);

impl PropertiesBuf {
    /// Appends a property. The caller makes sure that the packet may carry it.
    pub fn push(&mut self, property: Property<'_>) {
        property.write(&mut self.0);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_properties(&self) -> Properties<'_> {
        Properties(&self.0)
    }
}
