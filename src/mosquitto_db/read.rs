//! Reads a persistence file.
//!
//! Every length is checked against what is left of its chunk, so a damaged file is an error and never a panic. A chunk of
//! an unknown type is skipped, as mosquitto does.
//!
//! A client's username cannot always be trusted. mosquitto 2.0.11 does not clear its buffer between two clients: a client
//! without a username is written with the length of the one before it, in swapped byte order, and bytes that follow that
//! username in memory. The next such client swaps the length back and so has the username of another. Where that may have
//! happened the username is [`DbUsername::Unknown`].

use std::fmt;

use super::{
    CURRENT, DbClient, DbDelivery, DbDirection, DbMessage, DbState, DbSubscription, DbUsername, MAGIC,
    MosquittoDb, chunk,
};
use crate::codec::property::{PacketSet, Properties};

/// The oldest format that is read.
const OLDEST: u32 = 3;
/// Bytes of the fixed part of each chunk from version 5 on, with its padding.
const CONFIGURATION_LEN: usize = 16;

/// Why a file cannot be read: one line for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadDb {
    /// Where the chunk begins, in bytes.
    pub(crate) offset: usize,
    pub(crate) detail: String,
}

impl fmt::Display for BadDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, detail } = self;
        write!(f, "byte {offset}: {detail}")
    }
}

/// Why a chunk cannot be read.
type Detail = String;

impl MosquittoDb {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// If it is not a persistence file of a version from 3 to 6, ends in the middle of a chunk, or a chunk contradicts
    /// itself.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BadDb> {
        let bad = |offset, detail: String| BadDb { offset, detail };
        let mut input = Input(bytes);
        if input.take(MAGIC.len()).ok() != Some(MAGIC) {
            return Err(bad(0, "this is not a persistence file of mosquitto".to_owned()));
        }
        let header = (|| {
            input.u32()?;
            input.u32()
        })();
        let version = header.map_err(|detail| bad(MAGIC.len(), detail))?;
        if !(OLDEST..=CURRENT).contains(&version) {
            let detail = format!("format version {version}; versions {OLDEST} to {CURRENT} can be read");
            return Err(bad(MAGIC.len() + 4, detail));
        }
        let mut db = Self { version, ..Self::default() };
        let mut usernames = Usernames::default();
        while !input.0.is_empty() {
            let offset = bytes.len() - input.0.len();
            let content = (|| {
                let kind = if version < 5 { input.u16()?.into() } else { input.u32()? };
                let len = input.u32()? as usize;
                Ok((kind, Input(input.take(len)?)))
            })();
            let added = content.and_then(|(kind, content)| match version {
                5.. => db.add(kind, content, &mut usernames),
                _ => db.add_packed(kind, content),
            });
            added.map_err(|detail| bad(offset, detail))?;
        }
        Ok(db)
    }

    /// A chunk of version 5 or 6.
    fn add(&mut self, kind: u32, mut input: Input<'_>, usernames: &mut Usernames) -> Result<(), Detail> {
        match kind {
            chunk::CONFIGURATION => {
                let mut fixed = Input(input.take(CONFIGURATION_LEN)?);
                self.last_id = fixed.native_u64()?;
            }
            chunk::MESSAGE => self.messages.push(message(input)?),
            chunk::DELIVERY => self.deliveries.extend(delivery(input)?),
            chunk::RETAINED => self.retained.push(input.native_u64()?),
            chunk::SUBSCRIPTION => {
                let identifier = input.u32()?;
                let (client, filter) = (input.u16()?, input.u16()?);
                let (qos, options) = (input.u8()?, input.u8()?);
                input.take(2)?;
                let (client, filter) = (input.text(client, CLIENT_ID)?, input.text(filter, FILTER)?);
                self.subscriptions.push(DbSubscription { client, filter, qos, options, identifier });
            }
            chunk::CLIENT => {
                let expires = input.native_i64()?;
                let expiry_interval = input.u32()?;
                let (last_packet_id, id) = (input.u16()?, input.u16()?);
                let (mut port, mut username) = (0, None);
                if self.version >= 6 {
                    port = input.u16()?;
                    username = Some(input.u16()?);
                    input.take(4)?;
                }
                let id = input.text(id, CLIENT_ID)?;
                let username = match username {
                    Some(len) => usernames.next(len, input.take(len.into())?),
                    None => DbUsername::Unknown,
                };
                let client = DbClient { id, username, port, last_packet_id, expiry_interval, expires };
                self.clients.push(client);
            }
            _ => {}
        }
        Ok(())
    }

    /// A chunk of version 3 or 4.
    fn add_packed(&mut self, kind: u32, mut input: Input<'_>) -> Result<(), Detail> {
        match kind {
            chunk::CONFIGURATION => {
                input.take(2)?;
                self.last_id = input.native_u64()?;
            }
            chunk::MESSAGE => {
                let mut message = DbMessage { id: input.native_u64()?, ..DbMessage::default() };
                message.source_client = input.counted(CLIENT_ID)?;
                if self.version >= 4 {
                    message.source_username = input.counted(USERNAME)?;
                    message.source_port = input.u16()?;
                }
                message.source_packet_id = input.u16()?;
                input.u16()?;
                message.topic = input.counted(TOPIC)?;
                (message.qos, message.retain) = (input.u8()?, input.u8()? != 0);
                let len = input.u32()? as usize;
                message.payload = input.take(len)?.to_vec();
                self.messages.push(message);
            }
            chunk::DELIVERY => {
                let client = input.counted(CLIENT_ID)?;
                let (message, packet_id) = (input.native_u64()?, input.u16()?);
                let (qos, retain) = (input.u8()?, input.u8()? != 0);
                let (direction, state, dup) = (input.u8()?, input.u8()?, input.u8()? != 0);
                if let Some((direction, state)) = progress(direction, state)? {
                    let identifiers = Vec::new();
                    self.deliveries.push(DbDelivery {
                        client,
                        message,
                        packet_id,
                        qos,
                        retain,
                        dup,
                        direction,
                        state,
                        identifiers,
                    });
                }
            }
            chunk::RETAINED => self.retained.push(input.native_u64()?),
            chunk::SUBSCRIPTION => {
                let (client, filter) = (input.counted(CLIENT_ID)?, input.counted(FILTER)?);
                let qos = input.u8()?;
                self.subscriptions.push(DbSubscription { client, filter, qos, ..DbSubscription::default() });
            }
            chunk::CLIENT => {
                let (id, last_packet_id) = (input.counted(CLIENT_ID)?, input.u16()?);
                // The moment the connection ended, which mosquitto ignores as well; such sessions had no expiry.
                input.native_i64()?;
                let expiry_interval = u32::MAX;
                self.clients.push(DbClient { id, last_packet_id, expiry_interval, ..DbClient::default() });
            }
            _ => {}
        }
        Ok(())
    }
}

const CLIENT_ID: &str = "a client ID";
const USERNAME: &str = "a username";
const TOPIC: &str = "a topic name";
const FILTER: &str = "a topic filter";

/// A message of version 5 or 6.
fn message(mut input: Input<'_>) -> Result<DbMessage, Detail> {
    let (id, expires) = (input.native_u64()?, input.native_i64()?);
    let payload = input.u32()? as usize;
    let (source_packet_id, client, username) = (input.u16()?, input.u16()?, input.u16()?);
    let (topic, source_port) = (input.u16()?, input.u16()?);
    let (qos, retain) = (input.u8()?, input.u8()? != 0);
    let source_client = input.text(client, CLIENT_ID)?;
    let source_username = input.text(username, USERNAME)?;
    let topic = input.text(topic, TOPIC)?;
    let payload = input.take(payload)?.to_vec();
    let properties = input.properties()?.without_hop(&mut Vec::new()).to_vec();
    Ok(DbMessage {
        id,
        expires,
        source_client,
        source_username,
        source_port,
        source_packet_id,
        topic,
        payload,
        qos,
        retain,
        properties,
    })
}

/// A delivery of version 5 or 6.
fn delivery(mut input: Input<'_>) -> Result<Option<DbDelivery>, Detail> {
    let (message, packet_id, client) = (input.native_u64()?, input.u16()?, input.u16()?);
    let (qos, state, flags, direction) = (input.u8()?, input.u8()?, input.u8()?, input.u8()?);
    let client = input.text(client, CLIENT_ID)?;
    let identifiers = input.properties()?.subscription_ids().collect();
    let (retain, dup) = (flags & 0xF0 != 0, flags & 0x0F != 0);
    let progress = progress(direction, state)?;
    Ok(progress.map(|(direction, state)| DbDelivery {
        client,
        message,
        packet_id,
        qos,
        retain,
        dup,
        direction,
        state,
        identifiers,
    }))
}

/// The direction and state of a delivery; nothing if it is complete.
fn progress(direction: u8, state: u8) -> Result<Option<(DbDirection, DbState)>, Detail> {
    let direction = match direction {
        0 => DbDirection::FromClient,
        1 => DbDirection::ToClient,
        other => return Err(format!("a delivery with the direction {other}")),
    };
    let state = match state {
        0 => return Ok(None),
        // 1, 2 and 4: the PUBLISH is about to be sent.
        1 | 2 | 4 | 11 => DbState::Queued,
        3 => DbState::WaitForPuback,
        5 => DbState::WaitForPubrec,
        // 10: the PUBREC is about to be sent.
        7 | 10 => DbState::WaitForPubrel,
        // 6 and 8: PUBREL or PUBCOMP is to be sent again.
        6 | 9 => DbState::WaitForPubcomp,
        8 => return Ok(None),
        other => return Err(format!("a delivery in the state {other}")),
    };
    Ok(Some((direction, state)))
}

/// The usernames of the clients so far: see the head of this file.
#[derive(Debug, Default)]
struct Usernames {
    /// The length of the last one, as read.
    last: u16,
}

impl Usernames {
    fn next(&mut self, len: u16, bytes: &[u8]) -> DbUsername {
        let is_repeated = self.last != 0 && len == self.last.swap_bytes();
        self.last = len;
        match std::str::from_utf8(bytes) {
            Ok("") => DbUsername::Anonymous,
            // A username of so many bytes would have none that is 0.
            _ if is_repeated && bytes.contains(&0) => DbUsername::Anonymous,
            Ok(name) if !is_repeated && !bytes.contains(&0) => DbUsername::Known(name.to_owned()),
            _ => DbUsername::Unknown,
        }
    }
}

/// What is left of a chunk.
#[derive(Clone, Copy)]
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Detail> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| {
            format!(
                "the file or this chunk is cut off: {count} bytes are expected, {} are left",
                self.0.len()
            )
        })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Detail> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u8(&mut self) -> Result<u8, Detail> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, Detail> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Detail> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn native_u64(&mut self) -> Result<u64, Detail> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn native_i64(&mut self) -> Result<i64, Detail> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A string whose length stands elsewhere. `what` it is, for the error.
    fn text(&mut self, len: u16, what: &str) -> Result<String, Detail> {
        let text = std::str::from_utf8(self.take(len.into())?);
        text.map(str::to_owned).map_err(|_| format!("{what} that is not UTF-8"))
    }

    /// A string behind its length.
    fn counted(&mut self, what: &str) -> Result<String, Detail> {
        let len = self.u16()?;
        self.text(len, what)
    }

    /// The properties at the end of a chunk, if there are any.
    fn properties(&mut self) -> Result<Properties<'a>, Detail> {
        if self.0.is_empty() {
            return Ok(Properties::EMPTY);
        }
        let (len, used) = variable(self.0).ok_or("the length of the properties is malformed")?;
        self.take(used)?;
        let bytes = self.take(len)?;
        Properties::check(bytes, PacketSet::PUBLISH)
            .map_err(|why| format!("a message with malformed properties: {}", why.detail))
    }
}

/// A variable byte integer, and how many bytes it takes.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(4) {
        value |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}
