//! Conversations with the broker, as text: no socket, no clock, the same every time.
//!
//! A file holds conversations, each under a title. Every name is a connection of its own.
//!
//! ```text
//! == A title
//! limits queued_messages=2          limits of this broker, before anything else
//! user ann secret                   a user of this broker
//! acl topic read a/#                a line of its rules, which are called `acl`
//! policy anonymous=1                what its listener demands
//! identity a ann                    the certificate of a names ann
//! listener a mount_point=x/ users=0 a connects through a listener of its own, with these demands; users=0: it has no users
//! grant pattern read b              one more line of rules, while the broker runs
//! revoke topic read a/#             a line of rules less
//! remove ann                        a user less
//! a> CONNECT v=5 id=a clean=1       a sends; CONNECT opens the connection
//! a< CONNACK rc=0x00 *              the next thing a gets; `*` at the end leaves the rest open
//! a<!                               a is closed by the broker
//! a<.                               a has got nothing more
//! a>! PUBLISH topic=t               a sends and breaks the connection, before the broker has done more than a slice
//! a!                                a breaks the connection; the name may be used again
//! a> v=5 hex:10 0e ...              bytes, where there is no packet to write
//! a stops / a reads                 a takes no bytes / takes them again
//! wait 5                            seconds pass
//! store                             this broker has a store, before anything else; nothing is synced by itself
//! sync                              the store writes what it was given
//! store fails / store heals         it cannot / it can again, and has written
//! crash                             everybody is cut off, and a broker starts with what was synced
//! # [v5 MQTT-3.1.0-1]               a comment; a statement that the next lines prove
//! ```
//!
//! At the end of a conversation everybody must have got what is written and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::model::Model;
use super::{
    Accounts, Acl, Broker, Connection, Counters, Durability, Ending, Limits, Peer, Policy, Record, Rights,
    SLICES, Turn,
};
use crate::codec::packet::Version;
use crate::codec::{decode, frame};
use crate::sync::Arc;
use crate::text;
use crate::time::Instant;

macro_rules! files {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                play(concat!(stringify!($name), ".txt"));
            }
        )*
    };
}

files! {
    connect session publish acknowledge subscribe retained shared will limits malformed packet_size durable rights owners protocol
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Client {
    connection: Connection,
    version: Version,
    flag: Arc<Flag>,
    /// Sent by the client, not taken yet.
    input: Vec<u8>,
    /// Written by the broker, not a whole packet yet.
    bytes: Vec<u8>,
    got: VecDeque<String>,
    stopped: bool,
}

/// What rights are made of.
#[derive(Default)]
struct Locks {
    users: BTreeMap<Box<str>, Box<[u8]>>,
    rules: Vec<String>,
    policy: Policy,
    anonymous: Option<bool>,
    /// Connections that have a listener of their own, and what it demands.
    listeners: BTreeMap<String, Vec<String>>,
}

impl Locks {
    fn rights(&self) -> Result<Rights, String> {
        let acl = match self.rules.is_empty() {
            true => None,
            false => Some(
                Acl::parse("acl", self.rules.join("\n").as_bytes())
                    .map_err(|faults| format!("{faults:?}"))?,
            ),
        };
        let accounts = (!self.users.is_empty()).then(|| Accounts::plain(self.users.clone()).into());
        let anonymous = self.anonymous.unwrap_or(self.users.is_empty());
        let first = Policy { accounts, acl: acl.map(Arc::new), anonymous, ..self.policy.clone() };
        let mut policies = vec![first.clone()];
        for pairs in self.listeners.values() {
            let mut policy = first.clone();
            pairs.iter().try_for_each(|pair| demand(&mut policy, pair))?;
            policies.push(policy);
        }
        Ok(Rights::of(policies, [7; 32]))
    }

    /// The number of the listener through which a connection comes.
    fn listener(&self, name: &str) -> usize {
        self.listeners.keys().position(|other| other == name).map_or(0, |position| position + 1)
    }

    fn set(&mut self, pair: &str) -> Result<(), String> {
        match pair.split_once('=') {
            Some(("anonymous", value)) => self.anonymous = Some(value == "1"),
            _ => demand(&mut self.policy, pair)?,
        }
        Ok(())
    }
}

/// Sets one demand of a listener.
fn demand(policy: &mut Policy, pair: &str) -> Result<(), String> {
    let (name, value) = pair.split_once('=').ok_or("a demand is name=value")?;
    let is_set = value == "1";
    match name {
        "anonymous" => policy.anonymous = is_set,
        "users" if !is_set => policy.accounts = None,
        "certificate" => policy.certificate = is_set,
        "username_as_client_id" => policy.username_as_client_id = is_set,
        "client_id_prefix" => policy.client_id_prefix = Some(value.into()),
        "empty_client_id" => policy.empty_client_id = is_set,
        "auto_id_prefix" => policy.auto_id_prefix = value.into(),
        "mount_point" => policy.mount_point = Some(value.into()),
        "check_retain_source" => policy.check_retain_source = is_set,
        "refuse_unreadable" => policy.refuse_unreadable = is_set,
        other => return Err(format!("no demand is called {other}")),
    }
    Ok(())
}

struct Stage {
    broker: Arc<Broker>,
    locks: Locks,
    /// Who has a certificate.
    identities: BTreeMap<String, Arc<str>>,
    turn: Turn,
    clients: BTreeMap<String, Client>,
    store: Model,
    failing: bool,
}

fn play(file: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/unit/broker/transcripts/");
    let text = std::fs::read_to_string(format!("{folder}{file}")).unwrap();
    let mut faults = String::new();
    let mut conversations = 0;
    for conversation in text.split("\n== ").skip(1) {
        conversations += 1;
        if let Err(fault) = converse(conversation) {
            let title = conversation.lines().next().unwrap_or_default();
            writeln!(faults, "{file}: {title}\n    {fault}").unwrap();
        }
    }
    assert!(conversations > 0, "{file} holds no conversation");
    assert!(faults.is_empty(), "\n{faults}");
}

fn converse(text: &str) -> Result<(), String> {
    let (mut limits, mut locks, mut identities) = (Limits::default(), Locks::default(), BTreeMap::new());
    let mut durability = Durability::Off;
    let lines: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
    for line in &lines {
        if let Some(rest) = line.strip_prefix("limits ") {
            rest.split_whitespace().try_for_each(|pair| set_limit(&mut limits, pair))?;
        } else if let Some((name, password)) =
            line.strip_prefix("user ").and_then(|rest| rest.split_once(' '))
        {
            locks.users.insert(name.into(), password.as_bytes().into());
        } else if *line == "store" {
            durability = Durability::Acks;
        } else if let Some(rule) = line.strip_prefix("acl ") {
            locks.rules.push(rule.to_owned());
        } else if let Some(pair) = line.strip_prefix("policy ") {
            locks.set(pair)?;
        } else if let Some((name, identity)) =
            line.strip_prefix("identity ").and_then(|rest| rest.split_once(' '))
        {
            identities.insert(name.to_owned(), identity.into());
        } else if let Some((name, pairs)) =
            line.strip_prefix("listener ").and_then(|rest| rest.split_once(' '))
        {
            let pairs = pairs.split_whitespace().map(str::to_owned).collect();
            locks.listeners.insert(name.to_owned(), pairs);
        }
    }
    let broker = Arc::new(Broker::new(limits, locks.rights()?, durability, 7));
    let turn = Turn::new(Arc::new(Counters::default()), &broker);
    let (clients, store) = (BTreeMap::new(), Model::default());
    let mut stage = Stage { broker, locks, identities, turn, clients, store, failing: false };
    stage.turn.now = Instant::from_micros(1_000_000);
    for line in lines.into_iter().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        stage.play_line(line).map_err(|fault| format!("{line}\n      {fault}"))?;
    }
    for (name, client) in &stage.clients {
        if !client.got.is_empty() {
            return Err(format!("{name} got more: {:?}", client.got));
        }
    }
    Ok(())
}

fn set_limit(limits: &mut Limits, pair: &str) -> Result<(), String> {
    let (name, value) = pair.split_once('=').ok_or("a limit is name=value")?;
    let number: u64 = value.parse().map_err(|_| "a limit is a number")?;
    match name {
        "connect_timeout" => limits.connect_timeout = Duration::from_secs(number),
        "publish_pace" => limits.publish_pace = Duration::from_millis(number),
        _ => {
            let row = Limits::TABLE.iter().find(|limit| limit.field == name);
            (row.ok_or_else(|| format!("no limit is called {name}"))?.set)(limits, number);
        }
    }
    if name == "output_high" {
        limits.output_low = limits.output_high / 2;
    }
    Ok(())
}

impl Stage {
    fn play_line(&mut self, line: &str) -> Result<(), String> {
        let words = ["limits ", "user ", "acl ", "policy ", "identity ", "listener "];
        if words.iter().any(|word| line.starts_with(word)) || line == "store" {
            return Ok(());
        }
        if let Some((word @ ("grant" | "revoke" | "remove"), what)) = line.split_once(' ') {
            return self.reload(word, what);
        }
        match line {
            "sync" => return self.sync(),
            "store heals" => {
                self.failing = false;
                return self.sync();
            }
            "store fails" => {
                self.failing = true;
                self.broker.journal().failed(self.turn.now);
                self.run();
                return Ok(());
            }
            "crash" => return self.crash(),
            _ => {}
        }
        if let Some(seconds) = line.strip_prefix("wait ") {
            let seconds: f64 = seconds.parse().map_err(|_| "wait takes seconds")?;
            self.wait(Duration::from_secs_f64(seconds));
            return Ok(());
        }
        if let Some((name, packet)) = line.split_once(">! ") {
            return self.send_and_break(name, packet);
        }
        if let Some((name, packet)) = line.split_once("> ") {
            return self.send(name, packet);
        }
        if let Some((name, expected)) = line.split_once('<') {
            return self.expect(name, expected.trim());
        }
        if let Some(name) = line.strip_suffix('!') {
            let client = self.clients.get_mut(name).ok_or("nobody has that name")?;
            client.connection.end(Ending::Closed, &mut self.turn);
            if let Some(left) = self.clients.remove(name).and_then(|mut client| client.got.pop_front()) {
                return Err(format!("{name} had got more: {left}"));
            }
            self.run();
            return Ok(());
        }
        let (name, stopped) = match line.split_once(' ') {
            Some((name, "stops")) => (name, true),
            Some((name, "reads")) => (name, false),
            _ => return Err("this line says nothing".into()),
        };
        let client = self.clients.get_mut(name).ok_or("nobody has that name")?;
        client.stopped = stopped;
        client.flag.0.store(true, Ordering::Relaxed);
        self.run();
        Ok(())
    }

    /// Writes batch after batch, as one may lead to another.
    fn sync(&mut self) -> Result<(), String> {
        if self.failing {
            return Err("a store that fails writes nothing".into());
        }
        while let Some(batch) = self.broker.journal().take(Waker::noop()) {
            batch.records.iter().for_each(|record| self.store.apply(record));
            self.broker.journal().done(&batch);
            for record in &batch.records {
                if let Record::Page(page) = record {
                    let (entries, complete) = self.store.page(page);
                    self.broker.page(page, entries, complete, &mut self.turn);
                }
            }
            self.run();
        }
        Ok(())
    }

    fn crash(&mut self) -> Result<(), String> {
        let broker =
            Broker::new(Limits::clone(&self.broker.limits.load()), self.locks.rights()?, Durability::Acks, 8);
        let now = self.turn.now;
        self.turn = Turn::new(self.turn.counters.clone(), &broker);
        self.turn.now = now;
        self.clients.clear();
        broker.restore(self.store.saved(broker.limits.load().head_messages), &mut self.turn);
        self.broker = Arc::new(broker);
        self.broker.clone().tick(&mut self.turn);
        self.run();
        Ok(())
    }

    fn reload(&mut self, word: &str, what: &str) -> Result<(), String> {
        match word {
            "grant" => self.locks.rules.push(what.to_owned()),
            "revoke" => {
                let line =
                    self.locks.rules.iter().position(|rule| rule == what).ok_or("there is no such rule")?;
                // Lines keep their numbers.
                self.locks.rules[line].clear();
            }
            _ => {
                self.locks.users.remove(what).ok_or("nobody has that name")?;
            }
        }
        self.broker.set_rights(self.locks.rights()?, &mut self.turn);
        self.run();
        Ok(())
    }

    fn give(&mut self, name: &str, packet: &str) -> Result<(), String> {
        if !self.clients.contains_key(name) {
            let version = match packet.split_whitespace().find_map(|word| word.strip_prefix("v=")) {
                Some("5") => Version::V5,
                Some("3.1") => Version::V3_1,
                _ => Version::V3_1_1,
            };
            let (identity, listener) = (self.identities.get(name).cloned(), self.locks.listener(name));
            let peer = Peer { identity, listener, ..Peer::from(name) };
            let connection = Connection::new(self.broker.clone(), peer, self.turn.now);
            self.turn.counters.count_socket();
            let flag = Arc::default();
            let client = Client {
                connection,
                version,
                flag,
                input: Vec::new(),
                bytes: Vec::new(),
                got: VecDeque::new(),
                stopped: false,
            };
            self.clients.insert(name.into(), client);
        }
        let client = self.clients.get_mut(name).ok_or("nobody has that name")?;
        let bytes = text::parse::parse(
            client.version,
            packet.trim_start_matches("v=5 ").trim_start_matches("v=3.1 "),
        )?;
        client.input.extend(bytes);
        client.flag.0.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn send(&mut self, name: &str, packet: &str) -> Result<(), String> {
        self.give(name, packet)?;
        self.run();
        Ok(())
    }

    fn send_and_break(&mut self, name: &str, packet: &str) -> Result<(), String> {
        self.give(name, packet)?;
        let mut client = self.clients.remove(name).ok_or("nobody has that name")?;
        client.turn(&mut self.turn);
        client.connection.end(Ending::Closed, &mut self.turn);
        self.run();
        Ok(())
    }

    fn expect(&mut self, name: &str, expected: &str) -> Result<(), String> {
        let client = self.clients.get_mut(name).ok_or("nobody has that name")?;
        let got = client.got.pop_front();
        let holds = match (expected, &got) {
            (".", None) => true,
            (expected, Some(got)) => match expected.strip_suffix('*') {
                Some(prefix) => got.starts_with(prefix.trim_end()),
                None => got == expected,
            },
            _ => false,
        };
        if holds { Ok(()) } else { Err(format!("got: {}", got.unwrap_or("nothing".into()))) }
    }

    fn wait(&mut self, span: Duration) {
        self.turn.now = self.turn.now + span;
        self.broker.clone().tick(&mut self.turn);
        self.clients.values().for_each(|client| client.flag.0.store(true, Ordering::Relaxed));
        self.run();
    }

    /// Until nobody has anything to do.
    fn run(&mut self) {
        loop {
            self.turn.wake();
            let Some(client) =
                self.clients.values_mut().find(|client| client.flag.0.swap(false, Ordering::Relaxed))
            else {
                return;
            };
            client.turn(&mut self.turn);
        }
    }
}

impl Client {
    /// What the shell does in one turn.
    fn turn(&mut self, turn: &mut Turn) {
        let over = self.connection.is_over();
        self.connection.set_waker(&Waker::from(self.flag.clone()));
        let used = self.connection.receive(&self.input, turn);
        self.input.drain(..used);
        loop {
            self.connection.poll(turn);
            if self.stopped || self.connection.output().is_empty() {
                break;
            }
            let mut slices = [std::io::IoSlice::new(&[]); SLICES];
            let count = self.connection.output().slices(&mut slices);
            let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
            self.connection.written(bytes.len(), turn);
            self.bytes.extend(bytes);
        }
        if self.connection.reads() && !matches!(frame::cut(&self.input, usize::MAX), Ok(None)) {
            self.flag.0.store(true, Ordering::Relaxed);
        }
        while let Some(frame) = frame::cut(&self.bytes, usize::MAX).unwrap() {
            let packet = decode(self.version, frame).unwrap();
            let (line, len) = (text::full(&packet).to_string(), frame.len());
            self.got.push_back(line);
            self.bytes.drain(..len);
        }
        if self.connection.is_over() && !over {
            self.got.push_back("!".into());
        }
    }
}
