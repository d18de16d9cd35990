//! One subscriber that takes little or nothing: publishers and other clients go on.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::canary::{Defaults, judge};
use crate::support::{Broker, CONNACK4, Raw, connect4, packet, publish4, subscribe4, text};

/// A canary that is held up because of somebody else's backlog waits a second and more.
const MOST: Duration = Duration::from_millis(400);

/// Messages that fill a queue to its limits and go on.
fn flood(broker: &Broker, defaults: Defaults) {
    let (publishers, messages, size) = match defaults {
        Defaults::Skeeter => (4, 12_000_u16, 2_000),
        Defaults::MosquittoConf => (4, 2_000, 100),
    };
    let port = broker.port;
    let threads: Vec<_> = (0..publishers)
        .map(|number| {
            std::thread::spawn(move || {
                let mut publisher = Raw::connect(port);
                publisher.send(&connect4(&format!("p{number}"), true));
                publisher.expect(&CONNACK4);
                let payload = vec![b'x'; size];
                for batch in 0..messages / 500 {
                    let ids = batch * 500 + 1..=batch * 500 + 500;
                    let burst: Vec<u8> =
                        ids.clone().flat_map(|id| publish4("flood/topic", 1, id, &payload)).collect();
                    publisher.send(&burst);
                    ids.for_each(|id| publisher.expect(&packet(0x40, &[&id.to_be_bytes()])));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("every message is acknowledged"));
}

/// CONNECT of MQTT 5 with Receive Maximum 1.
fn connect_with_window_of_one(client: &str) -> Vec<u8> {
    packet(0x10, &[&text("MQTT"), &[5, 2, 0, 0], &[3, 0x21, 0, 1], &text(client)])
}

fn subscribe5(filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&[0, 1, 0], &text(filter), &[qos]])
}

/// Runs `each` again and again, beside the test and until it ends.
struct Beside(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Beside {
    fn start(mut each: impl FnMut() + Send + 'static, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                each();
                std::thread::park_timeout(pause);
            }
        });
        Self(stop, Some(thread))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// A subscriber of `filter` at QoS 1 that acknowledges no message, whose window is one message.
fn silent(broker: &Broker, filter: &str) -> Raw {
    let mut client = broker.connect();
    client.send(&connect_with_window_of_one("attacker"));
    assert_eq!(client.packet().0, 0x20);
    client.send(&subscribe5(filter, 1));
    assert_eq!(client.packet().0, 0x90);
    client
}

/// It sends PINGREQ all the time and reads the answers.
fn pinging(broker: &Broker, filter: &str) -> Beside {
    let mut client = silent(broker, filter);
    Beside::start(move || drop(client.ping()), Duration::from_millis(50))
}

fn with_both(attack: impl Fn(&Broker, Defaults)) {
    for defaults in [Defaults::Skeeter, Defaults::MosquittoConf] {
        judge(defaults, MOST, |broker| attack(broker, defaults));
    }
}

#[test]
fn a_subscriber_that_only_pings_holds_nobody_up() {
    with_both(|broker, defaults| {
        let _attacker = pinging(broker, "#");
        flood(broker, defaults);
    });
}

#[test]
fn a_shared_group_whose_member_only_pings_holds_nobody_up() {
    with_both(|broker, defaults| {
        let _attacker = pinging(broker, "$share/g/#");
        flood(broker, defaults);
    });
}

#[test]
fn a_subscriber_that_acknowledges_two_messages_a_second_holds_nobody_up() {
    with_both(|broker, defaults| {
        let mut client = silent(broker, "#");
        let acknowledge = move || {
            let (first, body) = client.packet();
            if first >> 4 == 3 {
                let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                client.send(&packet(0x40, &[&body[id..id + 2]]));
            }
        };
        let _attacker = Beside::start(acknowledge, Duration::from_millis(500));
        flood(broker, defaults);
    });
}

#[test]
fn a_subscriber_that_reads_24_kilobytes_a_second_holds_nobody_up() {
    for qos in [0, 1] {
        with_both(|broker, defaults| {
            let mut client = broker.connect();
            client.send(&connect4("attacker", true));
            client.expect(&CONNACK4);
            client.send(&subscribe4(1, "#", qos));
            client.expect(&[0x90, 3, 0, 1, qos]);
            let mut some = [0; 2_400];
            let read = move || drop(client.0.read(&mut some));
            let _attacker = Beside::start(read, Duration::from_millis(100));
            flood(broker, defaults);
        });
    }
}

#[test]
fn a_subscriber_that_has_died_holds_nobody_up() {
    for qos in [0, 1, 2] {
        with_both(|broker, defaults| {
            let mut client = broker.connect();
            client.send(&connect4("attacker", true));
            client.expect(&CONNACK4);
            client.send(&subscribe4(1, "#", qos));
            client.expect(&[0x90, 3, 0, 1, qos]);
            flood(broker, defaults);
        });
    }
}

/// What is acknowledged reaches a subscriber that takes it as fast as it can, though publishers are faster.
#[test]
fn a_flood_loses_nothing_for_a_subscriber_that_keeps_up_as_well_as_it_can() {
    const PUBLISHERS: usize = 20;
    const MESSAGES: u16 = 1_000;
    for defaults in [Defaults::Skeeter, Defaults::MosquittoConf] {
        judge(defaults, MOST, |broker| {
            let mut subscriber = broker.connect();
            subscriber.send(&connect4("all", true));
            subscriber.expect(&CONNACK4);
            subscriber.send(&subscribe4(1, "in/#", 1));
            subscriber.expect(&[0x90, 3, 0, 1, 1]);
            let port = broker.port;
            let publish = move |number: usize| {
                let mut publisher = Raw::connect(port);
                publisher.send(&connect4(&format!("p{number}"), true));
                publisher.expect(&CONNACK4);
                let topic = format!("in/{number:02}");
                let burst: Vec<u8> =
                    (1..=MESSAGES).flat_map(|id| publish4(&topic, 1, id, &id.to_be_bytes())).collect();
                publisher.send(&burst);
                (1..=MESSAGES).for_each(|id| publisher.expect(&packet(0x40, &[&id.to_be_bytes()])));
            };
            let publishers: Vec<_> =
                (0..PUBLISHERS).map(|number| std::thread::spawn(move || publish(number))).collect();
            let mut last = [0; PUBLISHERS];
            for _ in 0..PUBLISHERS * usize::from(MESSAGES) {
                let (_, body) = subscriber.packet();
                let number: usize = std::str::from_utf8(&body[5..7]).unwrap().parse().unwrap();
                let count = u16::from_be_bytes([body[9], body[10]]);
                assert_eq!(count, last[number] + 1, "publisher {number}: in order, none missing, none twice");
                last[number] = count;
                subscriber.send(&packet(0x40, &[&body[7..9]]));
            }
            publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
        });
    }
}
