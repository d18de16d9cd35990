//! The database does what the model does, whatever the disk forgets, tears or refuses.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use super::database::{Database, Sync};
use super::disk::{Disk, Layer};
use super::load::Head;
use super::row::Clock;
use crate::broker::model::Model;
use crate::broker::{Entry, Parked, Record, SessionRecord, Subscribed, Who, Will};
use crate::codec::packet::{Options, PacketId};
use crate::message::{Message, MessageRef, QoS};
use crate::time::Instant;

/// A small generator of numbers: the same for the same seed.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A disk in memory that keeps apart what is synced.
#[derive(Debug, Default)]
struct FaultyDisk(Mutex<Faulty>);

#[derive(Debug, Default)]
struct Faulty {
    safe: Vec<u8>,
    seen: Vec<u8>,
    /// What was done since the last sync: where and what, or a new length.
    unsynced: Vec<(u64, Option<Vec<u8>>)>,
    /// Calls until one fails, and what the failure costs: what was written then counts as clean and is gone.
    fails_in: Option<u64>,
    failures: u64,
}

impl Faulty {
    fn fail(&mut self) -> io::Result<()> {
        match &mut self.fails_in {
            Some(0) => {
                self.fails_in = None;
                self.failures += 1;
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn put(bytes: &mut [u8], at: u64, data: &[u8]) {
    let at = usize::try_from(at).unwrap();
    if at < bytes.len() {
        let end = bytes.len().min(at + data.len());
        bytes[at..end].copy_from_slice(&data[..end - at]);
    }
}

impl FaultyDisk {
    /// The power goes: of what was not synced each sector may be there or not.
    fn cut(&self, dice: &mut Dice) {
        let mut disk = self.0.lock().unwrap();
        let unsynced = std::mem::take(&mut disk.unsynced);
        let mut after = disk.safe.clone();
        for (at, data) in unsynced {
            match data {
                None => after.resize(usize::try_from(at).unwrap(), 0),
                Some(data) => {
                    for (number, sector) in data.chunks(512).enumerate() {
                        if dice.roll(2) == 0 {
                            put(&mut after, at + number as u64 * 512, sector);
                        }
                    }
                }
            }
        }
        (disk.seen, disk.safe, disk.fails_in) = (after.clone(), after, None);
    }
}

impl Disk for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock().unwrap();
        let at = usize::try_from(at).unwrap();
        let bytes = disk.seen.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.fail()?;
        put(&mut disk.seen, at, bytes);
        disk.unsynced.push((at, Some(bytes.to_vec())));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.fail()?;
        disk.seen.resize(usize::try_from(len).unwrap(), 0);
        disk.unsynced.push((len, None));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        if let Err(error) = disk.fail() {
            // As Linux does: the pages count as clean, and no later sync writes them.
            disk.unsynced.clear();
            return Err(error);
        }
        disk.unsynced.clear();
        disk.safe = disk.seen.clone();
        Ok(())
    }
}

/// Makes up records that could follow one another.
struct Author {
    dice: Dice,
    numbers: u64,
    keys: u64,
    sequence: u64,
    sessions: Vec<u64>,
    groups: Vec<u64>,
    /// Entries in queues, and in flight.
    waiting: Vec<(u64, u64)>,
    flying: BTreeMap<(u64, u16), (u64, bool)>,
    /// The message of the last PUBLISH, which further receivers share.
    last: Option<Message>,
}

impl Author {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            numbers: 0,
            keys: 0,
            sequence: 0,
            sessions: Vec::new(),
            groups: Vec::new(),
            waiting: Vec::new(),
            flying: BTreeMap::new(),
            last: None,
        }
    }

    fn message(&mut self) -> Message {
        if let Some(last) = self.last.take().filter(|_| self.dice.roll(2) == 0) {
            self.last = Some(last.clone());
            return last;
        }
        let payload = vec![b'x'; usize::try_from(self.dice.roll(600)).unwrap()];
        let topic = format!("t/{}", self.dice.roll(20));
        let message = MessageRef {
            topic: &topic,
            properties: b"\x01\x01",
            payload: &payload,
            qos: QoS::ExactlyOnce,
            retain: self.dice.roll(2) == 0,
            expires: if self.dice.roll(3) == 0 {
                Instant::from_micros(9_000_000_000)
            } else {
                Instant::NEVER
            },
        };
        let message = message.to_message();
        self.last = Some(message.clone());
        message
    }

    fn source(&mut self) -> Option<Arc<Who>> {
        let username = (self.dice.roll(2) == 0).then(|| "ann".into());
        (self.dice.roll(2) == 0).then(|| Arc::new(Who { client: "c".into(), username, listener: 1 }))
    }

    fn session(&mut self, key: u64) -> Record {
        let will = (self.dice.roll(3) == 0).then(|| Will {
            topic: "w".into(),
            properties: (*b"").into(),
            payload: (*b"gone").into(),
            qos: QoS::AtLeastOnce,
            retain: true,
            expiry: Some(7),
            delay: 5,
        });
        let parked = (self.dice.roll(2) == 0).then_some(Parked {
            expires: Instant::from_micros(8_000_000_000),
            will_due: Instant::NEVER,
            sent_below: 3,
        });
        let client = format!("client {key}").as_str().into();
        let username = key.is_multiple_of(2).then(|| "ann".into());
        let record = SessionRecord { key, client, username, listener: 3, expiry: 100, will, parked };
        Record::Session(Box::new(record))
    }

    fn subscribe(&mut self, session: u64) -> Record {
        let filter = format!("f/{}", self.dice.roll(5)).into();
        if self.dice.roll(3) == 0 {
            return Record::Unsubscribe { session, filter };
        }
        let subscribed =
            Subscribed { options: Options { no_local: true, ..Options::default() }, id: Some(9) };
        Record::Subscribe { session, filter, subscribed }
    }

    fn write(&mut self) -> Record {
        let of = |dice: &mut Dice, list: &[u64]| list[usize::try_from(dice.roll(list.len() as u64)).unwrap()];
        if self.sessions.is_empty() || self.dice.roll(25) == 0 {
            self.keys += 1;
            if self.dice.roll(4) == 0 {
                self.groups.push(self.keys);
                return Record::Group { key: self.keys, filter: format!("$share/g{}/t", self.keys).into() };
            }
            self.sessions.push(self.keys);
            return self.session(self.keys);
        }
        let session = of(&mut self.dice, &self.sessions);
        let id = PacketId::new(u16::try_from(self.dice.roll(9) + 1).unwrap()).unwrap();
        match self.dice.roll(40) {
            0 => self.session(session),
            1 => {
                self.sessions.retain(|key| *key != session);
                self.waiting.retain(|(owner, _)| *owner != session);
                self.flying.retain(|(owner, _), _| *owner != session);
                Record::EndSession { key: session }
            }
            2 if !self.groups.is_empty() => {
                let key = of(&mut self.dice, &self.groups);
                self.groups.retain(|other| *other != key);
                self.waiting.retain(|(owner, _)| *owner != key);
                Record::EndGroup { key }
            }
            3..=5 => self.subscribe(session),
            6 => Record::Hold { session, id },
            7 => Record::LetGo { session, id },
            8 => Record::Retain { message: self.message(), source: self.source() },
            9 => Record::ClearRetained { topic: format!("t/{}", self.dice.roll(20)).into() },
            10..=14 if !self.waiting.is_empty() => {
                let position = self.dice.roll(self.waiting.len() as u64);
                let (_, number) = self.waiting.remove(usize::try_from(position).unwrap());
                Record::Remove { number }
            }
            15..=19 if !self.waiting.is_empty() && !self.flying.contains_key(&(session, id.get())) => {
                let (_, number) = self.waiting.remove(0);
                self.sequence += 1;
                self.flying.insert((session, id.get()), (self.sequence, false));
                Record::Send { session, id, sequence: self.sequence, number }
            }
            20..=26 => self.answer(session, id),
            _ => {
                self.numbers += 1;
                let owner = match self.groups.is_empty() || self.dice.roll(4) > 0 {
                    true => session,
                    false => of(&mut self.dice, &self.groups),
                };
                self.waiting.push((owner, self.numbers));
                let (number, message) = (self.numbers, self.message());
                let ids = (self.dice.roll(2) == 0).then(|| [1, 2].as_slice().into());
                let entry = Entry { number, message, qos: QoS::ExactlyOnce, retain: false, ids };
                Record::Enqueue { owner, entry }
            }
        }
    }

    /// PUBREC or PUBCOMP for something in flight, or else nothing much.
    fn answer(&mut self, session: u64, id: PacketId) -> Record {
        match self.flying.get_mut(&(session, id.get())) {
            Some((sequence, received)) if !*received => {
                *received = true;
                Record::Received { session, id, sequence: *sequence }
            }
            Some(_) => {
                self.flying.remove(&(session, id.get()));
                Record::Complete { session, id }
            }
            None => self.session(session),
        }
    }
}

const CLOCK: Clock = Clock { wall: 1_000_000, now: Instant::from_micros(1_000_000) };
const HEAD: Head = Head { messages: 3, bytes: usize::MAX };

fn open(disk: &Arc<FaultyDisk>) -> (Database, String) {
    let mut database = Database::open(Layer::new(disk.clone())).unwrap();
    let mut saved = database.load(HEAD, CLOCK).unwrap();
    saved.last_number = 0;
    let saved = format!("{saved:#?}");
    (database, saved)
}

fn said(model: &Model) -> String {
    let mut saved = model.saved(HEAD.messages);
    saved.last_number = 0;
    format!("{saved:#?}")
}

/// Shows where two differ, and not all that they hold.
fn agree(found: &str, expected: &str, what: &str) {
    let mut lines = found.lines().zip(expected.lines()).enumerate();
    if let Some((number, (found, expected))) = lines.find(|(_, (found, expected))| found != expected) {
        panic!("{what}: line {number}: found {found}, expected {expected}");
    }
    assert_eq!(found.len(), expected.len(), "{what}: one goes on");
}

#[test]
fn after_a_power_cut_everything_that_was_synced_is_there_and_nothing_by_half() {
    let (mut kept, mut lost, mut failures, mut swept) = (0, 0, 0, 0);
    for seed in 0..60 {
        let disk = Arc::new(FaultyDisk::default());
        let mut author = Author::new(seed);
        let (mut database, _) = open(&disk);
        let mut model = Model::default();
        for _ in 0..12 {
            let records: Vec<_> = (0..=author.dice.roll(60)).map(|_| author.write()).collect();
            let before = model.clone();
            records.iter().for_each(|record| model.apply(record));
            let mut changes = database.changes(records, CLOCK);
            if author.dice.roll(3) == 0 {
                disk.0.lock().unwrap().fails_in = Some(author.dice.roll(8));
            }
            let mut done = database.commit(&mut changes, Sync::Now).is_ok();
            if !done && author.dice.roll(2) == 0 {
                // It is tried again until it succeeds; what is counted as clean by then must not be missing.
                done = (0..20).any(|_| database.commit(&mut changes, Sync::Now).is_ok());
                assert!(done, "seed {seed}: a disk that works again is used again");
            }
            disk.0.lock().unwrap().fails_in = None;
            swept += u32::from(database.sweeps());
            if done && author.dice.roll(3) > 0 {
                continue;
            }
            drop(database);
            disk.cut(&mut author.dice);
            let found;
            (database, found) = open(&disk);
            if found == said(&model) {
                kept += 1;
            } else {
                if done {
                    agree(&found, &said(&model), &format!("seed {seed}: a batch that was synced"));
                }
                agree(&found, &said(&before), &format!("seed {seed}: half a batch"));
                // The broker that starts now knows nothing of the rest.
                lost += 1;
                break;
            }
        }
        failures += disk.0.lock().unwrap().failures;
    }
    assert!(kept > 50 && lost > 20 && failures > 50 && swept > 20, "{kept} {lost} {failures} {swept}");
}
