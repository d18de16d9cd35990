//! The arguments that clap parses: those of the command line, preceded by those of the options file and the environment.
//!
//! Later arguments override earlier ones, so the order is: options file, environment variables, command line. The variables
//! for the broker's address and the credentials are the exception: [`crate::dial`] reads them, because a host from one source
//! must not be combined with a port or password from another.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};

use crate::cli::connect::{Dialect, MOSQUITTO_NAMES};
use crate::cli::exit::{Failure, INPUT, USAGE};
use crate::cli::{Cli, property};
use crate::text::os_error;

/// What errors begin with: `skeeter pub`, or the name of a mosquitto program that skeeter was called by.
pub(super) fn program(words: &[OsString]) -> String {
    let name = words.first().and_then(|path| Path::new(path).file_stem()?.to_str());
    if let Some(name) = name.filter(|name| name.starts_with("mosquitto")) {
        return name.to_owned();
    }
    match words.get(1).and_then(|word| word.to_str()) {
        Some(word) if Cli::command().find_subcommand(word).is_some() => format!("skeeter {word}"),
        _ => "skeeter".to_owned(),
    }
}

/// What clap needs to parse the command line.
pub(super) struct Arguments {
    pub(super) words: Vec<OsString>,
    pub(super) dialect: Dialect,
    /// The flags to parse `words` with.
    pub(super) definition: Command,
}

impl Arguments {
    /// # Errors
    /// When the options file, or the scenario file of `bench -f`, cannot be read, or the environment variable of a flag without
    /// a value is not a boolean.
    pub(super) fn new(words: impl IntoIterator<Item = OsString>) -> Result<Self, Failure> {
        let mut words: Vec<OsString> = words.into_iter().collect();
        let name = words.first().and_then(|path| Path::new(path).file_stem()?.to_str());
        let alias = MOSQUITTO_NAMES.iter().find(|(alias, _)| Some(*alias) == name);
        let dialect = if alias.is_some() { Dialect::Mosquitto } else { Dialect::Skeeter };
        if let Some((_, command)) = alias {
            let command = command.split(' ').map(OsString::from);
            words.splice(..1, std::iter::once("skeeter".into()).chain(command));
        }
        let mut definition = Cli::definition(words.get(1).and_then(|word| word.to_str()));
        let command = words
            .get(1)
            .and_then(|word| word.to_str())
            .filter(|word| matches!(*word, "pub" | "sub" | "rr" | "bench" | "ctl"))
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
            // From here on clap must not read the variables: it would let them override the options file, apply them under
            // the names of mosquitto's clients, and accept other values for flags without a value.
            let name = command.get_name().to_owned();
            definition = definition
                .mut_subcommand(name, |command| command.mut_args(|arg| arg.env(None::<&'static str>)));
        }
        let command = words.get(1).and_then(|word| definition.find_subcommand(word));
        let words = match command {
            Some(command) if has_properties(command) => {
                let takes_value = |word: &OsStr| word.to_str().is_some_and(|flag| takes_value(command, flag));
                property::join(words, takes_value)
            }
            // In passwd, -D is another flag.
            _ => words,
        };
        Ok(Self { words, dialect, definition })
    }
}

/// The arguments in the options file, if there is one.
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
            // mosquitto's clients ignore a file that they cannot read.
            Err(_) if dialect == Dialect::Mosquitto => {}
            Err(error) => {
                return Err(Failure::new(
                    INPUT,
                    format!("cannot read {}: {}", path.display(), os_error(&error)),
                ));
            }
        }
    }
    Ok(Vec::new())
}

/// Where an options file may be: first that of skeeter, then that of the mosquitto command.
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

/// Parses an options file: one option per line, a flag and, after the first space, its value. Flags that `is_set` are skipped.
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

/// The three or four arguments of `-D`; only the last of them can contain spaces.
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

fn is_variable_set(name: impl AsRef<OsStr>) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Whether [`crate::dial`] reads the variable: those of the broker's address and of the credentials.
fn is_read_by_dial(arg: &Arg) -> bool {
    matches!(arg.get_long(), Some("host" | "port" | "url" | "username" | "pw"))
}

/// The flag as it is typed, `-x` or `--long`.
fn find<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| match flag.strip_prefix("--") {
        Some(long) => {
            arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|all| all.contains(&long))
        }
        None => arg
            .get_short()
            .is_some_and(|short| flag.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4]))),
    })
}

fn takes_value(command: &Command, flag: &str) -> bool {
    find(command, flag).is_some_and(|arg| arg.get_action().takes_values())
}

fn has_properties(command: &Command) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some("property"))
}

/// Whether an environment variable replaces this flag of an options file.
fn is_in_environment(command: &Command, flag: &str) -> bool {
    let Some(arg) = find(command, flag) else { return false };
    match arg.get_long() {
        // The address of a broker is taken either from the environment or from the file.
        Some("host" | "port" | "url" | "unix") => {
            ["MQTT_HOST", "MQTT_PORT", "MQTT_URL", "MQTT_UNIX"].iter().any(is_variable_set)
        }
        Some("password-file" | "password-fd" | "ask-password") if is_variable_set("MQTT_PASSWORD") => true,
        _ => arg.get_env().is_some_and(is_variable_set),
    }
}

/// The arguments that the environment variables of the flags stand for.
fn environment(command: &Command) -> Result<Vec<OsString>, Failure> {
    let mut words = Vec::new();
    for arg in command.get_arguments().filter(|arg| !is_read_by_dial(arg)) {
        let Some(name) = arg.get_env() else { continue };
        let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else { continue };
        // A unit test checks that each flag with a variable has a long name.
        let flag = OsString::from(format!("--{}", arg.get_long().unwrap_or_default()));
        if !arg.get_action().takes_values() {
            match value.to_str() {
                Some("1" | "true" | "yes" | "on") => words.push(flag),
                Some("0" | "false" | "no" | "off") => {}
                _ => return Err(Failure::new(USAGE, format!("{} must be 1 or 0", name.display()))),
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

    use super::{Arguments, is_read_by_dial, parse};
    use crate::cli::Cli;
    use crate::cli::connect::Dialect;

    #[test]
    fn an_options_file_has_one_option_per_line_and_the_environment_overrides_it() {
        let text = "# comment\n-h example.org\r\n\n-u  me and you\n-d\n-D publish user-property k v w\n-o other\n-P -x\n";
        let words = parse(text.as_bytes(), |flag| flag == "-h");
        let expected = ["-u", " me and you", "-d", "-D", "publish", "user-property", "k", "v w", "-P", "-x"];
        assert_eq!(words, expected.map(OsString::from));
        assert_eq!(parse(b"-h example.org", |_| false), ["-h", "example.org"].map(OsString::from));
    }

    #[test]
    fn the_names_of_the_mosquitto_clients_are_recognized() {
        let words = ["/usr/bin/mosquitto_rr", "-o", "/nonexistent"].map(OsString::from);
        let arguments = Arguments::new(words).unwrap();
        assert_eq!(arguments.dialect, Dialect::Mosquitto);
        assert_eq!(arguments.words[..2], ["skeeter", "rr"].map(OsString::from));
        let words = ["skeeter", "pub", "-o", "/nonexistent"].map(OsString::from);
        assert!(Arguments::new(words).is_err());
    }

    #[test]
    fn every_connection_flag_has_a_variable_named_after_it() {
        let definition = Cli::command();
        for name in ["pub", "sub", "rr", "bench"] {
            let command = definition.find_subcommand(name).unwrap();
            let mut without = Vec::new();
            for arg in command.get_arguments() {
                let is_of_connection = arg.get_help_heading().is_some_and(|heading| {
                    ["Connection", "Authentication", "Session", "Will", "TLS"].contains(&heading)
                });
                let Some(variable) = arg.get_env() else {
                    if is_of_connection {
                        without.push(arg.get_id().as_str());
                    }
                    continue;
                };
                let flag = match arg.get_long().expect("a flag with a variable has a long name") {
                    "pw" => "password",
                    "protocol-version" => "version",
                    long => long,
                };
                assert_eq!(variable, format!("MQTT_{}", flag.to_uppercase().replace('-', "_")).as_str());
                assert!(
                    is_of_connection || flag == "quiet",
                    "the help names the headings with variables: {flag}"
                );
            }
            // TLS engines are refused; only `pub` reconnects by itself.
            let mut expected = vec!["tls_engine", "tls_engine_kpass_sha1"];
            if name == "pub" {
                expected.extend(["no_retry", "retry"]);
            }
            assert_eq!(without, expected, "{name}");
            assert_eq!(command.get_arguments().filter(|arg| is_read_by_dial(arg)).count(), 5);
        }
    }

    #[test]
    fn clap_itself_reads_no_variable_of_a_client_command() {
        for name in ["pub", "sub", "rr", "bench"] {
            let arguments = Arguments::new(["skeeter", name].map(OsString::from)).unwrap();
            let command = arguments.definition.find_subcommand(name).unwrap();
            assert!(command.get_arguments().all(|arg| arg.get_env().is_none()), "{name}");
        }
    }
}
