//! Every example of the guides in man/ is run as it is printed, but for its ports, hosts and directories.
//!
//! A comment before each example says how: `run`, or `run NAME=VALUE` with a variable of the environment; `fails STATUS`;
//! `start`, for what runs until the end of its section; `file PATH`; `unit PATH`, for a unit file of systemd, whose
//! command is started; `output`, for what the example before it prints, where `...` stands for any text; or `not run:
//! REASON`. The examples of a section share a directory, and a broker unless they start one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{Broker, Folder, Lines, wait, wait_for};

const PAGES: [&str; 5] =
    ["skeeter-control", "skeeter-format", "skeeter-from-mosquitto", "skeeter-guide", "skeeter-sys"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

#[derive(Debug)]
struct Example {
    line: usize,
    kind: String,
    text: String,
}

/// The text that a line of roff prints.
fn printed(line: &str) -> String {
    let mut text = line.strip_prefix(r"\&").unwrap_or(line).to_owned();
    for (roff, plain) in
        [(r"\-", "-"), (r"\(aq", "'"), (r"\(ga", "`"), (r"\(ha", "^"), (r"\(ti", "~"), (r"\e", "\\")]
    {
        text = text.replace(roff, plain);
    }
    text
}

/// The sections of a page that have examples.
fn sections(page: &str) -> Vec<(String, Vec<Example>)> {
    let text = std::fs::read_to_string(directory().join(format!("{page}.7"))).unwrap();
    let mut sections = vec![(String::new(), Vec::new())];
    let mut kind = None;
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(heading) = line.strip_prefix(".SH ") {
            sections.push((heading.to_owned(), Vec::new()));
        } else if let Some(text) = line.strip_prefix(r#".\" example: "#) {
            kind = Some(text.to_owned());
        } else if line == ".EX" {
            let kind = kind.take().unwrap_or_else(|| panic!("{page}.7:{}: says not how it is run", at + 1));
            let text: Vec<_> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| *line != ".EE").collect();
            let text = text.into_iter().map(|line| printed(line) + "\n").collect();
            sections.last_mut().unwrap().1.push(Example { line: at + 1, kind, text });
        }
    }
    sections.retain(|(_, examples)| !examples.is_empty());
    sections
}

/// A process that ends with its section.
struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    is_broker: bool,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the examples of a section share.
struct Scene {
    place: String,
    processes: Vec<Process>,
    broker: Option<Broker>,
    /// The ports that are printed, and those that are used.
    ports: BTreeMap<u16, u16>,
    /// The ports of the listeners in each configuration file.
    listeners: BTreeMap<String, Vec<u16>>,
    output: String,
    folder: Folder,
}

/// Directories of the system, which lie in that of the section here.
const DIRECTORIES: [&str; 5] =
    ["/etc/skeeter", "/etc/mosquitto", "/var/lib/skeeter", "/var/lib/mosquitto", "/var/log/skeeter"];

impl Scene {
    fn new(page: &str) -> Self {
        let folder = Folder::new();
        let program = assert_cmd::cargo::cargo_bin!("skeeter");
        let script = "mkdir -p bin home && ln -s \"$0\" bin/skeeter && for d; do mkdir -p \".$d\"; done && chmod -R a+rwX .";
        let status = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .args(DIRECTORIES)
            .current_dir(folder.file(""))
            .status();
        assert!(status.unwrap().success());
        Self {
            place: page.to_owned(),
            processes: Vec::new(),
            broker: None,
            ports: BTreeMap::new(),
            listeners: BTreeMap::new(),
            output: String::new(),
            folder,
        }
    }

    /// The text with the ports, hosts and directories of this section.
    fn adapted(&self, text: &str) -> String {
        let mut out = text.replace("broker.example", "localhost").replace("cloud.example", "localhost");
        for directory in DIRECTORIES {
            out = out.replace(directory, self.folder.file(&directory[1..]).to_str().unwrap());
        }
        for (printed, used) in &self.ports {
            out = out.replace(&printed.to_string(), &used.to_string());
        }
        out
    }

    fn shell(&self, text: &str) -> Command {
        let mut command = Command::new("sh");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.folder.file("bin")).chain(std::env::split_paths(&path));
        command
            .args(["-ec", &self.adapted(text)])
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.folder.file("home"))
            .env("XDG_STATE_HOME", self.folder.file("home/.local/state"))
            .env_remove("XDG_CONFIG_HOME")
            .current_dir(self.folder.file(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(port) = self.ports.get(&1883) {
            command.env("MQTT_PORT", port.to_string());
        }
        command
    }

    /// Writes a file. Listeners in it take free ports, and the broker stays who runs the tests.
    fn write(&mut self, path: &str, text: &str) {
        let path = self.adapted(path);
        let mut out = String::new();
        let mut ports = Vec::new();
        for line in self.adapted(text).lines() {
            match line.strip_prefix("listener ") {
                Some(listener) => {
                    let port = listener.split(' ').next().unwrap().parse().unwrap();
                    ports.push(port);
                    out += "listener 0 127.0.0.1\n";
                }
                None => out += &format!("{line}\n"),
            }
        }
        if !ports.is_empty() {
            out += "user root\n";
            self.listeners.insert(path.clone(), ports);
        }
        std::fs::write(self.folder.file("").join(&path), out).unwrap();
    }

    /// Runs a script to its end; what it prints is that on stderr if it shall fail.
    fn run(&mut self, text: &str, environment: &str, status: i32) {
        let mut child = self.shell(text).envs(environment.split_once('=')).spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        println!("{}", self.place);
        let ended = wait(&mut child);
        let (stdout, stderr) = (stdout.all().join("\n"), stderr.all().join("\n"));
        assert_eq!(ended, status, "{}:\n{text}\n{stdout}\n{stderr}", self.place);
        self.output = if status == 0 { stdout } else { stderr };
    }

    /// Starts what runs on, and waits until it is ready.
    fn start(&mut self, line: &str) {
        let is_broker = line.starts_with("skeeter broker") || line.starts_with("mosquitto ");
        let (line, expected) =
            if is_broker { self.broker_on_free_ports(line) } else { (line.to_owned(), Vec::new()) };
        let ready = self.folder.file(&format!("ready-{}", self.processes.len()));
        let line = match line.starts_with("skeeter sub") {
            true => format!("exec {line} --ready-file {}", ready.display()),
            false => format!("exec {line}"),
        };
        let mut child = self.shell(&line).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let process = Process { child, stdout: Lines::of(stdout), stderr: Lines::of(stderr), is_broker };
        if line.contains("--ready-file") {
            wait_for(&format!("{}: {line}", self.place), || ready.exists().then_some(()));
        }
        let mut seen = 0;
        for (printed, scheme) in expected {
            // Listeners of the file are announced in its order.
            let (at, port) = process.stdout.wait(&line, |lines| {
                lines.iter().enumerate().skip(seen).find_map(|(at, line)| {
                    let url = line.strip_prefix("listening on ")?;
                    let (found, port) = url.split_once("://127.0.0.1:")?;
                    (scheme.is_none_or(|scheme| scheme == found))
                        .then_some((at, port.parse::<u16>().unwrap()))
                })
            });
            if scheme.is_none() {
                seen = at + 1;
            }
            self.ports.insert(printed, port);
        }
        self.processes.push(process);
    }

    /// The command line of a broker with free ports; the ports it would have, and the schemes of their URLs.
    fn broker_on_free_ports(&self, line: &str) -> (String, Vec<(u16, Option<&'static str>)>) {
        let words: Vec<_> = line.split_whitespace().collect();
        let after = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]);
        if let Some(file) = after("-c") {
            let ports = &self.listeners[&self.adapted(file)];
            return (line.to_owned(), ports.iter().map(|port| (*port, None)).collect());
        }
        let mut line = line.replace("0.0.0.0", "127.0.0.1").replace("'*'", "127.0.0.1");
        let mut expected = Vec::new();
        match after("-p") {
            _ if line.contains("--no-plain") => {}
            Some(port) => {
                line = line.replace(&format!("-p {port}"), "-p 0");
                expected.push((port.parse().unwrap(), Some("mqtt")));
            }
            None => {
                line += " -p 0";
                expected.push((1883, Some("mqtt")));
            }
        }
        if line.contains("--tls ") || line.contains("--cert ") {
            line += " --tls-port 0";
            expected.push((8883, Some("mqtts")));
        }
        for (flag, port, scheme) in [("--ws", 9001, "ws"), ("--wss", 9443, "wss"), ("--http", 9883, "http")] {
            if words.contains(&flag) {
                line = line.replace(&format!("{flag} "), &format!("{flag}=0 "));
                expected.push((port, Some(scheme)));
            }
        }
        (line, expected)
    }

    /// What the example before printed, or prints while it runs.
    fn expect(&self, text: &str, was_started: bool) {
        if was_started || self.output.is_empty() {
            let process = self.processes.last().unwrap();
            let lines = if process.is_broker { &process.stderr } else { &process.stdout };
            for wanted in text.lines() {
                lines.wait(&format!("{}: {wanted:?}", self.place), |lines| {
                    lines.iter().any(|line| is_like(wanted, line)).then_some(())
                });
            }
        } else {
            let (wanted, found) = (text.trim_end(), self.output.trim_end());
            let is_right = wanted.lines().count() == found.lines().count()
                && wanted.lines().zip(found.lines()).all(|(wanted, line)| is_like(wanted, line));
            assert!(is_right, "{}: expected\n{wanted}\nand got\n{found}", self.place);
        }
    }

    fn play(&mut self, examples: &[Example]) {
        let starts_broker = examples.iter().any(|example| {
            matches!(example.kind.split(' ').next(), Some("start" | "unit"))
                && example.text.contains("skeeter broker")
        });
        if !starts_broker {
            let broker = Broker::start(&[]);
            self.ports.insert(1883, broker.port);
            self.broker = Some(broker);
        }
        let page = self.place.clone();
        let mut was_started = false;
        for example in examples {
            self.place = format!("{page}.7:{}", example.line);
            let (kind, rest) = example.kind.split_once(' ').unwrap_or((&example.kind, ""));
            match kind {
                "run" => self.run(&example.text, rest, 0),
                "fails" => self.run(&example.text, "", rest.parse().unwrap()),
                "unit" => {
                    self.write(rest, &example.text);
                    let command =
                        example.text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/"));
                    self.start(command.unwrap());
                }
                "start" => {
                    for line in example.text.replace("\\\n", " ").lines() {
                        self.start(line);
                    }
                }
                "file" => self.write(rest, &example.text),
                "output" => self.expect(&example.text, was_started),
                "not" => assert!(rest.starts_with("run: "), "{}: say why", self.place),
                _ => panic!("{}: {kind:?} is no way to run an example", self.place),
            }
            was_started = matches!(kind, "start" | "unit");
        }
    }
}

/// Whether a line is as printed, where `...` stands for any text.
fn is_like(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split("...");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last == Some("")
}

fn run_examples(page: &str) {
    for (heading, examples) in sections(page) {
        println!("{page}: {heading}");
        Scene::new(page).play(&examples);
    }
}

#[test]
fn the_examples_of_skeeter_format_run() {
    run_examples("skeeter-format");
}

#[test]
fn the_examples_of_skeeter_guide_run() {
    run_examples("skeeter-guide");
}

#[test]
fn the_examples_of_skeeter_from_mosquitto_run() {
    run_examples("skeeter-from-mosquitto");
}

#[test]
fn the_examples_of_skeeter_control_run() {
    run_examples("skeeter-control");
}

#[test]
fn the_examples_of_skeeter_sys_run() {
    run_examples("skeeter-sys");
}

#[test]
fn every_guide_is_tested() {
    let mut pages: Vec<_> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".7").map(str::to_owned))
        .collect();
    pages.sort();
    assert_eq!(pages, PAGES);
}

/// What `program` says about the page; nothing is expected.
fn lint(program: &str, arguments: &[&str], page: &Path) {
    match Command::new(program).args(arguments).arg(page).output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            assert!(said.is_empty(), "{program}: {}", String::from_utf8_lossy(&said));
        }
        Err(error) => {
            assert!(std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "{program}: {error}");
            eprintln!("NOT RUN: {program} is not installed");
        }
    }
}

#[test]
fn groff_and_mandoc_have_no_complaints_about_the_guides() {
    for page in PAGES {
        let page = directory().join(format!("{page}.7"));
        lint("groff", &["-man", "-t", "-ww", "-z"], &page);
        lint("mandoc", &["-T", "lint", "-W", "warning"], &page);
    }
}

/// The names in bold in a paragraph that begins with `title`, up to the next one.
fn names(page: &str, title: &str) -> Vec<String> {
    let (_, rest) = page.split_once(&format!(".TP\n{title}\n")).unwrap();
    let text = rest.split("\n.").next().unwrap();
    text.split("\\fB").skip(1).filter_map(|name| name.split("\\fR").next()).map(str::to_owned).collect()
}

/// The options in a section of skeeter.conf(5).
fn options(section: &str) -> Vec<String> {
    let page = std::fs::read_to_string(directory().join("skeeter.conf.5")).unwrap();
    let (_, rest) = page.split_once(&format!(".SH {section}\n")).unwrap();
    let lines = rest.split(".SH ").next().unwrap().lines();
    let names = lines.filter_map(|line| line.strip_prefix("\\fB")?.strip_suffix("\\fR"));
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn the_table_of_options_has_all_of_mosquitto_and_says_which_are_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(directory().join("skeeter-from-mosquitto.7")).unwrap();
    let (refused, ignored) = (names(&page, "Refused"), names(&page, "Ignored with a warning"));
    assert_eq!(refused, options("REFUSED"));
    assert_eq!(ignored, options("IGNORED"));
    let other = ["Same meaning", "Different default or meaning, see WHAT DIFFERS", "Some values are refused"];
    let mut all: Vec<_> =
        other.iter().flat_map(|title| names(&page, title)).chain(refused).chain(ignored).collect();
    all.sort();
    let list = std::fs::read_to_string(root.join("tests/unit/config/mosquitto-2.1.txt")).unwrap();
    // The list has an example of those that take any name.
    let mut wanted: Vec<_> = list.lines().map(|name| name.replace("opt_abc", "opt_*")).collect();
    wanted.sort();
    assert_eq!(all, wanted);
    let flags = std::fs::read_to_string(root.join("tests/spec/mosquitto-2.1-flags.tsv")).unwrap();
    for line in flags.lines().filter(|line| line.starts_with("pub sub rr\t") && line.ends_with("\trefused")) {
        let flag = line.split('\t').nth(1).unwrap().replace('-', r"\-");
        assert!(page.contains(&format!(r"\fB{flag}\fR")), "{flag} is refused");
    }
}
