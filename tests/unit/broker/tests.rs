//! What a transcript cannot say: turns that come in another order than they were asked for, and what is counted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::{Broker, Connection, Counters, Counts, Durability, Ending, Limits, Rights, Turn};
use crate::codec::packet::Version;
use crate::sync::Arc;
use crate::text::parse::parse;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn stage(limits: Limits) -> (Arc<Broker>, Turn) {
    let broker = Arc::new(Broker::new(limits, Rights::new([]), Durability::Off, 7));
    let turn = Turn::new(Arc::new(Counters::default()), &broker);
    (broker, turn)
}

fn open(broker: &Arc<Broker>, connect: &str, flag: &Arc<Flag>, turn: &mut Turn) -> Connection {
    let mut connection = Connection::new(broker.clone(), "here".into(), turn.now);
    connection.set_waker(&Waker::from(flag.clone()));
    say(&mut connection, connect, turn);
    connection
}

fn say(connection: &mut Connection, packet: &str, turn: &mut Turn) {
    let bytes = parse(Version::V3_1_1, packet).unwrap();
    assert_eq!(connection.receive(&bytes, turn), bytes.len());
}

#[test]
fn a_connect_that_is_superseded_while_it_waits_is_told() {
    let (broker, mut turn) = stage(Limits::default());
    let flags: [Arc<Flag>; 3] = Default::default();
    let connect = "CONNECT v=3.1.1 id=a clean=1";
    let [_old, mut waiting, _newest] = flags.each_ref().map(|flag| open(&broker, connect, flag, &mut turn));
    turn.wake();
    assert!(flags[1].0.load(Ordering::Relaxed), "nobody else would ever wake it");
    waiting.poll(&mut turn);
    assert!(waiting.is_over());
}

/// Takes all that is to be written, as a socket does.
fn write(connection: &mut Connection, turn: &mut Turn) {
    connection.poll(turn);
    while !connection.output().is_empty() {
        let count = connection.output().len();
        connection.written(count, turn);
        connection.poll(turn);
    }
    turn.wake();
}

#[test]
fn a_publisher_that_is_still_slowed_down_when_it_asks_is_woken_again() {
    let (broker, mut turn) = stage(Limits {
        output_high: 60,
        output_low: 20,
        publish_pace: Duration::from_secs(1),
        ..Limits::default()
    });
    let flags: [Arc<Flag>; 3] = Default::default();
    let mut enter = |number: usize| {
        let connect = format!("CONNECT v=3.1.1 id=c{number} clean=1");
        open(&broker, &connect, &flags[number], &mut turn)
    };
    let (mut subscriber, mut publisher, mut other) = (enter(0), enter(1), enter(2));
    say(&mut subscriber, "SUBSCRIBE m=1 filter=t q=0", &mut turn);
    write(&mut subscriber, &mut turn);
    write(&mut publisher, &mut turn);
    let publish = |id: u16, size: usize| format!("PUBLISH topic=t q=1 m={id} payload={}", "x".repeat(size));
    let was_woken = || flags[1].0.swap(false, Ordering::Relaxed);
    was_woken();

    say(&mut publisher, &publish(1, 45), &mut turn);
    write(&mut publisher, &mut turn);
    say(&mut publisher, &publish(2, 30), &mut turn);
    assert!(publisher.output().is_empty(), "much waits");
    write(&mut subscriber, &mut turn);
    assert!(was_woken(), "little waits now");
    // Before it looks, another has published.
    say(&mut other, &publish(1, 70), &mut turn);
    publisher.poll(&mut turn);
    assert!(publisher.output().is_empty(), "it is still slowed down");
    write(&mut subscriber, &mut turn);
    assert!(was_woken(), "only time would ever wake it");
    publisher.poll(&mut turn);
    assert_eq!(publisher.output().len(), 4, "the message is acknowledged");
}

#[test]
fn a_publisher_is_held_by_many_slow_receivers_and_goes_on_when_they_have_room() {
    let (broker, mut turn) = stage(Limits {
        output_high: 60,
        output_low: 20,
        publish_pace: Duration::from_secs(1),
        ..Limits::default()
    });
    let flag = Arc::default();
    let mut subscribers: Vec<_> = (0..200)
        .map(|number| {
            let connect = format!("CONNECT v=3.1.1 id=s{number} clean=1");
            let mut subscriber = open(&broker, &connect, &flag, &mut turn);
            say(&mut subscriber, "SUBSCRIBE m=1 filter=t q=0", &mut turn);
            write(&mut subscriber, &mut turn);
            subscriber
        })
        .collect();
    let mut publisher = open(&broker, "CONNECT v=3.1.1 id=p clean=1", &flag, &mut turn);
    write(&mut publisher, &mut turn);
    say(&mut publisher, &format!("PUBLISH topic=t q=1 m=1 payload={}", "x".repeat(100)), &mut turn);
    write(&mut subscribers[0], &mut turn);
    publisher.poll(&mut turn);
    assert!(publisher.output().is_empty(), "much waits for the others");
    subscribers.iter_mut().for_each(|subscriber| write(subscriber, &mut turn));
    publisher.poll(&mut turn);
    assert_eq!(publisher.output().len(), 4, "the message is acknowledged");
}

#[test]
fn messages_that_expire_in_a_full_queue_are_counted_as_dropped() {
    let (broker, mut turn) = stage(Limits { queued_messages: 2, ..Limits::default() });
    let flag = Arc::default();
    let mut absent = open(&broker, "CONNECT v=3.1.1 id=a clean=0", &flag, &mut turn);
    say(&mut absent, "SUBSCRIBE m=1 filter=t q=1", &mut turn);
    absent.end(Ending::Closed, &mut turn);
    let mut publisher = Connection::new(broker, "here".into(), turn.now);
    for packet in [
        "CONNECT v=5 id=p clean=1",
        "PUBLISH topic=t q=1 m=1 message-expiry=1 payload=x",
        "PUBLISH topic=t q=1 m=2 message-expiry=1 payload=x",
    ] {
        let bytes = parse(Version::V5, packet.trim_start_matches("v=5 ")).unwrap();
        assert_eq!(publisher.receive(&bytes, &mut turn), bytes.len());
    }
    turn.now = turn.now + Duration::from_secs(2);
    let bytes = parse(Version::V5, "PUBLISH topic=t q=1 m=3 payload=x").unwrap();
    assert_eq!(publisher.receive(&bytes, &mut turn), bytes.len());
    let mut counts = Counts::default();
    turn.counters.add_to(&mut counts);
    assert_eq!((counts.publish_dropped, counts.dropped_expired), (2, 2));
}

#[test]
fn a_session_is_in_the_schedule_once_however_often_its_client_comes_back() {
    let (broker, mut turn) = stage(Limits::default());
    let flag: Arc<Flag> = Arc::default();
    let enter = |connect: &str, turn: &mut Turn| {
        let mut connection = Connection::new(broker.clone(), "here".into(), turn.now);
        connection.set_waker(&Waker::from(Arc::clone(&flag)));
        let bytes = parse(Version::V5, connect).unwrap();
        assert_eq!(connection.receive(&bytes, turn), bytes.len());
        connection
    };
    let minute = "CONNECT v=5 id=a clean=0 session-expiry=60";
    for _ in 0..100 {
        turn.now = turn.now + Duration::from_secs(1);
        enter(minute, &mut turn).end(Ending::Closed, &mut turn);
        assert_eq!(broker.schedule.len(), 1);
    }
    // It was to be looked at a minute after it left first; it has a minute since it left last.
    turn.now = turn.now + Duration::from_secs(59);
    broker.tick(&mut turn);
    assert_eq!((broker.clients().len(), broker.schedule.len()), (1, 1));
    turn.now = turn.now + Duration::from_secs(1);
    broker.tick(&mut turn);
    assert_eq!((broker.clients().len(), broker.schedule.len()), (0, 0));
    // What is due earlier takes the place of what is due later; a session that is discarded is forgotten.
    enter("CONNECT v=5 id=a clean=0 session-expiry=4000000", &mut turn).end(Ending::Closed, &mut turn);
    enter(minute, &mut turn).end(Ending::Closed, &mut turn);
    assert_eq!(broker.schedule.next(Waker::noop()), turn.now + Duration::from_secs(60));
    assert_eq!(broker.schedule.len(), 1);
    let stays = enter("CONNECT v=5 id=a clean=1", &mut turn);
    assert_eq!((broker.connections(), broker.schedule.len()), (1, 0));
    drop(stays);
}

#[test]
fn a_topic_that_was_accepted_is_checked_again_when_the_limits_change() {
    let (broker, mut turn) = stage(Limits::default());
    let mut publisher = open(&broker, "CONNECT v=3.1.1 id=a clean=1", &Arc::default(), &mut turn);
    let publish = parse(Version::V3_1_1, "PUBLISH topic=a/b/c payload=x").unwrap();
    for _ in 0..2 {
        publisher.receive(&publish, &mut turn);
        assert!(publisher.is_open());
    }
    broker.set_limits(Limits { filter_levels: 2, ..Limits::default() });
    turn.begin(turn.now, &broker);
    publisher.receive(&publish, &mut turn);
    assert!(publisher.is_over());
}

#[test]
fn a_receiver_is_sent_the_packet_of_the_publisher_only_if_it_would_get_the_same() {
    let (broker, mut turn) = stage(Limits::default());
    let mut enter = |version: Version, packets: [&str; 2]| {
        let mut connection = Connection::new(broker.clone(), "here".into(), turn.now);
        for packet in packets {
            connection.receive(&parse(version, packet).unwrap(), &mut turn);
            write(&mut connection, &mut turn);
        }
        connection
    };
    let (old, new) = (Version::V3_1_1, Version::V5);
    let mut receivers = [
        enter(old, ["CONNECT v=3.1.1 id=a clean=1", "SUBSCRIBE m=1 filter=t q=1"]),
        enter(old, ["CONNECT v=3.1.1 id=b clean=1", "SUBSCRIBE m=1 filter=t q=0"]),
        enter(new, ["CONNECT v=5 id=c clean=1", "SUBSCRIBE m=1 filter=t q=1"]),
    ];
    let mut publisher = enter(old, ["CONNECT v=3.1.1 id=p clean=1", "PINGREQ"]);
    // DUP and the identifier are of the publisher's connection.
    let publish = parse(old, "PUBLISH topic=t q=1 m=258 dup=1 payload=x").unwrap();
    assert_eq!(publish, [0x3A, 6, 0, 1, b't', 1, 2, b'x']);
    publisher.receive(&publish, &mut turn);
    let sent = receivers.each_mut().map(|receiver| {
        receiver.poll(&mut turn);
        receiver.output().to_vec()
    });
    assert_eq!(sent[0], [0x32, 6, 0, 1, b't', 0, 1, b'x']);
    assert_eq!(sent[1], [0x30, 4, 0, 1, b't', b'x']);
    assert_eq!(sent[2], [0x32, 7, 0, 1, b't', 0, 1, 0, b'x']);
}

/// What each client costs, however idle: larger only for a reason.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_session_and_its_connection_stay_small() {
    let sizes = (size_of::<super::session::Session>(), size_of::<super::connection::open::Open>());
    assert!(sizes.0 <= 552 && sizes.1 <= 288, "{sizes:?}");
}
