//! All that differs between the chips, apart from features and targets. The sensor is on GPIO4 of each.

use esp_hal::rtc_cntl::reset_reason;
use esp_hal::system::Cpu;

#[cfg(feature = "esp32c3")]
pub(crate) const NAME: &str = "ESP32-C3";
#[cfg(feature = "esp32c6")]
pub(crate) const NAME: &str = "ESP32-C6";
#[cfg(feature = "esp32")]
pub(crate) const NAME: &str = "ESP32";
#[cfg(feature = "esp32s3")]
pub(crate) const NAME: &str = "ESP32-S3";

/// The address of the station interface, which no other board has.
pub(crate) fn mac() -> [u8; 6] {
    let mac = esp_hal::efuse::interface_mac_address(esp_hal::efuse::InterfaceMacAddress::Station);
    let mut bytes = [0; 6];
    bytes.copy_from_slice(mac.as_bytes());
    bytes
}

/// Where the board's USB bridge sends what is typed.
macro_rules! uart_pin {
    ($uart:expr, $chip:expr) => {{
        #[cfg(feature = "esp32c3")]
        let pin = $chip.GPIO20;
        #[cfg(feature = "esp32c6")]
        let pin = $chip.GPIO17;
        #[cfg(feature = "esp32")]
        let pin = $chip.GPIO3;
        #[cfg(feature = "esp32s3")]
        let pin = $chip.GPIO44;
        $uart.with_rx(pin).into_async()
    }};
}
pub(crate) use uart_pin;

/// A channel of the pulse counter that can receive: on the S3 the first four only send.
macro_rules! receiver {
    ($rmt:expr) => {{
        #[cfg(feature = "esp32s3")]
        let channel = $rmt.channel4;
        #[cfg(not(feature = "esp32s3"))]
        let channel = $rmt.channel2;
        channel
    }};
}
pub(crate) use receiver;

/// Why the board started. The numbers are the same on all chips.
pub(crate) fn reset() -> &'static str {
    match reset_reason(Cpu::ProCpu).map(|reason| reason as u32) {
        Some(0x01) => "power",
        Some(0x03 | 0x0C) => "software",
        Some(0x05) => "sleep",
        Some(0x07..=0x09 | 0x0B | 0x0D | 0x10..=0x12) => "watchdog",
        Some(0x0F) => "brownout",
        Some(0x15 | 0x16) => "usb",
        _ => "other",
    }
}
