//! The DHT's line, sampled by the chip's pulse counter (RMT): interrupts of Wi-Fi cannot disturb the timing.

use crate::chip;
use embassy_time::{Duration, Timer, with_timeout};
use esp_hal::Async;
use esp_hal::gpio::{DriveMode, Flex, InputConfig, Level, OutputConfig, Pull};
use esp_hal::peripherals::{GPIO4, RMT};
use esp_hal::rmt::{Channel, PulseCode, Rmt, Rx, RxChannelConfig, RxChannelCreator};
use esp_hal::time::Rate;
use skeeter_sensor::dht::{self, Fault, Kind, PULSES, Pulse, Sample};

/// The data line, and the counter that listens to it, if the chip gave one.
pub(crate) struct Sensor {
    line: Flex<'static>,
    counter: Option<Channel<'static, Async, Rx>>,
}

impl Sensor {
    pub(crate) fn new(rmt: RMT<'static>, pin: GPIO4<'static>) -> Self {
        let mut line = Flex::new(pin);
        // The sensor and the board both only pull the line low; the chip's own pull-up helps a missing resistor.
        line.apply_output_config(
            &OutputConfig::default().with_drive_mode(DriveMode::OpenDrain).with_pull(Pull::Up),
        );
        line.apply_input_config(&InputConfig::default().with_pull(Pull::Up));
        line.set_high();
        line.set_output_enable(true);
        line.set_input_enable(true);
        // Ticks of a microsecond. Spikes under 2.5 µs never count; half a millisecond of rest ends the answer.
        let config = RxChannelConfig::default()
            .with_clk_divider(80)
            .with_filter_threshold(200)
            .with_idle_threshold(500)
            .with_memsize(2);
        let counter = Rmt::new(rmt, Rate::from_mhz(80))
            .ok()
            .and_then(|rmt| chip::receiver!(rmt.into_async()).configure_rx(&config).ok())
            .map(|counter| counter.with_pin(line.peripheral_input()));
        Self { line, counter }
    }

    /// Asks the sensor; takes up to 45 ms, nearly all of it waiting.
    pub(crate) async fn read(&mut self, kind: Kind) -> Result<Sample, Fault> {
        let Some(counter) = &mut self.counter else { return Err(Fault::Silent) };
        self.line.set_low();
        Timer::after_millis(match kind {
            Kind::Dht11 => 20,
            Kind::Dht22 => 2,
        })
        .await;
        let mut codes = [PulseCode::default(); PULSES / 2];
        let answer = counter.receive(&mut codes);
        self.line.set_high();
        // A line that never rests or never moves gives a fault by what was seen of it.
        let _ = with_timeout(Duration::from_millis(20), answer).await;
        let mut pulses = [Pulse { high: true, micros: 0 }; PULSES];
        let mut count = 0;
        let spans = codes
            .iter()
            .flat_map(|code| [(code.level1(), code.length1()), (code.level2(), code.length2())])
            .take_while(|(_, micros)| *micros > 0);
        for (pulse, (level, micros)) in pulses.iter_mut().zip(spans) {
            *pulse = Pulse { high: level == Level::High, micros };
            count += 1;
        }
        dht::decode(kind, &pulses[..count])
    }
}
