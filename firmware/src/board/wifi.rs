//! The Wi-Fi: joined when the link first wants it, and joined again for as long as the board is awake.

use alloc::string::String;
use core::sync::atomic::{AtomicI32, Ordering};
use embassy_futures::select::{Either, select};
use embassy_net::Runner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Timer, with_timeout};
use esp_hal::peripherals::WIFI;
use esp_hal::rng::Rng;
use esp_println::println;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{
    AuthenticationMethodConfig, Config, ControllerConfig, Interface, WifiController, WifiError,
};
use skeeter_sensor::backoff::Backoff;

/// Someone wants the network: until then the radio stays off.
pub(crate) static WANTED: Signal<CriticalSectionRawMutex, ()> = Signal::new();
static STOP: Signal<CriticalSectionRawMutex, ()> = Signal::new();
static STOPPED: Signal<CriticalSectionRawMutex, ()> = Signal::new();
/// In dBm; 0 while there is none.
static RSSI: AtomicI32 = AtomicI32::new(0);

/// How well the access point is heard, in dBm.
pub(crate) fn rssi() -> Option<i32> {
    Some(RSSI.load(Ordering::Relaxed)).filter(|rssi| *rssi != 0)
}

/// Turns the radio off, as sleep and a restart want it.
pub(crate) async fn stop() {
    STOP.signal(());
    let _ = with_timeout(Duration::from_secs(2), STOPPED.wait()).await;
}

#[embassy_executor::task]
pub(crate) async fn packets(mut runner: Runner<'static, Interface>) {
    runner.run().await;
}

#[embassy_executor::task]
pub(crate) async fn join(radio: WIFI<'static>, ssid: String, password: String) {
    if let Either::First(()) = select(WANTED.wait(), STOP.wait()).await {
        match controller(radio, &ssid, &password) {
            Ok(wifi) => {
                select(stay(wifi, &ssid), STOP.wait()).await;
            }
            Err(fault) => println!("cannot start Wi-Fi: {fault}"),
        }
    }
    STOPPED.signal(());
}

/// Joins, and joins again. Dropped, it turns the radio off.
async fn stay(mut wifi: WifiController<'static>, ssid: &str) {
    let mut backoff = Backoff::new(Rng::new().random());
    loop {
        match wifi.connect_async().await {
            Ok(_) => {
                println!("joined {ssid}");
                backoff.reset();
                // A disconnect cannot be missed: is_connected() is asked again after each turn.
                while wifi.is_connected() {
                    RSSI.store(wifi.rssi().unwrap_or(0), Ordering::Relaxed);
                    select(wifi.wait_for_disconnect_async(), Timer::after_secs(10)).await;
                }
                RSSI.store(0, Ordering::Relaxed);
                println!("disconnected from {ssid}");
            }
            Err(fault) => println!("cannot join {ssid}: {fault}"),
        }
        Timer::after_millis(backoff.next_wait()).await;
    }
}

fn controller(
    radio: WIFI<'static>,
    ssid: &str,
    password: &str,
) -> Result<WifiController<'static>, WifiError> {
    let authentication = match password {
        "" => AuthenticationMethodConfig::Open,
        password => AuthenticationMethodConfig::Wpa2Personal(password.try_into()?),
    };
    let station = StationConfig::default().with_ssid(ssid.try_into()?).with_authentication(authentication);
    WifiController::new(radio, ControllerConfig::default().with_initial_config(Config::Station(station)))
}
