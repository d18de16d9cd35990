//! What a person sets: Wi-Fi, broker, name, interval. Kept as lines of `key=value`, checked one by one.

use crate::dht::Kind;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Every key, in the order in which they are shown.
pub const KEYS: [&str; 11] =
    ["ssid", "password", "broker", "port", "user", "secret", "device", "interval", "sleep", "sensor", "ntp"];

/// The settings of one board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub ssid: String,
    /// Of the Wi-Fi; empty for an open network.
    pub password: String,
    pub broker: String,
    pub port: u16,
    /// Of the broker; empty for none.
    pub user: String,
    /// The password that goes with `user`.
    pub secret: String,
    /// The name in topics and in the client ID; empty until [`Settings::name_after`] gives it a default.
    pub device: String,
    /// Between measurements, in seconds, 2 to 86,400.
    pub interval: u32,
    /// Deep sleep between measurements.
    pub sleep: bool,
    pub sensor: Kind,
    /// The SNTP server; empty for none.
    pub ntp: String,
    /// Lines of `key=value` that this version does not know: they are kept for the one that wrote them.
    pub others: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ssid: String::new(),
            password: String::new(),
            broker: String::new(),
            port: 1883,
            user: String::new(),
            secret: String::new(),
            device: String::new(),
            interval: 60,
            sleep: false,
            sensor: Kind::Dht22,
            ntp: "pool.ntp.org".to_string(),
            others: Vec::new(),
        }
    }
}

impl Settings {
    /// Changes one setting.
    ///
    /// # Errors
    /// A line for people, when the key is unknown or the value is none.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let most = match key {
            "ssid" | "device" => 32,
            "password" => 64,
            "broker" | "ntp" => 63,
            _ => 128,
        };
        if value.len() > most {
            return Err(format!("{key}: longer than {most} bytes"));
        }
        if value.chars().any(char::is_control) {
            return Err(format!("{key}: contains a control character"));
        }
        let number = |least: u32, most: u32| match value.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("{key}: expected a number from {least} to {most}, not {value:?}")),
        };
        match key {
            "ssid" => self.ssid = value.into(),
            "password" if !is_wifi_password(value) => {
                return Err("password: expected 8 to 63 bytes, or a key of 64 hexadecimal digits".into());
            }
            "password" => self.password = value.into(),
            "broker" if value.contains(['/', ' ']) => {
                return Err(format!(
                    "broker: expected a host name or an address such as 192.168.1.2, not {value:?}"
                ));
            }
            "broker" => self.broker = value.into(),
            "port" => self.port = number(1, 65_535)? as u16,
            "user" => self.user = value.into(),
            "secret" => self.secret = value.into(),
            "device" if !value.bytes().all(is_name) => {
                return Err(format!("device: expected letters, digits, - and _, not {value:?}"));
            }
            "device" => self.device = value.into(),
            "interval" => self.interval = number(2, 86_400)?,
            "sleep" => match value {
                "on" | "ON" => self.sleep = true,
                "off" | "OFF" => self.sleep = false,
                _ => return Err(format!("sleep: expected on or off, not {value:?}")),
            },
            "sensor" => match value {
                "dht11" => self.sensor = Kind::Dht11,
                "dht22" => self.sensor = Kind::Dht22,
                _ => return Err(format!("sensor: expected dht11 or dht22, not {value:?}")),
            },
            "ntp" => self.ntp = value.into(),
            _ => return Err(format!("unknown setting {key:?}: expected {}", KEYS.join(", "))),
        }
        Ok(())
    }

    /// One setting as text; `None` for an unknown key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        Some(match key {
            "ssid" => self.ssid.clone(),
            "password" => self.password.clone(),
            "broker" => self.broker.clone(),
            "port" => self.port.to_string(),
            "user" => self.user.clone(),
            "secret" => self.secret.clone(),
            "device" => self.device.clone(),
            "interval" => self.interval.to_string(),
            "sleep" => if self.sleep { "on" } else { "off" }.into(),
            "sensor" => match self.sensor {
                Kind::Dht11 => "dht11".into(),
                Kind::Dht22 => "dht22".into(),
            },
            "ntp" => self.ntp.clone(),
            _ => return None,
        })
    }

    /// All settings as lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        let known = KEYS.iter().map(|key| format!("{key}={}\n", self.get(key).unwrap_or_default()));
        known.chain(self.others.iter().map(|line| format!("{line}\n"))).collect()
    }

    /// Settings out of lines, and what is wrong with the lines. A setting that is not named, or whose value is wrong, keeps
    /// its default: one bad line does not cost a board its network. Unknown settings are kept for a version that knows them.
    #[must_use]
    pub fn from_text(text: &str) -> (Self, Vec<String>) {
        let mut settings = Self::default();
        let mut faults = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty()) {
            match line.split_once('=') {
                Some((key, _)) if !KEYS.contains(&key) => {
                    settings.others.push(line.into());
                    faults.push(format!("unknown setting {key:?}: expected {}", KEYS.join(", ")));
                }
                Some((key, value)) => faults.extend(settings.set(key, value).err()),
                None => faults.push(format!("{line:?}: expected setting=value")),
            }
        }
        (settings, faults)
    }

    /// Names a board that has no name after its MAC address, so that no two boards have the same client ID: a broker would
    /// disconnect each of them when the other connects.
    pub fn name_after(&mut self, mac: [u8; 6]) {
        if self.device.is_empty() {
            self.device = format!("esp32-{:02x}{:02x}{:02x}", mac[3], mac[4], mac[5]);
        }
    }

    /// What has to be set before anything can be sent.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        if self.broker.is_empty() { Some("broker") } else { None }
    }
}

/// Nothing for an open network, a passphrase, or the key itself (IEEE 802.11i, annex H.4).
fn is_wifi_password(text: &str) -> bool {
    matches!(text.len(), 0 | 8..=63) || text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_to_text_and_back() {
        let mut settings = Settings::default();
        for (key, value) in
            [("ssid", "my = net"), ("password", "with=equals"), ("sleep", "on"), ("sensor", "dht11")]
        {
            settings.set(key, value).unwrap();
        }
        assert_eq!(Settings::from_text(&settings.to_text()), (settings, Vec::new()));
    }

    #[test]
    fn one_bad_line_costs_no_other_setting() {
        let text = "\u{feff}ssid=x\r\n\nbroker=b\nfuture=1\nport=many\nnonsense\ninterval=30\n";
        let (settings, faults) = Settings::from_text(text);
        assert_eq!((&*settings.ssid, &*settings.broker, settings.port), ("x", "b", 1883));
        assert_eq!(settings.interval, 30);
        assert_eq!(faults.len(), 3, "{faults:?}");
        // A version that knows it finds it again.
        assert!(settings.to_text().contains("\nfuture=1\n"));
        assert_eq!(Settings::from_text(&settings.to_text()).0, settings);
    }

    #[test]
    fn boards_without_a_name_are_named_after_their_address() {
        let name = |mac| {
            let mut settings = Settings::default();
            settings.name_after(mac);
            settings.device
        };
        assert_eq!(name([1, 2, 3, 0xA1, 0xB2, 0xC3]), "esp32-a1b2c3");
        assert_ne!(name([1, 2, 3, 4, 5, 6]), name([1, 2, 3, 4, 5, 7]));
        let mut named = Settings { device: "attic".into(), ..Settings::default() };
        named.name_after([0; 6]);
        assert_eq!(named.device, "attic");
    }

    #[test]
    fn takes_a_wifi_key_of_64_digits() {
        let mut settings = Settings::default();
        assert!(settings.set("password", &"0aF9".repeat(16)).is_ok());
        assert!(settings.set("password", &"0xF9".repeat(16)).is_err());
        assert!(settings.set("password", &"0".repeat(65)).is_err());
    }

    #[test]
    fn refuses_what_is_none() {
        let mut settings = Settings::default();
        for (key, value) in [
            ("port", "0"),
            ("port", "65536"),
            ("interval", "1"),
            ("interval", "soon"),
            ("device", "a/b"),
            ("device", "+"),
            ("broker", "mqtt://host"),
            ("sleep", "maybe"),
            ("sensor", "dht33"),
            ("password", "short"),
            ("ssid", "123456789012345678901234567890123"),
            ("user", "a\nb"),
            ("colour", "red"),
        ] {
            assert!(settings.set(key, value).is_err(), "{key}={value}");
        }
        assert_eq!(settings, Settings::default());
    }
}
