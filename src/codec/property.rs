//! Properties of MQTT 5, kept as they are on the wire and read where they are asked for.
//!
//! A [`Properties`] was checked when its packet was decoded: each property may stand in that packet, none stands twice
//! that may not, every value is well formed. So reading it again cannot fail.

/// The properties of one packet, checked, without their length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    pub const EMPTY: Self = Self(&[]);

    /// As on the wire, without the length before them.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}
