//! The options of a configuration file that set limits, made from the table of limits.

use super::option::{OptionRow, Repeat, Table, TakesEffect, Value, ValueKind};
use crate::broker::{INT_MAX, INT_MIN, LimitForm, Limits, limits_table};

/// Limits with the defaults of a broker that has a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitOptions(pub(crate) Limits);

impl Default for LimitOptions {
    fn default() -> Self {
        Self(Limits::with_file())
    }
}

/// Makes the rows of the options.
macro_rules! limit_rows {
    ($(
        $(#[doc = $doc:literal])*
        $field:ident: $type:ty = $default:expr
        $(=> $help:literal + $details:literal
            $(, flag $flag:literal $unit:ident)?
            $(, file $option:literal $form:ident$(($min:expr, $max:expr))? $reload:ident = $file:expr)?
            $(, with $shared:literal = $shared_file:expr)?)?;
    )*) => {
        &[$($($(OptionRow {
            names: &[$option],
            kind: kind(LimitForm::$form$(($min, $max))?),
            repeat: Repeat::Last,
            reload: TakesEffect::$reload,
            help: concat!($help, ". ", $details),
            put: |options, value| put(&mut options.0, $option, LimitForm::$form$(($min, $max))?, value),
            show: |options| show(&options.0, $option),
        },)?)?)*]
    };
}

impl Table for LimitOptions {
    const TABLE: &'static [OptionRow<Self>] = limits_table!(limit_rows);
}

/// What the parser expects for an option of this form.
const fn kind(form: LimitForm) -> ValueKind {
    match form {
        LimitForm::Number(min, max) | LimitForm::Limit(min, max) | LimitForm::Time(min, max) => {
            ValueKind::Number(min, max)
        }
        LimitForm::Lifetime => ValueKind::Words("NUMBER(s|h|d|w|m|y)"),
        LimitForm::Switch => ValueKind::Flag,
    }
}

fn put(limits: &mut Limits, option: &str, form: LimitForm, value: Value<'_>) -> Result<(), String> {
    let number = match (form, value) {
        (LimitForm::Switch, Value::Flag(flag)) => flag.into(),
        (LimitForm::Lifetime, value) => lifetime(value)?.into(),
        (LimitForm::Limit(..), Value::Number(number)) => {
            u64::try_from(number).ok().filter(|number| *number > 0).unwrap_or(u64::MAX)
        }
        (LimitForm::Time(..), Value::Number(seconds)) => u64::try_from(seconds).unwrap_or(0) * 1_000_000,
        (LimitForm::Number(..), Value::Number(number)) => u64::try_from(number).unwrap_or(0),
        _ => return Err("expected another kind of value".into()),
    };
    limits.set_option(option, number);
    Ok(())
}

/// A default as the manual shows it.
fn show(limits: &Limits, option: &str) -> String {
    let row = Limits::TABLE.iter().find(|limit| limit.option.is_some_and(|(name, _)| name == option));
    let Some((limit, (_, form))) = row.and_then(|limit| Some((limit, limit.option?))) else {
        return String::new();
    };
    let number = (limit.get)(limits);
    match form {
        LimitForm::Switch => (number == 1).to_string(),
        LimitForm::Lifetime if number == limit.max => String::new(),
        LimitForm::Limit(..) if number == limit.max => "0, no limit".into(),
        LimitForm::Time(..) => (number / 1_000_000).to_string(),
        _ => number.to_string(),
    }
}

/// Seconds, written with a unit.
fn lifetime(value: Value<'_>) -> Result<u32, String> {
    let wrong = || "expected a number above 0 with a unit, such as 12h, 7d, 2w, 1m or 1y".to_owned();
    let Value::Text(text) = value else { return Err(wrong()) };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "m" => 30 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
    if number == 0 {
        return Err(wrong());
    }
    // The largest number means no limit, so at most one second less: 136 years.
    Ok(u32::try_from(number.saturating_mul(unit)).unwrap_or(u32::MAX - 1))
}
