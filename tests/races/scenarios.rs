//! What may happen at once, and what must hold whoever comes first.

use shuttle::thread::spawn;

use crate::broker::model::Model;
use crate::broker::{Acl, Broker, Durability, Limits, Policy, Record, Rights};
use crate::codec::packet::Version;
use crate::peer::{Flag, NOW, Peer, settle, turn};
use crate::sync::Arc;

type Scenario = (&'static str, fn());

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("a_new_subscription_gets_what_is_being_retained_once", retained),
    ("of_many_who_connect_as_one_client_one_stays", takeover),
    ("what_a_member_leaves_goes_to_the_others", group),
    ("a_member_that_makes_room_gets_what_came_meanwhile", room),
    ("a_session_that_expires_while_its_client_comes_back", expiry),
    ("nothing_is_delivered_after_its_right_was_taken", rights),
    ("nothing_is_left_of_who_leaves_while_messages_come", leaving),
    ("a_publisher_that_was_slowed_down_goes_on", pressure),
    ("an_acknowledgement_leaves_when_its_record_is_synced", journal),
    ("who_comes_back_while_its_session_ends_gets_a_whole_one", coming_back),
    ("of_clean_and_other_starts_at_once_one_stays", clean_starts),
    ("subscriptions_come_and_go_while_messages_are_routed", index),
];

fn stage(limits: Limits) -> Arc<Broker> {
    Arc::new(Broker::new(limits, Rights::default(), Durability::Off, 7))
}

/// [MQTT-3.3.1-6], and the newest value last.
fn retained() {
    let broker = stage(Limits::default());
    let (mut s, mut p) = (Peer::enter(&broker, "s", true), Peer::enter(&broker, "p", true));
    let publishing = spawn(move || {
        p.say("PUBLISH topic=t q=1 m=1 retain=1 payload=1");
        p.say("PUBLISH topic=t q=1 m=2 retain=1 payload=2");
        p
    });
    let subscribing = spawn(move || {
        s.say("SUBSCRIBE m=1 filter=t q=1");
        s
    });
    let (mut p, mut s) = (publishing.join().unwrap(), subscribing.join().unwrap());
    settle(&mut [&mut p, &mut s]);
    assert!(matches!(s.payloads()[..], ["2"] | ["1", "2"]), "{:?}", s.heard);
    assert!(p.has("PUBACK m=1") && p.has("PUBACK m=2"), "{:?}", p.heard);
}

/// [MQTT-3.1.4-3]; and what was routed meanwhile is not lost.
fn takeover() {
    let broker = stage(Limits::default());
    let mut first = Peer::enter(&broker, "a", false);
    first.say("SUBSCRIBE m=1 filter=t q=1");
    let mut p = Peer::enter(&broker, "p", true);
    let publishing = spawn(move || {
        p.say("PUBLISH topic=t q=1 m=1 payload=1");
        p
    });
    let others = [(); 2].map(|()| {
        let broker = broker.clone();
        spawn(move || Peer::enter(&broker, "a", false))
    });
    let [mut second, mut third] = others.map(|other| other.join().unwrap());
    let mut p = publishing.join().unwrap();
    settle(&mut [&mut first, &mut second, &mut third, &mut p]);
    assert!(first.is_over() && second.is_over() != third.is_over(), "one stays");
    assert_eq!((broker.connections(), broker.clients().len()), (2, 2));
    let stays = if second.is_over() { &third } else { &second };
    // Nobody has acknowledged it: who stays gets it, for the first time or again.
    assert_eq!(stays.payloads(), ["1"], "{:?}", stays.heard);
    assert!(p.has("PUBACK m=1"));
}

/// [MQTT-4.8.2-5]
fn group() {
    let broker = stage(Limits::default());
    let mut members = ["a", "b"].map(|client| Peer::enter(&broker, client, true));
    members.iter_mut().for_each(|member| member.say("SUBSCRIBE m=1 filter=$share/g/t q=1"));
    let mut p = Peer::enter(&broker, "p", true);
    let [a, mut b] = members;
    let publishing = spawn(move || {
        (1..=3).for_each(|id| p.say(&format!("PUBLISH topic=t q=1 m={id} payload={id}")));
        p
    });
    let leaving = spawn(move || a.cut());
    let mut p = publishing.join().unwrap();
    leaving.join().unwrap();
    settle(&mut [&mut p, &mut b]);
    let mut got = b.payloads();
    got.sort_unstable();
    assert_eq!(got, ["1", "2", "3"], "{:?}", b.heard);
}

/// Nothing but its own acknowledgement gives the member room.
fn room() {
    let broker = stage(Limits { in_flight: 1, ..Limits::default() });
    let (mut s, mut p) = (Peer::enter(&broker, "s", true), Peer::enter(&broker, "p", true));
    s.say("SUBSCRIBE m=1 filter=$share/g/t q=1");
    p.say("PUBLISH topic=t q=1 m=1 payload=1");
    settle(&mut [&mut s, &mut p]);
    let publishing = spawn(move || {
        p.say("PUBLISH topic=t q=1 m=2 payload=2");
        p
    });
    s.say("PUBACK m=1");
    let mut p = publishing.join().unwrap();
    settle(&mut [&mut s, &mut p]);
    assert_eq!(s.payloads(), ["1", "2"], "{:?}", s.heard);
}

/// The session is the old one or a new one, as CONNACK says, and nothing between [MQTT-3.1.2-23].
fn expiry() {
    let broker = stage(Limits::default());
    let enter = |broker: &Arc<Broker>| {
        let mut peer = Peer::new(broker, Version::V5);
        peer.say("CONNECT v=5 id=a session-expiry=1");
        peer
    };
    let mut a = enter(&broker);
    a.say("SUBSCRIBE m=1 filter=t q=1");
    a.cut();
    let late = broker.clone();
    let ticking = spawn(move || {
        let mut turn = turn(&late);
        turn.now = NOW + std::time::Duration::from_secs(1);
        late.tick(&mut turn);
        turn.wake();
    });
    let mut a = enter(&broker);
    ticking.join().unwrap();
    settle(&mut [&mut a]);
    let mut p = Peer::enter(&broker, "p", true);
    p.say("PUBLISH topic=t q=1 m=1 payload=1");
    settle(&mut [&mut a, &mut p]);
    assert!(!a.is_over());
    assert_eq!(a.payloads().len(), usize::from(a.has("CONNACK present=1")), "{:?}", a.heard);
    assert_eq!((broker.clients().len(), broker.index.len()), (2, a.payloads().len()));
    // And it still ends a second after its client has left.
    a.cut();
    let mut turn = turn(&broker);
    turn.now = NOW + std::time::Duration::from_secs(1);
    broker.tick(&mut turn);
    assert_eq!((broker.clients().len(), broker.index.len()), (1, 0));
}

fn rights_of(text: &str) -> Rights {
    let acl = Some(Arc::new(Acl::parse("rules", text.as_bytes()).unwrap()));
    Rights::of([Policy { acl, ..Policy::default() }], [0; 32])
}

/// Nor to who comes in while it is taken.
fn rights() {
    let rules = "user p\ntopic #\npattern read t\n";
    let broker = Arc::new(Broker::new(Limits::default(), rights_of(rules), Durability::Off, 7));
    let (mut s, mut p) = (Peer::enter(&broker, "s", true), Peer::enter(&broker, "p", true));
    s.say("SUBSCRIBE m=1 filter=t q=1");
    let publishing = spawn(move || {
        (1..=2).for_each(|id| p.say(&format!("PUBLISH topic=t q=1 m={id} payload={id}")));
        p
    });
    let door = broker.clone();
    let coming = spawn(move || {
        let mut n = Peer::enter(&door, "n", true);
        n.say("SUBSCRIBE m=1 filter=t q=1");
        n
    });
    let mut turn = turn(&broker);
    broker.set_rights(rights_of("user p\ntopic #\npattern read other\n"), &mut turn);
    turn.wake();
    // What stands in the output by now may leave, and nothing that comes later.
    s.look();
    let before = s.payloads().len();
    let (mut p, mut n) = (publishing.join().unwrap(), coming.join().unwrap());
    p.say("PUBLISH topic=t q=1 m=3 payload=3");
    settle(&mut [&mut s, &mut n, &mut p]);
    assert_eq!(s.payloads().len(), before, "{:?}", s.heard);
    assert!(!n.payloads().contains(&"3"), "{:?}", n.heard);
    assert!(p.has("PUBACK m=3"));
}

/// Others come meanwhile, and are counted.
fn leaving() {
    let broker = stage(Limits::default());
    let (mut s, mut p) = (Peer::enter(&broker, "s", true), Peer::enter(&broker, "p", true));
    s.say("SUBSCRIBE m=1 filter=t q=1 filter=t/# q=1");
    let publishing = spawn(move || {
        p.say("PUBLISH topic=t q=1 m=1 payload=1");
        p
    });
    let door = broker.clone();
    let coming = spawn(move || Peer::enter(&door, "o", true));
    s.cut();
    let (mut p, mut o) = (publishing.join().unwrap(), coming.join().unwrap());
    settle(&mut [&mut p, &mut o]);
    assert!(p.has("PUBACK m=1"), "{:?}", p.heard);
    assert_eq!((broker.index.len(), broker.clients().len(), broker.connections()), (0, 2, 2));
    o.cut();
    p.cut();
    assert_eq!((broker.clients().len(), broker.connections()), (0, 0));
}

/// A publisher is slowed down by a reader, and nothing but the reader's progress wakes it.
fn pressure() {
    let limits = Limits { output_high: 8, output_low: 4, ..Limits::default() };
    let broker = stage(limits);
    let (mut s, mut p) = (Peer::enter(&broker, "s", true), Peer::enter(&broker, "p", true));
    s.say("SUBSCRIBE m=1 filter=t q=0");
    let publishing = spawn(move || {
        (1..=3).for_each(|id| p.say(&format!("PUBLISH topic=t q=1 m={id} payload={id}")));
        p
    });
    for _ in 0..3 {
        s.look();
    }
    let mut p = publishing.join().unwrap();
    settle(&mut [&mut p, &mut s]);
    assert_eq!(s.payloads(), ["1", "2", "3"]);
    assert!(p.has("PUBACK m=3"), "{:?}", p.heard);
}

/// One round of what the thread of a store does; whether there was anything to do.
fn store_once(broker: &Broker, model: &mut Model, flag: &Arc<Flag>) -> bool {
    let Some(batch) = broker.journal().take(&std::task::Waker::from(flag.clone())) else { return false };
    batch.records.iter().for_each(|record: &Record| model.apply(record));
    broker.journal().done(&batch);
    true
}

fn journal() {
    let broker = Arc::new(Broker::new(Limits::default(), Rights::default(), Durability::Acks, 7));
    let (mut model, flag) = (Model::default(), Arc::<Flag>::default());
    let mut s = Peer::enter(&broker, "s", false);
    s.say("SUBSCRIBE m=1 filter=t q=2");
    let mut p = Peer::enter(&broker, "p", true);
    while store_once(&broker, &mut model, &flag) {}
    settle(&mut [&mut s, &mut p]);
    let publishing = spawn(move || {
        p.say("PUBLISH topic=t q=1 m=1 payload=1");
        p.say("PUBLISH topic=t q=2 m=2 payload=2");
        p
    });
    let store = broker.clone();
    let storing = spawn(move || {
        for _ in 0..2 {
            store_once(&store, &mut model, &flag);
        }
        (model, flag)
    });
    let mut p = publishing.join().unwrap();
    let (mut model, flag) = storing.join().unwrap();
    // From here on the store does only what it is woken for.
    while flag.lower() {
        while store_once(&broker, &mut model, &flag) {}
    }
    settle(&mut [&mut p, &mut s]);
    assert!(p.has("PUBACK m=1") && p.has("PUBREC m=2"), "{:?}", p.heard);
    assert_eq!(s.payloads(), ["1", "2"], "{:?}", s.heard);
}

/// What is subscribed before and stays is served, whatever others do to the index.
fn index() {
    let broker = stage(Limits::default());
    let mut peers = ["s", "o", "p"].map(|client| Peer::enter(&broker, client, true));
    peers[0].say("SUBSCRIBE m=1 filter=t/+ q=1");
    let [mut s, mut o, mut p] = peers;
    let changing = spawn(move || {
        o.say("SUBSCRIBE m=1 filter=t/# q=1 filter=t/a q=1");
        o.say("UNSUBSCRIBE m=2 filter=t/#");
        o
    });
    let publishing = spawn(move || {
        (1..=2).for_each(|id| p.say(&format!("PUBLISH topic=t/a q=1 m={id} payload={id}")));
        p
    });
    let (mut o, mut p) = (changing.join().unwrap(), publishing.join().unwrap());
    p.say("PUBLISH topic=t/a q=1 m=3 payload=3");
    settle(&mut [&mut s, &mut o, &mut p]);
    assert_eq!(s.payloads(), ["1", "2", "3"]);
    assert!(o.payloads().contains(&"3"), "{:?}", o.heard);
}

/// A session that ends with its connection is gone when its client comes back, or a new one.
fn coming_back() {
    let broker = stage(Limits::default());
    let enter = |broker: &Arc<Broker>, clean: u8| {
        let mut peer = Peer::new(broker, Version::V5);
        peer.say(&format!("CONNECT v=5 id=a clean={clean}"));
        peer.say("SUBSCRIBE m=1 filter=t q=1");
        peer
    };
    let old = enter(&broker, 1);
    let leaving = spawn(move || old.cut());
    let mut a = enter(&broker, 0);
    leaving.join().unwrap();
    whole(&broker, &mut a);
}

/// Who stays has a session that others know of: what is published now reaches it.
fn whole(broker: &Arc<Broker>, a: &mut Peer) {
    settle(&mut [a]);
    let mut p = Peer::enter(broker, "p", true);
    p.say("PUBLISH topic=t q=1 m=1 payload=1");
    settle(&mut [a, &mut p]);
    assert!(!a.is_over());
    assert_eq!(a.payloads(), ["1"], "{:?}", a.heard);
    assert_eq!((broker.clients().len(), broker.connections(), broker.index.len()), (2, 2, 1));
}

fn clean_starts() {
    let broker = stage(Limits::default());
    Peer::enter(&broker, "a", false).cut();
    let others = [true, false].map(|clean| {
        let broker = broker.clone();
        spawn(move || Peer::enter(&broker, "a", clean))
    });
    let [mut one, mut other] = others.map(|other| other.join().unwrap());
    settle(&mut [&mut one, &mut other]);
    assert_ne!(one.is_over(), other.is_over(), "one stays");
    let mut stays = if one.is_over() { other } else { one };
    stays.say("SUBSCRIBE m=1 filter=t q=1");
    whole(&broker, &mut stays);
}
