//! Why messages are dropped, and for whom. `Cx::drop_messages` counts and reports each of them.

use crate::sync::Arc;

/// Why a message is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Larger than the receiver's Maximum Packet Size. Decided in `SessionLink::admit`.
    TooLarge,
    /// Its payload is larger than `Limits::payload`. Decided in `connection::publish`, before it is routed.
    PayloadTooLarge,
    /// The queue of the session or shared group has reached `Limits::queued_messages` or `Limits::queued_bytes`; at QoS 0
    /// also the output of a connected client, or no member of a shared group has room. Decided in `Queue::make_room`,
    /// `SessionState::offer_at_most_once` and `Group::offer`.
    QueueFull,
    /// The broker uses as much memory as it may (`Limits::memory_is_full`). Decided in `Queue::make_room`, and in
    /// `connection::publish` for retained messages.
    MemoryFull,
    /// Its Message Expiry Interval passed before it was sent. Decided in `SessionLink::admit`, in `Queue::make_room` when a
    /// queue is full, in `session::held` and in `Group::feed`.
    Expired,
    /// It would have to be stored, and the store fails. Decided in `connection::publish`, before it is routed.
    StoreFailing,
    /// It would have to be stored, and the disk is full. Decided in `connection::publish` before it is routed; for messages
    /// that nobody acknowledges in `SessionState::offer` and `Group::offer`.
    DiskFull,
    /// It was queued for a shared group whose last member has left. Decided in `Group::leave`.
    NoMember,
}

/// Who does not get a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    Client(Arc<str>),
    /// A shared group, by its filter: `$share/NAME/FILTER`.
    Group(Arc<str>),
    /// Every subscriber of what this client published.
    SubscribersOf(Arc<str>),
}
