//! A connection on a worker of its own: it says packets, and goes on as long as somebody has woken it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use crate::broker::{Broker, Connection, Counters, Ending, Turn};
use crate::codec::packet::Version;
use crate::codec::{decode, frame};
use crate::sync::Arc;
use crate::text;
use crate::text::parse::parse;
use crate::time::Instant;

/// The time of day, which stands still unless a scenario says otherwise.
pub(crate) const NOW: Instant = Instant::from_micros(1_000_000);

/// Whether somebody was woken. It is no lock of the core, and so none of the checker's.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Flag {
    pub(crate) fn lower(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

pub(crate) fn turn(broker: &Broker) -> Turn {
    let mut turn = Turn::new(Arc::new(Counters::default()), broker);
    turn.begin(NOW, broker);
    turn
}

pub(crate) struct Peer {
    connection: Connection,
    turn: Turn,
    flag: Arc<Flag>,
    version: Version,
    /// What the broker does not read yet.
    rest: Vec<u8>,
    /// What came, as text.
    pub(crate) heard: Vec<String>,
}

impl Peer {
    pub(crate) fn new(broker: &Arc<Broker>, version: Version) -> Self {
        let (mut connection, flag) =
            (Connection::new(broker.clone(), "here".into(), NOW), Arc::<Flag>::default());
        connection.set_waker(&Waker::from(flag.clone()));
        Self { connection, turn: turn(broker), flag, version, rest: Vec::new(), heard: Vec::new() }
    }

    /// A client of 3.1.1 that has connected.
    pub(crate) fn enter(broker: &Arc<Broker>, client: &str, clean: bool) -> Self {
        let mut peer = Self::new(broker, Version::V3_1_1);
        peer.say(&format!("CONNECT v=3.1.1 id={client} clean={} username={client}", u8::from(clean)));
        peer
    }

    pub(crate) fn say(&mut self, packet: &str) {
        self.rest.extend(parse(self.version, packet).expect("a packet"));
        self.flag.clone().wake();
        self.go_on();
    }

    /// Takes what is there, whether or not somebody has woken it by now.
    pub(crate) fn look(&mut self) {
        self.flag.clone().wake();
        self.go_on();
    }

    /// Does what it was woken for; whether it was.
    pub(crate) fn go_on(&mut self) -> bool {
        let mut was_woken = false;
        while self.flag.lower() {
            was_woken = true;
            while !self.rest.is_empty() && self.connection.reads() {
                let used = self.connection.receive(&self.rest, &mut self.turn);
                self.rest.drain(..used);
                if used == 0 {
                    break;
                }
            }
            self.connection.poll(&mut self.turn);
            self.hear();
            if !self.rest.is_empty() && self.connection.reads() {
                self.flag.clone().wake();
            }
            self.turn.events.clear();
            self.turn.wake();
        }
        was_woken
    }

    fn hear(&mut self) {
        let bytes = self.connection.output().to_vec();
        if bytes.is_empty() {
            return;
        }
        let mut rest = &bytes[..];
        while let Ok(Some(frame)) = frame::cut(rest, usize::MAX) {
            let packet = decode(self.version, frame).expect("the broker writes packets");
            self.heard.push(text::full(&packet).to_string());
            rest = &rest[frame.len()..];
        }
        self.connection.written(bytes.len(), &mut self.turn);
        self.flag.clone().wake();
    }

    /// The connection breaks.
    pub(crate) fn cut(mut self) {
        self.connection.end(Ending::Closed, &mut self.turn);
        self.turn.wake();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.connection.is_over()
    }

    /// Payloads of the messages that came, in their order.
    pub(crate) fn payloads(&self) -> Vec<&str> {
        let publishes = self.heard.iter().filter(|packet| packet.starts_with("PUBLISH"));
        publishes.filter_map(|packet| packet.rsplit_once("payload=")).map(|(_, payload)| payload).collect()
    }

    pub(crate) fn has(&self, packet: &str) -> bool {
        self.heard.iter().any(|heard| heard.starts_with(packet))
    }
}

/// Everybody goes on until nobody is woken any more.
pub(crate) fn settle(peers: &mut [&mut Peer]) {
    while peers.iter_mut().fold(false, |any, peer| peer.go_on() | any) {}
}
