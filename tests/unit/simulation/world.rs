//! The day: devices, wires, the broker's workers and the clock, moved on one small step at a time in an order that the
//! seed picks. First chaos, then calm: the faults stop, everything must come to rest, and the promises are settled.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::device::Device;
use super::hop::Hop;
use super::ledger::{Checked, Ledger, Opened};
use super::plan::Plan;
use super::random::Random;
use super::server::{Flag, Passed, Socket};
use super::store::{self, Medium, Store};
use super::wire::End;
use super::witness::Witness;
use super::{Happened, Kind};
use crate::broker::{Broker, Counters, Ending, Event, Rights, Turn};
use crate::codec::packet::{Packet, Publish, Version};
use crate::codec::reason::Reason;
use crate::codec::{decode, frame};
use crate::sync::Arc;
use crate::time::Instant;

/// Lines that the world and its devices write, if somebody wants to read them.
pub(super) type Transcript = Option<Rc<RefCell<Vec<String>>>>;

/// What may happen next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    Turn(usize),
    ArriveUp(usize),
    ArriveDown(usize),
    Read(usize),
    Flush(usize),
    Act(usize),
    Tick,
    Store,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) broker: Arc<Broker>,
    pub(super) turns: Vec<Turn>,
    keeper: Arc<Flag>,
    pub(super) ledger: Ledger,
    pub(super) devices: Vec<Device>,
    pub(super) sockets: BTreeMap<usize, Socket>,
    pub(super) next_socket: usize,
    /// What the broker sends to each device, judged packet by packet.
    pub(super) hops: Vec<Hop>,
    pub(super) store: Store,
    pub(super) witness: Witness,
    /// Until then wires stand still.
    pub(super) stalls: Vec<(Instant, usize, bool)>,
    pub(super) seed: u64,
    pub(super) happened: Happened,
    pub(super) transcript: Transcript,
}

impl World {
    /// With a medium the broker keeps what it acknowledges on it; else the seed says whether it keeps anything.
    pub(super) fn new(seed: u64, medium: Option<Box<dyn Medium>>, transcript: Transcript) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::new(seed, medium.is_some(), &mut random);
        let broker = Arc::new(Broker::new(plan.limits.clone(), Rights::default(), plan.durability(), seed));
        let turns: Vec<Turn> =
            (0..plan.workers).map(|_| Turn::new(Arc::new(Counters::default()), &broker)).collect();
        let devices: Vec<Device> = plan
            .roles
            .iter()
            .enumerate()
            .map(|(number, role)| Device::new(number, role.clone(), transcript.clone()))
            .collect();
        let mut ledger = Ledger::new(devices.len(), plan.durable);
        ledger.now = Instant::from_micros(1_000_000);
        let witness = Witness::new(&broker, "witness", ledger.now);
        let world = Self {
            random,
            broker,
            turns,
            keeper: Arc::new(Flag::default()),
            ledger,
            hops: devices.iter().map(|_| Hop::default()).collect(),
            devices,
            sockets: BTreeMap::new(),
            next_socket: 0,
            store: Store::new(medium.unwrap_or_else(|| Box::new(store::Memory::default()))),
            witness,
            stalls: Vec::new(),
            seed,
            happened: Happened::default(),
            transcript,
            plan,
        };
        world.say(|world| format!("{:?}", world.plan));
        world
    }

    pub(super) fn say(&self, line: impl FnOnce(&Self) -> String) {
        if let Some(lines) = &self.transcript {
            let seconds = self.ledger.now.as_micros() as f64 / 1e6;
            lines.borrow_mut().push(format!("{:>4} {seconds:>9.3}  {}", self.ledger.step, line(self)));
        }
    }

    /// The whole day.
    pub(super) fn run(&mut self) -> Checked {
        self.store.flag.raise();
        self.settle_witness()?;
        for _ in 0..self.plan.steps {
            self.fault()?;
            self.step(true)?;
        }
        self.rest()?;
        self.reckon()?;
        self.leave()
    }

    // Moves.

    pub(super) fn step(&mut self, chaos: bool) -> Checked {
        self.ledger.step += 1;
        let moves = self.moves(chaos);
        if moves.is_empty() || chaos && self.random.chance(4) {
            let span = self.random.pick(&[1, 5, 50, 400]);
            return self.pass(Duration::from_millis(span));
        }
        let at = self.random.below(moves.len());
        self.make(moves[at])
    }

    pub(super) fn moves(&self, chaos: bool) -> Vec<Move> {
        let now = self.ledger.now;
        let mut moves = Vec::new();
        for (name, socket) in &self.sockets {
            if !socket.done && (socket.flag.is_up() || socket.deadline <= now) {
                moves.push(Move::Turn(*name));
            }
            if socket.up.can_arrive() {
                moves.push(Move::ArriveUp(*name));
            }
            if socket.down.can_arrive() {
                moves.push(Move::ArriveDown(*name));
            }
        }
        for (number, device) in self.devices.iter().enumerate() {
            let socket = device.socket.and_then(|name| self.sockets.get(&name));
            if let Some(socket) = socket {
                if socket.down.is_readable() || device.client.deadline() <= now {
                    moves.push(Move::Read(number));
                }
                if !device.out.is_empty() && (socket.up.room() > 0 || socket.up.end.is_some()) {
                    moves.push(Move::Flush(number));
                }
            }
            if chaos {
                moves.push(Move::Act(number));
            }
        }
        if self.plan.durable && self.store.is_busy(&self.broker, now) {
            moves.push(Move::Store);
        }
        if self.keeper.is_up() {
            moves.push(Move::Tick);
        }
        moves
    }

    fn make(&mut self, this: Move) -> Checked {
        match this {
            Move::Turn(name) => self.turn(name),
            Move::ArriveUp(name) => {
                let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
                let count = self.random.range(1, socket.up.flying());
                socket.up.arrive(count);
                socket.wires_changed();
                Ok(())
            }
            Move::ArriveDown(name) => {
                let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
                let count = self.random.range(1, socket.down.flying());
                socket.down.arrive(count);
                Ok(())
            }
            Move::Read(number) => self.read(number),
            Move::Flush(number) => {
                self.flush(number);
                Ok(())
            }
            Move::Act(number) => self.act(number),
            Move::Tick => self.tick(),
            Move::Store => {
                let worker = self.random.below(self.turns.len());
                self.turns[worker].now = self.ledger.now;
                let failed = self.broker.journal().failing_since().is_some();
                self.store.step(&self.broker, &mut self.turns[worker]);
                if self.store.is_idle() {
                    self.ledger.sessions.iter_mut().for_each(|session| session.unkept = None);
                }
                if failed || self.broker.journal().failing_since().is_some() {
                    self.ledger.refused = self.ledger.step;
                }
                self.after_turn(worker)?;
                self.settle_witness()
            }
        }
    }

    fn turn(&mut self, name: usize) -> Checked {
        let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
        let worker = socket.worker;
        let turn = &mut self.turns[worker];
        turn.now = self.ledger.now;
        socket.turn(turn);
        self.after_turn(worker)?;
        self.packets(name)?;
        self.bury(name);
        self.settle_witness()
    }

    /// What a turn has brought about: others are woken, and the ledger hears of it.
    pub(super) fn after_turn(&mut self, worker: usize) -> Checked {
        let turn = &mut self.turns[worker];
        let events = std::mem::take(&mut turn.events);
        turn.wake();
        for event in events {
            self.event(&event)?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Checked {
        self.say(|_| format!("- {event:?}"));
        let device = |client: &str| client.strip_prefix('c').and_then(|number| number.parse::<usize>().ok());
        match event {
            Event::Connected { peer, resumed, .. } => {
                let Ok(name) = peer.parse::<usize>() else { return Ok(()) };
                let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
                socket.opened = true;
                let opened = Opened {
                    device: socket.device,
                    connection: name,
                    clean: socket.clean,
                    resumed: *resumed,
                };
                let role = &self.plan.roles[socket.device];
                let window = role.receive_maximum.filter(|_| role.version == Version::V5);
                self.hops[socket.device].connected(*resumed, window, self.ledger.step);
                self.happened.count(if *resumed { Kind::Resumed } else { Kind::Began });
                self.ledger.opened(opened, socket.will)
            }
            Event::Disconnected { peer, why, .. } => {
                let Ok(name) = peer.parse::<usize>() else { return Ok(()) };
                self.disconnected(name, why)
            }
            Event::Expired { client } => {
                self.happened.count(Kind::Expired);
                device(client).map_or(Ok(()), |device| self.ledger.expired(device))
            }
            Event::Refused { .. } if self.ledger.store_failed => Ok(()),
            Event::Refused { client, detail, .. } => Err(format!("{client} is refused: {detail}")),
            Event::Forbidden { .. } | Event::Unreadable { .. } => self.denied(event),
            Event::Dropping { .. } => {
                self.happened.count(Kind::Dropped);
                Ok(())
            }
            Event::HandshakeFailed { .. }
            | Event::Subscribed { .. }
            | Event::Unsubscribed { .. }
            | Event::Dropped { .. } => Ok(()),
        }
    }

    /// Why the broker closed a connection must be something that happened.
    fn disconnected(&mut self, name: usize, why: &Ending) -> Checked {
        let now = self.ledger.now;
        let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
        let (device, asked) = (socket.device, socket.lives);
        let mut lives = asked;
        socket.opened = false;
        let silence = now.since(socket.heard);
        if let Ending::Left(_) = why {
            lives = socket.last_words.unwrap_or(lives);
        }
        match why {
            Ending::Fault(Reason::SESSION_TAKEN_OVER, _) => self.happened.count(Kind::TakenOver),
            Ending::Fault(Reason::KEEP_ALIVE_TIMEOUT, _) => {
                self.happened.count(Kind::KeepAliveRanOut);
                let keep_alive = self.devices[device].client.negotiated().keep_alive;
                let least = Duration::from_millis(u64::from(keep_alive) * 1_500);
                if silence < least.min(Duration::from_millis(1_500)) {
                    return Err(format!("c{device} is closed after {silence:?} of silence [MQTT-3.1.2-22]"));
                }
            }
            // A store that fails for long, or a subscription that it cannot keep and 3.1 cannot be told of.
            Ending::Fault(..) if self.ledger.store_failed => {}
            Ending::Fault(_, detail) => return Err(format!("c{device} broke a rule: {detail}")),
            Ending::Left(_) | Ending::Closed | Ending::Lost(_) => {}
        }
        self.ledger.closed(device, name, why, lives);
        self.ledger.sessions[device].unkept = (lives > asked).then_some(asked);
        Ok(())
    }

    /// The packets at the broker's end of a connection.
    fn packets(&mut self, name: usize) -> Checked {
        let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
        let packets = std::mem::take(&mut socket.packets);
        let (device, is_open) = (socket.device, socket.opened);
        let version = self.devices[device].role.version;
        self.withdraw(device);
        for Passed { is_ours, bytes, before } in packets {
            let Ok(Some(frame)) = frame::cut(&bytes, usize::MAX) else { continue };
            if bytes[0] == 0x10 {
                continue;
            }
            let topic;
            let mut packet = decode(version, frame).map_err(|fault| format!("a packet is {fault:?}"))?;
            if !is_ours {
                if let Packet::Publish(publish) = &packet {
                    self.reads(device, publish);
                }
                self.hops[device].hears(&packet);
                continue;
            }
            if let Packet::Publish(publish) = &mut packet {
                topic = self.topic_in_full(name, publish);
                publish.topic = &topic;
                self.writes(device, publish, before)?;
            }
            if !is_open {
                // What was written before it was closed may go out beside the next connection.
                continue;
            }
            if let Packet::Publish(publish) = &packet
                && publish.dup
            {
                self.happened.count(Kind::Resent);
            }
            self.hops[device].sends(&packet).map_err(|what| format!("the broker to c{device}: {what}"))?;
        }
        Ok(())
    }

    /// The topic of a PUBLISH from the broker, also where an alias stands for it.
    fn topic_in_full(&mut self, name: usize, publish: &Publish<'_>) -> String {
        let alias = publish.properties.topic_alias();
        if let (Some(alias), Some(socket)) = (alias, self.sockets.get_mut(&name)) {
            if publish.topic.is_empty() {
                return socket.aliases.get(&alias).cloned().unwrap_or_default();
            }
            socket.aliases.insert(alias, publish.topic.into());
        }
        publish.topic.into()
    }

    fn bury(&mut self, name: usize) {
        let attached = self.devices.iter().any(|device| device.socket == Some(name));
        if !attached && self.sockets.get(&name).is_some_and(|socket| socket.done) {
            self.sockets.remove(&name);
        }
    }

    pub(super) fn settle_witness(&mut self) -> Checked {
        let now = self.ledger.now;
        let turn = &mut self.turns[0];
        turn.now = now;
        let heard = self.witness.settle(turn)?;
        self.after_turn(0)?;
        self.settle_refused_wills()?;
        for bytes in heard {
            let Ok(Some(frame)) = frame::cut(&bytes, usize::MAX) else { continue };
            if let Ok(Packet::Publish(publish)) = decode(Version::V5, frame) {
                self.say(|_| format!("- routed {}", crate::text::full(&Packet::Publish(publish))));
                self.ledger.routed(&publish)?;
            }
        }
        Ok(())
    }

    /// The device reads what has arrived, and does what is due.
    fn read(&mut self, number: usize) -> Checked {
        let Some(name) = self.devices[number].socket else { return Ok(()) };
        let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
        let most = self.random.range(1, 64);
        let (bytes, ended) = (socket.down.read(most), socket.down.ended());
        socket.wires_changed();
        let began = socket.began;
        let device = &mut self.devices[number];
        device.hears(&bytes, began, &mut self.ledger)?;
        let late = device.client.tick(self.ledger.now, &mut device.out).is_err();
        device.look(&mut self.ledger)?;
        if ended.is_some() || late {
            self.detach(number, End::Closed);
        }
        Ok(())
    }

    fn flush(&mut self, number: usize) {
        let device = &mut self.devices[number];
        let Some(socket) = device.socket.and_then(|name| self.sockets.get_mut(&name)) else { return };
        if socket.up.end.is_some() {
            return self.detach(number, End::Failed);
        }
        device.flush(|bytes| socket.up.write(bytes));
    }

    /// The device gives its connection up; the broker hears of it as `end` says.
    pub(super) fn detach(&mut self, number: usize, end: End) {
        let Some(name) = self.devices[number].socket else { return };
        self.say(|_| format!("! c{number} lets go of #{name}: {end:?}"));
        self.devices[number].detach();
        if let Some(socket) = self.sockets.get_mut(&name) {
            if end == End::Closed {
                socket.up.end.get_or_insert(end);
            } else {
                socket.up.cut(end);
            }
            socket.down.cut(end);
            socket.wires_changed();
        }
        self.bury(name);
    }

    // Time.

    pub(super) fn pass(&mut self, span: Duration) -> Checked {
        self.ledger.now = self.ledger.now + span;
        self.time_has_passed()
    }

    pub(super) fn time_has_passed(&mut self) -> Checked {
        let now = self.ledger.now;
        if self.plan.limits.keep_alive > 0 {
            self.witness.ping();
            self.settle_witness()?;
        }
        let (over, still): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.stalls).into_iter().partition(|(until, ..)| *until <= now);
        self.stalls = still;
        for (_, name, is_up) in over {
            if let Some(socket) = self.sockets.get_mut(&name) {
                if is_up { &mut socket.up } else { &mut socket.down }.stalled = false;
            }
        }
        let waker = std::task::Waker::from(self.keeper.clone());
        if self.broker.next_tick(&waker) <= now {
            self.keeper.raise();
        }
        Ok(())
    }

    fn tick(&mut self) -> Checked {
        self.keeper.lower();
        let worker = self.random.below(self.turns.len());
        self.turns[worker].now = self.ledger.now;
        self.broker.clone().tick(&mut self.turns[worker]);
        self.after_turn(worker)?;
        self.settle_witness()?;
        let waker = std::task::Waker::from(self.keeper.clone());
        if self.broker.next_tick(&waker) <= self.ledger.now {
            self.keeper.raise();
        }
        Ok(())
    }

    /// When something is due, if anything is.
    pub(super) fn next_due(&self) -> Instant {
        let waker = std::task::Waker::from(self.keeper.clone());
        let mut due = self.broker.next_tick(&waker);
        for socket in self.sockets.values().filter(|socket| !socket.done) {
            due = due.min(socket.deadline);
        }
        for device in self.devices.iter().filter(|device| device.socket.is_some()) {
            due = due.min(device.client.deadline());
        }
        due = due.min(self.store.fails_until.unwrap_or(Instant::NEVER));
        self.stalls.iter().fold(due, |due, (until, ..)| due.min(*until))
    }
}
