//! The flags that say which messages are wanted and how they are printed, by `sub` and `rr`.

use std::time::Duration;

use clap::Args;

use super::value;

#[derive(Args, Debug)]
pub(crate) struct PrintArgs {
    /// Prints the topic before each payload.
    ///
    /// On a terminal, characters that act on it are shown as escapes, with and without this flag; the payload of %p in a
    /// format is printed as it is. Pipes and files get all bytes as they are.
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Output format, as in mosquitto_sub: %t topic, %p payload, %j JSON and more; see the man page.
    #[arg(short = 'F', long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,

    /// Lays out the JSON of %j and %J for people.
    #[arg(long)]
    pub(crate) pretty: bool,

    /// Prints no newline after a message.
    #[arg(short = 'N', long)]
    pub(crate) no_newline: bool,

    /// Leaves out retained messages.
    #[arg(short = 'R', long)]
    pub(crate) no_retained: bool,

    /// Asks for the retain flag as it was published. MQTT 5.
    #[arg(long)]
    pub(crate) retain_as_published: bool,

    /// When retained messages are sent on subscribing. MQTT 5.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = RetainHandlingArg::Always)]
    pub(crate) retain_handling: RetainHandlingArg,

    /// Ends after so many seconds, with exit status 27.
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = value::time_limit)]
    pub(crate) timeout: Option<Duration>,
}

/// Which retained messages a subscription asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RetainHandlingArg {
    /// All that match.
    Always,
    /// Those that match if the subscription is new.
    New,
    /// None.
    Never,
}

/// The output language of `-F`, for the man pages: what is written, and what stands for it.
#[cfg(test)]
pub(crate) const FORMAT: &[(&str, &str)] = &[
    ("%t", "topic"),
    ("%p", "payload, its bytes as they are, on a terminal as well"),
    ("%x %X", "payload in hexadecimal digits"),
    ("%d %f", "payload as a double of 8 bytes or a float of 4, in the order of this machine"),
    ("%l", "bytes of the payload"),
    ("%q %r %m", "QoS, retain flag (0 or 1), packet identifier (0 at QoS 0)"),
    ("%j", "the message as one JSON object, the payload a string in it"),
    ("%J", "the same with the payload as JSON itself"),
    (
        "%A %C %D %E %F %R %S %P",
        "of MQTT 5: topic alias, content type, correlation data, expiry, payload format indicator, response topic, subscription identifier, user properties",
    ),
    ("%I %U", "the time as 2026-01-02T03:04:05+0000, and in seconds and nanoseconds since 1970"),
    ("@Y @m @d @H ...", "the time by the letters of strftime; @N nanoseconds, @@ an @"),
    ("%%", "a percent sign"),
    ("\\\\ \\0 \\a \\e \\n \\r \\t \\v", "a backslash and characters that cannot be typed"),
    (
        "%[-][0][width][.precision]",
        "- aligns to the left, 0 fills numbers and payloads with zeros. A width pads, and cuts payloads to as many bytes. A precision cuts texts and gives the decimals of %d and %f; for %x and %X it counts the digits of a group, and the character behind it parts the groups: %.2:x gives 61:62:63.",
    ),
];
