//! What is typed on the board's serial console, by way of a USB bridge or of the chip's own USB.

use crate::link::{EVENTS, Event};
use esp_hal::Async;
use esp_hal::uart::UartRx;
use esp_println::print;
use skeeter_sensor::console::Line;

#[embassy_executor::task]
pub(crate) async fn uart(mut port: UartRx<'static, Async>) {
    let mut line = Line::default();
    let mut bytes = [0; 16];
    loop {
        // A broken frame is noise on an open pin.
        if let Ok(len) = port.read_async(&mut bytes).await {
            typed(&mut line, &bytes[..len]).await;
        }
    }
}

#[cfg(not(feature = "esp32"))]
#[embassy_executor::task]
pub(crate) async fn usb(port: esp_hal::usb::usb_serial_jtag::UsbSerialJtag<'static, esp_hal::Blocking>) {
    // Only its receiving half: esp-println writes.
    let (mut port, _) = port.split();
    let mut line = Line::default();
    let mut bytes = [0; 16];
    loop {
        match port.drain_rx_fifo(&mut bytes) {
            0 => embassy_time::Timer::after_millis(50).await,
            len => typed(&mut line, &bytes[..len]).await,
        }
    }
}

async fn typed(line: &mut Line, bytes: &[u8]) {
    for byte in bytes {
        let whole = line.push(*byte);
        match byte {
            b'\r' | b'\n' => print!("\r\n"),
            8 | 127 => print!("\x08 \x08"),
            b' '..=b'~' | 0x80.. if !line.is_secret() => {
                // A character of several bytes goes out as it came in.
                esp_println::Printer::write_bytes(&[*byte]);
            }
            _ => {}
        }
        match whole {
            Some(Ok(whole)) => EVENTS.send(Event::Typed(whole)).await,
            Some(Err(why)) => print!("{why}\r\n"),
            None => {}
        }
    }
}
