//! The publisher against a broker made of bytes, in virtual time.

use super::*;
use mqttrs::Packet;

const SAMPLE: Sample = Sample { temperature: -5, humidity: 482 };
const BOARD: Diagnostics = Diagnostics { rssi: Some(-61), heap: None, reset: "power" };

/// A publisher, its clock, and a broker that answers or not.
struct Bench {
    publisher: Publisher,
    now: u64,
    reachable: bool,
    /// Connecting takes for ever.
    hangs: bool,
    answers: bool,
    open: bool,
    /// What the broker got: topic, payload, retain.
    got: Vec<(String, String, bool)>,
    connects: Vec<u64>,
    measures: usize,
    steps: Vec<Step>,
    frames: Inbox,
    code: u8,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings =
            Settings { broker: "b".into(), device: "attic".into(), interval: 10, ..Settings::default() };
        change(&mut settings);
        let publisher = Publisher::new(settings, 0, 0, 5);
        Self {
            publisher,
            now: 0,
            reachable: true,
            hangs: false,
            answers: true,
            open: false,
            got: Vec::new(),
            connects: Vec::new(),
            measures: 0,
            steps: Vec::new(),
            frames: Inbox::default(),
            code: 0,
        }
    }

    /// Lets the time pass.
    fn run(&mut self, until: u64) -> &mut Self {
        let mut guard = 0;
        while self.now < until {
            guard += 1;
            assert!(guard < 100_000, "no step takes time");
            let step = self.publisher.poll(self.now, &BOARD);
            self.broker();
            match step {
                Step::Wait(at) => {
                    // What the broker answered comes before anything that is waited for.
                    let again = self.publisher.poll(self.now, &BOARD);
                    if again == step && self.publisher.out.is_empty() {
                        assert!(at > self.now, "waits for the past");
                        self.now = at.min(until);
                    } else {
                        self.broker();
                        self.step(again);
                    }
                }
                step => self.step(step),
            }
            if matches!(step, Step::Sleep(_) | Step::Reboot) {
                break;
            }
        }
        self
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Wait(_) => return,
            Step::Measure => {
                self.measures += 1;
                self.publisher.measured(Ok(SAMPLE), self.now);
            }
            Step::Connect => {
                self.connects.push(self.now);
                if self.hangs {
                } else if self.reachable {
                    self.open = true;
                    self.frames = Inbox::default();
                    self.publisher.connected(self.now);
                } else {
                    self.publisher.closed("refused", self.now);
                }
            }
            Step::Close => self.open = false,
            _ => {}
        }
        self.steps.push(step);
    }

    fn broker(&mut self) {
        let bytes = self.publisher.take_output();
        if !self.open || !self.answers {
            return;
        }
        self.frames.push(&bytes);
        while let Some(frame) = self.frames.frame().unwrap() {
            let reply = match fence::decode(&frame).unwrap() {
                Packet::Connect(connect) => {
                    assert_eq!(
                        connect.last_will.as_ref().map(|w| (w.message, w.retain)),
                        Some((&b"offline"[..], true))
                    );
                    vec![0x20, 2, 0, self.code]
                }
                Packet::Subscribe(subscribe) => vec![0x90, 3, 0, subscribe.pid.get() as u8, 0],
                Packet::Publish(publish) => {
                    let payload = core::str::from_utf8(publish.payload).unwrap();
                    self.got.push((publish.topic_name.into(), payload.into(), publish.retain));
                    let pid = publish.qospid.pid().unwrap().get().to_be_bytes();
                    vec![0x40, 2, pid[0], pid[1]]
                }
                Packet::Pingreq => vec![0xD0, 0],
                _ => vec![],
            };
            if let Err(why) = self.publisher.received(&reply, self.now) {
                self.open = false;
                self.publisher.closed(&why, self.now);
            }
        }
    }

    /// The life after deep sleep, with what the one before suspended.
    fn wake(&mut self) {
        let Some(Step::Sleep(pause)) = self.steps.last() else { panic!("awake: {:?}", self.steps.last()) };
        self.now += pause;
        let bytes = self.publisher.suspend(self.now);
        assert!(bytes.len() <= crate::storage::CAPACITY);
        let settings = self.publisher.settings().clone();
        let wake = Publisher::wake_time(&bytes).unwrap();
        assert_eq!(wake, self.now);
        self.publisher = Publisher::new(settings, wake, 0, 5);
        self.publisher.resume(&bytes);
        self.open = false;
    }

    /// So many lives in sleep mode; when each connected first, if it did.
    fn lives(&mut self, count: usize) -> Vec<Option<u64>> {
        (0..count)
            .map(|_| {
                let before = self.connects.len();
                self.run(self.now + 60_000);
                let first = self.connects.get(before).copied();
                self.wake();
                first
            })
            .collect()
    }

    fn cut(&mut self) {
        self.open = false;
        self.publisher.closed("cut", self.now);
    }

    fn tell(&mut self, topic: &str, payload: &str, retain: bool) {
        let mut frame =
            vec![0x30 | u8::from(retain), (2 + topic.len() + payload.len()) as u8, 0, topic.len() as u8];
        frame.extend(topic.bytes().chain(payload.bytes()));
        self.publisher.received(&frame, self.now).unwrap();
    }

    fn readings(&self) -> Vec<serde_json::Value> {
        let climate = self.got.iter().filter(|(topic, _, _)| topic == "sensors/attic/climate");
        climate.map(|(_, payload, _)| serde_json::from_str(payload).unwrap()).collect()
    }

    fn seqs(&self) -> Vec<u64> {
        self.readings().iter().map(|reading| reading["seq"].as_u64().unwrap()).collect()
    }
}

#[test]
fn says_birth_and_entities_then_readings_then_diagnostics() {
    let mut bench = Bench::new(|_| {});
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.run(9_000);
    let topics: Vec<_> = bench.got.iter().map(|(topic, _, _)| topic.as_str()).collect();
    assert_eq!(topics[0], "sensors/attic/status");
    assert!(topics[1..5].iter().all(|topic| topic.starts_with("homeassistant/sensor/attic/")));
    assert_eq!(topics[5..], ["sensors/attic/climate", "sensors/attic/diagnostics"]);
    assert!(bench.got[..5].iter().all(|(_, _, retain)| *retain) && !bench.got[5].2);
    assert_eq!(bench.got[5].1, r#"{"temperature":-0.5,"humidity":48.2,"time":1700000000,"seq":0}"#);
    let diagnostics: serde_json::Value = serde_json::from_str(&bench.got[6].1).unwrap();
    assert_eq!((&diagnostics["rssi"], &diagnostics["reset"]), (&(-61).into(), &"power".into()));
}

#[test]
fn measures_on_while_the_broker_is_away_and_sends_in_order_with_the_times() {
    let mut bench = Bench::new(|_| {});
    bench.reachable = false;
    bench.run(600_000);
    assert_eq!((bench.measures, bench.publisher.waiting()), (60, 60));
    assert!(!bench.steps.contains(&Step::Reboot));
    bench.reachable = true;
    bench.publisher.dated(1_700_000_600_000, 600_000);
    bench.run(730_000);
    let times: Vec<_> = bench.readings().iter().map(|r| r["time"].as_u64().unwrap()).collect();
    assert!(times.len() >= 72);
    assert!(times.iter().enumerate().all(|(n, time)| *time == 1_700_000_000 + 10 * n as u64));
    assert_eq!(bench.seqs(), (0..times.len() as u64).collect::<Vec<_>>());
}

#[test]
fn backs_off_from_a_broker_that_is_away() {
    let mut bench = Bench::new(|_| {});
    bench.reachable = false;
    bench.run(3_600_000);
    let gaps: Vec<_> = bench.connects.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] <= 1_000 && gaps[1] <= 2_000, "{gaps:?}");
    assert!(gaps[8..].iter().all(|gap| (60_000..=120_000).contains(gap)), "{gaps:?}");
}

#[test]
fn gives_up_a_broker_that_never_answers_and_loses_nothing() {
    let mut bench = Bench::new(|_| {});
    bench.answers = false;
    bench.run(60_000);
    assert!(bench.steps.contains(&Step::Close) && bench.publisher.waiting() == 6);
    bench.answers = true;
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.run(200_000);
    assert_eq!(bench.seqs()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // Silent in the middle of a connection.
    let closes = bench.steps.iter().filter(|step| **step == Step::Close).count();
    bench.answers = false;
    bench.run(250_000);
    assert!(bench.steps.iter().filter(|step| **step == Step::Close).count() > closes);
}

#[test]
fn an_unacknowledged_reading_is_sent_again() {
    let mut bench = Bench::new(|_| {});
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.run(15_000);
    bench.answers = false;
    bench.run(20_001);
    bench.cut();
    bench.answers = true;
    bench.run(39_000);
    assert_eq!(bench.seqs(), [0, 1, 2, 3]);
}

#[test]
fn undated_readings_wait_a_while_and_then_go_without() {
    let mut bench = Bench::new(|_| {});
    bench.run(14_000);
    assert_eq!(bench.seqs(), [] as [u64; 0]);
    bench.run(19_000);
    assert_eq!(bench.seqs(), [0, 1]);
    assert!(bench.readings().iter().all(|reading| reading["time"].is_null()));
}

#[test]
fn keeps_alive_and_notices_when_the_broker_is_gone() {
    let mut bench = Bench::new(|settings| settings.interval = 3_600);
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.run(250_000);
    assert_eq!(bench.connects.len(), 1);
    bench.answers = false;
    bench.run(295_000);
    assert!(bench.steps.contains(&Step::Close));
}

#[test]
fn a_broker_that_ends_the_connection_at_the_first_publish_is_backed_off_from() {
    let mut bench = Bench::new(|_| {});
    while bench.now < 600_000 {
        bench.run(bench.now + 1);
        // SUBACK has come, and a PUBLISH: now the broker closes.
        if bench.open && bench.publisher.greeted > 0 {
            bench.cut();
        }
    }
    assert!(bench.connects.len() <= 20, "{} connects in ten minutes", bench.connects.len());
    let news = bench.publisher.take_news();
    let hints = news.iter().filter(|line| line.contains("another board is named attic")).count();
    assert_eq!(hints, 1, "{news:?}");
}

#[test]
fn without_a_time_server_nothing_waits_for_the_time() {
    let mut bench = Bench::new(|settings| (settings.sleep, settings.ntp) = (true, "".into()));
    bench.run(1_000);
    assert_eq!(bench.readings().len(), 1);
    assert!(matches!(bench.steps.last(), Some(Step::Sleep(_))), "{:?}", bench.steps);
}

#[test]
fn a_sleeping_board_asks_for_the_time_once_an_hour_and_waits_a_little_for_it() {
    let mut bench = Bench::new(|settings| (settings.sleep, settings.interval) = (true, 600));
    assert!(bench.publisher.wants_date(0));
    bench.publisher.dated(1_800_000_000_000, 0);
    assert!(!bench.publisher.wants_date(3_599_999) && bench.publisher.wants_date(3_600_000));
    bench.run(100_000);
    let awake = bench.now;
    assert!(awake < 1_000, "{awake}");
    let kept = bench.publisher.suspend(7_200_000);
    bench.publisher = Publisher::new(bench.publisher.settings().clone(), 7_200_000, 0, 1);
    bench.publisher.resume(&kept);
    (bench.now, bench.open) = (7_200_000, false);
    assert!(bench.publisher.wants_date(7_200_000), "the answer is two hours old");
    bench.run(7_300_000);
    assert!((2_000..3_000).contains(&(bench.now - 7_200_000)), "{}", bench.now - 7_200_000);
}

#[test]
fn a_refusal_is_told_and_backed_off_from() {
    for (code, word) in [(4, "password"), (5, "not authorized"), (2, "client ID"), (3, "not available")] {
        let mut bench = Bench::new(|_| {});
        bench.code = code;
        bench.run(60_000);
        assert!(bench.publisher.take_news().iter().any(|line| line.contains(word)), "{word}");
        assert!((4..=8).contains(&bench.connects.len()), "{:?}", bench.connects);
    }
}

#[test]
fn takes_settings_but_no_harmful_ones() {
    let mut bench = Bench::new(|_| {});
    bench.run(5_000);
    bench.tell("sensors/attic/set/interval", "30", true);
    bench.tell("sensors/attic/set/broker", "evil", false);
    bench.tell("sensors/attic/set/interval", "never", false);
    bench.tell("sensors/attic/set/reboot", "1", true);
    bench.run(6_000);
    assert_eq!((bench.publisher.settings().interval, bench.publisher.settings().broker.as_str()), (30, "b"));
    assert_eq!(bench.steps.iter().filter(|step| **step == Step::SaveSettings).count(), 1);
    assert!(!bench.steps.contains(&Step::Reboot), "a retained reboot would never end");
    bench.tell("sensors/attic/set/reboot", "1", false);
    bench.run(7_000);
    assert_eq!(bench.steps.last(), Some(&Step::Reboot));
}

#[test]
fn sleeps_once_all_is_said_and_says_so() {
    let mut bench = Bench::new(|settings| settings.sleep = true);
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.run(60_000);
    assert_eq!(bench.got.last(), Some(&("sensors/attic/status".into(), "asleep".into(), true)));
    assert_eq!(bench.seqs(), [0]);
    assert!(matches!(bench.steps.last(), Some(Step::Sleep(1..=10_000))), "{:?}", bench.steps);
}

#[test]
fn sleeps_without_a_broker_too_and_keeps_the_readings() {
    let mut bench = Bench::new(|settings| (settings.sleep, settings.interval) = (true, 600));
    bench.reachable = false;
    bench.run(100_000);
    assert_eq!((bench.now, bench.steps.last()), (45_000, Some(&Step::Sleep(555_000))));
    let bytes = bench.publisher.to_bytes();
    let mut next = Bench::new(|settings| (settings.sleep, settings.interval) = (true, 600));
    next.now = 600_000;
    next.publisher = Publisher::new(next.publisher.settings().clone(), 600_000, 0, 5);
    next.publisher.restore(&bytes, true);
    next.publisher.dated(1_700_000_600_000, 600_000);
    next.run(700_000);
    let times: Vec<_> = next.readings().iter().map(|r| r["time"].as_u64().unwrap()).collect();
    assert_eq!((next.seqs(), times), (vec![0, 1], vec![1_700_000_000, 1_700_000_600]));
    assert!(next.steps.contains(&Step::SaveQueue), "what was sent is cleared from the flash");
}

#[test]
fn without_a_broker_set_it_measures_and_does_not_connect() {
    let mut bench = Bench::new(|settings| settings.broker.clear());
    bench.run(100_000);
    assert_eq!((bench.connects.len(), bench.publisher.waiting()), (0, 10));
}

#[test]
fn a_broken_sensor_is_told_and_the_broker_learns_of_it() {
    let mut publisher = Publisher::new(Settings::default(), 0, 0, 1);
    let mut times = Vec::new();
    for now in 0..120_000 {
        if publisher.poll(now, &BOARD) == Step::Measure {
            publisher.measured(Err(Fault::Checksum), now);
            times.push(now);
        }
    }
    // Twice again as soon as the sensor can answer; only then is it a fault, told once.
    assert_eq!(times, [0, 2_100, 4_200, 64_200]);
    let told = publisher.take_news().iter().filter(|line| line.contains("checksum")).count();
    assert_eq!(told, 2);
    assert!(packets::diagnostics(&BOARD, 0, &publisher.queue, publisher.fault).contains("checksum"));
    assert_eq!(publisher.waiting(), 0);
}

#[test]
fn bytes_that_are_no_mqtt_end_the_connection() {
    for bytes in [&[0x40, 0][..], &[0x20, 2, 9, 9], &[0x10, 0xFF, 0xFF, 0xFF, 0xFF]] {
        let mut bench = Bench::new(|_| {});
        bench.answers = false;
        bench.run(1);
        assert!(bench.publisher.received(bytes, 1).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_sleeping_board_turns_the_radio_on_less_often_while_nobody_answers() {
    let mut bench = Bench::new(|settings| (settings.sleep, settings.interval) = (true, 60));
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.reachable = false;
    let tried: Vec<_> = bench.lives(12).iter().map(Option::is_some).collect();
    let (on, off) = (true, false);
    assert_eq!(tried, [on, off, on, off, off, on, off, off, off, off, on, off]);
    // It measured each time all the same, and says so with the right times once somebody is there.
    bench.reachable = true;
    bench.lives(8);
    assert_eq!(bench.seqs(), (0..bench.seqs().len() as u64).collect::<Vec<_>>());
    let times: Vec<_> = bench.readings().iter().map(|r| r["time"].as_u64().unwrap()).collect();
    assert!(times.len() >= 19 && times.windows(2).all(|pair| pair[1] - pair[0] == 60), "{times:?}");
    assert_eq!(bench.got.last().unwrap().1, "asleep");
    // After that each life connects again.
    assert!(bench.lives(3).iter().all(Option::is_some));
}

#[test]
fn a_sleeping_board_tells_home_assistant_once_an_hour() {
    let mut bench = Bench::new(|settings| (settings.sleep, settings.interval) = (true, 600));
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.lives(14);
    let told = bench.got.iter().filter(|(topic, ..)| topic.ends_with("/temperature/config")).count();
    assert_eq!(told, 3, "at 0, 70 and 140 minutes");
    assert_eq!(bench.seqs().len(), 14);
}

#[test]
fn a_restart_keeps_the_readings_and_the_date() {
    let mut bench = Bench::new(|_| {});
    bench.reachable = false;
    bench.run(35_000);
    bench.publisher.dated(1_700_000_000_000, 30_000);
    let bytes = bench.publisher.suspend(36_000);
    let mut after = Bench::new(|_| {});
    after.now = 36_000;
    after.publisher = Publisher::new(after.publisher.settings().clone(), 36_000, 0, 5);
    after.publisher.resume(&bytes);
    after.run(37_000);
    assert_eq!(after.seqs(), [0, 1, 2, 3, 4]);
    assert!(after.readings().iter().all(|reading| reading["time"].is_u64()));
    // What is none of it changes nothing.
    let before = after.publisher.to_bytes();
    for len in 0..bytes.len() {
        if (len - 50.min(len)) % 16 != 0 || len < 50 {
            after.publisher.resume(&bytes[..len]);
        }
    }
    assert_eq!(after.publisher.to_bytes(), before);
}

#[test]
fn long_waits_go_to_the_flash_and_survive_a_power_cut() {
    let mut bench = Bench::new(|settings| settings.interval = 60);
    bench.publisher.dated(1_700_000_000_000, 0);
    bench.reachable = false;
    let mut flash = Vec::new();
    let mut saves = 0;
    for second in 0..3_000 {
        let before = bench.steps.len();
        bench.run(second * 1_000);
        if bench.steps[before..].contains(&Step::SaveQueue) {
            saves += 1;
            flash = bench.publisher.to_bytes();
        }
    }
    assert_eq!(saves, 3, "a flash does not last for ever: once in 15 minutes");
    // The power fails; what the flash has is sent first, dated as before, and then cleared from it.
    let mut after = Bench::new(|settings| settings.interval = 60);
    after.publisher.restore(&flash, false);
    after.publisher.dated(1_700_010_000_000, 0);
    after.run(1_000);
    let times: Vec<_> = after.readings().iter().map(|r| r["time"].as_u64().unwrap()).collect();
    assert!(times.len() >= 45 && times[0] == 1_700_000_000, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(after.steps.contains(&Step::SaveQueue));
}

#[test]
fn measures_on_while_connecting_takes_for_ever() {
    let mut bench = Bench::new(|_| {});
    bench.hangs = true;
    bench.run(100_000);
    assert_eq!(bench.measures, 10);
    assert!(bench.steps.contains(&Step::Close), "and gives each attempt up in time");
    assert!((3..=4).contains(&bench.connects.len()), "{:?}", bench.connects);
}
