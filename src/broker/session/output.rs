//! Bytes on their way to one connection: small frames in one buffer, large tails shared with their other receivers.

use std::collections::VecDeque;

use crate::message::Message;

/// What is to be written, in order.
#[derive(Debug, Default)]
pub struct OutputBuffer {
    bytes: Vec<u8>,
    /// While there are any.
    tails: Option<Box<Tails>>,
    /// Bytes of `bytes` that are written.
    written: usize,
    /// Bytes that are not written, tails included.
    len: usize,
}

#[derive(Debug, Default)]
struct Tails {
    /// Where in `bytes` a shared tail follows, in ascending order.
    line: VecDeque<(usize, Message)>,
    /// Bytes of the first tail that are written, once all before it is.
    written: usize,
}

/// Slices handed to one vectored write.
pub const SLICES: usize = 16;

impl OutputBuffer {
    /// Bytes not yet written.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives this output a buffer to grow in, if it has none.
    pub(crate) fn lend(&mut self, buffer: impl FnOnce() -> Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffer();
        }
    }

    /// Takes the buffer away from an output that is wholly written.
    pub(crate) fn reclaim(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty(), "only what is written can be taken away");
        self.written = 0;
        self.tails = None;
        std::mem::take(&mut self.bytes)
    }

    /// Lets `write` append to the bytes.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        write(&mut self.bytes);
        self.len += self.bytes.len() - before;
    }

    /// Appends the tail of `message`, its properties if `with_properties` and its payload, without copying it.
    pub(crate) fn share(&mut self, message: &Message, with_properties: bool) {
        let message = if with_properties { message.clone() } else { message.without_properties() };
        self.len += message.tail().len();
        self.tails.get_or_insert_default().line.push_back((self.bytes.len(), message));
    }

    /// Appends all of `other`, which has been written as little as possible; it is empty then.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        let shift = self.bytes.len();
        debug_assert!(other.written == 0, "what waits in a session was never written");
        self.bytes.append(&mut other.bytes);
        if let Some(tails) = other.tails.take() {
            let line = tails.line.into_iter().map(|(position, message)| (position + shift, message));
            self.tails.get_or_insert_default().line.extend(line);
        }
        self.len += std::mem::take(&mut other.len);
    }

    /// The slices to write next, at most as many as fit `slices`; how many there are.
    pub fn slices<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>; SLICES]) -> usize {
        let (mut at, mut count) = (self.written, 0);
        let mut skip = self.tails.as_ref().map_or(0, |tails| tails.written);
        for (position, message) in self.tails.iter().flat_map(|tails| &tails.line) {
            if *position > at && count < SLICES {
                slices[count] = std::io::IoSlice::new(&self.bytes[at..*position]);
                count += 1;
            }
            if count == SLICES {
                return count;
            }
            slices[count] = std::io::IoSlice::new(&message.tail()[skip..]);
            (at, count, skip) = (*position, count + 1, 0);
            if count == SLICES {
                return count;
            }
        }
        if at < self.bytes.len() {
            slices[count] = std::io::IoSlice::new(&self.bytes[at..]);
            count += 1;
        }
        count
    }

    /// All that is to be written.
    #[cfg(test)]
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut skip = self.tails.as_ref().map_or(0, |tails| tails.written);
        let (mut all, mut at) = (Vec::new(), self.written);
        for (position, message) in self.tails.iter().flat_map(|tails| &tails.line) {
            all.extend_from_slice(&self.bytes[at..*position]);
            all.extend_from_slice(&message.tail()[skip..]);
            (at, skip) = (*position, 0);
        }
        all.extend_from_slice(&self.bytes[at..]);
        all
    }

    /// Marks `count` bytes as written.
    pub fn advance(&mut self, mut count: usize) {
        self.len -= count;
        while let Some(tails) = &mut self.tails
            && let Some((position, message)) = tails.line.front()
        {
            let before = position - self.written;
            if count < before {
                self.written += count;
                return;
            }
            self.written = *position;
            count -= before;
            let tail = message.tail().len() - tails.written;
            if count < tail {
                tails.written += count;
                return;
            }
            count -= tail;
            tails.written = 0;
            tails.line.pop_front();
        }
        self.written += count;
        if self.len == 0 {
            self.bytes.clear();
            (self.written, self.tails) = (0, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OutputBuffer, SLICES};
    use crate::message::{MessageRef, QoS};
    use crate::time::Instant;

    fn rest(output: &OutputBuffer) -> Vec<u8> {
        let mut slices = [std::io::IoSlice::new(&[]); SLICES];
        let count = output.slices(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    #[test]
    fn tails_stand_where_they_were_put_however_little_is_written() {
        let message = MessageRef {
            topic: "t",
            properties: b"PP",
            payload: b"payload",
            qos: QoS::AtMostOnce,
            retain: false,
            expires: Instant::NEVER,
        }
        .to_message();
        for step in 1..30 {
            let mut output = OutputBuffer::default();
            output.write(|bytes| bytes.extend_from_slice(b"head1"));
            output.share(&message, true);
            output.share(&message, false);
            output.write(|bytes| bytes.extend_from_slice(b"head2"));
            output.share(&message, false);
            output.write(|bytes| bytes.extend_from_slice(b"end"));
            let whole = b"head1PPpayloadpayloadhead2payloadend";
            let mut written = 0;
            while !output.is_empty() {
                assert_eq!(rest(&output), &whole[written..], "after {written} bytes, {step} a time");
                assert_eq!(output.len(), whole.len() - written);
                let now = step.min(output.len());
                output.advance(now);
                written += now;
            }
            assert_eq!(written, whole.len());
        }
    }
}
