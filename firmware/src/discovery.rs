//! Home Assistant's discovery: one retained description per entity, so that the board appears there by itself.

use crate::settings::Settings;
use alloc::format;
use alloc::string::String;

/// Diagnostics are sent so often, in seconds.
const DIAGNOSTICS_SECONDS: u32 = 300;
/// How many entities are described.
pub(crate) const COUNT: usize = 4;

/// Topic and payload of one description.
pub(crate) fn entity(settings: &Settings, number: usize) -> (String, String) {
    let (key, name, class, unit, topic, extra) = match number {
        0 => ("temperature", "Temperature", "temperature", "°C", "climate", ""),
        1 => ("humidity", "Humidity", "humidity", "%", "climate", ""),
        2 => {
            ("rssi", "Signal", "signal_strength", "dBm", "diagnostics", r#","entity_category":"diagnostic""#)
        }
        _ => ("uptime", "Uptime", "duration", "s", "diagnostics", r#","entity_category":"diagnostic""#),
    };
    let device = &settings.device;
    // A value older than three intervals is no longer shown: asleep counts as available, and a board may die asleep.
    let interval = match topic {
        "climate" => settings.interval,
        _ => settings.interval.max(DIAGNOSTICS_SECONDS),
    };
    let expiry = format!(r#","expire_after":{}"#, interval.saturating_mul(3).max(60));
    let payload = format!(
        concat!(
            r#"{{"name":"{}","unique_id":"{}_{}","state_topic":"sensors/{}/{}","value_template":"{{{{ value_json.{} }}}}","#,
            r#""device_class":"{}","unit_of_measurement":"{}","state_class":"measurement"{}{},"#,
            r#""availability_topic":"sensors/{}/status","#,
            r#""availability_template":"{{{{ 'offline' if value == 'offline' else 'online' }}}}","#,
            r#""device":{{"identifiers":["{}"],"name":"{}","model":"skeeter sensor","sw_version":"{}"}}}}"#
        ),
        name,
        device,
        key,
        device,
        topic,
        key,
        class,
        unit,
        expiry,
        extra,
        device,
        device,
        device,
        env!("CARGO_PKG_VERSION")
    );
    (format!("homeassistant/sensor/{device}/{key}/config"), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_is_json_and_its_own() {
        let settings = Settings { device: "attic".into(), ..Settings::default() };
        let all: Vec<_> = (0..COUNT).map(|number| entity(&settings, number)).collect();
        for (topic, payload) in &all {
            let json: serde_json::Value = serde_json::from_str(payload).unwrap();
            assert!(topic.contains(json["unique_id"].as_str().unwrap().strip_prefix("attic_").unwrap()));
            assert_eq!(json["availability_topic"], "sensors/attic/status");
            assert_eq!(all.iter().filter(|(other, _)| other == topic).count(), 1);
        }
        assert!(all[0].1.contains(r#""expire_after":180"#) && all[2].1.contains(r#""expire_after":900"#));
    }
}
