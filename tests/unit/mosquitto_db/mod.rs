//! Persistence files of mosquitto: every version, every kind of content, and damage.

use std::time::Duration;

use super::read::BadDb;
use super::{
    DbClient, DbDelivery, DbDirection, DbMessage, DbState, DbSubscription, DbUsername, MAGIC, MosquittoDb,
    export, import,
};
use crate::broker::{Parked, Record, Saved};
use crate::codec::property::{PropertiesBuf, Property};
use crate::time::Instant;

const NOW: i64 = 1_800_000_000;

fn message(id: u64, topic: &str) -> DbMessage {
    DbMessage { id, topic: topic.to_owned(), payload: b"payload".to_vec(), qos: 2, ..DbMessage::default() }
}

fn client(id: &str) -> DbClient {
    let (username, expiry_interval) = (DbUsername::Known(format!("user of {id}")), u32::MAX);
    DbClient { id: id.to_owned(), username, expiry_interval, ..DbClient::default() }
}

fn delivery(client: &str, message: u64, packet_id: u16, state: DbState) -> DbDelivery {
    DbDelivery {
        client: client.to_owned(),
        message,
        packet_id,
        qos: if state == DbState::WaitForPuback { 1 } else { 2 },
        retain: false,
        dup: false,
        direction: DbDirection::ToClient,
        state,
        identifiers: vec![],
    }
}

fn subscription(client: &str, filter: &str) -> DbSubscription {
    let (client, filter) = (client.to_owned(), filter.to_owned());
    DbSubscription { client, filter, qos: 2, ..DbSubscription::default() }
}

/// A file with something of everything.
fn everything() -> MosquittoDb {
    let mut properties = PropertiesBuf::default();
    properties.push(Property::ContentType("text/plain"));
    properties.push(Property::UserProperty(("name", "value")));
    let mut retained = message(1, "retained/one");
    (retained.retain, retained.expires) = (true, NOW + 60);
    retained.properties = properties.as_properties().as_bytes().to_vec();
    (retained.source_client, retained.source_username) = ("source".to_owned(), "somebody".to_owned());
    retained.source_port = 1883;
    let mut expiring = client("expiring");
    (expiring.expiry_interval, expiring.expires) = (3_600, NOW + 100);
    let mut received = delivery("a", 5, 9, DbState::WaitForPubrel);
    received.direction = DbDirection::FromClient;
    let mut queued = delivery("a", 2, 1, DbState::Queued);
    queued.identifiers = vec![7];
    let mut options = subscription("expiring", "to/#");
    (options.options, options.identifier) = (0x04 | 0x08 | 0x20, 77);
    MosquittoDb {
        version: 6,
        last_id: 5,
        messages: vec![
            message(5, "to/b"),
            message(4, "to/a"),
            message(3, "to/a"),
            message(2, "to/a"),
            retained,
        ],
        clients: vec![client("a"), expiring],
        deliveries: vec![
            delivery("a", 3, 4, DbState::WaitForPubrec),
            delivery("a", 4, 2, DbState::WaitForPubcomp),
            delivery("a", 3, 3, DbState::WaitForPuback),
            received,
            queued,
        ],
        subscriptions: vec![subscription("a", "to/#"), options],
        retained: vec![1],
    }
}

fn imported(db: &MosquittoDb) -> Vec<Record> {
    import(db, &Saved::default(), NOW, |port| usize::from(port == 1883)).records
}

#[test]
fn what_is_written_is_read_again() {
    let db = everything();
    let read = MosquittoDb::read(&db.write()).unwrap();
    assert_eq!(read.retained, db.retained);
    assert_eq!(read.clients, db.clients);
    assert_eq!(read.messages, db.messages);
    assert_eq!(read.deliveries, db.deliveries);
    assert_eq!(read.subscriptions, db.subscriptions);
    assert_eq!((read.version, read.last_id), (6, 5));
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_an_error_or_ends_between_chunks() {
    let bytes = everything().write();
    let mut whole = 0;
    for len in 0..bytes.len() {
        match MosquittoDb::read(&bytes[..len]) {
            Ok(_) => whole += 1,
            Err(BadDb { offset, detail }) => {
                assert!(offset <= len, "{len}: {offset}");
                assert!(!detail.is_empty());
            }
        }
    }
    // After the header, the configuration, 5 messages, 2 clients, 5 deliveries and 2 subscriptions.
    assert_eq!(whole, 16);
}

#[test]
fn a_changed_byte_never_panics() {
    let bytes = everything().write();
    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] ^= mask;
            if let Ok(db) = MosquittoDb::read(&changed) {
                drop(imported(&db));
            }
        }
    }
}

#[test]
fn other_files_and_other_versions_are_refused() {
    let refusal = |bytes: &[u8]| MosquittoDb::read(bytes).unwrap_err().to_string();
    assert_eq!(refusal(b"SQLite format 3\0"), "byte 0: this is not a persistence file of mosquitto");
    let versioned = |version: u32| [MAGIC, &[0; 4], &version.to_be_bytes()].concat();
    assert_eq!(refusal(&versioned(7)), "byte 19: format version 7; versions 3 to 6 can be read");
    assert_eq!(refusal(&versioned(2)), "byte 19: format version 2; versions 3 to 6 can be read");
    assert!(MosquittoDb::read(&versioned(6)).is_ok());
}

#[test]
fn a_session_is_imported_with_its_queue_and_what_is_in_flight() {
    let records = imported(&everything());
    let session = records.iter().find_map(|record| match record {
        Record::Session(session) if &*session.client == "a" => Some(session),
        _ => None,
    });
    let session = session.unwrap();
    assert_eq!(session.username.as_deref(), Some("user of a"));
    assert_eq!((session.expiry, session.listener), (u32::MAX, 0));
    // The message of QoS 1 in flight was sent before; what follows was not.
    let texts: Vec<String> = records
        .iter()
        .filter_map(|record| match record {
            Record::Enqueue { owner, entry } if *owner == session.key => {
                let was_sent = entry.number < session.sent_below && entry.qos.bits() == 1;
                let ids = entry.ids.as_deref().unwrap_or_default();
                Some(format!("queue {} q{} sent {was_sent} ids {ids:?}", entry.number, entry.qos.bits()))
            }
            Record::Send { id, sequence, number, .. } => Some(format!("send {number} as {id} at {sequence}")),
            Record::Received { id, sequence, .. } => Some(format!("received {id} at {sequence}")),
            Record::Hold { id, .. } => Some(format!("hold {id}")),
            _ => None,
        })
        .collect();
    let cycle = u64::from(crate::delivery::MAX_SESSION_ID);
    let expected = [
        "queue 1 q1 sent true ids []".to_owned(),
        "queue 2 q2 sent false ids []".to_owned(),
        "send 2 as 4 at 3".to_owned(),
        "queue 3 q2 sent false ids []".to_owned(),
        format!("send 3 as 2 at {}", cycle + 1),
        format!("received 2 at {}", cycle + 1),
        "hold 9".to_owned(),
        "queue 4 q2 sent false ids [7]".to_owned(),
        // The message that was held is routed, to its publisher as well.
        "queue 5 q2 sent false ids []".to_owned(),
    ];
    assert_eq!(texts, expected);
}

#[test]
fn expiry_is_counted_from_now() {
    let mut db = everything();
    db.clients.push(DbClient { expiry_interval: 60, expires: NOW - 1, ..client("gone") });
    db.clients.push(DbClient { expiry_interval: 60, expires: 0, ..client("was connected") });
    db.messages[4].expires = NOW - 5;
    let imported = import(&db, &Saved::default(), NOW, |_| 0);
    assert_eq!((imported.retained, imported.expired, imported.sessions), (0, 2, 3));
    let expiries: Vec<_> = imported
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Session(session) => session.parked.map(|Parked { expires, .. }| expires),
            _ => None,
        })
        .collect();
    let after = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    assert_eq!(expiries, [Instant::NEVER, after(100), after(60)]);
}

/// The chunk of a client as mosquitto 2.0.11 writes it.
fn client_chunk(id: &str, len: u16, username: &[u8]) -> Vec<u8> {
    let mut content = [&[0; 8][..], &u32::MAX.to_be_bytes(), &[0, 1]].concat();
    content.extend_from_slice(&u16::try_from(id.len()).unwrap().to_be_bytes());
    content.extend_from_slice(&1883_u16.to_be_bytes());
    content.extend_from_slice(&len.to_be_bytes());
    content.extend_from_slice(&[0; 4]);
    content.extend_from_slice(id.as_bytes());
    content.extend_from_slice(username);
    let len = u32::try_from(content.len()).unwrap();
    [&6_u32.to_be_bytes()[..], &len.to_be_bytes(), &content].concat()
}

/// mosquitto 2.0.11: a client without a username is written with the length of the one before it in swapped byte order, and
/// the next one with the username of another.
#[test]
fn a_username_that_may_be_another_clients_is_not_trusted() {
    let mut garbage = b"alice".to_vec();
    garbage.resize(5 << 8, 0);
    let file = [
        MAGIC,
        &[0; 4],
        &6_u32.to_be_bytes(),
        &client_chunk("first", 5, b"alice"),
        &client_chunk("without", 5 << 8, &garbage),
        &client_chunk("without, too", 5, b"alice"),
        &client_chunk("named", 3, b"bob"),
    ];
    let db = MosquittoDb::read(&file.concat()).unwrap();
    let usernames: Vec<_> = db.clients.into_iter().map(|client| client.username).collect();
    let known = |name: &str| DbUsername::Known(name.to_owned());
    assert_eq!(usernames, [known("alice"), DbUsername::Anonymous, DbUsername::Unknown, known("bob")]);
}

/// A file of version 3 or 4, whose fields are packed.
fn packed(version: u32) -> Vec<u8> {
    let text = |text: &str| {
        let len = u16::try_from(text.len()).unwrap();
        [&len.to_be_bytes()[..], text.as_bytes()].concat()
    };
    let chunk = |kind: u16, content: Vec<u8>| {
        let len = u32::try_from(content.len()).unwrap();
        [&kind.to_be_bytes()[..], &len.to_be_bytes(), &content].concat()
    };
    let id = 1_u64.to_le_bytes();
    let mut stored = [&id[..], &text("source")].concat();
    if version == 4 {
        stored.extend(text("somebody"));
        stored.extend(1883_u16.to_be_bytes());
    }
    stored.extend([0, 3, 0, 0]);
    stored.extend(text("a/b"));
    // QoS 1, retained, 5 bytes.
    stored.extend([1, 1, 0, 0, 0, 5]);
    stored.extend(b"hello");
    [
        MAGIC.to_vec(),
        vec![0; 4],
        version.to_be_bytes().to_vec(),
        chunk(1, [&[1, 8][..], &id].concat()),
        chunk(2, stored),
        chunk(6, [text("c"), vec![0, 7], 0_i64.to_le_bytes().to_vec()].concat()),
        // Packet identifier 5, QoS 1, not retained, to the client, waiting for PUBACK, DUP.
        chunk(3, [text("c"), id.to_vec(), vec![0, 5, 1, 0, 1, 3, 1]].concat()),
        chunk(4, id.to_vec()),
        chunk(5, [text("c"), text("a/#"), vec![1]].concat()),
    ]
    .concat()
}

#[test]
fn files_of_the_packed_versions_are_read() {
    for version in [3, 4] {
        let db = MosquittoDb::read(&packed(version)).unwrap();
        assert_eq!(db.version, version);
        assert_eq!((&*db.messages[0].topic, &*db.messages[0].payload), ("a/b", &b"hello"[..]));
        let username = if version == 4 { "somebody" } else { "" };
        assert_eq!((&*db.messages[0].source_client, &*db.messages[0].source_username), ("source", username));
        assert_eq!((db.clients[0].expiry_interval, &*db.clients[0].id), (u32::MAX, "c"));
        assert_eq!(db.deliveries[0].state, DbState::WaitForPuback);
        assert!(db.deliveries[0].dup);
        assert_eq!((&*db.subscriptions[0].filter, db.subscriptions[0].qos), ("a/#", 1));
        assert_eq!(db.retained, [1]);
        let imported = import(&db, &Saved::default(), NOW, |_| 0);
        assert_eq!((imported.sessions, imported.retained, imported.in_flight), (1, 1, 1));
    }
}

#[test]
fn an_empty_store_is_exported_as_an_empty_file() {
    let exported = export(&Saved::default(), NOW);
    let read = MosquittoDb::read(&exported.db.write()).unwrap();
    assert_eq!((read.clients.len(), read.messages.len(), read.retained.len()), (0, 0, 0));
    assert!(exported.left_out.is_empty());
}
