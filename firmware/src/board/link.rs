//! The way to the broker and to the time: orders in, events out, so that the node never waits for the network.

use crate::wifi;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use embassy_futures::select::{Either, select};
use embassy_net::dns::DnsQueryType;
use embassy_net::tcp::TcpSocket;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{IpAddress, Stack};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Timer, with_timeout};
use esp_hal::rng::Rng;
use skeeter_sensor::backoff::Backoff;
use skeeter_sensor::sntp;

/// What the node wants of the link.
pub(crate) enum Order {
    /// Connect; the number comes back with what happens on this connection.
    Open {
        attempt: u32,
        broker: String,
        port: u16,
    },
    Write(Vec<u8>),
    /// Write what was given, then close and say [`Event::Finished`].
    Finish,
    Close,
}

/// What happened.
pub(crate) enum Event {
    Connected(u32),
    Received(u32, Vec<u8>),
    Closed(u32, String),
    Finished,
    /// Milliseconds since 1970, now.
    Dated(u64),
    /// A line on the console.
    Typed(String),
}

/// The node has one packet and one ping under way at most, and takes an event before it sends the next: this never fills.
pub(crate) static ORDERS: Channel<CriticalSectionRawMutex, Order, 8> = Channel::new();
pub(crate) static EVENTS: Channel<CriticalSectionRawMutex, Event, 8> = Channel::new();

/// A peer that acknowledges no bytes for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// The node wants to know the time.
pub(crate) static DATE_WANTED: Signal<CriticalSectionRawMutex, ()> = Signal::new();
/// How long the node may take to hear of the time.
const TOLD: Duration = Duration::from_secs(10);

#[embassy_executor::task]
pub(crate) async fn broker(stack: Stack<'static>) {
    let (mut input, mut output) = ([0; 1536], [0; 2048]);
    loop {
        match ORDERS.receive().await {
            Order::Open { attempt, broker, port } => {
                wifi::WANTED.signal(());
                let mut socket = TcpSocket::new(stack, &mut input, &mut output);
                socket.set_timeout(Some(SILENCE));
                let ended = match select(open(stack, &mut socket, &broker, port), given_up()).await {
                    Either::First(Ok(())) => {
                        EVENTS.send(Event::Connected(attempt)).await;
                        carry(&mut socket, attempt).await
                    }
                    Either::First(Err(why)) => Some(Event::Closed(attempt, why)),
                    Either::Second(event) => event,
                };
                socket.abort();
                let _ = with_timeout(Duration::from_secs(1), socket.flush()).await;
                if let Some(event) = ended {
                    EVENTS.send(event).await;
                }
            }
            Order::Finish => EVENTS.send(Event::Finished).await,
            Order::Write(_) | Order::Close => {}
        }
    }
}

/// Waits until the node no longer wants the connection that is being opened.
async fn given_up() -> Option<Event> {
    loop {
        match ORDERS.receive().await {
            Order::Finish => return Some(Event::Finished),
            Order::Close => return None,
            Order::Open { .. } | Order::Write(_) => {}
        }
    }
}

async fn open(
    stack: Stack<'static>,
    socket: &mut TcpSocket<'_>,
    broker: &str,
    port: u16,
) -> Result<(), String> {
    if with_timeout(Duration::from_secs(20), stack.wait_config_up()).await.is_err() {
        return Err("no Wi-Fi connection, or no IP address from DHCP".into());
    }
    let address = resolve(stack, broker).await.ok_or_else(|| format!("host {broker} not found"))?;
    match with_timeout(Duration::from_secs(10), socket.connect((address, port))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(fault)) => Err(format!("{broker}:{port}: {fault:?}")),
        Err(_) => Err(format!("{broker}:{port} does not answer")),
    }
}

async fn resolve(stack: Stack<'static>, name: &str) -> Option<IpAddress> {
    let query = stack.dns_query(name, DnsQueryType::A);
    with_timeout(Duration::from_secs(10), query).await.ok()?.ok()?.first().copied()
}

/// Bytes both ways until either side ends; what is to be told then.
async fn carry(socket: &mut TcpSocket<'_>, attempt: u32) -> Option<Event> {
    let mut bytes = [0; 512];
    loop {
        match select(socket.read(&mut bytes), ORDERS.receive()).await {
            Either::First(Ok(0)) => {
                return Some(Event::Closed(attempt, "the broker closed the connection".to_string()));
            }
            Either::First(Ok(len)) => EVENTS.send(Event::Received(attempt, bytes[..len].to_vec())).await,
            Either::First(Err(fault)) => return Some(Event::Closed(attempt, format!("{fault:?}"))),
            Either::Second(Order::Write(bytes)) => {
                if let Err(why) = write(socket, &bytes).await {
                    return Some(Event::Closed(attempt, why));
                }
            }
            Either::Second(Order::Finish) => {
                socket.close();
                // Closed in order: DISCONNECT has to arrive, or the broker takes the board for dead.
                let _ = with_timeout(Duration::from_secs(3), async {
                    while let Ok(1..) = socket.read(&mut bytes).await {}
                })
                .await;
                return Some(Event::Finished);
            }
            Either::Second(Order::Close) => return None,
            Either::Second(Order::Open { .. }) => {}
        }
    }
}

async fn write(socket: &mut TcpSocket<'_>, mut bytes: &[u8]) -> Result<(), String> {
    while !bytes.is_empty() {
        let done = socket.write(bytes).await.map_err(|fault| format!("{fault:?}"))?;
        bytes = &bytes[done..];
    }
    socket.flush().await.map_err(|fault| format!("{fault:?}"))
}

/// Asks the time server whenever the node wants to know and the network is there.
#[embassy_executor::task]
pub(crate) async fn clock(stack: Stack<'static>, server: String) {
    if server.is_empty() {
        return;
    }
    let mut backoff = Backoff::new(Rng::new().random());
    loop {
        DATE_WANTED.wait().await;
        stack.wait_config_up().await;
        match with_timeout(Duration::from_secs(15), ask(stack, &server)).await.ok().flatten() {
            Some(unix) => {
                backoff.reset();
                EVENTS.send(Event::Dated(unix)).await;
                Timer::after(TOLD).await;
                DATE_WANTED.reset();
            }
            None => Timer::after_millis(backoff.next_wait()).await,
        }
    }
}

async fn ask(stack: Stack<'static>, server: &str) -> Option<u64> {
    let address = resolve(stack, server).await?;
    let (mut received, mut sent) = ([PacketMetadata::EMPTY; 2], [PacketMetadata::EMPTY; 2]);
    let (mut input, mut output) = ([0; 128], [0; 128]);
    let mut socket = UdpSocket::new(stack, &mut received, &mut input, &mut sent, &mut output);
    socket.bind(0).ok()?;
    let nonce = u64::from(Rng::new().random()) << 32 | u64::from(Rng::new().random());
    socket.send_to(&sntp::request(nonce), (address, 123)).await.ok()?;
    let mut answer = [0; sntp::LEN];
    let (len, _) = with_timeout(Duration::from_secs(3), socket.recv_from(&mut answer)).await.ok()?.ok()?;
    sntp::unix_millis(&answer[..len], nonce)
}
