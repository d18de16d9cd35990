//! The database does what the model does, whatever the disk forgets, tears or refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::Changes;
use super::clock::{StoreClock, SystemClocks};
use super::database::{Database, SyncMode};
use super::disk::BufferedDisk;
use super::faulty::FaultyDisk;
use super::load::QueueHead;
use super::open::Access;
use crate::broker::model::Model;
use crate::broker::{
    OwnerUser, Parked, Record, SessionOwner, SessionRecord, StoredMessage, StoredWill, Subscribed, Who,
};
use crate::codec::packet::{Options, PacketId};
use crate::message::{Message, MessageRef, QoS};
use crate::simulation::Random;
use crate::time::Instant;

/// Makes up records that could follow one another.
struct Author {
    dice: Random,
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
            dice: Random::new(seed),
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
        if let Some(last) = self.last.take().filter(|_| self.dice.below(2) == 0) {
            self.last = Some(last.clone());
            return last;
        }
        let payload = vec![b'x'; self.dice.below(600)];
        let topic = format!("t/{}", self.dice.below(20));
        let message = MessageRef {
            topic: &topic,
            properties: b"\x01\x01",
            payload: &payload,
            qos: QoS::ExactlyOnce,
            retain: self.dice.below(2) == 0,
            expires: if self.dice.below(3) == 0 {
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
        let username = (self.dice.below(2) == 0).then(|| "ann".into());
        (self.dice.below(2) == 0).then(|| Arc::new(Who { client: "c".into(), username, listener: 1 }))
    }

    fn session(&mut self, key: u64) -> Record {
        let will = (self.dice.below(3) == 0).then(|| StoredWill {
            topic: "w".into(),
            properties: (*b"").into(),
            payload: (*b"gone").into(),
            qos: QoS::AtLeastOnce,
            retain: true,
            expiry: Some(7),
            delay: 5,
        });
        let parked = (self.dice.below(2) == 0)
            .then_some(Parked { expires: Instant::from_micros(8_000_000_000), will_due: Instant::NEVER });
        let client = format!("client {key}").as_str().into();
        let username: Option<Arc<str>> = key.is_multiple_of(2).then(|| "ann".into());
        let user = match username.clone() {
            Some(name) if key.is_multiple_of(4) => OwnerUser::User(name),
            Some(name) => OwnerUser::Unverified(name),
            None => OwnerUser::Anonymous,
        };
        let mount_point = key.is_multiple_of(3).then(|| "site/".into());
        let owner = Some(SessionOwner { user, mount_point });
        let sent_below = if parked.is_some() || self.dice.below(2) == 0 { 3 } else { u64::MAX };
        let record = SessionRecord {
            key,
            client,
            username,
            listener: 3,
            owner,
            expiry: 100,
            will,
            parked,
            sent_below,
        };
        Record::Session(Box::new(record))
    }

    fn subscribe(&mut self, session: u64) -> Record {
        let filter = format!("f/{}", self.dice.below(5)).into();
        if self.dice.below(3) == 0 {
            return Record::Unsubscribe { session, filter };
        }
        let subscribed =
            Subscribed { options: Options { no_local: true, ..Options::default() }, id: Some(9) };
        Record::Subscribe { session, filter, subscribed }
    }

    fn write(&mut self) -> Record {
        let of = |dice: &mut Random, list: &[u64]| list[dice.below(list.len())];
        if self.sessions.is_empty() || self.dice.below(25) == 0 {
            self.keys += 1;
            if self.dice.below(4) == 0 {
                self.groups.push(self.keys);
                return Record::Group { key: self.keys, filter: format!("$share/g{}/t", self.keys).into() };
            }
            self.sessions.push(self.keys);
            return self.session(self.keys);
        }
        let session = of(&mut self.dice, &self.sessions);
        let id = PacketId::new(u16::try_from(self.dice.range(1, 9)).unwrap()).unwrap();
        match self.dice.below(40) {
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
            9 => Record::ClearRetained { topic: format!("t/{}", self.dice.below(20)).into() },
            10..=14 if !self.waiting.is_empty() => {
                let position = self.dice.below(self.waiting.len());
                let (_, number) = self.waiting.remove(position);
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
                let owner = match self.groups.is_empty() || self.dice.below(4) > 0 {
                    true => session,
                    false => of(&mut self.dice, &self.groups),
                };
                self.waiting.push((owner, self.numbers));
                let (number, message) = (self.numbers, self.message());
                let ids = (self.dice.below(2) == 0).then(|| [1, 2].as_slice().into());
                let entry = StoredMessage { number, message, qos: QoS::ExactlyOnce, retain: false, ids };
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

const CLOCK: StoreClock = StoreClock { time: 1_000_000, now: Instant::from_micros(1_000_000) };
const HEAD: QueueHead = QueueHead { messages: 3, bytes: usize::MAX };

fn open(disk: &Arc<FaultyDisk>) -> (Database, String) {
    let mut database = Database::open(BufferedDisk::new(disk.clone()), Access::Write).unwrap();
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
            let records: Vec<_> = (0..=author.dice.below(60)).map(|_| author.write()).collect();
            let before = model.clone();
            records.iter().for_each(|record| model.apply(record));
            let mut changes = database.changes(records, CLOCK);
            if author.dice.below(3) == 0 {
                disk.fail_once_after(author.dice.below(8));
            }
            let mut done = database.commit(&mut changes, SyncMode::Now).is_ok();
            if !done && author.dice.below(2) == 0 {
                // It is tried again until it succeeds; what is counted as clean by then must not be missing.
                done = (0..20).any(|_| database.commit(&mut changes, SyncMode::Now).is_ok());
                assert!(done, "seed {seed}: a disk that works again is used again");
            }
            disk.heal();
            swept += u32::from(database.sweeps());
            if done && author.dice.below(3) > 0 {
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
        failures += disk.failures();
    }
    assert!(kept > 50 && lost > 20 && failures > 50 && swept > 20, "{kept} {lost} {failures} {swept}");
}

#[test]
fn compacting_returns_the_room_of_removed_messages_and_loses_none_of_the_others() {
    let disk = Arc::new(FaultyDisk::default());
    let (mut database, _) = open(&disk);
    let mut model = Model::default();
    let mut commit = |database: &mut Database, records: Vec<Record>| {
        records.iter().for_each(|record| model.apply(record));
        let mut changes = database.changes(records, CLOCK);
        database.commit(&mut changes, SyncMode::Now).unwrap();
        said(&model)
    };
    let entry = |number| {
        let (topic, payload) = ("room", [b'x'; 1_000]);
        let view = MessageRef {
            topic,
            properties: &[],
            payload: &payload,
            qos: QoS::AtLeastOnce,
            retain: false,
            expires: Instant::NEVER,
        };
        let message = view.to_message();
        StoredMessage { number, message, qos: QoS::AtLeastOnce, retain: false, ids: None }
    };
    let session = SessionRecord {
        key: 1,
        client: "away".into(),
        username: None,
        listener: 0,
        owner: None,
        expiry: u32::MAX,
        will: None,
        parked: None,
        sent_below: u64::MAX,
    };
    let mut records = vec![Record::Session(Box::new(session))];
    records.extend((1..=1_000).map(|number| Record::Enqueue { owner: 1, entry: entry(number) }));
    commit(&mut database, records);
    let full = disk.image().len();
    let expected = commit(&mut database, (1..=900).map(|number| Record::Remove { number }).collect());
    assert!(database.freed() > 900_000, "{} bytes are counted as freed", database.freed());
    database.compact().unwrap();
    assert_eq!(database.freed(), 0);
    let compacted = disk.image().len();
    assert!(compacted < full / 4, "{compacted} bytes of {full} are left");
    drop(database);
    assert_eq!(open(&disk).1, expected);
}

#[test]
fn a_wall_clock_that_is_set_soon_after_a_reboot_and_again_before_a_restart_makes_no_time_pass() {
    const TODAY: u64 = 1_750_000_000_000;
    const YEAR: u64 = 365 * 24 * 3_600_000;
    let disk = Arc::new(FaultyDisk::default());
    let started = |reading| {
        let mut database = Database::open(BufferedDisk::new(disk.clone()), Access::Write).unwrap();
        let clock = database.clock(Instant::ZERO, reading);
        let outdated = database.clock_is_outdated(Instant::ZERO, reading);
        if outdated {
            database.commit(&mut Changes::default(), SyncMode::Now).unwrap();
        }
        (clock.time, outdated)
    };
    let first = started(SystemClocks { wall: TODAY, boot: 70_000, boot_id: 1 });
    assert_eq!(first, (TODAY, true));
    // The wall clock goes on over a reboot.
    let rebooted = started(SystemClocks { wall: TODAY + 60_000, boot: 9_000, boot_id: 2 });
    assert_eq!(rebooted, (TODAY + 60_000, true));
    let restarted = started(SystemClocks { wall: TODAY + YEAR, boot: 9_500, boot_id: 2 });
    assert_eq!(restarted, (TODAY + 60_500, true));
    let again = started(SystemClocks { wall: TODAY + YEAR + 700, boot: 10_200, boot_id: 2 });
    assert_eq!(again, (TODAY + 61_200, false));
}
