//! Completions and man pages, written from the one definition of the flags: the tests keep the committed files true. A
//! stale file is rewritten and the test fails once; look at the difference and commit it.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::arguments::variable;
use super::exit::TABLE;
use crate::cli::Cli;
use crate::cli::print::FORMAT;

/// The files under `directory` shall be these and no others.
fn keep(directory: &str, files: Vec<(String, Vec<u8>)>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    fs::create_dir_all(&directory).unwrap();
    let mut stale = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !files.iter().any(|(wanted, _)| *wanted == name) {
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
    assert!(stale.is_empty(), "these were stale and are rewritten, please commit them: {stale:?}");
}

#[test]
fn completions_are_those_of_the_flags() {
    let shells = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish];
    let files = shells.map(|shell| {
        let mut content = Vec::new();
        generate(shell, &mut Cli::command(), "skeeter", &mut content);
        (clap_complete::Generator::file_name(&shell, "skeeter"), content)
    });
    keep("completions", files.into());
}

#[test]
fn man_pages_are_those_of_the_flags() {
    let mut skeeter = Cli::command();
    skeeter.build();
    let mut files = vec![("skeeter.1".to_owned(), page(&skeeter, "skeeter"))];
    for command in skeeter.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("skeeter-{}", command.get_name());
        let content = page(command, &name);
        files.push((format!("{name}.1"), content));
    }
    files.push(("skeeter.conf.5".to_owned(), crate::config::manual::page()));
    keep("man", files);
}

fn page(command: &Command, name: &str) -> Vec<u8> {
    let man = Man::new(command.clone()).title(name).manual("skeeter");
    let mut out = Vec::new();
    man.render_title(&mut out).unwrap();
    man.render_name_section(&mut out).unwrap();
    man.render_synopsis_section(&mut out).unwrap();
    man.render_description_section(&mut out).unwrap();
    if let Some(examples) = command.get_before_help() {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.to_string().lines().skip(1) {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("fi", []).to_writer(&mut out).unwrap();
    }
    man.render_options_section(&mut out).unwrap();
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out).unwrap();
    }
    let mut roff = Roff::new();
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
    let variables: Vec<_> = command.get_arguments().filter_map(variable).collect();
    if !variables.is_empty() {
        roff.control("SH", ["ENVIRONMENT"]);
        roff.text([roman(
            "Each flag of the connection has a variable, which counts where the flag is not given; 1 and 0 turn flags \
             without a value on and off. Under the names of mosquitto's clients they are not read.",
        )]);
        roff.control("PP", []).text([roman(variables.join(", "))]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for status in TABLE {
        roff.control("TP", []).text([bold(status.code.to_string())]).text([roman(status.meaning)]);
    }
    roff.control("TP", []).text([bold("1 to 5, 128 to 162")]);
    roff.text([roman("the broker refused the connection: its code in CONNACK, of MQTT 3.1.1 or of MQTT 5")]);
    roff.to_writer(&mut out).unwrap();
    out
}
