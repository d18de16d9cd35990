//! The flags of `skeeter broker` that set limits, made from the table of limits.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::value;
use crate::broker::{Limit, LimitUnit, Limits};

const HEADING: &str = "Limits";

/// The limits that were given as flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitArgs {
    given: Vec<(&'static str, u64)>,
}

impl LimitArgs {
    /// Overrides these limits.
    pub(crate) fn apply_to(&self, limits: &mut Limits) {
        self.given.iter().for_each(|(flag, number)| limits.set_flag(flag, *number));
    }

    /// Whether this flag was given.
    pub(crate) fn is_given(&self, flag: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == flag)
    }
}

/// The flags, each with the first limit that it sets.
fn flags() -> impl Iterator<Item = (&'static str, LimitUnit, &'static Limit)> {
    let rows = Limits::TABLE.iter().enumerate();
    rows.filter_map(|(row, limit)| {
        let (flag, unit) = limit.flag?;
        let is_first =
            Limits::TABLE[..row].iter().all(|other| other.flag.is_none_or(|(name, _)| name != flag));
        is_first.then_some((flag, unit, limit))
    })
}

fn arg(flag: &'static str, unit: LimitUnit, limit: &Limit) -> Arg {
    let arg = Arg::new(flag).long(flag).help_heading(HEADING);
    let default = (limit.get)(&Limits::default());
    let help = match unit {
        LimitUnit::Switch => limit.help.to_owned(),
        _ => format!("{} (default: {})", limit.help, shown(default, unit, limit.max)),
    };
    let arg = match limit.details {
        "" => arg.help(help),
        details => arg.long_help(format!("{help}.\n\n{details}")).help(help),
    };
    let whole = |least: u64| clap::value_parser!(u64).range(least..=limit.max);
    match unit {
        LimitUnit::Count => arg.value_name("NUMBER").value_parser(whole(0)),
        LimitUnit::Positive => arg.value_name("NUMBER").value_parser(whole(1)),
        LimitUnit::Seconds => arg.value_name("SECONDS").value_parser(whole(0)),
        LimitUnit::Bytes => {
            arg.value_name("BYTES").value_parser(|text: &str| value::bytes(text).map(|bytes| bytes as u64))
        }
        LimitUnit::Time => arg.value_name("SECONDS").value_parser(|text: &str| {
            value::seconds(text).map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
        }),
        LimitUnit::Switch => arg.action(ArgAction::SetTrue),
    }
}

/// A default for people: `100,000`, `16M`, `10`.
fn shown(number: u64, unit: LimitUnit, max: u64) -> String {
    match unit {
        _ if number == max => "unlimited".to_owned(),
        LimitUnit::Bytes if number.is_multiple_of(1 << 20) => format!("{}M", number >> 20),
        LimitUnit::Bytes if number.is_multiple_of(1 << 10) => format!("{}K", number >> 10),
        LimitUnit::Time => (number / 1_000_000).to_string(),
        _ => with_commas(number),
    }
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

impl Args for LimitArgs {
    fn augment_args(command: Command) -> Command {
        command.args(flags().map(|(flag, unit, limit)| arg(flag, unit, limit)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for (flag, unit, _) in flags() {
            let number = match unit {
                LimitUnit::Switch => matches.get_flag(flag).then_some(1),
                _ => matches.get_one::<u64>(flag).copied(),
            };
            self.given.extend(number.map(|number| (flag, number)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::with_commas;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_024, "1,024"), (100_000, "100,000"), (1_000_000, "1,000,000")]
        {
            assert_eq!(with_commas(number), text);
        }
    }
}
