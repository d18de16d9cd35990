//! `skeeter pub -h`, alone: the flags that most people need, on one screen. In the client commands -h has the host as its
//! value, as in mosquitto's; all flags are under --help.

use std::fmt::Write;

use clap::{Arg, Command};

/// What the summary of a subcommand shows.
struct Summary {
    subcommand: &'static str,
    usage: &'static str,
    /// The names of the flags, without their hyphens.
    flags: &'static [&'static str],
}

const SUMMARIES: &[Summary] = &[
    Summary {
        subcommand: "pub",
        usage: "skeeter pub [URL] -t TOPIC {-m TEXT|-f FILE|-l|-n} [FLAGS]",
        flags: &[
            "host",
            "port",
            "username",
            "pw",
            "topic",
            "message",
            "file",
            "stdin-line",
            "retain",
            "qos",
            "cafile",
            "debug",
        ],
    },
    Summary {
        subcommand: "sub",
        usage: "skeeter sub [URL] -t FILTER [FLAGS]",
        flags: &[
            "host", "port", "username", "pw", "topic", "qos", "verbose", "json", "count", "timeout",
            "cafile", "debug",
        ],
    },
    Summary {
        subcommand: "rr",
        usage: "skeeter rr [URL] -t TOPIC -e TOPIC {-m TEXT|-f FILE|-n} [FLAGS]",
        flags: &[
            "host",
            "port",
            "username",
            "pw",
            "topic",
            "response-topic",
            "message",
            "qos",
            "verbose",
            "timeout",
            "cafile",
            "debug",
        ],
    },
    Summary {
        subcommand: "bench",
        usage: "skeeter bench [SCENARIO] [URL] [FLAGS]",
        flags: &[
            "host",
            "port",
            "qos",
            "size",
            "rate",
            "duration",
            "publishers",
            "subscribers",
            "threshold",
            "json",
            "html",
        ],
    },
];

/// What begins an aside in a help text.
const ASIDES: [&str; 4] = [";", ", which ", ", in addition ", ", or max "];
/// Examples in a summary.
const EXAMPLES: usize = 3;
/// The column at which the meaning of a flag begins.
const COLUMN: usize = 34;

/// The summary of a subcommand that has one.
pub(crate) fn of(command: &Command) -> Option<String> {
    let Summary { usage, flags, .. } =
        SUMMARIES.iter().find(|summary| summary.subcommand == command.get_name())?;
    let mut text = command.get_about().map(ToString::to_string).unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = write!(text, "\n\nUsage: {usage}\n\n");
    let examples = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    examples.lines().take(1 + EXAMPLES).for_each(|line| text += &format!("{line}\n"));
    text += "\nMost used flags:\n";
    for flag in *flags {
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(flag));
        text += &arg.map(line).unwrap_or_default();
    }
    let name = command.get_name();
    let _ = write!(text, "\nAll flags: skeeter {name} --help\n");
    Some(text)
}

/// `  -q, --qos <QOS>      QoS of the message: 0, 1 or 2 [default: 0]`, without asides.
fn line(arg: &Arg) -> String {
    let short = arg.get_short().map_or("    ".to_owned(), |short| format!("-{short}, "));
    let mut flag = format!("  {short}--{}", arg.get_long().unwrap_or_default());
    if arg.get_action().takes_values() {
        arg.get_value_names().unwrap_or_default().iter().for_each(|name| flag += &format!(" <{name}>"));
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let end = ASIDES.iter().filter_map(|aside| help.find(aside)).min();
    let help = &help[..end.unwrap_or(help.len())];
    let default = match (arg.get_action().takes_values(), arg.get_default_values()) {
        (true, [value]) => format!(" [default: {}]", value.display()),
        _ => String::new(),
    };
    format!("{flag:COLUMN$}{help}{default}\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{SUMMARIES, of};
    use crate::cli::Cli;

    #[test]
    fn a_summary_fits_a_screen_and_has_only_flags_that_exist() {
        let skeeter = Cli::command();
        for summary in SUMMARIES {
            let command = skeeter.find_subcommand(summary.subcommand).unwrap();
            for flag in summary.flags {
                assert!(command.get_arguments().any(|arg| arg.get_long() == Some(flag)), "{flag}");
            }
            let text = of(command).unwrap();
            assert!(text.lines().count() <= 24, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        }
        assert!(of(skeeter.find_subcommand("store").unwrap()).is_none());
    }
}
