//! The node: asks the publisher what to do, does it, and tells it what happened. It waits in one place only.

use crate::link::{DATE_WANTED, EVENTS, Event, ORDERS, Order};
use crate::memory::{self, Memory};
use crate::sensor::Sensor;
use crate::{chip, wifi};
use embassy_time::{Duration, Instant, with_timeout};
use esp_hal::rtc_cntl::Rtc;
use esp_hal::rtc_cntl::sleep::{LowPower, RtcSleepConfig};
use esp_hal::system::software_reset;
use esp_println::println;
use skeeter_sensor::console::{self, Answer};
use skeeter_sensor::publisher::{Diagnostics, Publisher, Step};
use skeeter_sensor::settings::Settings;

/// The watchdog is fed at least this often, in milliseconds.
const FEED: u64 = 10_000;

/// The parts of the chip that the node uses.
pub(crate) struct Board {
    pub(crate) sensor: Sensor,
    pub(crate) memory: Memory,
    pub(crate) rtc: Rtc<'static>,
    pub(crate) power: LowPower<'static>,
    pub(crate) settings: Settings,
    pub(crate) seed: u32,
}

struct Node {
    board: Board,
    publisher: Publisher,
    /// The publisher's clock, which sleep does not stop, and the chip's, when this life began.
    began: (u64, Instant),
    /// The number of the present connection.
    attempt: u32,
}

pub(crate) async fn run(mut board: Board) -> ! {
    let kept = memory::take();
    let began = kept.as_deref().and_then(Publisher::wake_time).unwrap_or(0);
    let mut publisher = Publisher::new(board.settings.clone(), began, 0, board.seed);
    match (kept, board.memory.readings()) {
        (Some(kept), _) => publisher.resume(&kept),
        (None, Some(readings)) => publisher.restore(&readings, false),
        (None, None) => {}
    }
    let mut node = Node { board, publisher, began: (began, Instant::now()), attempt: 0 };
    loop {
        node.step().await;
    }
}

impl Node {
    fn now(&self) -> u64 {
        self.began.0 + self.began.1.elapsed().as_millis()
    }

    async fn step(&mut self) {
        self.board.rtc.rwdt.feed();
        if self.publisher.wants_date(self.now()) {
            DATE_WANTED.signal(());
        }
        let step = self.publisher.poll(self.now(), &diagnostics());
        let output = self.publisher.take_output();
        if !output.is_empty() {
            ORDERS.send(Order::Write(output)).await;
        }
        for line in self.publisher.take_news() {
            println!("{line}");
        }
        match step {
            Step::Wait(until) => self.wait(until).await,
            Step::Measure => {
                let result = self.board.sensor.read(self.publisher.settings().sensor).await;
                if let Ok(sample) = result {
                    println!("{sample}");
                }
                self.publisher.measured(result, self.now());
            }
            Step::Connect => {
                self.attempt = self.attempt.wrapping_add(1);
                let settings = self.publisher.settings();
                let (broker, port) = (settings.broker.clone(), settings.port);
                ORDERS.send(Order::Open { attempt: self.attempt, broker, port }).await;
            }
            Step::Close => {
                self.attempt = self.attempt.wrapping_add(1);
                ORDERS.send(Order::Close).await;
            }
            Step::SaveSettings => self.board.memory.save_settings(self.publisher.settings()),
            Step::SaveQueue => self.board.memory.save_readings(&self.publisher.to_bytes()),
            Step::Reboot => self.reboot().await,
            Step::Sleep(pause) => self.sleep(pause).await,
        }
    }

    /// The one place where the node waits.
    async fn wait(&mut self, until: u64) {
        let millis = until.saturating_sub(self.now()).clamp(1, FEED);
        let Ok(event) = with_timeout(Duration::from_millis(millis), EVENTS.receive()).await else { return };
        let now = self.now();
        match event {
            Event::Connected(attempt) if attempt == self.attempt => self.publisher.connected(now),
            Event::Received(attempt, bytes) if attempt == self.attempt => {
                if let Err(why) = self.publisher.received(&bytes, now) {
                    self.attempt = self.attempt.wrapping_add(1);
                    ORDERS.send(Order::Close).await;
                    self.publisher.closed(&why, now);
                }
            }
            Event::Closed(attempt, why) if attempt == self.attempt => self.publisher.closed(&why, now),
            // Of a connection that is given up.
            Event::Connected(_) | Event::Received(..) | Event::Closed(..) | Event::Finished => {}
            Event::Dated(unix) => self.publisher.dated(unix, now),
            Event::Typed(line) => self.typed(&line).await,
        }
    }

    async fn typed(&mut self, line: &str) {
        match console::answer(line, self.publisher.settings()) {
            Answer::Say(text) => println!("{text}"),
            Answer::Status => println!("{}", self.publisher.status(self.now(), &diagnostics())),
            Answer::Save(settings) => {
                self.board.memory.save_settings(&settings);
                println!("saved; restarting");
                self.reboot().await;
            }
            Answer::Reboot => self.reboot().await,
        }
    }

    async fn reboot(&mut self) {
        self.finish().await;
        memory::retain(&self.publisher.suspend(self.now()));
        software_reset();
    }

    async fn sleep(&mut self, pause: u64) {
        let wake = self.now() + pause;
        self.finish().await;
        memory::retain(&self.publisher.suspend(wake));
        // What finishing took is no part of the sleep; a sleep of nothing would never end.
        let pause = wake.saturating_sub(self.now()).max(100);
        println!("sleeping for {} s", pause / 1000);
        let wake = esp_hal::time::Instant::now() + esp_hal::time::Duration::from_millis(pause);
        self.board.rtc.rwdt.disable();
        self.board.power.set_wakeup_deadline(wake);
        self.board.power.sleep_deep(RtcSleepConfig::deep());
    }

    /// Lets the link write what it has and close, and turns the radio off.
    async fn finish(&mut self) {
        ORDERS.send(Order::Finish).await;
        let finished = async {
            loop {
                match EVENTS.receive().await {
                    Event::Finished => return,
                    Event::Dated(unix) => self.publisher.dated(unix, self.now()),
                    _ => {}
                }
            }
        };
        let _ = with_timeout(Duration::from_secs(5), finished).await;
        wifi::stop().await;
    }
}

fn diagnostics() -> Diagnostics {
    Diagnostics { rssi: wifi::rssi(), heap: Some(esp_alloc::HEAP.free()), reset: chip::reset() }
}
