//! The publisher on a PC: ordinary sockets, a simulated sensor, a file for the flash.
//!
//! `host SETTING=VALUE ...` runs it until it is stopped; `host --image FILE` turns lines of `setting=value` on standard
//! input into the settings sector of a board, for `firmware/flash`.

use skeeter_sensor::dht::{self, Sample};
use skeeter_sensor::publisher::{Diagnostics, Publisher, Step};
use skeeter_sensor::settings::Settings;
use skeeter_sensor::{sntp, storage};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("--image") => image(arguments.get(1)),
        _ => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("host: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn image(path: Option<&String>) -> Result<(), String> {
    let path = path.ok_or("--image needs a file to write")?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|fault| format!("standard input: {fault}"))?;
    let (settings, faults) = Settings::from_text(&text);
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault);
    }
    if let Some(key) = settings.missing() {
        return Err(format!("{key} is not set"));
    }
    let sectors = storage::store_image(settings.to_text().as_bytes());
    std::fs::write(path, sectors).map_err(|fault| format!("{path}: {fault}"))
}

fn run(arguments: &[String]) -> Result<(), String> {
    let mut settings =
        Settings { broker: "127.0.0.1".into(), device: "simulated".into(), ..Settings::default() };
    // The PC knows the time; `ntp=` names a server all the same.
    settings.ntp.clear();
    for argument in arguments {
        let (key, value) =
            argument.split_once('=').ok_or_else(|| format!("{argument:?}: expected setting=value"))?;
        settings.set(key, value)?;
    }
    let began = Instant::now();
    let mut kept = Vec::new();
    loop {
        let mut publisher = Publisher::new(settings.clone(), millis(began), 0, std::process::id());
        publisher.resume(&kept);
        let pause = live(&mut publisher, began);
        kept = publisher.suspend(millis(began) + pause);
        settings = publisher.settings().clone();
        std::thread::sleep(Duration::from_millis(pause));
    }
}

/// Runs the publisher until it sleeps or reboots; for how many milliseconds.
fn live(publisher: &mut Publisher, began: Instant) -> u64 {
    let board = Diagnostics { rssi: None, heap: None, reset: "simulated" };
    let mut link = Link::Closed;
    loop {
        let step = publisher.poll(millis(began), &board);
        let output = publisher.take_output();
        if let Link::Open(socket) = &mut link
            && let Err(fault) = socket.write_all(&output)
        {
            link = Link::Closed;
            publisher.closed(&fault.to_string(), millis(began));
        }
        for line in publisher.take_news() {
            println!("{line}");
        }
        match step {
            Step::Measure => {
                let result = measure(publisher.settings(), began);
                if let Ok(sample) = result {
                    println!("{sample}");
                }
                publisher.measured(result, millis(began));
            }
            Step::Connect => link = Link::Opening(connect(publisher.settings().clone())),
            Step::Close => link = Link::Closed,
            Step::Reboot => return 0,
            Step::Sleep(pause) => return pause,
            Step::SaveSettings | Step::SaveQueue => {}
            Step::Wait(until) => wait(publisher, &mut link, began, until),
        }
    }
}

/// A socket, and the time of day if it could be had.
type Opened = (Result<TcpStream, String>, Option<u64>);

enum Link {
    Closed,
    Opening(Receiver<Opened>),
    Open(TcpStream),
}

/// Opens the connection on a thread of its own: measuring goes on meanwhile.
fn connect(settings: Settings) -> Receiver<Opened> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let socket = open(&settings);
        let unix = socket.is_ok().then(|| date(&settings.ntp)).flatten();
        // Nobody waits any longer if the publisher gave up.
        let _ = sender.send((socket, unix));
    });
    receiver
}

/// Waits for what happens next, at most until the given time.
fn wait(publisher: &mut Publisher, link: &mut Link, began: Instant, until: u64) {
    let wait = Duration::from_millis(until.saturating_sub(millis(began)).max(1));
    let why = match link {
        Link::Closed => {
            std::thread::sleep(wait);
            None
        }
        Link::Opening(receiver) => match receiver.recv_timeout(wait) {
            Ok((socket, unix)) => {
                let now = millis(began);
                if let Some(unix) = unix {
                    publisher.dated(unix, now);
                }
                match socket {
                    Ok(socket) => {
                        *link = Link::Open(socket);
                        publisher.connected(now);
                        None
                    }
                    Err(why) => Some(why),
                }
            }
            Err(_) => None,
        },
        Link::Open(socket) => receive(publisher, socket, began, wait).err(),
    };
    if let Some(why) = why {
        *link = Link::Closed;
        publisher.closed(&why, millis(began));
    }
}

fn receive(
    publisher: &mut Publisher,
    socket: &mut TcpStream,
    began: Instant,
    wait: Duration,
) -> Result<(), String> {
    let mut bytes = [0; 1024];
    match socket.set_read_timeout(Some(wait)).and_then(|()| socket.read(&mut bytes)) {
        Ok(0) => Err("the broker closed the connection".into()),
        Ok(len) => publisher.received(&bytes[..len], millis(began)),
        Err(fault) if matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(fault) => Err(fault.to_string()),
    }
}

fn open(settings: &Settings) -> Result<TcpStream, String> {
    let name = (settings.broker.as_str(), settings.port);
    let told = |fault: std::io::Error| format!("{}:{}: {fault}", name.0, name.1);
    let address =
        name.to_socket_addrs().map_err(told)?.next().ok_or("the name of the broker has no address")?;
    let socket = TcpStream::connect_timeout(&address, Duration::from_secs(10)).map_err(told)?;
    socket
        .set_nodelay(true)
        .and_then(|()| socket.set_write_timeout(Some(Duration::from_secs(10))))
        .map_err(told)?;
    Ok(socket)
}

/// By SNTP if a server is set, else by the PC's own clock.
fn date(server: &str) -> Option<u64> {
    if server.is_empty() {
        SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|time| time.as_millis() as u64)
    } else {
        ask(server)
    }
}

fn ask(server: &str) -> Option<u64> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    socket.connect((server, 123)).ok()?;
    let nonce = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos() as u64;
    socket.send(&sntp::request(nonce)).ok()?;
    let mut answer = [0; sntp::LEN];
    let len = socket.recv(&mut answer).ok()?;
    sntp::unix_millis(&answer[..len], nonce)
}

/// A room that warms and cools, by way of the waveform that a real sensor would send.
fn measure(settings: &Settings, began: Instant) -> Result<Sample, dht::Fault> {
    let wave = (millis(began) as f64 / 60_000.0).sin();
    let sample = Sample { temperature: 215 + (wave * 20.0) as i16, humidity: (480.0 - wave * 50.0) as u16 };
    dht::decode(settings.sensor, &dht::waveform(settings.sensor, sample))
}

fn millis(began: Instant) -> u64 {
    began.elapsed().as_millis() as u64
}
