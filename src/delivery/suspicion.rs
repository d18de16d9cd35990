//! Finds the message that makes the peer end the connection, so that it is not resent for ever, ahead of all others.

/// How many connections in a row must end after a message before it is given up.
const MOST: u32 = 3;

/// How often connections have ended in a row while the oldest unanswered message was the same. From the second time on
/// messages are to be sent one at a time, so that a message is given up for what it did, and not one that was sent with it.
#[derive(Debug, Default)]
pub struct Suspicion {
    ended: u32,
    /// How many messages are still to be sent one at a time.
    alone: usize,
}

impl Suspicion {
    /// The peer has answered a message.
    pub fn answered(&mut self) {
        self.ended = 0;
        self.alone = self.alone.saturating_sub(1);
    }

    /// The peer ended a connection on which the oldest of `unanswered` messages had been sent. Whether to give that one up.
    pub fn ended(&mut self, unanswered: usize) -> bool {
        self.ended += 1;
        if self.ended + 1 >= MOST {
            self.alone = self.alone.max(unanswered);
        }
        let is_over = self.ended >= MOST;
        if is_over {
            self.answered();
        }
        is_over
    }

    /// Whether messages are sent one at a time.
    pub fn is_careful(&self) -> bool {
        self.alone > 0
    }
}

#[cfg(test)]
mod tests {
    use super::Suspicion;

    #[test]
    fn the_third_time_in_a_row_is_the_last() {
        let mut suspicion = Suspicion::default();
        assert!(!suspicion.ended(3) && !suspicion.is_careful(), "once is chance");
        suspicion.answered();
        assert!(!suspicion.ended(3) && !suspicion.is_careful(), "another message, or another chance");
        assert!(!suspicion.ended(3) && suspicion.is_careful());
        assert!(suspicion.ended(3));
        // The two that were sent with it go one at a time too.
        suspicion.answered();
        assert!(suspicion.is_careful());
        suspicion.answered();
        assert!(!suspicion.is_careful());
    }
}
