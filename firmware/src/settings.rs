//! What a person sets: Wi-Fi, broker, name, interval. Kept as lines of `key=value`, checked one by one.

use crate::dht::Kind;
use alloc::format;
use alloc::string::{String, ToString};

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
    /// The name in topics.
    pub device: String,
    /// Between measurements, in seconds, 2 to 86,400.
    pub interval: u32,
    /// Deep sleep between measurements.
    pub sleep: bool,
    pub sensor: Kind,
    /// The SNTP server; empty for none.
    pub ntp: String,
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
            device: "esp32".to_string(),
            interval: 60,
            sleep: false,
            sensor: Kind::Dht22,
            ntp: "pool.ntp.org".to_string(),
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
            "password" | "broker" | "ntp" => 63,
            _ => 128,
        };
        if value.len() > most {
            return Err(format!("{key} has more than {most} bytes"));
        }
        if value.chars().any(char::is_control) {
            return Err(format!("{key} contains a control character"));
        }
        let number = |least: u32, most: u32| match value.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("{key} is a number from {least} to {most}, not {value:?}")),
        };
        match key {
            "ssid" => self.ssid = value.into(),
            "password" if (1..8).contains(&value.len()) => {
                return Err("a Wi-Fi password has 8 to 63 bytes".into());
            }
            "password" => self.password = value.into(),
            "broker" => self.broker = value.into(),
            "port" => self.port = number(1, 65_535)? as u16,
            "user" => self.user = value.into(),
            "secret" => self.secret = value.into(),
            "device" if value.is_empty() || !value.bytes().all(is_name) => {
                return Err(format!("device may have letters, digits, - and _, not {value:?}"));
            }
            "device" => self.device = value.into(),
            "interval" => self.interval = number(2, 86_400)?,
            "sleep" => match value {
                "on" => self.sleep = true,
                "off" => self.sleep = false,
                _ => return Err(format!("sleep is on or off, not {value:?}")),
            },
            "sensor" => match value {
                "dht11" => self.sensor = Kind::Dht11,
                "dht22" => self.sensor = Kind::Dht22,
                _ => return Err(format!("sensor is dht11 or dht22, not {value:?}")),
            },
            "ntp" => self.ntp = value.into(),
            _ => return Err(format!("no setting {key:?}; there are {}", KEYS.join(", "))),
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
        KEYS.iter().map(|key| format!("{key}={}\n", self.get(key).unwrap_or_default())).collect()
    }

    /// Settings out of lines; those not named keep their defaults.
    ///
    /// # Errors
    /// A line for people about the first line that is none.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let mut settings = Self::default();
        for line in text.lines() {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("{line:?} is not key=value"))?;
            settings.set(key, value)?;
        }
        Ok(settings)
    }

    /// What has to be set before anything can be sent.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        if self.broker.is_empty() { Some("broker") } else { None }
    }
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
        assert_eq!(Settings::from_text(&settings.to_text()), Ok(settings));
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
            ("device", ""),
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
        assert!(Settings::from_text("nonsense").is_err());
    }
}
