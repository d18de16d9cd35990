//! How a connection ends, or why there is none.

use std::fmt;
use std::io;

use super::service::ForeignService;
use crate::client::Fault;
use crate::codec::reason::Reason;
use crate::net::Failure;
use crate::text::os_error;

/// Why a connection is not there, or not there any more.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It could not be made.
    Unreachable(Failure),
    /// The broker refused it in CONNACK.
    Refused { reason: Reason, text: Option<String>, server: Option<String> },
    /// The same with a return code that this version of MQTT does not define.
    RefusedWith(u8),
    /// The broker ended it with DISCONNECT.
    Disconnected { reason: Reason, text: Option<String> },
    /// It broke off after CONNACK.
    Lost(io::Error),
    /// It broke off before CONNACK; with [`io::ErrorKind::TimedOut`] CONNECT was not answered in time.
    Unanswered(io::Error),
    /// The server speaks another protocol.
    NotMqtt(ForeignService),
    /// The broker stopped answering: what it did not answer.
    Silent(&'static str),
    /// The broker broke the rules.
    Fault(Fault),
}

impl Ended {
    /// Whether nobody answered in time.
    pub(crate) fn is_silence(&self) -> bool {
        match self {
            Self::Unreachable(Failure::Connect(error)) | Self::Unanswered(error) => {
                error.kind() == io::ErrorKind::TimedOut
            }
            other => matches!(other, Self::Silent(_)),
        }
    }

    /// Whether the broker ended the connection, and not for a reason of its own: a packet may be why.
    pub(crate) fn is_by_broker(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        match self {
            Self::Lost(error) => {
                matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
            }
            Self::Disconnected { reason, .. } => {
                *reason == Reason::UNSPECIFIED_ERROR || self.rejects_packet()
            }
            Self::Unreachable(_)
            | Self::Refused { .. }
            | Self::RefusedWith(_)
            | Self::Unanswered(_)
            | Self::NotMqtt(_)
            | Self::Silent(_)
            | Self::Fault(_) => false,
        }
    }

    /// Whether the broker said that it ended the connection because of a packet.
    pub(crate) fn rejects_packet(&self) -> bool {
        let Self::Disconnected { reason, .. } = self else { return false };
        matches!(
            *reason,
            Reason::MALFORMED_PACKET
                | Reason::PROTOCOL_ERROR
                | Reason::IMPLEMENTATION_SPECIFIC_ERROR
                | Reason::NOT_AUTHORIZED
                | Reason::TOPIC_NAME_INVALID
                | Reason::TOPIC_ALIAS_INVALID
                | Reason::PACKET_TOO_LARGE
                | Reason::QUOTA_EXCEEDED
                | Reason::PAYLOAD_FORMAT_INVALID
                | Reason::RETAIN_NOT_SUPPORTED
                | Reason::QOS_NOT_SUPPORTED
        )
    }

    /// The time to connect ran out.
    pub(crate) fn no_answer() -> Self {
        Self::Unreachable(Failure::Connect(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with_text = |f: &mut fmt::Formatter<'_>, text: &Option<String>| match text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        };
        match self {
            Self::Unreachable(failure) => write!(f, "{failure}"),
            Self::Unanswered(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("the broker did not answer CONNECT in time")
            }
            Self::Unanswered(_) => f.write_str("the broker closed the connection without answering CONNECT"),
            Self::NotMqtt(service) => write!(f, "this is {service}, not an MQTT broker"),
            Self::Refused { reason, text, server } => {
                write!(f, "the broker refused the connection: {reason}")?;
                with_text(f, text)?;
                server.as_ref().map_or(Ok(()), |server| write!(f, "; use the server {server}"))
            }
            Self::RefusedWith(code) => {
                write!(
                    f,
                    "the broker refused the connection with code {code}, which MQTT 3.1.1 does not define"
                )
            }
            Self::Disconnected { reason, text } => {
                write!(f, "the broker ended the connection: {reason}")?;
                with_text(f, text)
            }
            Self::Lost(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the broker closed the connection")
            }
            Self::Lost(error) => write!(f, "the connection was lost: {}", os_error(error)),
            Self::Silent(detail) => f.write_str(detail),
            Self::Fault(Fault { reason, detail }) => write!(f, "{detail} ({reason})"),
        }
    }
}
