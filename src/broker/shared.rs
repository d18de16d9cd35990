//! Shared subscriptions: one group receives each message once, by one member that has room for it.
//!
//! A message waits in the group until a member has window; only then does it take an identifier in that member's
//! session. What was not sent, and QoS 1 messages not acknowledged when a member's session ends, go to another member; a
//! QoS 2 PUBLISH once sent belongs to its client [MQTT-4.8.2-4] [MQTT-4.8.2-5]; a refused message goes to nobody
//! [MQTT-4.8.2-6]. The group's lock is taken before a member's session, never after.

use std::task::Waker;

use super::event::Drop;
use super::limits::Limits;
use super::link::Shared;
use super::queue::{Queue, Waiting};
use super::session::{Grant, Offer, Session, count_drop};
use super::turn::Turn;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

#[derive(Debug)]
pub(crate) struct Group {
    /// Tells groups apart in the index.
    pub(crate) key: u64,
    /// `$share/NAME/FILTER`.
    pub(crate) filter: Box<str>,
    state: Mutex<State>,
    /// Messages in the queue, to be read without the lock.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    members: Vec<(Arc<Session>, Grant)>,
    /// Whose turn is next.
    next: usize,
    queue: Queue,
    pressing: Vec<Waker>,
}

impl Group {
    pub(crate) fn new(key: u64, filter: &str) -> Self {
        Self { key, filter: filter.into(), state: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Adds a member, or gives it other options; whether it was a member before.
    pub(crate) fn join(&self, session: &Arc<Session>, grant: Grant) -> bool {
        let mut state = self.state.lock();
        match state.members.iter_mut().find(|(member, _)| member.key == session.key) {
            Some((_, old)) => {
                *old = grant;
                true
            }
            None => {
                state.members.push((session.clone(), grant));
                false
            }
        }
    }

    /// Removes a member; whether the group is empty now. What waits in an empty group is dropped and counted.
    pub(crate) fn leave(&self, key: u64, turn: &mut Turn) -> bool {
        let mut state = self.state.lock();
        state.members.retain(|(member, _)| member.key != key);
        state.next = 0;
        if !state.members.is_empty() {
            return false;
        }
        turn.wakes.append(&mut state.pressing);
        let dropped = std::mem::take(&mut state.queue);
        turn.counters.publish_dropped.add(dropped.len() as u64);
        self.waiting.store(0, Ordering::Release);
        true
    }

    /// Offers a message to the members in turn.
    pub(crate) fn offer(self: &Arc<Self>, message: &Shared<'_>, turn: &mut Turn, limits: &Limits) -> Offer {
        let mut state = self.state.lock();
        if !state.queue.is_empty() {
            // Behind those that came before it [MQTT-4.6.0-5].
            return self.enqueue(&mut state, message, turn, limits);
        }
        match state.serve(self, message, turn, limits) {
            Offer::NoRoom | Offer::Absent if message.view.qos != crate::message::QoS::AtMostOnce => {
                self.enqueue(&mut state, message, turn, limits)
            }
            Offer::NoRoom => drop(turn, Drop::Stuck),
            Offer::Dropped(why) => drop(turn, why),
            other => other,
        }
    }

    fn enqueue(&self, state: &mut State, message: &Shared<'_>, turn: &mut Turn, limits: &Limits) -> Offer {
        if state.queue.is_full(message.view.len(), limits) {
            return drop(turn, Drop::QueueFull);
        }
        let qos = message.view.qos;
        state.queue.push(Waiting {
            message: message.message().clone(),
            qos,
            retain: message.view.retain,
            ids: None,
        });
        self.waiting.store(state.queue.len(), Ordering::Release);
        state.pressure(turn, limits)
    }

    /// Whether so much waits here that publishers should slow down.
    pub(crate) fn is_pressing(&self, turn: &Turn, limits: &Limits) -> bool {
        self.state.lock().is_pressing(turn, limits)
    }

    /// A QoS 1 message whose member's session ended without acknowledging it goes to another member.
    pub(crate) fn take_back(&self, waiting: Waiting) {
        let mut state = self.state.lock();
        if !state.members.is_empty() {
            state.queue.push_front(waiting);
            self.waiting.store(state.queue.len(), Ordering::Release);
        }
    }

    /// Whether a member that has room again should call [`Self::feed`].
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Gives waiting messages to members that have room.
    pub(crate) fn feed(self: &Arc<Self>, turn: &mut Turn, limits: &Limits) {
        let mut state = self.state.lock();
        while let Some(front) = state.queue.front() {
            let message = front.message.clone();
            let offer = if message.expires() <= turn.now {
                Offer::Dropped(Drop::Expired)
            } else {
                state.serve(self, &Shared::of(&message), turn, limits)
            };
            match offer {
                Offer::NoRoom | Offer::Absent => break,
                Offer::Dropped(why) => count_drop(turn, why),
                Offer::Taken | Offer::Pressed => {}
            }
            state.queue.pop();
        }
        self.waiting.store(state.queue.len(), Ordering::Release);
        if state.queue.is_low(limits) {
            turn.wakes.append(&mut state.pressing);
        }
    }
}

fn drop(turn: &Turn, why: Drop) -> Offer {
    count_drop(turn, why);
    Offer::Dropped(why)
}

impl State {
    /// Asks each member once, beginning with the one whose turn it is. The most hopeful refusal is the answer: no room
    /// before absent before dropped.
    fn serve(&mut self, group: &Arc<Group>, message: &Shared<'_>, turn: &mut Turn, limits: &Limits) -> Offer {
        let (count, mut answer) = (self.members.len(), Offer::Absent);
        let mut dropped = 0;
        for step in 0..count {
            let position = (self.next + step) % count;
            let (member, grant) = &self.members[position];
            match member.offer_shared(message, grant, group, turn, limits) {
                taken @ (Offer::Taken | Offer::Pressed) => {
                    self.next = (position + 1) % count;
                    return taken;
                }
                Offer::NoRoom => answer = Offer::NoRoom,
                Offer::Absent => {}
                // Too large for this member; the next may take it.
                Offer::Dropped(why) => {
                    dropped += 1;
                    if dropped == count {
                        answer = Offer::Dropped(why);
                    }
                }
            }
        }
        answer
    }

    fn pressure(&mut self, turn: &Turn, limits: &Limits) -> Offer {
        if !self.is_pressing(turn, limits) {
            return Offer::Taken;
        }
        if let Some(publisher) = &turn.publisher
            && !self.pressing.iter().any(|waker| waker.will_wake(publisher))
        {
            self.pressing.push(publisher.clone());
        }
        Offer::Pressed
    }

    /// Much waits, and some member still takes bytes.
    fn is_pressing(&self, turn: &Turn, limits: &Limits) -> bool {
        self.queue.is_high(limits)
            && self.members.iter().any(|(member, _)| member.lock().takes(turn.now, limits))
    }
}
