//! From the words of the command line to those that the flags are read from: the name the binary was called by, the
//! options file, the environment, and the words of `-D`.
//!
//! All of it becomes words, in the order in which the later win: the file, the environment, the command line. Only which
//! broker, and as whom, is read from the environment where it is needed, because what belongs together is not mixed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Arg, Command};

use super::exit::{Failure, INPUT, USAGE};
use crate::cli::connect::Dialect;
use crate::cli::{Cli, property};

/// The words to read flags from, and whose habits apply.
pub(super) struct Arguments {
    pub(super) words: Vec<OsString>,
    pub(super) dialect: Dialect,
    /// What the words are read by.
    pub(super) definition: Command,
}

impl Arguments {
    /// # Errors
    /// When an options file, or the scenario that `-f` names for `bench`, cannot be read, or a switch in the environment is
    /// neither on nor off.
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
        let definition = Cli::definition(words.get(1).and_then(|word| word.to_str()));
        let command = words
            .get(1)
            .and_then(|word| word.to_str())
            .filter(|word| matches!(*word, "pub" | "sub" | "rr" | "bench"))
            .and_then(|name| definition.find_subcommand(name));
        if let Some(command) = command {
            let mut before = match command.get_name() {
                "bench" => super::bench::file::words(&words[2..])?,
                _ => options(command, &words[2..], dialect)?,
            };
            if dialect == Dialect::Skeeter {
                before.extend(environment(command)?);
            }
            words.splice(2..2, before);
        }
        // There -D is another flag.
        let is_passwd = words.get(1).is_some_and(|word| word == "passwd");
        let words = if is_passwd { words } else { property::join(words) };
        Ok(Self { words, dialect, definition })
    }
}

/// The words of the options file, if there is one.
fn options(command: &Command, words: &[OsString], dialect: Dialect) -> Result<Vec<OsString>, Failure> {
    let named =
        words.iter().position(|word| word == "-o").and_then(|at| words.get(at + 1)).map(PathBuf::from);
    let candidates = match &named {
        Some(path) => vec![path.clone()],
        None => candidates(command.get_name(), dialect),
    };
    for path in candidates {
        match fs::read(&path) {
            Ok(text) => {
                let is_set = |flag: &str| dialect == Dialect::Skeeter && is_in_environment(command, flag);
                return Ok(parse(&text, is_set));
            }
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => {}
            // As there.
            Err(_) if dialect == Dialect::Mosquitto => {}
            Err(error) => {
                return Err(Failure::new(INPUT, format!("cannot read {}: {error}", path.display())));
            }
        }
    }
    Ok(Vec::new())
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
fn parse(text: &[u8], is_set: impl Fn(&str) -> bool) -> Vec<OsString> {
    let mut words = Vec::new();
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        let (flag, value) = match line.iter().position(|byte| *byte == b' ') {
            Some(end) => (&line[..end], Some(&line[end + 1..])),
            None => (line, None),
        };
        let flag = os(flag);
        if flag == "-o" || flag.to_str().is_some_and(&is_set) {
            continue;
        }
        let is_property = flag == "-D" || flag == "--property";
        words.push(flag);
        match value {
            Some(value) if is_property => words.extend(property_words(value)),
            Some(value) => words.push(os(value)),
            None => {}
        }
    }
    words
}

/// The three words of a property, or four, of which only the last can hold blanks.
fn property_words(text: &[u8]) -> impl Iterator<Item = OsString> {
    let is_pair = text
        .split(|byte| *byte == b' ')
        .nth(1)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"user-property"));
    text.splitn(if is_pair { 4 } else { 3 }, |byte| *byte == b' ').map(os)
}

#[cfg(unix)]
fn os(bytes: &[u8]) -> OsString {
    <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn os(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn is_variable_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The name of the variable that stands for this flag: that of the long flag behind `MQTT_`.
pub(super) fn variable(arg: &Arg) -> Option<String> {
    if !matches!(arg.get_help_heading(), Some("Connection" | "Will" | "TLS")) {
        return None;
    }
    let name = match arg.get_long()? {
        "pw" => "password",
        "protocol-version" => "version",
        long => long,
    };
    Some(format!("MQTT_{}", name.to_ascii_uppercase().replace('-', "_")))
}

/// Those that say which broker, and as whom: they are read where it is known what belongs together.
fn is_read_later(arg: &Arg) -> bool {
    matches!(arg.get_long(), Some("host" | "port" | "url" | "username" | "pw"))
}

/// Whether the environment says what this flag of an options file says.
fn is_in_environment(command: &Command, flag: &str) -> bool {
    let arg = command.get_arguments().find(|arg| match flag.strip_prefix("--") {
        Some(long) => {
            arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|all| all.contains(&long))
        }
        None => arg
            .get_short()
            .is_some_and(|short| flag.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4]))),
    });
    let Some(arg) = arg else { return false };
    match arg.get_long() {
        // A broker named by the environment is not mixed with one named by the file.
        Some("host" | "port" | "url" | "unix") => {
            ["MQTT_HOST", "MQTT_PORT", "MQTT_URL", "MQTT_UNIX"].iter().any(|name| is_variable_set(name))
        }
        Some("password-file" | "password-fd" | "ask-password") if is_variable_set("MQTT_PASSWORD") => true,
        _ => variable(arg).is_some_and(|name| is_variable_set(&name)),
    }
}

/// The words of the environment: `MQTT_` and the name of a long flag, for each flag of the connection.
fn environment(command: &Command) -> Result<Vec<OsString>, Failure> {
    let mut words = Vec::new();
    for arg in command.get_arguments().filter(|arg| !is_read_later(arg)) {
        let Some(name) = variable(arg) else { continue };
        let Some(value) = std::env::var_os(&name).filter(|value| !value.is_empty()) else { continue };
        // It has a long name, or it would have no variable.
        let flag = OsString::from(format!("--{}", arg.get_long().unwrap_or_default()));
        if !arg.get_action().takes_values() {
            match value.to_str() {
                Some("1" | "true" | "yes" | "on") => words.push(flag),
                Some("0" | "false" | "no" | "off") => {}
                _ => return Err(Failure::new(USAGE, format!("{name} is neither 1 nor 0"))),
            }
            continue;
        }
        let is_property = flag == "--property";
        words.push(flag);
        match is_property {
            true => words.extend(property_words(value.as_encoded_bytes())),
            false => words.push(OsStr::new(&value).to_owned()),
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory;

    use super::{Arguments, is_read_later, parse, variable};
    use crate::cli::Cli;
    use crate::cli::connect::Dialect;

    #[test]
    fn an_options_file_has_one_option_a_line_and_the_environment_wins() {
        let text = "# comment\n-h example.org\r\n\n-u  me and you\n-d\n-D publish user-property k v w\n-o other\n-P -x\n";
        let words = parse(text.as_bytes(), |flag| flag == "-h");
        let expected = ["-u", " me and you", "-d", "-D", "publish", "user-property", "k", "v w", "-P", "-x"];
        assert_eq!(words, expected.map(OsString::from));
        assert_eq!(parse(b"-h example.org", |_| false), ["-h", "example.org"].map(OsString::from));
    }

    #[test]
    fn the_names_of_mosquitto_are_known() {
        let words = ["/usr/bin/mosquitto_rr", "-o", "/nonexistent"].map(OsString::from);
        let arguments = Arguments::new(words).unwrap();
        assert_eq!(arguments.dialect, Dialect::Mosquitto);
        assert_eq!(arguments.words[..2], ["skeeter", "rr"].map(OsString::from));
        let words = ["skeeter", "pub", "-o", "/nonexistent"].map(OsString::from);
        assert!(Arguments::new(words).is_err());
    }

    #[test]
    fn every_flag_of_the_connection_has_a_variable() {
        let definition = Cli::command();
        for name in ["pub", "sub", "rr"] {
            let command = definition.find_subcommand(name).unwrap();
            let without: Vec<_> = command
                .get_arguments()
                .filter(|arg| matches!(arg.get_help_heading(), Some("Connection" | "Will" | "TLS")))
                .filter(|arg| variable(arg).is_none())
                .map(|arg| arg.get_id().as_str())
                .collect();
            // The URL without a flag has that of --url; an options file names itself.
            assert_eq!(without, ["address", "options_file"], "give them a long name");
            assert_eq!(command.get_arguments().filter(|arg| is_read_later(arg)).count(), 5);
        }
    }
}
