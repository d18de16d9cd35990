//! A scenario in a file: TOML whose keys are the flags, and `[[phase]]` for the parts of a run.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;
use toml::{Table, Value};

use crate::cli::Cli;
use crate::cli::exit::{Failure, INPUT};
use crate::text::os_error;

/// The words that the file named among these stands for.
///
/// # Errors
/// When it cannot be read, or which key is none.
pub(crate) fn words(command_line: &[OsString]) -> Result<Vec<OsString>, Failure> {
    let Some(path) = named(command_line) else { return Ok(Vec::new()) };
    let path = Path::new(&path);
    let failure = |why: String| Failure::new(INPUT, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failure(os_error(&error)))?;
    let words = parse(&text).map_err(failure)?;
    // Of what may stand once only, that of the command line counts; of what may be repeated, all there.
    let has_phases = command_line.iter().any(|word| word.to_string_lossy().starts_with("--phase"));
    Ok(if has_phases {
        words.into_iter().filter(|word| !word.starts_with("--phase=")).collect()
    } else {
        words
    }
    .into_iter()
    .map(OsString::from)
    .collect())
}

fn named(words: &[OsString]) -> Option<String> {
    for (at, word) in words.iter().enumerate() {
        let word = word.to_str()?;
        match word.strip_prefix("--file=") {
            Some(path) => return Some(path.to_owned()),
            None if word == "-f" || word == "--file" => {
                return words.get(at + 1)?.to_str().map(str::to_owned);
            }
            None if word == "--" => return None,
            None => {}
        }
    }
    None
}

fn parse(text: &str) -> Result<Vec<String>, String> {
    let table: Table =
        text.parse().map_err(|error: toml::de::Error| error.to_string().trim().replace('\n', " "))?;
    let cli = Cli::command();
    let known = |key: &str| {
        let bench = cli.find_subcommand("bench");
        bench.is_some_and(|bench| bench.get_arguments().any(|flag| flag.get_long() == Some(key)))
            && key != "file"
    };
    let mut words = Vec::new();
    for (key, value) in &table {
        match (key.as_str(), value) {
            ("phase", Value::Array(phases)) => {
                for value in phases {
                    words.push(format!("--phase={}", phase(value)?));
                }
            }
            (key, _) if !known(&key.replace('_', "-")) => {
                return Err(format!("{key:?} is no key: keys are the flags of skeeter bench, and [[phase]]"));
            }
            (key, Value::Array(values)) => {
                values.iter().try_for_each(|value| push(key, value, &mut words))?;
            }
            (key, value) => push(key, value, &mut words)?,
        }
    }
    Ok(words)
}

fn push(key: &str, value: &Value, words: &mut Vec<String>) -> Result<(), String> {
    let key = key.replace('_', "-");
    match value {
        Value::Boolean(true) => words.push(format!("--{key}")),
        Value::Boolean(false) => {}
        value => words.push(format!("--{key}={}", plain(&key, value)?)),
    }
    Ok(())
}

fn plain(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        _ => Err(format!("{key}: expected a text or a number")),
    }
}

/// `{ ramp = "30s", rate = 10000 }`
fn phase(value: &Value) -> Result<String, String> {
    let wrong = || "a [[phase]] has one of ramp, steady and drain, with a time, and rate".to_owned();
    let table = value.as_table().ok_or_else(wrong)?;
    let (mut words, mut rate) = (Vec::new(), String::new());
    for (key, value) in table {
        match key.as_str() {
            "ramp" | "steady" | "drain" => words.push(format!("{key}:{}", plain(key, value)?)),
            "rate" => rate = format!(":{}", plain(key, value)?),
            _ => return Err(wrong()),
        }
    }
    match &words[..] {
        [word] => Ok(format!("{word}{rate}")),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::{named, parse};

    #[test]
    fn keys_are_flags_and_phases_come_in_order() {
        let text = "scenario = \"fan-in\"\nqos = 1\nrate = 2.5\nquiet = true\njson = false\njson_field = [\"a=1\", \"b=2\"]\n\
                    [[phase]]\nramp = \"30s\"\nrate = 1000\n[[phase]]\nsteady = 60\n";
        let mut words = parse(text).unwrap();
        words.sort();
        let expected = [
            "--json-field=a=1",
            "--json-field=b=2",
            "--phase=ramp:30s:1000",
            "--phase=steady:60",
            "--qos=1",
            "--quiet",
            "--rate=2.5",
            "--scenario=fan-in",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_is_no_key_is_named() {
        for (text, part) in
            [("speed = 1", "speed"), ("[[phase]]\nup = 1", "[[phase]]"), ("qos", "qos"), ("file = 1", "file")]
        {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_file_is_found_among_the_words() {
        let of = |words: &[&str]| named(&words.iter().map(Into::into).collect::<Vec<_>>());
        assert_eq!(of(&["fan-in", "-f", "a.toml"]), Some("a.toml".to_owned()));
        assert_eq!(of(&["--file=a.toml"]), Some("a.toml".to_owned()));
        assert_eq!(of(&["fan-in"]), None);
    }
}
