//! From the words of the command line to those that the flags are read from: the name the binary was called by, the
//! options file, and the words of `-D`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::exit::{Failure, INPUT};
use crate::cli::connect::Dialect;
use crate::cli::property;

/// The words to read flags from, and whose habits apply.
pub(super) struct Arguments {
    pub(super) words: Vec<OsString>,
    pub(super) dialect: Dialect,
}

impl Arguments {
    /// # Errors
    /// When the options file that `-o` names, or the scenario that `-f` names for `bench`, cannot be read.
    pub(super) fn new(words: impl IntoIterator<Item = OsString>) -> Result<Self, Failure> {
        let mut words: Vec<OsString> = words.into_iter().collect();
        let name = words.first().and_then(|path| Path::new(path).file_stem()?.to_str());
        let alias = match name {
            Some("mosquitto_pub") => Some("pub"),
            Some("mosquitto_sub") => Some("sub"),
            Some("mosquitto_rr") => Some("rr"),
            Some("mosquitto_passwd") => Some("passwd"),
            _ => None,
        };
        let dialect = if alias.is_some() { Dialect::Mosquitto } else { Dialect::Skeeter };
        if let Some(command) = alias {
            words.splice(..1, ["skeeter".into(), command.into()]);
        }
        let command =
            words.get(1).and_then(|word| word.to_str()).filter(|word| matches!(*word, "pub" | "sub" | "rr"));
        if let Some(command) = command {
            let from_file = options(command, &words[2..], dialect)?;
            // Before those of the command line, of which the last wins.
            words.splice(2..2, from_file);
        }
        if words.get(1).is_some_and(|word| word == "bench") {
            let from_file = super::bench::file::words(&words[2..])?;
            words.splice(2..2, from_file);
        }
        // There -D is another flag.
        let is_passwd = words.get(1).is_some_and(|word| word == "passwd");
        Ok(Self { words: if is_passwd { words } else { property::join(words) }, dialect })
    }
}

/// The words of the options file, if there is one.
fn options(command: &str, words: &[OsString], dialect: Dialect) -> Result<Vec<OsString>, Failure> {
    let named = words.iter().position(|word| word == "-o").and_then(|at| words.get(at + 1));
    let text = match named {
        Some(path) => match fs::read_to_string(path) {
            Ok(text) => text,
            // As there.
            Err(_) if dialect == Dialect::Mosquitto => return Ok(Vec::new()),
            Err(error) => {
                let path = Path::new(path).display();
                return Err(Failure::new(INPUT, format!("cannot read {path}: {error}")));
            }
        },
        None => match candidates(command, dialect).iter().find_map(|path| fs::read_to_string(path).ok()) {
            Some(text) => text,
            None => return Ok(Vec::new()),
        },
    };
    Ok(parse(&text, |variable| dialect == Dialect::Skeeter && std::env::var_os(variable).is_some()))
}

/// Where options may lie: ours first, then those of mosquitto's command.
fn candidates(command: &str, dialect: Dialect) -> Vec<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".config"));
    let Some(directory) = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home) else {
        return Vec::new();
    };
    let theirs = directory.join(format!("mosquitto_{command}"));
    match dialect {
        Dialect::Skeeter => vec![directory.join("skeeter").join(command), theirs],
        Dialect::Mosquitto => vec![theirs],
    }
}

/// One option a line: the flag, and all after the first blank as its one value. The environment wins over the file.
fn parse(text: &str, is_set: impl Fn(&str) -> bool) -> Vec<OsString> {
    let mut words = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (flag, value) = match line.split_once(' ') {
            Some((flag, value)) => (flag, Some(value)),
            None => (line, None),
        };
        let variables: &[&str] = match flag {
            // A broker named by the environment is not mixed with one named by the file.
            "-h" | "--host" | "-p" | "--port" | "-L" | "--url" => &["MQTT_HOST", "MQTT_PORT", "MQTT_URL"],
            "-u" | "--username" => &["MQTT_USERNAME"],
            "-P" | "--pw" | "--password" => &["MQTT_PASSWORD"],
            _ => &[],
        };
        if variables.iter().any(|variable| is_set(variable)) || flag == "-o" {
            continue;
        }
        words.push(flag.into());
        match value {
            Some(value) if matches!(flag, "-D" | "--property") => {
                let is_pair =
                    value.split(' ').nth(1).is_some_and(|name| name.eq_ignore_ascii_case("user-property"));
                words.extend(value.splitn(if is_pair { 4 } else { 3 }, ' ').map(OsString::from));
            }
            Some(value) => words.push(OsStr::new(value).into()),
            None => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Arguments, parse};
    use crate::cli::connect::Dialect;

    #[test]
    fn an_options_file_has_one_option_a_line_and_the_environment_wins() {
        let text =
            "# comment\n-h example.org\n\n-u  me and you\n-d\n-D publish user-property k v w\n-o other\n";
        let words = parse(text, |variable| variable == "MQTT_PORT");
        let expected = ["-u", " me and you", "-d", "-D", "publish", "user-property", "k", "v w"];
        assert_eq!(words, expected.map(OsString::from));
        assert_eq!(parse("-h example.org", |_| false), ["-h", "example.org"].map(OsString::from));
    }

    #[test]
    fn the_names_of_mosquitto_are_known() {
        let arguments =
            Arguments::new(["/usr/bin/mosquitto_rr", "-o", "/nonexistent"].map(OsString::from)).unwrap();
        assert_eq!(arguments.dialect, Dialect::Mosquitto);
        assert_eq!(arguments.words[..2], ["skeeter", "rr"].map(OsString::from));
        let error = Arguments::new(["skeeter", "pub", "-o", "/nonexistent"].map(OsString::from));
        assert!(error.is_err());
    }
}
