//! What the broker says: acknowledgements, settings, the end.

use super::{ANNOUNCE, DIAGNOSTICS, Item, Publisher, State, packets};
use crate::discovery;
use alloc::format;
use alloc::string::String;
use mqttrs::{ConnectReturnCode, Packet, SubscribeReturnCodes};

impl Publisher {
    pub(super) fn take(&mut self, packet: &Packet<'_>, now: u64) -> Result<(), String> {
        match packet {
            Packet::Connack(connack) if matches!(self.state, State::Greeting { .. }) => {
                if connack.code != ConnectReturnCode::Accepted {
                    return Err(packets::refusal(connack.code).into());
                }
                self.state = State::Online { since: now };
                self.greeted = 0;
                let waiting = self.queue.len();
                self.tell(format!("connected to {}, readings queued: {waiting}", self.settings.broker));
            }
            Packet::Suback(suback) => {
                if suback.return_codes.contains(&SubscribeReturnCodes::Failure) {
                    self.tell("the broker refused the subscription to the settings topics".into());
                }
                self.acknowledged(suback.pid.get(), true, now);
            }
            Packet::Puback(pid) => self.acknowledged(pid.get(), false, now),
            Packet::Pingresp => {
                self.ping_until = None;
                self.quiet_since = now;
            }
            Packet::Publish(publish) => {
                let text = core::str::from_utf8(publish.payload).unwrap_or_default();
                self.command(publish.topic_name, text, publish.retain, now);
            }
            _ => return Err("the broker sent a packet that only clients may send".into()),
        }
        Ok(())
    }

    fn acknowledged(&mut self, pid: u16, subscription: bool, now: u64) {
        let Some(flight) = self.flight else { return };
        if flight.pid != pid || subscription != (flight.item == Item::Subscription) {
            return;
        }
        self.flight = None;
        match flight.item {
            Item::Subscription | Item::Birth => self.greeted += 1,
            Item::Entity(number) => {
                self.greeted += 1;
                if number + 1 == discovery::COUNT {
                    self.announce_at = now + ANNOUNCE;
                }
            }
            Item::Reading(seq) => {
                self.queue.acknowledge(seq);
                // Only now: a broker that ends the connection at the first PUBLISH is still backed off from.
                self.held();
                // A long queue is not cut short by sleep.
                self.awake_since = now;
            }
            Item::Diagnostics => self.next_diagnostics = self.next_diagnostics.saturating_add(DIAGNOSTICS),
            Item::Asleep => {
                packets::disconnect(&mut self.out);
                self.state = State::Asleep;
                self.failed = 0;
            }
        }
    }

    /// A setting that came by MQTT. Only harmless ones: who may publish here must not take the board off its network.
    fn command(&mut self, topic: &str, value: &str, retained: bool, now: u64) {
        match topic.rsplit('/').next() {
            // A retained one would reboot the board for ever.
            Some("reboot") if !retained => self.reboot = true,
            Some(key @ ("interval" | "sleep")) => {
                let before = self.settings.clone();
                // `echo 30 | mosquitto_pub -s` sends a line ending.
                let value = value.trim();
                if let Err(fault) = self.settings.set(key, value) {
                    self.tell(fault);
                } else if self.settings != before {
                    self.save_settings = true;
                    self.next_measure = self.next_measure.min(now + u64::from(self.settings.interval) * 1000);
                    self.awake_since = now;
                    // Home Assistant's descriptions depend on the interval.
                    self.announce_at = 0;
                    self.greeted = self.greeted.min(2);
                    self.tell(format!("{key} is now {value}"));
                }
            }
            _ => {}
        }
    }
}
