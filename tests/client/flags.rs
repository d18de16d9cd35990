//! Every flag of mosquitto's clients, version 2.1: each is accepted, or refused by its name, and each has a test.
//!
//! `tests/spec/mosquitto-2.1-flags.tsv` has the programs that know a flag, the flag, values that go with it, and the verdict.

use std::path::Path;

use crate::run::{Run, Server};

struct Flag {
    programs: &'static str,
    name: &'static str,
    values: Vec<&'static str>,
    is_accepted: bool,
}

fn flags() -> Vec<Flag> {
    include_str!("../spec/mosquitto-2.1-flags.tsv")
        .lines()
        .map(|line| {
            let [programs, name, values, verdict] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("four fields: {line}");
            };
            assert!(matches!(verdict, "accepted" | "refused"), "{line}");
            let values = values.split(' ').filter(|value| !value.is_empty()).collect();
            Flag { programs, name, values, is_accepted: verdict == "accepted" }
        })
        .collect()
}

const MESSAGES: [&str; 10] =
    ["-f", "--file", "-m", "--message", "-n", "--null-message", "-s", "--stdin-file", "-l", "--stdin-line"];

#[test]
fn each_is_accepted_or_refused_by_its_name() {
    let free = Server::new().port().to_string();
    for Flag { programs, name, values, is_accepted } in flags() {
        for program in programs.split(' ') {
            let mut arguments = vec![program, name];
            arguments.extend(&values);
            if program != "sub" && !MESSAGES.contains(&name) {
                arguments.extend(["-m", "x"]);
            }
            if program == "rr" && name != "-e" {
                arguments.extend(["-e", "e"]);
            }
            // Nobody is there; whoever gets so far has taken the flags.
            arguments.extend(["-t", "t", "-h", "127.0.0.1", "-p", &free]);
            let mut run = Run::start_bare(&arguments, &[("XDG_CONFIG_HOME", "/nonexistent")]);
            // What takes no stdin is gone by now.
            let _ = std::io::Write::write_all(&mut run.stdin(), b"x");
            let said = run.end();
            if is_accepted {
                assert_ne!(said.status, 2, "{arguments:?}: {said:?}");
            } else {
                assert_eq!(said.status, 2, "{arguments:?}: {said:?}");
                assert!(said.stderr.contains(&format!("'{name}")), "{arguments:?}: {said:?}");
            }
        }
    }
}

#[test]
fn each_has_a_test_that_shows_what_it_does() {
    let mut tests = String::new();
    let directories = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).unwrap();
    for directory in directories.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "rs") && path.file_name().unwrap() != "flags.rs" {
                tests += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let without: Vec<_> = flags()
        .into_iter()
        .filter(|flag| flag.is_accepted && !tests.contains(&format!("\"{}\"", flag.name)))
        .map(|flag| flag.name)
        .collect();
    assert!(without.is_empty(), "no test names these: {without:?}");
}
