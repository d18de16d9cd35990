//! The broker's shell, as `server::serve` is, with wires in place of sockets: a connection is polled only when
//! it was woken, when what it waits for has happened, or at its deadline. So what nobody is woken for hangs here too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::wire::{End, Wire};
use crate::broker::{Broker, Connection, Ending, SLICES, Turn};
use crate::codec::frame;
use crate::sync::Arc;
use crate::time::Instant;

/// Reads, and writes, of one connection before others get their turn.
const BURST: usize = 2;
const LINGER: Duration = Duration::from_secs(2);

/// Somebody was woken.
#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.raise();
    }
}

impl Flag {
    pub(super) fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn lower(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A connection between a device and the broker.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) device: usize,
    pub(super) worker: usize,
    pub(super) connection: Connection,
    pub(super) flag: Arc<Flag>,
    pub(super) up: Wire,
    pub(super) down: Wire,
    /// The beginning of a packet, or packets that wait until reading goes on.
    rest: Vec<u8>,
    waits_to_read: bool,
    waits_to_write: bool,
    pub(super) deadline: Instant,
    give_up: Instant,
    /// The broker is done with it.
    pub(super) done: bool,
    /// Packets at the broker's end, in order.
    pub(super) packets: Vec<Passed>,
    written: Vec<u8>,
    /// PUBLISH packets in the output that were made under older rules.
    older: usize,
    /// When the broker last read a packet.
    pub(super) heard: Instant,
    /// When the device connected, and what it said.
    pub(super) began: Instant,
    pub(super) clean: bool,
    pub(super) will: Option<usize>,
    /// Seconds by which the session outlives this connection.
    pub(super) lives: u32,
    /// The same, as a DISCONNECT says.
    pub(super) last_words: Option<u32>,
    pub(super) opened: bool,
    /// The topics of the aliases that the broker has set.
    pub(super) aliases: BTreeMap<u16, String>,
}

/// A packet at the broker's end of a connection.
#[derive(Debug)]
pub(super) struct Passed {
    /// The broker wrote it.
    pub(super) is_ours: bool,
    pub(super) bytes: Vec<u8>,
    /// It was in the output before the rules in force came into it.
    pub(super) before: bool,
}

impl Socket {
    pub(super) fn new(
        broker: &Arc<Broker>,
        device: usize,
        name: &str,
        worker: usize,
        capacity: usize,
        now: Instant,
    ) -> Self {
        let flag = Arc::new(Flag::default());
        flag.raise();
        Self {
            device,
            worker,
            connection: Connection::new(broker.clone(), name.into(), now),
            flag,
            up: Wire::new(capacity),
            down: Wire::new(capacity),
            rest: Vec::new(),
            waits_to_read: false,
            waits_to_write: false,
            deadline: Instant::NEVER,
            give_up: Instant::NEVER,
            done: false,
            packets: Vec::new(),
            written: Vec::new(),
            older: 0,
            heard: now,
            began: now,
            clean: true,
            will: None,
            lives: 0,
            last_words: None,
            opened: false,
            aliases: BTreeMap::new(),
        }
    }

    /// Something happened on a wire: whoever waits for it is woken.
    pub(super) fn wires_changed(&mut self) {
        let failed = matches!(self.down.end, Some(End::Closed | End::Failed));
        if (self.waits_to_read && self.up.is_readable())
            || (self.waits_to_write && (self.down.room() > 0 || failed))
        {
            self.flag.raise();
        }
    }

    pub(super) fn turn(&mut self, turn: &mut Turn) {
        self.flag.lower();
        let waker = Waker::from(self.flag.clone());
        self.connection.set_waker(&waker);
        let will_wake = self.read(turn);
        self.write(turn);
        if self.connection.is_over() {
            self.close(turn);
        } else if !will_wake && self.connection.reads() {
            self.flag.raise();
        }
        self.deadline = self.connection.deadline().min(self.give_up);
    }

    fn read(&mut self, turn: &mut Turn) -> bool {
        self.waits_to_read = false;
        for _ in 0..BURST {
            if !self.rest.is_empty() && self.connection.reads() {
                let rest = std::mem::take(&mut self.rest);
                self.receive(rest, turn);
            }
            if !self.connection.reads() {
                return false;
            }
            let bytes = self.up.read(usize::MAX);
            if !bytes.is_empty() {
                self.rest.extend(bytes);
                if self.rest.len() < 4_096 {
                    let rest = std::mem::take(&mut self.rest);
                    self.receive(rest, turn);
                }
                continue;
            }
            match self.up.ended() {
                None | Some(End::Silence) => {
                    self.waits_to_read = true;
                    return true;
                }
                Some(End::Closed) => self.connection.end(Ending::Closed, turn),
                Some(End::Failed) => self.connection.end(Ending::Lost("cut".into()), turn),
            }
            return false;
        }
        false
    }

    fn receive(&mut self, bytes: Vec<u8>, turn: &mut Turn) {
        let used = self.connection.receive(&bytes, turn);
        let mut taken = &bytes[..used];
        while let Ok(Some(frame)) = frame::cut(taken, usize::MAX) {
            self.heard = turn.now;
            self.packets.push(Passed { is_ours: false, bytes: frame.bytes().to_vec(), before: false });
            taken = &taken[frame.len()..];
        }
        self.rest = bytes[used..].to_vec();
    }

    fn write(&mut self, turn: &mut Turn) {
        self.waits_to_write = false;
        for _ in 0..BURST {
            self.connection.poll(turn);
            if self.connection.output().is_empty() {
                return;
            }
            while !self.connection.output().is_empty() {
                let mut slices = [std::io::IoSlice::new(&[]); SLICES];
                let count = self.connection.output().slices(&mut slices);
                let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
                if matches!(self.down.end, Some(End::Closed | End::Failed)) {
                    self.connection.end(Ending::Lost("broken pipe".into()), turn);
                    self.connection.discard();
                    return;
                }
                let taken = self.down.write(&bytes);
                if taken == 0 {
                    self.waits_to_write = true;
                    return;
                }
                self.note(&bytes[..taken]);
                self.connection.written(taken, turn);
            }
        }
        self.flag.raise();
    }

    fn note(&mut self, bytes: &[u8]) {
        self.written.extend(bytes);
        let mut rest = &self.written[..];
        while let Ok(Some(frame)) = frame::cut(rest, usize::MAX) {
            let before = self.older > 0 && is_publish(frame);
            self.older -= usize::from(before);
            self.packets.push(Passed { is_ours: true, bytes: frame.bytes().to_vec(), before });
            rest = &rest[frame.len()..];
        }
        self.written = rest.to_vec();
    }

    fn close(&mut self, turn: &Turn) {
        if self.give_up == Instant::NEVER {
            self.give_up = turn.now + LINGER;
        }
        let is_late = turn.now >= self.give_up;
        if self.connection.output().is_empty() || is_late {
            self.done = true;
            self.down.end.get_or_insert(if is_late { End::Failed } else { End::Closed });
            self.up.cut(End::Closed);
        }
    }
}

fn is_publish(frame: frame::Frame<'_>) -> bool {
    frame.first() >> 4 == 3
}

impl Socket {
    /// Other rules come into force: what was made under older ones may leave, `waiting` for the connection too.
    pub(super) fn lets_go(&mut self, waiting: &[u8]) {
        let bytes = [&self.written, &*self.connection.output().to_vec(), waiting].concat();
        let (mut rest, mut count) = (&bytes[..], 0);
        while let Ok(Some(frame)) = frame::cut(rest, usize::MAX) {
            count += usize::from(is_publish(frame));
            rest = &rest[frame.len()..];
        }
        self.older = count;
    }

    /// The device said DISCONNECT with another expiry; it holds if the broker hears of it.
    pub(super) fn says_it_lives(&mut self, seconds: u32) {
        self.last_words = Some(seconds);
    }
}
