//! The clients of a run: their credentials, local addresses, and how they connect and subscribe.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::role::Role;
use crate::client::Settings;
use crate::codec::packet::{
    Connack, Connect, Disconnect, Options, Packet, PacketId, RetainHandling, Subscribe, Subscription,
    Version, Will,
};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::codec::{self, frame};
use crate::message::QoS;
use crate::net::{self, Stream, Target};
use crate::sync::Arc;
use crate::text::os_error;

/// Who a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientIdentity {
    pub(super) client_id: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<Vec<u8>>,
    /// Certificate and key, in PEM.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
}

/// What is known of one client from the file of credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) client_id: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
}

/// What becomes of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionMode {
    /// As the flags say.
    AsSet,
    /// It begins, and outlives the connection.
    Keep,
    /// It goes on.
    Resume,
    /// It ends with the connection.
    Drop,
}

/// How all clients of a run connect.
pub(super) struct Clients {
    pub(super) settings: Settings,
    pub(super) target: Arc<Target>,
    /// Local addresses that take turns.
    pub(super) from: Vec<IpAddr>,
    pub(super) credentials: Vec<Credentials>,
    /// What names the run in client identifiers.
    pub(super) name: String,
    /// Publishers, which have the first of the credentials.
    pub(super) publishers: usize,
}

/// A connection that the broker has accepted.
pub(super) struct Connected {
    pub(super) stream: Stream,
    /// Duration of the TLS handshake.
    pub(super) handshake: Option<Duration>,
    /// Messages that may be in flight to the broker.
    pub(super) window: u16,
    pub(super) session_present: bool,
    /// Bytes that came after the last answer.
    pub(super) rest: Vec<u8>,
}

/// Why a client has no connection.
#[derive(Clone, Debug)]
pub(super) struct ConnectFailure {
    pub(super) text: String,
    /// This machine has no more ports, files or memory: the others will not get in either.
    pub(super) is_exhausted: bool,
}

impl From<String> for ConnectFailure {
    fn from(text: String) -> Self {
        Self { text, is_exhausted: false }
    }
}

impl Clients {
    pub(super) fn version(&self) -> Version {
        self.settings.version
    }

    /// The how manieth of all clients this one is.
    fn index(&self, role: Role) -> usize {
        match role {
            Role::Publisher(number) => number,
            Role::Subscriber(number) => self.publishers + number,
        }
    }

    pub(super) fn identity(&self, role: Role) -> ClientIdentity {
        let index = self.index(role);
        let known = match self.credentials.len() {
            0 => Credentials::default(),
            count => self.credentials[index % count].clone(),
        };
        let (side, number) = match role {
            Role::Publisher(number) => ('p', number),
            Role::Subscriber(number) => ('s', number),
        };
        let client_id = known.client_id.unwrap_or_else(|| match self.settings.client_id.as_str() {
            // At most 23 bytes, as 3.1 permits no more.
            "" => format!("b{}{side}{number}", self.name),
            given => format!("{given}{side}{number}"),
        });
        let (username, password) = match known.username {
            None => (self.settings.username.clone(), self.settings.password.clone()),
            Some(username) => (Some(username), known.password.map(String::into_bytes)),
        };
        ClientIdentity { client_id, username, password, certificate: known.certificate }
    }

    /// Opens a connection and sends CONNECT.
    ///
    /// # Errors
    /// When the broker cannot be reached or does not accept the connection.
    pub(super) async fn connect(
        &self,
        role: Role,
        identity: &ClientIdentity,
        session: SessionMode,
    ) -> Result<Connected, ConnectFailure> {
        let handshake = async {
            let target = self.target_of(role, identity);
            let (mut stream, handshake) =
                net::connect_timed(&target).await.map_err(|failure| explain(&failure, target.from))?;
            let properties = self.properties(session);
            self.say(&mut stream, &Packet::Connect(self.packet(identity, session, &properties))).await?;
            let mut rest = Vec::new();
            let (window, session_present) =
                next_packet(&mut stream, &self.settings, &mut rest, accepted).await?;
            let window = window.min(self.settings.max_inflight);
            Ok(Connected { stream, handshake, window, session_present, rest })
        };
        self.in_time(handshake).await
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, ConnectFailure>>,
    ) -> Result<T, ConnectFailure> {
        let late = |_| ConnectFailure::from("the broker did not answer in time".to_owned());
        tokio::time::timeout(self.settings.connect_timeout, work).await.map_err(late)?
    }

    /// Where this client connects to, from an address and with a certificate of its own.
    fn target_of(&self, role: Role, identity: &ClientIdentity) -> Arc<Target> {
        if self.from.is_empty() && identity.certificate.is_none() {
            return self.target.clone();
        }
        let mut target = (*self.target).clone();
        if !self.from.is_empty() {
            target.from = Some(self.from[self.index(role) % self.from.len()]);
        }
        if let (Some(tls), Some(certificate)) = (&mut target.tls, &identity.certificate) {
            let (certificate, key) = certificate.clone();
            tls.identity = Some(net::Identity { certificate, key: Some(key), pass_phrase: None });
            tls.made = None;
        }
        Arc::new(target)
    }

    fn properties(&self, session: SessionMode) -> PropertiesBuf {
        let mut properties = self.settings.properties.clone();
        let expiry = properties.as_properties().session_expiry();
        if matches!(session, SessionMode::Keep | SessionMode::Resume) && expiry.is_none() {
            // Longer than any run, and not for ever: a run that is killed leaves nothing behind.
            properties.push(Property::SessionExpiryInterval(3_600));
        }
        properties
    }

    fn packet<'a>(
        &'a self,
        identity: &'a ClientIdentity,
        session: SessionMode,
        properties: &'a PropertiesBuf,
    ) -> Connect<'a> {
        let settings = &self.settings;
        Connect {
            version: settings.version,
            bridge: false,
            clean_start: match session {
                SessionMode::AsSet => settings.clean_start,
                // What was kept goes with it.
                SessionMode::Drop => true,
                SessionMode::Keep | SessionMode::Resume => false,
            },
            keep_alive: settings.keep_alive,
            properties: match settings.version {
                Version::V5 => properties.as_properties(),
                Version::V3_1 | Version::V3_1_1 => Properties::EMPTY,
            },
            client_id: &identity.client_id,
            will: settings.will.as_ref().map(|will| Will {
                qos: will.qos,
                retain: will.retain,
                properties: will.properties.as_properties(),
                topic: &will.topic,
                payload: &will.payload,
            }),
            username: identity.username.as_deref(),
            password: identity.password.as_deref(),
        }
    }

    async fn say(&self, stream: &mut Stream, packet: &Packet<'_>) -> Result<(), ConnectFailure> {
        let mut bytes = Vec::new();
        codec::encode(self.version(), packet, &mut bytes);
        let said = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        said.await.map_err(|error: io::Error| os_error(&error).into())
    }

    /// Subscribes and waits for SUBACK; how long that took.
    ///
    /// # Errors
    /// When the broker refuses the subscription or grants another QoS.
    pub(super) async fn subscribe(
        &self,
        opened: &mut Connected,
        filter: &str,
        qos: QoS,
        retained: RetainHandling,
    ) -> Result<Duration, ConnectFailure> {
        let began = Instant::now();
        let options = Options { qos, retain_handling: retained, ..Options::default() };
        let packet = Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::EMPTY,
            filters: vec![Subscription { filter: filter.into(), options }],
        };
        let granted = async {
            self.say(&mut opened.stream, &Packet::Subscribe(packet)).await?;
            loop {
                let answer = |packet: Packet<'_>| match packet {
                    Packet::Suback(suback) => Ok(Some(suback.reasons.first().copied())),
                    // A session that goes on may bring messages first.
                    _ => Ok(None),
                };
                let answer = next_packet(&mut opened.stream, &self.settings, &mut opened.rest, answer);
                if let Some(reason) = answer.await? {
                    return Ok(reason);
                }
            }
        };
        match self.in_time(granted).await? {
            Some(reason) if QoS::from_bits(reason.0) == Some(qos) => Ok(began.elapsed()),
            Some(reason) => {
                Err(format!("the broker did not grant the subscription to {filter}: {reason}").into())
            }
            None => Err("the broker's SUBACK is empty".to_owned().into()),
        }
    }

    /// Says DISCONNECT and closes; the session stays as it was agreed.
    pub(super) async fn leave(&self, mut opened: Connected) {
        let packet =
            Packet::Disconnect(Disconnect { reason: Reason::SUCCESS, properties: Properties::EMPTY });
        // It is closed anyway.
        let _ = self.say(&mut opened.stream, &packet).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), opened.stream.shutdown()).await;
    }
}

/// Reads one packet and hands it to `visit`; what came after it stays in `bytes`.
pub(super) async fn next_packet<T>(
    stream: &mut Stream,
    settings: &Settings,
    bytes: &mut Vec<u8>,
    visit: impl FnOnce(Packet<'_>) -> Result<T, String>,
) -> Result<T, ConnectFailure> {
    loop {
        let malformed = |fault: codec::Malformed| fault.detail.to_owned();
        if let Some(frame) = frame::cut(bytes, settings.max_packet_size).map_err(malformed)? {
            let packet = codec::decode_leniently(settings.version, frame).map_err(malformed)?;
            let (len, result) = (frame.len(), visit(packet));
            bytes.drain(..len);
            return Ok(result?);
        }
        let mut chunk = [0; 512];
        match stream.read(&mut chunk).await {
            Ok(0) => return Err("the broker closed the connection".to_owned().into()),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) => return Err(os_error(&error).into()),
        }
    }
}

/// What the broker allows of messages in flight, and whether it still had the session, if it lets us in.
fn accepted(packet: Packet<'_>) -> Result<(u16, bool), String> {
    match packet {
        Packet::Connack(Connack { session_present, reason, properties }) if reason == Reason::SUCCESS => {
            Ok((properties.receive_maximum().unwrap_or(u16::MAX), session_present))
        }
        Packet::Connack(connack) => {
            let hint = match connack.reason {
                Reason::UNSUPPORTED_PROTOCOL_VERSION => "; try -V 311",
                _ => "",
            };
            Err(format!("the broker refused the connection: {}{hint}", connack.reason))
        }
        _ => Err("the broker did not answer CONNECT".to_owned()),
    }
}

/// Why no more connections can be opened, and what to do.
fn explain(failure: &net::Failure, from: Option<IpAddr>) -> ConnectFailure {
    // A port of another protocol is free on any address that is ours.
    if let Some(address) = from
        && std::net::UdpSocket::bind((address, 0))
            .is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
    {
        let text = format!("{address} is not an address of this machine; `ip address` lists them");
        return ConnectFailure { text, is_exhausted: true };
    }
    let number = match failure {
        net::Failure::Connect(error) | net::Failure::Lookup(error) => error.raw_os_error(),
        _ => None,
    };
    ConnectFailure { text: format!("{failure}{}", hint(number)), is_exhausted: !hint(number).is_empty() }
}

/// What raises the limit that the system names by this number.
#[cfg(unix)]
fn hint(number: Option<i32>) -> &'static str {
    use rustix::io::Errno;
    match number.map(Errno::from_raw_os_error) {
        Some(Errno::MFILE) => {
            "; raise the limit of open files with `ulimit -Hn 1048576` as root, or in limits.conf"
        }
        Some(Errno::NFILE) => "; raise it with `sysctl -w fs.file-max=2097152`",
        Some(Errno::ADDRNOTAVAIL) => {
            "; no port is left: `sysctl -w net.ipv4.ip_local_port_range='1024 65535'`, or more addresses with --bind"
        }
        Some(Errno::NOMEM | Errno::NOBUFS) => {
            "; no memory is left: `sysctl -w net.ipv4.tcp_mem` says how much"
        }
        _ => "",
    }
}

#[cfg(not(unix))]
fn hint(_: Option<i32>) -> &'static str {
    ""
}
