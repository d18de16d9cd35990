//! Generates the shell completions and man pages from the definitions of the flags, and compares them with the committed
//! files. A file that differs is rewritten and its test fails once: review the difference and commit it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::exit::TABLE;
use crate::cli::Cli;
use crate::cli::print::FORMAT;

/// Environment variables that belong to no flag: the commands that read each, and what it is for.
const VARIABLES: &[(&[&str], &str, &str)] = &[
    (&["passwd"], "SKEETER_PASSWORD", "Password, unless a flag gives it."),
    (
        &["pub", "sub", "rr", "ctl"],
        "XDG_CONFIG_HOME",
        "Directory of the options files (default: ~/.config); see -o.",
    ),
    (
        &["broker", "cert"],
        "XDG_STATE_HOME",
        "Directory of the certificates of --tls auto (default: ~/.local/state).",
    ),
    (
        &["pub", "sub", "rr", "ctl", "broker", "cert"],
        "HOME",
        "Home directory, for the defaults of XDG variables.",
    ),
    (&["sub", "rr"], "NO_COLOR", "Disables colours if it is not empty."),
    (
        &["broker"],
        "NOTIFY_SOCKET",
        "Set by systemd for services of Type=notify and notify-reload; the broker reports its state there.",
    ),
    (
        &["broker"],
        "WATCHDOG_USEC",
        "Set by systemd for services with WatchdogSec=; the broker then reports three times in that time that all its \
         workers answer.",
    ),
    (&["broker"], "WATCHDOG_PID", "Set by systemd: the process that WATCHDOG_USEC is meant for."),
    (&["broker"], "LISTEN_PID", "Set by systemd: the process that LISTEN_FDS is meant for."),
    (&["broker"], "LISTEN_FDNAMES", "Set by systemd: names of these sockets, for error messages."),
    (
        &["broker"],
        "LISTEN_FDS",
        "Set by systemd for socket activation: the number of sockets. A socket that was passed takes the place of those of the listener with its \
         port, or with the path of its Unix domain socket; a socket that belongs to no listener is an error.",
    ),
    (
        &["broker"],
        "CREDENTIALS_DIRECTORY",
        "Set by systemd for services with LoadCredential=; paths of files in the configuration file may begin with \
         $CREDENTIALS_DIRECTORY/.",
    ),
    (&["broker"], "PUID", "User ID to run as with -c, if started as root."),
    (&["broker"], "PGID", "Group ID to run as with -c, if started as root."),
    (&["broker"], "UMASK_SET", "File mode creation mask, in octal."),
    (
        &["broker"],
        "SNAP_NAME",
        "If it is mosquitto, the broker does not change its user, as in mosquitto's snap package.",
    ),
    (
        &["broker"],
        "MOSQUITTO_UNSAFE_ALLOW_SYMLINKS",
        "If set, log files may be symbolic links, as in mosquitto.",
    ),
    (&["broker"], "DLT_PIPE_DIR", "Directory of the pipe of dlt-daemon (default: /tmp)."),
];

/// Asserts that `directory` contains these files and no others except the guides, which are written by hand; corrects it if
/// not.
fn assert_current(directory: &str, files: Vec<(String, Vec<u8>)>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    fs::create_dir_all(&directory).unwrap();
    let mut stale = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".7") && !files.iter().any(|(wanted, _)| *wanted == name) {
            fs::remove_file(directory.join(&name)).unwrap();
            stale.push(name);
        }
    }
    for (name, content) in files {
        let path = directory.join(&name);
        if fs::read(&path).ok().as_ref() != Some(&content) {
            fs::write(&path, content).unwrap();
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "these files were out of date and have been rewritten; review and commit them: {stale:?}"
    );
}

#[test]
fn completions_match_the_flags() {
    let shells = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish];
    let files = shells.map(|shell| {
        let mut content = Vec::new();
        generate(shell, &mut Cli::command(), "skeeter", &mut content);
        (clap_complete::Generator::file_name(&shell, "skeeter"), content)
    });
    assert_current("completions", files.into());
}

#[test]
fn man_pages_match_the_flags() {
    let mut skeeter = Cli::command();
    skeeter.build();
    let mut files = vec![("skeeter.1".to_owned(), page(&skeeter, "skeeter"))];
    for command in skeeter.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("skeeter-{}", command.get_name());
        let content = page(command, &name);
        files.push((format!("{name}.1"), content));
    }
    files.push(("skeeter.conf.5".to_owned(), crate::config::manual::page()));
    assert_current("man", files);
}

fn page(command: &Command, name: &str) -> Vec<u8> {
    let man = Man::new(command.clone())
        .title(name)
        .source(concat!("skeeter ", env!("CARGO_PKG_VERSION")))
        .manual("skeeter manual");
    let mut out = Vec::new();
    man.render_title(&mut out).unwrap();
    man.render_name_section(&mut out).unwrap();
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let usage = command.clone().render_usage().to_string();
    for line in usage.trim_start_matches("Usage: ").lines() {
        roff.text([bold(line.trim())]).control("br", []);
    }
    roff.to_writer(&mut out).unwrap();
    man.render_description_section(&mut out).unwrap();
    if let Some(examples) = command.get_before_help() {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.to_string().trim_end().lines().skip(1) {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("fi", []).to_writer(&mut out).unwrap();
    }
    man.render_options_section(&mut out).unwrap();
    let mut roff = Roff::new();
    if command.get_name() == "skeeter" {
        roff.control("SH", ["COMMANDS"]);
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            roff.control("TP", []);
            roff.text([bold(format!("skeeter-{}(1)", command.get_name()))]).text([roman(about)]);
        }
    } else if command.has_subcommands() {
        roff.control("SH", ["COMMANDS"]);
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let about = command.get_long_about().or(command.get_about());
            roff.control("SS", [command.get_name()]);
            roff.text([roman(about.map(ToString::to_string).unwrap_or_default())]);
            for arg in command.get_arguments().filter(|arg| !is_of_clap(arg)) {
                let form = match arg.get_long() {
                    Some(long) => format!("--{long}"),
                    None => arg.get_value_names().unwrap_or_default().join(" "),
                };
                roff.control("TP", []).text([italic(form)]);
                roff.text([roman(arg.get_help().map(ToString::to_string).unwrap_or_default())]);
            }
        }
    }
    if command.get_arguments().any(|arg| arg.get_id() == "format") {
        roff.control("SH", ["OUTPUT FORMAT"]);
        for (code, meaning) in FORMAT {
            roff.control("TP", []).text([bold(*code)]).text([roman(*meaning)]);
        }
    }
    if command.get_name() == "broker" {
        roff.control("SH", ["DIFFERENCES FROM MOSQUITTO"]);
        for paragraph in crate::config::manual::DIFFERENCES {
            roff.control("PP", []).text([roman(*paragraph)]);
        }
    }
    environment(command, &mut roff);
    exit_status(command, &mut roff);
    see_also(command.get_name(), &mut roff);
    roff.to_writer(&mut out).unwrap();
    out
}

/// The pages that a reader of this one may want next.
fn see_also(name: &str, roff: &mut Roff) {
    let pages: &[&str] = match name {
        "skeeter" => &["skeeter-guide(7)", "skeeter-from-mosquitto(7)", "skeeter.conf(5)"],
        "broker" => &[
            "skeeter.conf(5)",
            "skeeter-guide(7)",
            "skeeter-from-mosquitto(7)",
            "skeeter-sys(7)",
            "skeeter-passwd(1)",
            "skeeter-cert(1)",
            "skeeter-store(1)",
        ],
        "pub" => &["skeeter-sub(1)", "skeeter-rr(1)", "skeeter-format(7)", "skeeter-guide(7)"],
        "sub" => &["skeeter-format(7)", "skeeter-pub(1)", "skeeter-rr(1)", "skeeter-guide(7)"],
        "rr" => &["skeeter-format(7)", "skeeter-pub(1)", "skeeter-sub(1)", "skeeter-guide(7)"],
        "bench" => &["skeeter-broker(1)", "skeeter-guide(7)", "skeeter-sys(7)"],
        "cert" => &["skeeter-broker(1)", "skeeter-guide(7)"],
        _ => &["skeeter-broker(1)", "skeeter-guide(7)", "skeeter-from-mosquitto(7)"],
    };
    roff.control("SH", ["SEE ALSO"]);
    for (at, page) in pages.iter().enumerate() {
        let (name, section) = page.split_at(page.find('(').unwrap());
        let comma = if at + 1 < pages.len() { "," } else { "" };
        roff.text([italic(name), roman(section), roman(comma)]);
    }
}

fn is_of_clap(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

/// The environment variables of a command, each with its meaning.
fn variables(command: &Command) -> BTreeMap<String, String> {
    let of_flags = command.get_arguments().filter_map(|arg| {
        let flag = format!("--{}", arg.get_long()?);
        let meaning = if arg.get_action().takes_values() {
            format!("Value of {flag}.")
        } else {
            format!("1 or 0: whether {flag} is given.")
        };
        Some((arg.get_env()?.to_str()?.to_owned(), meaning))
    });
    let others = VARIABLES.iter().filter(|(commands, ..)| commands.contains(&command.get_name()));
    of_flags.chain(others.map(|(_, name, meaning)| ((*name).to_owned(), (*meaning).to_owned()))).collect()
}

fn environment(command: &Command, roff: &mut Roff) {
    let variables = variables(command);
    if variables.is_empty() {
        return;
    }
    roff.control("SH", ["ENVIRONMENT"]);
    if variables.contains_key("MQTT_HOST") {
        roff.text([roman(
            "Flags override environment variables, and environment variables override the options file. An empty variable is \
             ignored. MQTT_HOST, MQTT_PORT and MQTT_URL are ignored if a flag selects the broker, and MQTT_PASSWORD is \
             ignored if the URL contains a username. When the program is called as mosquitto_pub, mosquitto_sub or \
             mosquitto_rr, no MQTT_ variables are read.",
        )]);
    }
    for (name, meaning) in variables {
        roff.control("TP", []).text([bold(name)]).text([roman(meaning)]);
    }
}

/// The exit statuses of a command; those of all commands for `skeeter`.
fn exit_status(command: &Command, roff: &mut Roff) {
    let codes: &[u8] = match command.get_name() {
        "pub" => &[0, 1, 2, 7, 8, 14, 21, 65],
        "sub" => &[0, 1, 2, 7, 8, 14, 21, 27, 64, 66, 68, 69],
        "rr" => &[0, 1, 2, 7, 8, 14, 21, 27, 64, 65],
        "bench" => &[0, 1, 2, 7, 8, 14, 21, 67],
        "broker" => &[0, 1, 2, 3],
        "cert" | "signal" => &[0, 1, 2],
        "migrate" => &[0, 2, 3, 14],
        "passwd" | "store" => &[0, 1, 2, 14],
        _ => &[0, 1, 2, 3, 7, 8, 14, 21, 27, 64, 65, 66, 67, 68, 69],
    };
    roff.control("SH", ["EXIT STATUS"]);
    for status in TABLE.iter().filter(|status| codes.contains(&status.code)) {
        roff.control("TP", []).text([bold(status.code.to_string())]).text([roman(status.meaning)]);
    }
    if codes.contains(&21) {
        roff.control("TP", []).text([bold("1 to 5, 128 to 162")]);
        roff.text([roman(
            "the broker refused the connection; the status is the return code (MQTT 3.1.1) or reason code (MQTT 5) of its \
             CONNACK",
        )]);
    }
    if command.get_name() == "broker" {
        roff.control("TP", []).text([bold("other")]).text([roman("the status of the command run by --exec")]);
    }
}

/// Names of environment variables that the sources under `directory` read.
fn variables_read(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            variables_read(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for reader in ["var_os(\"", "env::var(\"", "variable(\"", "given(\"", "of(\""] {
            let names = text.split(reader).skip(1).filter_map(|rest| rest.split('"').next());
            let is_name =
                |name: &&str| name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            found.extend(names.filter(is_name).map(str::to_owned));
        }
    }
}

#[test]
fn documented_environment_variables_are_those_that_are_read() {
    let skeeter = Cli::command();
    let documented: BTreeSet<String> =
        skeeter.get_subcommands().flat_map(|command| variables(command).into_keys()).collect();
    // Those of the flags are read by clap, or by `arguments`, through the attribute that is documented.
    let of_flags = skeeter.get_subcommands().flat_map(Command::get_arguments).filter_map(Arg::get_env);
    let mut read: BTreeSet<String> = of_flags.map(|name| name.to_str().unwrap().to_owned()).collect();
    variables_read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut read);
    // Read by dependencies.
    read.extend(["NO_COLOR", "LISTEN_FDS", "LISTEN_PID"].map(str::to_owned));
    // The host name, on Windows only.
    read.remove("COMPUTERNAME");
    assert_eq!(documented, read);
}

#[test]
fn help_shows_no_value_of_an_environment_variable() {
    for command in Cli::command().get_subcommands() {
        // `arguments` removes the variables of these before clap renders any help.
        if ["pub", "sub", "rr", "bench", "ctl"].contains(&command.get_name()) {
            continue;
        }
        for arg in command.get_arguments().filter(|arg| arg.get_env().is_some()) {
            assert!(arg.is_hide_env_values_set(), "{}: {}", command.get_name(), arg.get_id());
        }
    }
}

#[test]
fn every_flag_is_under_its_heading() {
    let skeeter = Cli::command();
    let mut found = String::new();
    for command in skeeter.get_subcommands() {
        let mut headings: Vec<(&str, Vec<String>)> = Vec::new();
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let heading = arg.get_help_heading().unwrap_or("(none)");
            let flag = match (arg.get_long(), arg.get_short()) {
                (Some(long), _) => format!("--{long}"),
                (None, Some(short)) => format!("-{short}"),
                (None, None) => arg.get_value_names().map(|names| names.join(" ")).unwrap_or_default(),
            };
            match headings.iter_mut().find(|(known, _)| *known == heading) {
                Some((_, flags)) => flags.push(flag),
                None => headings.push((heading, vec![flag])),
            }
        }
        for (heading, flags) in headings {
            found += &format!("{} / {heading}: {}\n", command.get_name(), flags.join(" "));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/unit/commands/headings.txt");
    let expected = fs::read_to_string(path).unwrap();
    let changed: Vec<_> = found.lines().filter(|line| !expected.contains(line)).collect();
    assert_eq!(found, expected, "not in tests/unit/commands/headings.txt:\n{}", changed.join("\n"));
}
