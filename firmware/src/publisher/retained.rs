//! What outlives deep sleep and a restart in a board's small memory: the clock, the date, the readings, the back-off.

use super::{Diagnostics, Publisher, State, packets};
use crate::queue::Queue;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const HEAD: usize = 58;
const UNDATED: u64 = u64::MAX;

impl Publisher {
    /// All that the next life needs, if it begins at `wake` by the caller's clock: at most 3,906 bytes.
    #[must_use]
    pub fn suspend(&self, wake: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [
            wake,
            self.epoch.unwrap_or(UNDATED),
            self.quiet_until,
            self.next_save,
            self.announce_at,
            self.next_diagnostics,
            self.dated_at.unwrap_or(UNDATED),
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&[self.failed, self.stored.into()]);
        bytes.extend_from_slice(&self.to_bytes());
        bytes
    }

    /// When the life that [`Publisher::suspend`] prepared begins, by the clock of the one before.
    #[must_use]
    pub fn wake_time(bytes: &[u8]) -> Option<u64> {
        bytes.get(HEAD..)?;
        number(bytes, 0)
    }

    /// Takes back what [`Publisher::suspend`] gave. Bytes that are none of it change nothing.
    pub fn resume(&mut self, bytes: &[u8]) {
        let Some(fields) = fields(bytes) else { return };
        let [_, epoch, quiet_until, next_save, announce_at, next_diagnostics, dated_at] = fields;
        let Some((queue, seq)) = bytes.get(HEAD..).and_then(|rest| Queue::from_bytes(rest, true)) else {
            return;
        };
        self.epoch = Some(epoch).filter(|epoch| *epoch != UNDATED);
        (self.quiet_until, self.next_save, self.announce_at) = (quiet_until, next_save, announce_at);
        (self.failed, self.stored) = (bytes[HEAD - 2], bytes[HEAD - 1] != 0);
        self.next_diagnostics = next_diagnostics;
        self.dated_at = Some(dated_at).filter(|at| *at != UNDATED);
        (self.queue, self.seq) = (queue, seq);
    }

    /// How things stand, for the console.
    #[must_use]
    pub fn status(&self, now: u64, board: &Diagnostics) -> String {
        let broker = match self.state {
            State::Online { .. } => "connected",
            State::Away { .. } => "away",
            State::Connecting { .. } | State::Greeting { .. } => "connecting",
            State::Asleep => "not connected, going to sleep",
        };
        let date = if self.epoch.is_some() { "known" } else { "not yet known" };
        format!("broker {broker}, time {date}, {}", packets::diagnostics(board, now, &self.queue, self.fault))
    }
}

fn fields(bytes: &[u8]) -> Option<[u64; 7]> {
    let mut fields = [0; 7];
    for (index, field) in fields.iter_mut().enumerate() {
        *field = number(bytes, index)?;
    }
    Some(fields)
}

fn number(bytes: &[u8], index: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(8 * index..8 * index + 8)?.try_into().ok()?))
}
