//! An ESP32 as the sensor: which part of the chip goes where, and nothing else.
//!
//! The parts are beside this file; what is published, kept and retried is decided by the library, which runs on a PC too.
#![no_std]
#![no_main]

extern crate alloc;

mod chip;
mod console;
mod link;
mod memory;
mod node;
mod sensor;
mod wifi;

use embassy_executor::Spawner;
use embassy_net::StackResources;
use esp_hal::clock::CpuClock;
use esp_hal::rng::Rng;
use esp_hal::rtc_cntl::sleep::LowPower;
use esp_hal::rtc_cntl::{Rtc, RwdtStage};
use esp_hal::timer::timg::TimerGroup;
use esp_hal::uart::{Config as UartConfig, UartRx};
// It tells of panics.
use esp_backtrace as _;
use esp_println::println;
use esp_radio::wifi::Interface;

esp_bootloader_esp_idf::esp_app_desc!();

/// Longer than any step of the node takes: a board that hangs starts anew.
const WATCHDOG: esp_hal::time::Duration = esp_hal::time::Duration::from_secs(60);

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    let chip = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::_80MHz));
    // What the bootloader leaves behind, and a part of the rest: Wi-Fi wants about 60 kB.
    esp_alloc::heap_allocator!(#[esp_hal::ram(reclaimed)] size: 64 * 1024);
    esp_alloc::heap_allocator!(size: 48 * 1024);
    esp_rtos::start(TimerGroup::new(chip.TIMG0).timer0, chip.FROM_CPU_INTR0);

    let mut rtc = Rtc::new(chip.RTC_TIMER);
    rtc.rwdt.set_timeout(RwdtStage::Stage0, WATCHDOG);
    rtc.rwdt.enable();

    let mut memory = memory::Memory::new(chip.FLASH);
    let mut settings = memory.settings();
    settings.name_after(chip::mac());
    println!(
        "skeeter sensor {} on {}, reset by {}, {}",
        env!("CARGO_PKG_VERSION"),
        chip::NAME,
        chip::reset(),
        if settings.ssid.is_empty() { "no Wi-Fi network set; type help" } else { &settings.ssid }
    );

    let seed = Rng::new().random();
    let resources = alloc::boxed::Box::leak(alloc::boxed::Box::new(StackResources::<5>::new()));
    let dhcp = embassy_net::Config::dhcpv4(embassy_net::DhcpConfig::default());
    let (stack, runner) =
        embassy_net::new(Interface::station(), dhcp, resources, u64::from(seed) << 32 | u64::from(seed));

    let line = sensor::Sensor::new(chip.RMT, chip.GPIO4);
    let uart = UartRx::new(chip.UART0, UartConfig::default()).map(|uart| chip::uart_pin!(uart, chip));
    #[cfg(not(feature = "esp32"))]
    spawner.spawn(console::usb(esp_hal::usb::usb_serial_jtag::UsbSerialJtag::new(chip.USB_DEVICE)).unwrap());
    if let Ok(uart) = uart {
        spawner.spawn(console::uart(uart).unwrap());
    }
    spawner.spawn(wifi::join(chip.WIFI, settings.ssid.clone(), settings.password.clone()).unwrap());
    spawner.spawn(wifi::packets(runner).unwrap());
    spawner.spawn(link::clock(stack, settings.ntp.clone()).unwrap());
    spawner.spawn(link::broker(stack).unwrap());

    node::run(node::Board { sensor: line, memory, rtc, power: LowPower::new(chip.LPWR), settings, seed })
        .await
}

/// After a panic was told on the console. The watchdog would do it too, a minute later.
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // The name is what esp-backtrace calls.
extern "Rust" fn custom_halt() -> ! {
    esp_hal::system::software_reset()
}
