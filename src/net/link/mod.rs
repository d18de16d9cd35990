//! A client on a transport with a clock: what `pub`, `sub` and the bridges of the broker share. It moves bytes and keeps time; what is said, and
//! what is done when the connection is lost, is for its user.

mod ended;
mod service;

use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{sleep_until, timeout};

use crate::client::{Again, Client, Event};
use crate::codec::packet::{Packet, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::codec::{connack_code, decode_connect, decode_leniently, frame};
use crate::net::{self, Failure, Refused, Stream, Target};
use crate::time::Instant;
pub(crate) use ended::Ended;
pub(crate) use service::ForeignService;

/// Bytes of input that are read at once; a longer packet makes the buffer grow as its bytes come.
const READ: usize = 64 * 1024;
/// More bytes than this wait for the socket before anything is added.
const HIGH_WATER: usize = 64 * 1024;
/// How long the broker may take to read anything of what is sent at the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the broker may take to close the connection after DISCONNECT.
const LINGER: Duration = Duration::from_secs(1);

/// How a connection began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    pub(crate) again: Again,
    /// Whether the broker still had the session.
    pub(crate) session_present: bool,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Out,
    In,
}

/// Is shown each packet, when it leaves and when it is taken.
pub(crate) type Witness = Box<dyn FnMut(Way, &Packet<'_>)>;

/// A client and its connection.
pub(crate) struct Link {
    client: Client,
    /// Where to connect to; `None` where it is given its connections.
    target: Option<Target>,
    stream: Option<Stream>,
    origin: tokio::time::Instant,
    /// The time of this burst.
    now: Instant,
    input: Vec<u8>,
    /// What of `input` is not yet taken.
    pending: std::ops::Range<usize>,
    output: Vec<u8>,
    /// What of `output` is sent.
    sent: usize,
    witness: Option<Witness>,
    /// What of `output` the witness has seen.
    shown: usize,
}

impl Link {
    /// A link that is not open.
    pub(crate) fn new(client: Client, target: Target) -> Self {
        Self { target: Some(target), ..Self::local(client) }
    }

    /// A link that is to be opened by [`Self::open_on`].
    pub(crate) fn local(client: Client) -> Self {
        Self {
            client,
            target: None,
            stream: None,
            origin: tokio::time::Instant::now(),
            now: Instant::ZERO,
            input: Vec::new(),
            pending: 0..0,
            output: Vec::new(),
            sent: 0,
            witness: None,
            shown: 0,
        }
    }

    /// From now on each packet is shown to `witness`.
    pub(crate) fn show_to(&mut self, witness: Witness) {
        self.witness = Some(witness);
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Where it connects to, unless it is given its connections.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    pub(crate) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Connects and waits for CONNACK.
    pub(crate) async fn open(&mut self) -> Result<Opened, Ended> {
        (self.pending, self.sent, self.shown) = (0..0, 0, 0);
        self.output.clear();
        let limit = self.client.settings().connect_timeout;
        let Some(target) = &self.target else { return Err(Ended::Lost(io::ErrorKind::NotConnected.into())) };
        let stream = match timeout(limit, net::connect(target)).await {
            Ok(result) => result.map_err(Ended::Unreachable)?,
            Err(_) => return Err(Ended::no_answer()),
        };
        self.begin(stream).await
    }

    /// Takes this connection in place of one of its own, and waits for CONNACK.
    pub(crate) async fn open_on(&mut self, stream: Stream) -> Result<Opened, Ended> {
        (self.pending, self.sent, self.shown) = (0..0, 0, 0);
        self.output.clear();
        self.begin(stream).await
    }

    async fn begin(&mut self, stream: Stream) -> Result<Opened, Ended> {
        self.stream = Some(stream);
        self.read_clock();
        self.client.connect(self.now, &mut self.output);
        let result = self.await_connack().await;
        result.map_err(|ended| match ForeignService::of(&self.input[..self.pending.end]) {
            Some(service) => Ended::NotMqtt(service),
            None => before_connack(ended),
        })
    }

    async fn await_connack(&mut self) -> Result<Opened, Ended> {
        loop {
            self.progress().await?;
            match self.event()? {
                Some(Event::Connected { again, session_present, .. }) => {
                    return Ok(Opened { again, session_present });
                }
                Some(Event::Refused { reason, properties }) => {
                    let text = properties.reason_string().map(str::to_owned);
                    let server = properties.server_reference().map(str::to_owned);
                    self.drop_stream();
                    let is_defined =
                        self.client.settings().version == Version::V5 || connack_code(reason).is_some();
                    return Err(match is_defined {
                        true => Ended::Refused { reason, text, server },
                        false => Ended::RefusedWith(reason.0),
                    });
                }
                // Nothing else comes before CONNACK.
                Some(_) | None => {}
            }
        }
    }

    fn read_clock(&mut self) {
        let micros = self.origin.elapsed().as_micros();
        self.now = Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
    }

    fn drop_stream(&mut self) {
        self.stream = None;
        self.client.closed();
    }

    /// The client with what it needs for a command: the time, and where to put the bytes.
    pub(crate) fn command(&mut self) -> (&mut Client, Instant, &mut Vec<u8>) {
        (&mut self.client, self.now, &mut self.output)
    }

    /// Whether more may be added to the output before what is there has left.
    pub(crate) fn is_writable(&self) -> bool {
        self.output.len() - self.sent < HIGH_WATER
    }

    /// Whether all output has left.
    pub(crate) fn is_flushed(&self) -> bool {
        self.sent == self.output.len()
    }

    /// The next event of the bytes that have arrived.
    pub(crate) fn event(&mut self) -> Result<Option<Event<'_>>, Ended> {
        let Self { client, input, pending, output, now, witness, .. } = self;
        let version = client.settings().version;
        let start = pending.start;
        let mut rest = &input[pending.clone()];
        let result = client.next(*now, &mut rest, output);
        pending.start = pending.end - rest.len();
        if let Some(witness) = witness {
            show(witness, Way::In, version, &input[start..pending.start]);
        }
        result.map_err(Ended::Fault)
    }

    /// Shows the witness what is about to be sent.
    fn show_output(&mut self) {
        let version = self.client.settings().version;
        if let Some(witness) = &mut self.witness {
            show(witness, Way::Out, version, &self.output[self.shown..]);
        }
        self.shown = self.output.len();
    }

    /// How much has been written so far, for [`Self::take_back`].
    pub(crate) fn mark(&self) -> usize {
        self.output.len()
    }

    /// What was written since `mark` is not sent, until it is given again: acknowledgements of what is not yet done.
    /// Nothing may have been sent in between.
    pub(crate) fn take_back(&mut self, mark: usize) -> Vec<u8> {
        self.output.split_off(mark)
    }

    /// Sends what was taken back.
    pub(crate) fn give(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Keeps the connection alive, but takes nothing in, so that the broker holds back. Ends only when that fails; may be
    /// dropped at any time.
    pub(crate) async fn hold(&mut self) -> Ended {
        loop {
            if let Err(error) = self.flush(PATIENCE).await {
                return Ended::Lost(error);
            }
            self.read_clock();
            // That nothing is heard of the broker is our own choice.
            self.client.not_listening(self.now);
            match self.client.deadline() {
                Instant::NEVER => pending().await,
                at => sleep_until(self.origin + Duration::from_micros(at.as_micros())).await,
            }
            self.read_clock();
            if let Err(silence) = self.client.tick(self.now, &mut self.output) {
                return Ended::Silent(silence.detail);
            }
        }
    }

    /// Sends and receives until something has come or all has left, and does what is due. May be dropped at any time.
    pub(crate) async fn progress(&mut self) -> Result<(), Ended> {
        self.show_output();
        let deadline = self.client.deadline();
        let (client_is_late, moved);
        {
            let timer = async {
                match deadline {
                    Instant::NEVER => pending().await,
                    at => sleep_until(self.origin + Duration::from_micros(at.as_micros())).await,
                }
            };
            let Self { stream, input, pending: unread, output, sent, .. } = self;
            let Some(stream) = stream else {
                return Err(Ended::Lost(io::ErrorKind::NotConnected.into()));
            };
            make_room(input, unread);
            let transfer = poll_fn(|cx| {
                transfer(
                    cx,
                    stream,
                    InputBuffer { bytes: input, unread },
                    OutgoingBytes { bytes: output, sent },
                )
            });
            tokio::select! {
                biased;
                result = transfer => (client_is_late, moved) = (false, result),
                () = timer => (client_is_late, moved) = (true, Ok(())),
            }
        }
        // Nothing was added meanwhile, but all may have left.
        self.shown = self.output.len();
        self.read_clock();
        if let Err(error) = moved {
            return Err(Ended::Lost(error));
        }
        if client_is_late && let Err(silence) = self.client.tick(self.now, &mut self.output) {
            self.flush_briefly().await;
            return Err(Ended::Silent(silence.detail));
        }
        Ok(())
    }

    /// Sends all output, as long as the broker takes some of it in time.
    async fn flush(&mut self, patience: Duration) -> io::Result<()> {
        self.show_output();
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while self.sent < self.output.len() {
            match timeout(patience, stream.write(&self.output[self.sent..])).await {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(Ok(count)) => self.sent += count,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        stream.flush().await
    }

    async fn flush_briefly(&mut self) {
        // The connection is given up: that its last words do not leave changes nothing.
        let _ = self.flush(LINGER).await;
        self.sent = self.output.len();
    }

    /// Ends the connection: DISCONNECT, and a wait until the broker has read all that was sent before it.
    ///
    /// # Errors
    /// When not all of it could be sent.
    pub(crate) async fn close(&mut self, reason: Reason, properties: Properties<'_>) -> Result<(), Ended> {
        if self.client.is_connecting() {
            // There is nothing to say, and nobody who would hear it.
            self.drop_stream();
            return Ok(());
        }
        self.client.disconnect(reason, properties, &mut self.output);
        let flushed = self.flush(PATIENCE).await;
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        let _ = timeout(LINGER, async {
            stream.shutdown().await?;
            // Closing with unread input would reset the connection and with it what the broker has not read yet.
            while read_some(&mut stream, &mut self.input).await? > 0 {}
            io::Result::Ok(())
        })
        .await;
        flushed.map_err(Ended::Lost)
    }

    /// Ends the connection after a failure: tells the broker if there is something to tell.
    pub(crate) async fn abandon(&mut self) {
        self.flush_briefly().await;
        self.drop_stream();
    }
}

/// What an end means that comes before CONNACK.
fn before_connack(ended: Ended) -> Ended {
    match ended {
        // A refusal of our certificate that comes after the handshake is one of the handshake.
        Ended::Lost(error) if error.get_ref().is_some_and(|cause| cause.is::<Refused>()) => {
            Ended::Unreachable(Failure::Handshake(error.to_string()))
        }
        Ended::Lost(error) => Ended::Unanswered(error),
        Ended::Silent(_) => Ended::Unanswered(io::ErrorKind::TimedOut.into()),
        ended => ended,
    }
}

/// Shows the packets of `bytes` to `witness`; what cannot be read is told elsewhere.
fn show(witness: &mut Witness, way: Way, version: Version, mut bytes: &[u8]) {
    while let Ok(Some(frame)) = frame::cut(bytes, usize::MAX) {
        let is_connect = frame.first() == 0x10;
        let packet = if is_connect {
            decode_connect(frame).map(Packet::Connect)
        } else {
            decode_leniently(version, frame)
        };
        if let Ok(packet) = packet {
            witness(way, &packet);
        }
        bytes = &bytes[frame.len()..];
    }
}

/// Moves what is not yet taken to the front when there is little room behind it.
fn make_room(input: &mut Vec<u8>, unread: &mut std::ops::Range<usize>) {
    if unread.start == unread.end {
        *unread = 0..0;
    } else if input.len() - unread.end < READ / 4 && unread.start > 0 {
        input.copy_within(unread.clone(), 0);
        *unread = 0..unread.len();
    }
    if unread.end == input.len() {
        // Doubles only after the bytes have come: a length that is promised costs nothing.
        input.resize((input.len() * 2).max(READ), 0);
    }
}

async fn read_some(stream: &mut Stream, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| poll_read(cx, stream, buffer)).await
}

fn poll_read(cx: &mut Context<'_>, stream: &mut Stream, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
}

/// Bytes received, and which of them are not decoded yet.
struct InputBuffer<'a> {
    bytes: &'a mut [u8],
    unread: &'a mut std::ops::Range<usize>,
}

/// Bytes to send, and how many of them were sent.
struct OutgoingBytes<'a> {
    bytes: &'a mut Vec<u8>,
    sent: &'a mut usize,
}

/// Writes what can be written and reads what is there. Ready when bytes came, or when there was output and it has left.
fn transfer(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    input: InputBuffer<'_>,
    output: OutgoingBytes<'_>,
) -> Poll<io::Result<()>> {
    let InputBuffer { bytes: input, unread } = input;
    let OutgoingBytes { bytes: output, sent } = output;
    let written = write_out(cx, stream, output, sent);
    // Also after a failure to write: what the broker said before it closed may be there.
    let count = match poll_read(cx, stream, &mut input[unread.end..]) {
        Poll::Pending => None,
        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
        Poll::Ready(Ok(count)) => Some(count),
    };
    match (count, written) {
        (Some(0), _) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        (Some(count), _) => {
            unread.end += count;
            Poll::Ready(Ok(()))
        }
        (None, Err(error)) => Poll::Ready(Err(error)),
        (None, Ok(true)) => Poll::Ready(Ok(())),
        (None, Ok(false)) => Poll::Pending,
    }
}

/// Writes what can be written; whether there was output and all of it has left.
fn write_out(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    output: &mut Vec<u8>,
    sent: &mut usize,
) -> io::Result<bool> {
    let had_output = *sent < output.len();
    while *sent < output.len() {
        match Pin::new(&mut *stream).poll_write(cx, &output[*sent..])? {
            Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(count) => *sent += count,
            Poll::Pending => return Ok(false),
        }
    }
    output.clear();
    *sent = 0;
    // TLS keeps bytes back until it is told to send them.
    match Pin::new(stream).poll_flush(cx) {
        Poll::Ready(Err(error)) => Err(error),
        _ => Ok(had_output),
    }
}
