//! What a flipped bit may do to a file: be refused, or change nothing. It never takes back what was synced without a word.

use std::sync::Arc;

use super::clock::StoreClock;
use super::database::{Database, SyncMode};
use super::disk::BufferedDisk;
use super::faulty::FaultyDisk;
use super::load::QueueHead;
use super::mark;
use super::open::{Access, OpenError};
use crate::broker::{Record, SessionRecord, StoredMessage};
use crate::message::{MessageRef, QoS};
use crate::simulation::Random;
use crate::time::Instant;

const CLOCK: StoreClock = StoreClock { time: 1_000_000, now: Instant::from_micros(1_000_000) };
const BATCHES: u64 = 30;
const MESSAGES: u64 = 40;

fn batch(number: u64) -> Vec<Record> {
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
    for number in number * MESSAGES + 1..=(number + 1) * MESSAGES {
        let payload = vec![u8::try_from(number % 251).unwrap(); 200];
        let message = MessageRef {
            topic: "q/x",
            properties: b"",
            payload: &payload,
            qos: QoS::AtLeastOnce,
            retain: false,
            expires: Instant::NEVER,
        };
        let message = message.to_message();
        let entry = StoredMessage { number, message, qos: QoS::AtLeastOnce, retain: false, ids: None };
        records.push(Record::Enqueue { owner: 1, entry });
    }
    records
}

/// The file of a process that was killed after `batches` synced commits.
fn killed_after(batches: u64) -> Vec<u8> {
    let disk = Arc::new(FaultyDisk::default());
    let mut database = Database::open(BufferedDisk::new(disk.clone()), Access::Write).unwrap();
    for number in 0..batches {
        let mut changes = database.changes(batch(number), CLOCK);
        database.commit(&mut changes, SyncMode::Now).unwrap();
    }
    disk.image()
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Opened with everything that was acknowledged.
    Whole,
    /// Refused as damaged.
    Refused,
    /// Refused because synced commits are missing.
    Lost,
}

/// Opens a file as a broker does, and as `store check` does; both must find the same, and neither may change the file if
/// it is refused.
fn outcome(image: &[u8], what: &str) -> Outcome {
    let disk = Arc::new(FaultyDisk::of(image));
    let opened = Database::open(BufferedDisk::new(disk.clone()), Access::Write);
    let found = opened.map(|mut database| count(&mut database));
    let checked = Arc::new(FaultyDisk::of(image));
    let read = Database::open(BufferedDisk::new(checked.clone()), Access::Read);
    let read = read.map(|mut database| (database.lost(), count(&mut database)));
    assert_eq!(checked.image(), image, "{what}: a check changes nothing");
    let all = usize::try_from(BATCHES * MESSAGES).ok();
    match (found, read) {
        (Ok(found), Ok((None, checked))) if found.is_some() => {
            assert_eq!(
                (found, checked),
                (all, all),
                "{what}: acknowledged messages are missing, and nobody is told"
            );
            Outcome::Whole
        }
        (Err(OpenError::Lost(_)), Ok((Some(_), left))) => {
            assert_eq!(disk.image(), image, "{what}: a refused file is not changed");
            assert!(left.is_none_or(|left| left < all.unwrap()), "{what}");
            Outcome::Lost
        }
        (Err(OpenError::Database(_)), Err(_)) => {
            assert_eq!(disk.image(), image, "{what}: a refused file is not changed");
            Outcome::Refused
        }
        // What opens and cannot be loaded is refused as well.
        (Ok(None), Ok((_, None))) => Outcome::Refused,
        (found, checked) => panic!("{what}: a broker finds {found:?}, a check {checked:?}"),
    }
}

/// How many messages there are, if they can be loaded.
fn count(database: &mut Database) -> Option<usize> {
    let saved = database.load(QueueHead { messages: usize::MAX, bytes: usize::MAX }, CLOCK).ok()?;
    Some(saved.sessions.iter().map(|session| session.queue.head.len()).sum())
}

fn flip(image: &[u8], bit: usize) -> Vec<u8> {
    let mut image = image.to_vec();
    image[bit / 8] ^= 1 << (bit % 8);
    image
}

#[test]
fn no_flipped_bit_takes_back_what_was_synced_without_a_word() {
    let (before, image) = (killed_after(BATCHES - 1), killed_after(BATCHES));
    assert_eq!(outcome(&image, "no damage"), Outcome::Whole);
    let mut dice = Random::new(4);
    // Anywhere, and in the pages of the last commit, where damage takes it back.
    let anywhere: Vec<_> = (0..300).map(|_| dice.below(image.len() * 8)).collect();
    let changed: Vec<_> = (0..image.len()).filter(|at| before.get(*at) != Some(&image[*at])).collect();
    let last: Vec<_> = (0..300).map(|_| changed[dice.below(changed.len())] * 8 + dice.below(8)).collect();
    let mark = usize::try_from(mark::AT).unwrap();
    // All bits of the two commit slots and of the mark.
    let slots = (64 * 8..320 * 8).step_by(3).chain(mark * 8..(mark + mark::LEN) * 8);
    let mut lost = [0; 3];
    for (number, bits) in [anywhere, last, slots.collect()].into_iter().enumerate() {
        for bit in bits {
            let found = outcome(&flip(&image, bit), &format!("bit {bit}"));
            lost[number] += usize::from(found == Outcome::Lost);
        }
    }
    println!(
        "lost and told: {} of 300 anywhere, {} of 300 in the last commit, {} in the header",
        lost[0], lost[1], lost[2]
    );
    assert!(lost[1] > 100 && lost[2] > 100, "{lost:?}: too little to prove anything");
}

#[test]
fn a_lost_commit_can_be_accepted() {
    let image = killed_after(BATCHES);
    // In the commit slots: whichever is the newer one does not verify then.
    let damaged = (64..320).map(|byte| flip(&image, byte * 8 + 1));
    let damaged = damaged.into_iter().find(|image| outcome(image, "a commit slot") == Outcome::Lost).unwrap();
    let disk = Arc::new(FaultyDisk::of(&damaged));
    let mut repaired = Database::open(BufferedDisk::new(disk.clone()), Access::Repair).unwrap();
    assert!(repaired.lost().is_some());
    repaired.commit(&mut repaired.changes(Vec::new(), CLOCK), SyncMode::Now).unwrap();
    drop(repaired);
    let mut database = Database::open(BufferedDisk::new(disk), Access::Write).unwrap();
    let left = usize::try_from((BATCHES - 1) * MESSAGES).unwrap();
    assert_eq!((database.lost(), count(&mut database)), (None, Some(left)));
}

#[test]
fn after_a_power_cut_damage_is_told_once_the_mark_is_synced() {
    let mut dice = Random::new(9);
    let disk = Arc::new(FaultyDisk::default());
    let mut database = Database::open(BufferedDisk::new(disk.clone()), Access::Write).unwrap();
    for number in 0..BATCHES {
        let mut changes = database.changes(batch(number), CLOCK);
        database.commit(&mut changes, SyncMode::Now).unwrap();
    }
    assert!(database.mark_is_unsynced());
    database.sync_mark();
    disk.cut(&mut dice);
    let image = disk.image();
    let lost = (64..320).filter(|byte| outcome(&flip(&image, byte * 8 + 1), "a slot") == Outcome::Lost);
    assert!(lost.count() > 20);
}
