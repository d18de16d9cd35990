//! From a published message to its receivers: the index of subscriptions, retained messages, shared groups, fan-out.

pub(crate) mod group;
pub(crate) mod hold;
pub mod index;
pub(crate) mod message;
pub(crate) mod receiver;
pub(crate) mod retained;
pub(crate) mod route;
