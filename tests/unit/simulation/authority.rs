//! Who may publish and read what: rules for each device, which a reload replaces in the middle of the day, and what the
//! broker was told of them at which time.
//!
//! What is promised: a message is routed only if its publisher had the right to its topic when the broker read it, and a
//! will only if its client has it when the will is due; what the broker writes from the reload on, beside the bytes that
//! were in a connection's output already, is what its client may read. Nothing is owed to whom it may have been denied.

use std::collections::BTreeMap;

use super::Kind;
use super::acts::{TOPICS, WILL_TOPICS};
use super::ledger::{Checked, Step, index_of};
use super::random::Random;
use super::world::World;
use crate::broker::{Acl, Event, Policy, Rights};
use crate::codec::packet::Publish;
use crate::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// It began, and ended, when a reload said so.
#[derive(Debug)]
struct Denial {
    device: usize,
    access: Access,
    topic: &'static str,
    until: Option<Step>,
}

#[derive(Debug, Default)]
pub(super) struct Authority {
    denials: Vec<Denial>,
    /// Wills that the broker did not publish for want of a right: devices and topics.
    refused_wills: Vec<(usize, Box<str>)>,
}

fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().chain(WILL_TOPICS.iter().filter(|topic| !TOPICS.contains(topic))).copied()
}

impl Authority {
    /// Whether it is denied now.
    pub(super) fn denies(&self, device: usize, access: Access, topic: &str) -> bool {
        self.find(device, access, topic).any(|denial| denial.until.is_none())
    }

    /// Whether it was denied at some time since `from`.
    pub(super) fn has_denied(&self, device: usize, access: Access, topic: &str, from: Step) -> bool {
        self.find(device, access, topic).any(|denial| denial.until.is_none_or(|until| until >= from))
    }

    fn find(&self, device: usize, access: Access, topic: &str) -> impl Iterator<Item = &Denial> {
        self.denials
            .iter()
            .filter(move |denial| denial.device == device && denial.access == access && denial.topic == topic)
    }

    /// Other rules for one device: some rights are taken, others given back.
    fn change(&mut self, device: usize, random: &mut Random, step: Step) {
        for denial in &mut self.denials {
            if denial.device == device && denial.until.is_none() && random.chance(60) {
                denial.until = Some(step);
            }
        }
        for _ in 0..random.below(3) {
            let topic = random.pick(&topics().collect::<Vec<_>>());
            for access in
                random.pick(&[&[Access::Read][..], &[Access::Write], &[Access::Read, Access::Write]])
            {
                if !self.denies(device, *access, topic) {
                    self.denials.push(Denial { device, access: *access, topic, until: None });
                }
            }
        }
    }

    /// The rules in force, as the broker reads them.
    pub(super) fn rights(&self, devices: usize) -> Rights {
        if self.denials.iter().all(|denial| denial.until.is_some()) {
            return Rights::default();
        }
        // The witness comes without a name.
        let mut text = "topic readwrite #\n".to_owned();
        for device in 0..devices {
            let denied = |topic: &str, access| self.denies(device, access, topic);
            let (reads, writes) =
                (|topic: &str| !denied(topic, Access::Read), |topic: &str| !denied(topic, Access::Write));
            text.push_str(&format!("user c{device}\n"));
            if topics().all(|topic| reads(topic) == writes(topic)) {
                text.push_str("topic readwrite #\n");
                topics()
                    .filter(|topic| !reads(topic))
                    .for_each(|topic| text.push_str(&format!("topic deny {topic}\n")));
                continue;
            }
            for topic in topics() {
                match (reads(topic), writes(topic)) {
                    (true, true) => text.push_str(&format!("topic {topic}\n")),
                    (true, false) => text.push_str(&format!("topic read {topic}\n")),
                    (false, true) => text.push_str(&format!("topic write {topic}\n")),
                    (false, false) => {}
                }
            }
        }
        let acl = Acl::parse("rules", text.as_bytes()).unwrap();
        Rights::of([Policy { acl: Some(Arc::new(acl)), ..Policy::default() }], [0; 32])
    }
}

impl World {
    /// A reload: other rules are in force from here on.
    pub(super) fn reload(&mut self) -> Checked {
        self.happened.count(Kind::Reloaded);
        let (device, step) = (self.random.below(self.devices.len()), self.ledger.step);
        self.ledger.authority.change(device, &mut self.random, step);
        self.say(|world| format!("! other rules: {:?}", world.ledger.authority));
        let mut waiting = BTreeMap::new();
        for session in self.broker.directory.sessions() {
            let state = session.lock();
            if let Some(link) = &state.link {
                waiting.insert(link.peer.to_string(), link.output.to_vec());
            }
        }
        // Those that are closed, too: the last that was written to them leaves later than it was made.
        for (name, socket) in &mut self.sockets {
            socket.lets_go(waiting.get(&name.to_string()).map_or(&[], Vec::as_slice));
        }
        let worker = self.random.below(self.turns.len());
        self.turns[worker].now = self.ledger.now;
        self.broker
            .clone()
            .set_rights(self.ledger.authority.rights(self.devices.len()), &mut self.turns[worker]);
        self.after_turn(worker)?;
        self.settle_witness()
    }

    /// The broker refused a message, or kept it back: it must have had a reason.
    pub(super) fn denied(&mut self, event: &Event) -> Checked {
        let (who, topic, access) = match event {
            Event::Forbidden { who, topic, .. } => (who, topic, Access::Write),
            Event::Unreadable { who, topic, .. } => (who, topic, Access::Read),
            _ => return Ok(()),
        };
        let Some(device) = who.client.strip_prefix('c').and_then(|number| number.parse().ok()) else {
            return Err(format!("{} has all rights, and {topic} is denied to it", who.client));
        };
        if !self.ledger.authority.denies(device, access, topic) {
            return Err(format!("c{device} has the right to {topic}, and it is denied"));
        }
        self.happened.count(if access == Access::Write { Kind::Forbidden } else { Kind::KeptBack });
        if let Event::Forbidden { will: true, .. } = event {
            self.ledger.authority.refused_wills.push((device, topic.as_ref().into()));
        }
        Ok(())
    }

    /// Wills that were refused are owed no more. After the events of a turn, which say when they were due.
    pub(super) fn settle_refused_wills(&mut self) -> Checked {
        for (device, topic) in std::mem::take(&mut self.ledger.authority.refused_wills) {
            self.ledger.will_refused(device, &topic)?;
        }
        Ok(())
    }

    /// The broker has read a PUBLISH of this device.
    pub(super) fn reads(&mut self, device: usize, publish: &Publish<'_>) {
        let Some(message) = index_of(publish.payload).and_then(|index| self.ledger.messages.get_mut(index))
        else {
            return;
        };
        match self.ledger.authority.denies(device, Access::Write, message.topic) {
            true => message.was_denied = true,
            false => message.was_allowed = true,
        }
    }

    /// The broker writes a PUBLISH to this device, here with its topic in full; `before`: it was in the output when the
    /// rules came into force.
    pub(super) fn writes(&self, device: usize, publish: &Publish<'_>, before: bool) -> Checked {
        if before || !self.ledger.authority.denies(device, Access::Read, publish.topic) {
            return Ok(());
        }
        Err(format!("{} goes to c{device}, which may not read it any more", publish.topic))
    }

    /// What was not sent again while its right was taken need not be any more.
    pub(super) fn withdraw(&mut self, device: usize) {
        let authority = &self.ledger.authority;
        self.hops[device].withdraw(|topic, since| authority.has_denied(device, Access::Read, topic, since));
    }
}
