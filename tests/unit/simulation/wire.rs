//! One direction of a connection: bytes that fly, bytes that have arrived, and what can go wrong on the way.

use std::collections::VecDeque;

/// How a direction ended, as its reader will learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The other side closed: what flew before arrives.
    Closed,
    /// The transport failed.
    Failed,
    /// Nobody will ever hear of it: a cable was pulled.
    Silence,
}

#[derive(Debug)]
pub(super) struct Wire {
    flying: VecDeque<u8>,
    arrived: VecDeque<u8>,
    /// Bytes it holds at most, flying and arrived.
    capacity: usize,
    pub(super) stalled: bool,
    pub(super) end: Option<End>,
}

impl Wire {
    pub(super) fn new(capacity: usize) -> Self {
        Self { flying: VecDeque::new(), arrived: VecDeque::new(), capacity, stalled: false, end: None }
    }

    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.flying.len() + self.arrived.len())
    }

    /// Takes as many bytes as there is room for; how many that were. A direction that has ended swallows nothing.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        let count = if self.end.is_some() { 0 } else { self.room().min(bytes.len()) };
        self.flying.extend(&bytes[..count]);
        count
    }

    pub(super) fn can_arrive(&self) -> bool {
        !self.flying.is_empty() && !self.stalled
    }

    pub(super) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// `count` of the flying bytes arrive.
    pub(super) fn arrive(&mut self, count: usize) {
        self.arrived.extend(self.flying.drain(..count));
    }

    /// The rest of what flies is lost.
    pub(super) fn cut(&mut self, end: End) {
        self.flying.clear();
        self.end = Some(end);
    }

    /// What the reader gets: bytes, or nothing.
    pub(super) fn read(&mut self, most: usize) -> Vec<u8> {
        let count = most.min(self.arrived.len());
        self.arrived.drain(..count).collect()
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.arrived.is_empty() || self.ended().is_some()
    }

    /// The end, once everything before it has been read.
    pub(super) fn ended(&self) -> Option<End> {
        self.end.filter(|end| *end != End::Silence && self.arrived.is_empty() && self.flying.is_empty())
    }
}
