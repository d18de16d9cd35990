//! The exit statuses, one table for all subcommands and for the man pages, and how a failure is told.

use std::fmt::{self, Display};

use crate::cli::connect::{ConnectArgs, Dialect};
use crate::codec;
use crate::codec::packet::Version;
use crate::net::Failure as TransportFailure;
use crate::net::link::Ended;
use crate::text::Escaped;

/// A status and what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u8,
    pub(crate) meaning: &'static str,
}

macro_rules! statuses {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(pub(crate) const $name: Status = Status { code: $code, meaning: $meaning };)*
        /// All of them, ascending. The status of a refused CONNECT is the code in the CONNACK.
        #[cfg(test)]
        pub(crate) const TABLE: &[Status] = &[$($name),*];
    };
}

statuses! {
    SUCCESS = 0, "success";
    FAILURE = 1, "no connection, or another failure that is told on stderr";
    USAGE = 2, "a flag, or a value of one, is wrong";
    CONFIGURATION = 3, "broker: the configuration has faults";
    CONNECTION_LOST = 7, "the connection was lost, or the broker ended it, before all was done";
    TLS = 8, "TLS could not be set up, or the broker could not be trusted";
    INPUT = 14, "a file, stdin or stdout failed";
    PROTOCOL = 21, "the broker sent what MQTT forbids";
    TIMEOUT = 27, "the time given by -W ran out";
    SUBSCRIBE_REFUSED = 64, "the broker refused a subscription";
    PUBLISH_REFUSED = 65, "the broker refused a message, or cannot take it";
    IDLE = 66, "no message came within the time given by --idle-timeout";
    THRESHOLD = 67, "a run of bench did not hold what --threshold asks for";
    UNMET = 68, "sub ended before --until was true, or without a message for which --where is";
    COMMAND_FAILED = 69, "a command of sub --exec failed";
}

/// What ends a subcommand early: the status, and one line for people.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// Whether the code is the one of a CONNACK and not of the table.
    is_connack: bool,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(status: Status, text: impl Display) -> Self {
        Self { code: status.code, is_connack: false, text: text.to_string() }
    }

    /// The status to exit with under the name that the program was called by.
    pub(crate) fn code_in(&self, dialect: Dialect) -> u8 {
        match dialect {
            Dialect::Mosquitto if !self.is_connack => as_mosquitto(self.code),
            Dialect::Mosquitto | Dialect::Skeeter => self.code,
        }
    }

    /// The end of a connection, told as `text`.
    pub(crate) fn ended(ended: &Ended, version: Version, text: String) -> Self {
        let code = match ended {
            Ended::Unreachable(TransportFailure::TlsSetting(_) | TransportFailure::Handshake(_)) => TLS.code,
            Ended::Unreachable(_) => FAILURE.code,
            Ended::Refused { reason, .. } => match version {
                Version::V5 => reason.0,
                Version::V3_1 | Version::V3_1_1 => codec::connack_code(*reason).unwrap_or(FAILURE.code),
            },
            // Those below have other meanings.
            Ended::RefusedWith(code) if *code >= 0x80 => *code,
            Ended::RefusedWith(_) => FAILURE.code,
            Ended::Disconnected { .. } | Ended::Lost(_) | Ended::Unanswered(_) | Ended::Silent(_) => {
                CONNECTION_LOST.code
            }
            Ended::NotMqtt(_) | Ended::Fault(_) => PROTOCOL.code,
        };
        let is_connack = matches!(ended, Ended::Refused { .. } | Ended::RefusedWith(_));
        Self { code, is_connack, text }
    }
}

/// The name that errors begin with: that of a subcommand, or of mosquitto's program where it was called by that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramName<'a> {
    pub(crate) subcommand: &'a str,
    pub(crate) dialect: Dialect,
}

impl Display for ProgramName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dialect {
            Dialect::Skeeter => write!(f, "skeeter {}", self.subcommand),
            Dialect::Mosquitto => write!(f, "mosquitto_{}", self.subcommand),
        }
    }
}

/// Where errors and warnings go: stderr, the program's name first, unless it is told to be quiet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Teller {
    program: ProgramName<'static>,
    quiet: bool,
}

impl Teller {
    pub(crate) fn new(subcommand: &'static str, args: &ConnectArgs) -> Self {
        Self { program: ProgramName { subcommand, dialect: args.dialect }, quiet: args.quiet }
    }

    pub(crate) fn dialect(self) -> Dialect {
        self.program.dialect
    }

    pub(crate) fn tell(self, text: impl Display) {
        if !self.quiet {
            // A broker's words may be among it.
            let text = text.to_string();
            let lines: Vec<_> = text.split('\n').map(|line| Escaped(line).to_string()).collect();
            eprintln!("{}: {}", self.program, lines.join("\n"));
        }
    }

    /// Tells what is no failure; not under mosquitto's names, whose clients say nothing of it.
    pub(crate) fn warn(self, text: impl Display) {
        if self.dialect() == Dialect::Skeeter {
            self.tell(text);
        }
    }

    /// Tells the failure, if it is one, and gives the status to exit with.
    pub(crate) fn finish(self, result: Result<Status, Failure>) -> u8 {
        match result {
            Ok(status) => status.code,
            Err(failure) => {
                self.tell(&failure.text);
                failure.code_in(self.dialect())
            }
        }
    }
}

/// What mosquitto's clients, and mosquitto_passwd, exit with where our table says more than theirs.
fn as_mosquitto(code: u8) -> u8 {
    match code {
        code if [USAGE.code, TLS.code, INPUT.code].contains(&code) => FAILURE.code,
        // They tell it and go on.
        code if [SUBSCRIBE_REFUSED.code, PUBLISH_REFUSED.code].contains(&code) => SUCCESS.code,
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn statuses_ascend_and_none_is_given_twice() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(TABLE.iter().all(|status| !status.meaning.is_empty()));
    }
}
