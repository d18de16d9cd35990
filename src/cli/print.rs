//! Flags of `sub` and `rr`: which messages to print, and how.

use std::time::Duration;

use clap::Args;

use super::value;
use crate::codec::packet::Version;

#[derive(Args, Debug)]
pub(crate) struct PrintArgs {
    /// Print the topic before each payload.
    ///
    /// On a terminal, control characters are escaped, with or without this flag, except in the %p of a format. Pipes and files
    /// receive the bytes unchanged.
    #[arg(short, long, help_heading = "Output")]
    pub(crate) verbose: bool,

    /// Output format as in mosquitto_sub: %t topic, %p payload, %j JSON; the man page lists all of them.
    #[arg(short = 'F', long, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) format: Option<String>,

    /// Indent the JSON of %j and %J.
    #[arg(long, help_heading = "Output")]
    pub(crate) pretty: bool,

    /// Do not print a newline after each message.
    #[arg(short = 'N', long, help_heading = "Output")]
    pub(crate) no_newline: bool,

    /// Skip retained messages.
    #[arg(short = 'R', long, help_heading = "Message selection")]
    pub(crate) no_retained: bool,

    /// Ask the broker to keep the retain flag as published (MQTT 5).
    #[arg(long, help_heading = "Subscription")]
    pub(crate) retain_as_published: bool,

    /// When the broker sends retained messages on subscribing (MQTT 5).
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = RetainHandlingArg::Always, help_heading = "Subscription")]
    pub(crate) retain_handling: RetainHandlingArg,

    /// Exit after this many seconds, with status 27.
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = value::time_limit, help_heading = "When to exit")]
    pub(crate) timeout: Option<Duration>,
}

impl PrintArgs {
    /// Why each flag is ignored that is, in a connection of this version.
    pub(crate) fn ignored(&self, version: Version) -> Vec<&'static str> {
        let mut lines = Vec::new();
        let has_json = self.format.as_ref().is_some_and(|format| format.contains(['j', 'J']));
        if self.pretty && !has_json {
            lines.push("--pretty is ignored without %j or %J in -F");
        }
        if version != Version::V5 && self.retain_as_published {
            lines.push("--retain-as-published is ignored without MQTT 5");
        }
        if version != Version::V5 && self.retain_handling != RetainHandlingArg::Always {
            lines.push("--retain-handling is ignored without MQTT 5");
        }
        lines
    }
}

/// The Retain Handling option of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RetainHandlingArg {
    /// On every subscription.
    Always,
    /// Only if the subscription is new.
    New,
    /// Never.
    Never,
}

/// The conversions of `-F`, for the man pages.
#[cfg(test)]
pub(crate) const FORMAT: &[(&str, &str)] = &[
    ("%t", "topic"),
    ("%p", "payload, unchanged even on a terminal"),
    ("%x %X", "payload in hexadecimal, lower or upper case"),
    ("%d %f", "payload as an 8-byte double or a 4-byte float in native byte order"),
    ("%l", "length of the payload in bytes"),
    ("%q %r %m", "QoS, retain flag (0 or 1), packet identifier (0 at QoS 0)"),
    ("%j", "the message as a JSON object, with the payload as a string"),
    ("%J", "the message as a JSON object, with the payload as JSON"),
    (
        "%A %C %D %E %F %R %S %P",
        "MQTT 5 properties: topic alias, content type, correlation data, message expiry interval, payload format indicator, response topic, subscription identifier, user properties",
    ),
    ("%I %U", "time of arrival: as 2026-01-02T03:04:05+0000, and as seconds since 1970 with nanoseconds"),
    (
        "@Y @m @d @H ...",
        "time of arrival by the conversions of strftime(3), with @ instead of %; @N is nanoseconds, @@ is an @",
    ),
    ("%%", "a percent sign"),
    (
        "\\\\ \\0 \\a \\e \\n \\r \\t \\v",
        "a backslash, NUL, bell, escape, newline, carriage return, tab and vertical tab",
    ),
    (
        "%[-][0][width][.precision]",
        "- aligns to the left; 0 pads numbers and payloads with zeros. The width is the minimum width, and also the maximum for payloads, in bytes. The precision truncates text and sets the decimal places of %d and %f. For %x and %X it is the number of digits in a group, and the character after it separates the groups: %.2:x prints 61:62:63.",
    ),
];
