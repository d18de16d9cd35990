//! Readings out of the waveform of a DHT22 (AM2302) or DHT11.
//!
//! The sensor answers with a low and a high of 80 µs, then 40 bits: a low of 50 µs, then a high of 26 µs (0) or 70 µs
//! (1). How the line is sampled is the board's affair.

use core::fmt;

/// Which sensor is wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Dht11,
    Dht22,
}

/// A span of time during which the line kept its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    pub high: bool,
    /// In microseconds.
    pub micros: u16,
}

/// What the sensor measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// In tenths of a degree Celsius.
    pub temperature: i16,
    /// In tenths of a per cent.
    pub humidity: u16,
}

impl fmt::Display for Sample {
    /// For the console: `21.5 °C, 48.2 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.temperature < 0 { "-" } else { "" };
        let size = self.temperature.unsigned_abs();
        write!(f, "{sign}{}.{} °C, {}.{} %", size / 10, size % 10, self.humidity / 10, self.humidity % 10)
    }
}

/// Why there is no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The line never moved.
    Silent,
    /// Fewer than 40 bits.
    Short,
    /// A pulse is no bit.
    Shape,
    Checksum,
    /// Outside of what the sensor can measure.
    Range,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "the sensor does not answer; check its power, its data pin and the pull-up",
            Self::Short => "the sensor's response is incomplete; check the length of the wire",
            Self::Shape => "the sensor's response is garbled; check the pull-up and the wire",
            Self::Checksum => "the sensor's checksum is wrong; check the pull-up and the wire",
            Self::Range => {
                "the reading is out of the sensor's range; check its type (set sensor dht11|dht22)"
            }
        })
    }
}

/// Shorter spans are noise on the line, in microseconds.
const GLITCH: u16 = 8;
/// Most spans an answer has, noise included.
pub const PULSES: usize = 160;

/// Decodes one answer.
///
/// # Errors
/// When the waveform is no answer of this kind of sensor, see [`Fault`].
pub fn decode(kind: Kind, pulses: &[Pulse]) -> Result<Sample, Fault> {
    let mut clean = [Pulse { high: true, micros: 0 }; PULSES];
    let count = smooth(pulses, &mut clean);
    let clean = &clean[..count];
    // The highs between two lows: the last high is the idle line, the first bits are preceded by the sensor's greeting.
    let greeting = clean
        .windows(2)
        .position(|w| !w[0].high && w[1].high && (60..=110).contains(&w[0].micros) && w[1].micros >= 60);
    let Some(greeting) = greeting else {
        return Err(if clean.len() < 3 { Fault::Silent } else { Fault::Short });
    };
    let bits = &clean[greeting + 2..];
    let mut bytes = [0_u8; 5];
    for number in 0..40 {
        let (Some(low), Some(high)) = (bits.get(2 * number), bits.get(2 * number + 1)) else {
            return Err(Fault::Short);
        };
        if low.high || !high.high || !(30..=90).contains(&low.micros) || !(10..=100).contains(&high.micros) {
            return Err(Fault::Shape);
        }
        bytes[number / 8] = bytes[number / 8] << 1 | u8::from(high.micros > 48);
    }
    sample(kind, bytes)
}

/// Joins spans that noise has cut; returns how many are left.
fn smooth(pulses: &[Pulse], clean: &mut [Pulse; PULSES]) -> usize {
    let mut count = 0_usize;
    for pulse in pulses {
        match clean[..count].last_mut() {
            Some(last) if last.high == pulse.high || pulse.micros < GLITCH => {
                last.micros = last.micros.saturating_add(pulse.micros);
            }
            _ if count < PULSES => {
                clean[count] = *pulse;
                count += 1;
            }
            _ => break,
        }
    }
    count
}

fn sample(kind: Kind, bytes: [u8; 5]) -> Result<Sample, Fault> {
    let [h1, h0, t1, t0, sum] = bytes;
    if h1.wrapping_add(h0).wrapping_add(t1).wrapping_add(t0) != sum {
        return Err(Fault::Checksum);
    }
    // All zeroes have a right checksum: it is what a line held low reads as.
    if bytes == [0; 5] {
        return Err(Fault::Range);
    }
    let (sample, range) = match kind {
        Kind::Dht22 => {
            let sample = Sample { temperature: signed([t1, t0]), humidity: u16::from_be_bytes([h1, h0]) };
            (sample, -400..=800)
        }
        // A DHT22's first byte is at most 3 (100.0 % is 0x03E8), and a DHT11 measures no humidity below 4 %: such an answer
        // is that of a DHT22. Tenths are 0 to 9.
        Kind::Dht11 if h1 <= 3 || h0 > 9 || t0 & 0x7F > 9 => return Err(Fault::Range),
        Kind::Dht11 => {
            let tenths = i16::from(t1) * 10 + i16::from(t0 & 0x7F);
            let temperature = if t0 & 0x80 != 0 { -tenths } else { tenths };
            (Sample { temperature, humidity: u16::from(h1) * 10 + u16::from(h0) }, -200..=600)
        }
    };
    if sample.humidity > 1000 || !range.contains(&sample.temperature) {
        return Err(Fault::Range);
    }
    Ok(sample)
}

/// The temperature of a DHT22. Below zero some of them send sign and magnitude (0x8001 to 0x8190), others two's complement
/// (0xFE70 to 0xFFFF); both span -0.1 to -40.0 °C, so nothing is ambiguous.
fn signed(bytes: [u8; 2]) -> i16 {
    let value = u16::from_be_bytes(bytes);
    match value {
        // Positive, for it has 15 bits.
        0x8000..=0xBFFF => -((value & 0x7FFF) as i16),
        _ => value as i16,
    }
}

/// The waveform of an answer: for the simulated sensor and the tests.
#[must_use]
pub fn waveform(kind: Kind, sample: Sample) -> alloc::vec::Vec<Pulse> {
    let size = sample.temperature.unsigned_abs();
    let below = sample.temperature < 0;
    let [h1, h0, t1, t0] = match kind {
        Kind::Dht22 => {
            let (h, t) = (sample.humidity.to_be_bytes(), size.to_be_bytes());
            [h[0], h[1], t[0] | u8::from(below) << 7, t[1]]
        }
        Kind::Dht11 => {
            let parts = |value: u16| [(value / 10) as u8, (value % 10) as u8];
            let (h, t) = (parts(sample.humidity), parts(size));
            [h[0], h[1], t[0], t[1] | u8::from(below) << 7]
        }
    };
    answer_of([h1, h0, t1, t0])
}

/// The waveform of these bytes and their checksum.
fn answer_of(bytes: [u8; 4]) -> alloc::vec::Vec<Pulse> {
    let [h1, h0, t1, t0] = bytes;
    let sum = h1.wrapping_add(h0).wrapping_add(t1).wrapping_add(t0);
    let mut pulses = alloc::vec![
        Pulse { high: true, micros: 30 },
        Pulse { high: false, micros: 81 },
        Pulse { high: true, micros: 79 },
    ];
    for byte in [h1, h0, t1, t0, sum] {
        for bit in (0..8).rev() {
            pulses.push(Pulse { high: false, micros: 51 });
            pulses.push(Pulse { high: true, micros: if byte >> bit & 1 == 1 { 71 } else { 26 } });
        }
    }
    pulses.push(Pulse { high: false, micros: 50 });
    pulses
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARM: Sample = Sample { temperature: 215, humidity: 482 };

    #[test]
    fn is_shown_to_people() {
        assert_eq!(WARM.to_string(), "21.5 °C, 48.2 %");
        assert_eq!(Sample { temperature: -5, humidity: 1000 }.to_string(), "-0.5 °C, 100.0 %");
    }

    #[test]
    fn reads_good_answers() {
        for temperature in [-400, -1, 0, 215, 800] {
            let sample = Sample { temperature, ..WARM };
            assert_eq!(decode(Kind::Dht22, &waveform(Kind::Dht22, sample)), Ok(sample));
        }
        for temperature in [-105, 0, 215, 599] {
            let sample = Sample { temperature, ..WARM };
            assert_eq!(decode(Kind::Dht11, &waveform(Kind::Dht11, sample)), Ok(sample));
        }
    }

    #[test]
    fn reads_both_ways_to_send_temperatures_below_zero() {
        for (bytes, temperature) in [
            ([0x80, 0x00], 0),
            ([0x80, 0x01], -1),
            ([0x81, 0x90], -400),
            ([0xFF, 0xFF], -1),
            ([0xFF, 0xFD], -3),
            ([0xFF, 0xF1], -15),
            ([0xFF, 0x4C], -180),
            ([0xFE, 0x70], -400),
            ([0x7F, 0xFF], 32_767),
        ] {
            let decoded = decode(Kind::Dht22, &answer_of([1, 0xE2, bytes[0], bytes[1]]));
            let sample = Sample { temperature, humidity: 482 };
            assert_eq!(
                decoded,
                if temperature < 801 { Ok(sample) } else { Err(Fault::Range) },
                "{bytes:02x?}"
            );
        }
    }

    #[test]
    fn refuses_every_answer_of_a_dht22_where_a_dht11_is_set() {
        for humidity in (0..=1_000).step_by(7) {
            for temperature in (-400..=800).step_by(11) {
                let pulses = waveform(Kind::Dht22, Sample { temperature, humidity });
                assert_eq!(decode(Kind::Dht11, &pulses), Err(Fault::Range), "{humidity} {temperature}");
            }
        }
        // Tenths above nine.
        for bytes in [[48, 200, 25, 0], [48, 0, 25, 99]] {
            assert_eq!(decode(Kind::Dht11, &answer_of(bytes)), Err(Fault::Range), "{bytes:?}");
        }
    }

    #[test]
    fn reads_through_glitches_anywhere() {
        let clean = waveform(Kind::Dht22, WARM);
        for at in 0..clean.len() {
            let mut noisy = clean.clone();
            let whole = noisy[at];
            let part = whole.micros / 2;
            let glitch = Pulse { high: !whole.high, micros: 2 };
            let halves =
                [Pulse { micros: part, ..whole }, glitch, Pulse { micros: whole.micros - part - 2, ..whole }];
            noisy.splice(at..=at, halves);
            assert_eq!(decode(Kind::Dht22, &noisy), Ok(WARM), "glitch in pulse {at}");
        }
    }

    #[test]
    fn refuses_every_short_answer() {
        let clean = waveform(Kind::Dht22, WARM);
        for len in 0..clean.len() - 1 {
            let fault = decode(Kind::Dht22, &clean[..len]);
            assert!(matches!(fault, Err(Fault::Silent | Fault::Short)), "{len}: {fault:?}");
        }
    }

    #[test]
    fn refuses_every_flipped_bit() {
        let clean = waveform(Kind::Dht22, WARM);
        for bit in 0..40 {
            let mut wrong = clean.clone();
            let high = &mut wrong[4 + 2 * bit];
            high.micros = if high.micros > 48 { 26 } else { 70 };
            assert_eq!(decode(Kind::Dht22, &wrong), Err(Fault::Checksum), "bit {bit}");
        }
    }

    #[test]
    fn refuses_pulses_that_are_no_bits() {
        for (at, micros) in [(3, 200), (4, 400), (41, 20)] {
            let mut wrong = waveform(Kind::Dht22, WARM);
            wrong[at].micros = micros;
            assert_eq!(decode(Kind::Dht22, &wrong), Err(Fault::Shape));
        }
    }

    #[test]
    fn refuses_what_cannot_be_measured() {
        let hot = Sample { temperature: 801, ..WARM };
        assert_eq!(decode(Kind::Dht22, &waveform(Kind::Dht22, hot)), Err(Fault::Range));
        let wet = Sample { humidity: 1001, ..WARM };
        assert_eq!(decode(Kind::Dht22, &waveform(Kind::Dht22, wet)), Err(Fault::Range));
        let zero = Sample { temperature: 0, humidity: 0 };
        assert_eq!(decode(Kind::Dht22, &waveform(Kind::Dht22, zero)), Err(Fault::Range));
    }

    #[test]
    fn any_pulses_end_without_panic() {
        let mut seed = 1_u32;
        for len in 0..400 {
            let pulses: Vec<_> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    Pulse { high: seed & 1 << 30 != 0, micros: (seed >> 8) as u16 }
                })
                .collect();
            assert!(decode(Kind::Dht22, &pulses).is_err());
        }
    }
}
