//! A message while it is routed: borrowed from its packet until a receiver has to keep it.

use crate::broker::durability::journal::BatchId;
use crate::broker::limits::Limits;
use crate::codec::frame::Frame;
use crate::codec::packet::{PacketId, Publish, Version};
use crate::message::{Message, MessageRef, QoS};

/// A message on its way to many receivers: borrowed from its packet, copied once when the first of them must keep it.
#[derive(Debug)]
pub(crate) struct RoutedMessage<'a> {
    pub(crate) view: MessageRef<'a>,
    owned: std::cell::OnceCell<Message>,
    /// What must be synced before a copy leaves, other than at QoS 1: that the publisher's QoS 2 identifier is held.
    pub(crate) after: BatchId,
    /// Whether its publisher will take it for stored once it is acknowledged. A message that promises nothing is not stored
    /// while the disk is full.
    pub(crate) is_promised: bool,
    /// The packet it came in, if receivers may be sent the same.
    pub(crate) original: Option<ReceivedPacket<&'a [u8]>>,
}

/// A PUBLISH as its publisher sent it. A receiver of the same version and QoS is sent the same bytes, with an identifier of
/// its own, which costs less than to write the packet anew.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceivedPacket<B> {
    bytes: B,
    pub(crate) is_v5: bool,
    /// Where the identifier is, above QoS 0.
    id_at: usize,
}

impl<'a> ReceivedPacket<&'a [u8]> {
    /// `view`: the message in this frame. Nothing if receivers are sent something else: RETAIN, properties of the hop, and
    /// the topic of an alias or mount point differ, and a large message is shared.
    pub(crate) fn new(
        version: Version,
        frame: Frame<'a>,
        publish: &Publish<'_>,
        view: &MessageRef<'_>,
        limits: &Limits,
    ) -> Option<Self> {
        let is_same = !publish.retain
            && publish.topic.len() == view.topic.len()
            && publish.properties.as_bytes().len() == view.properties.len()
            && view.properties.len() + view.payload.len() <= limits.copied;
        let id_at = frame.len() - frame.body().len() + 2 + view.topic.len();
        is_same.then_some(Self { bytes: frame.bytes(), is_v5: version == Version::V5, id_at })
    }

    #[inline]
    pub(crate) fn write(self, qos: QoS, packet_id: Option<PacketId>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(self.bytes);
        if let Some(id) = packet_id {
            // Without DUP, which is of the publisher's connection [MQTT-3.3.1-3].
            out[start] = 0x30 | qos.bits() << 1;
            out[start + self.id_at..start + self.id_at + 2].copy_from_slice(&id.get().to_be_bytes());
        }
    }

    pub(crate) fn to_owned(self) -> ReceivedPacket<Box<[u8]>> {
        ReceivedPacket { bytes: self.bytes.into(), is_v5: self.is_v5, id_at: self.id_at }
    }
}

impl ReceivedPacket<Box<[u8]>> {
    pub(crate) fn as_ref(&self) -> ReceivedPacket<&[u8]> {
        ReceivedPacket { bytes: &self.bytes, is_v5: self.is_v5, id_at: self.id_at }
    }
}

impl<'a> RoutedMessage<'a> {
    pub(crate) fn new(view: MessageRef<'a>) -> Self {
        let owned = std::cell::OnceCell::new();
        Self { view, owned, after: BatchId::NONE, is_promised: false, original: None }
    }

    /// A message that is owned already.
    pub(crate) fn of(message: &'a Message) -> Self {
        let owned = message.clone().into();
        Self { view: message.as_ref(), owned, after: BatchId::NONE, is_promised: false, original: None }
    }

    pub(crate) fn message(&self) -> &Message {
        self.owned.get_or_init(|| self.view.to_message())
    }
}

/// What one delivery adds to a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) ids: &'a [u32],
}
