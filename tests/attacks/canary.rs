//! A client that publishes to itself at QoS 1 every ten milliseconds, and how long it waits for each message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, packet, publish4, subscribe4};

const TOPIC: &str = "canary/song";
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Canary {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Canary {
    pub(crate) fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut client = Raw::connect(port);
        client.send(&connect4("canary", true));
        client.expect(&CONNACK4);
        client.send(&subscribe4(1, TOPIC, 1));
        client.expect(&[0x90, 3, 0, 1, 1]);
        let thread = std::thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                worst = worst.max(sing(&mut client));
                std::thread::park_timeout(PAUSE);
            }
            worst
        });
        Self { stop, thread }
    }

    /// Ends it; the longest it waited for the acknowledgement and the message.
    pub(crate) fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().expect("the canary was served")
    }
}

fn sing(client: &mut Raw) -> Duration {
    let began = Instant::now();
    client.send(&publish4(TOPIC, 1, 1, b"song"));
    let (mut acknowledged, mut delivered) = (false, false);
    while !(acknowledged && delivered) {
        match client.packet() {
            (0x40, _) => acknowledged = true,
            (0x32, body) => {
                client.send(&packet(0x40, &[&body[2 + TOPIC.len()..][..2]]));
                delivered = true;
            }
            (first, body) => panic!("the canary got {first:02x} {body:02x?}"),
        }
    }
    began.elapsed()
}

/// Whose limits the broker has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Defaults {
    Skeeter,
    MosquittoConf,
}

impl Defaults {
    pub(crate) fn broker(self, folder: &Folder) -> Broker {
        match self {
            Self::Skeeter => Broker::start(&["-q"]),
            Self::MosquittoConf => {
                let config = "listener 0 127.0.0.1\nallow_anonymous true\n";
                Broker::with_config(folder, config, &["-q"])
            }
        }
    }
}

/// Runs an attack, and compares the canary's longest wait with that of one at a broker that is left alone meanwhile, on
/// the same machine: `most` more is allowed.
pub(crate) fn judge(defaults: Defaults, most: Duration, attack: impl FnOnce(&Broker)) {
    let folder = Folder::new();
    let (broker, quiet) = (defaults.broker(&folder), Broker::start(&["-q"]));
    let (canary, control) = (Canary::start(broker.port), Canary::start(quiet.port));
    attack(&broker);
    let (waited, undisturbed) = (canary.stop(), control.stop());
    assert!(
        waited <= undisturbed + most,
        "{defaults:?}: the canary waited {waited:?}; one at an idle broker {undisturbed:?}"
    );
}
