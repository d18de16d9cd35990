//! Command lines run by Debian's mosquitto clients and by skeeter under their names, against Debian's mosquitto: the same
//! exit status and the same stdout.
//!
//! Debian 12 has mosquitto 2.0; where 2.1 differs from it, skeeter does as 2.1 does, and the line stands among [`OTHER`].

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::{Mosquitto, has, program, support};

struct Said {
    status: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

/// Runs `line`, whose first word is the client; `theirs` or ours.
fn run(line: &str, port: u16, input: &[u8], theirs: bool) -> Said {
    let words: Vec<String> = words(line);
    let name = format!("mosquitto_{}", words[0]);
    let mut command = match theirs {
        true => Command::new(program(&name).unwrap()),
        false => {
            let mut command = support::skeeter();
            command.arg0(&name);
            command
        }
    };
    let port = port.to_string();
    let mut child = command
        .args(words[1..].iter().map(|word| word.replace("PORT", &port)))
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Most read none of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Said {
        status: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Words between blanks; quotes keep blanks.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words
}

/// Debian's mosquitto with some retained messages, unless it or its clients are not installed.
fn start() -> Option<Mosquitto> {
    let all = ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"].iter().all(|name| program(name).is_some());
    if !has("mosquitto-clients", all) {
        return None;
    }
    let mosquitto = Mosquitto::start()?;
    let properties = "-D publish content-type text/json -D publish user-property k v -D publish user-property k2 'v 2' \
                      -D publish correlation-data 'c\"d' -D publish payload-format-indicator 1 -D publish response-topic r/t";
    for (flags, payload) in [
        ("-t kept/a -s -r".to_owned(), &b"hello"[..]),
        (format!("-t kept/b -s -r -q 1 -V 5 {properties}"), br#"{"a": 1.5, "b":[1,2], "c":"x"}"#),
        ("-t kept/c -s -r".to_owned(), b"a\0b\xFF\n"),
        ("-t kept/d -s -r -q 2".to_owned(), &vec![b'z'; 300]),
    ] {
        let said = run(&format!("pub -p PORT {flags}"), mosquitto.port, payload, true);
        assert_eq!(said.status, Some(0), "{}", said.stderr);
    }
    Some(mosquitto)
}

const SUB: &[&str] = &[
    "-t kept/# -v -C 4",
    "-t kept/# -C 4",
    "-t kept/# -C 4 -N",
    "-t kept/# -C 4 -v -N",
    "-t kept/a -t kept/b -v -C 2",
    "-t kept/b -V 5 -C 1 -F '%A|%C|%D|%F|%l|%m|%P|%p|%q|%R|%r|%S|%t|%x|%X|%%|@@|\\t\\\\\\0\\a\\e\\r\\v|'",
    "-t kept/b -V 5 -C 1 -F '%5A|%40C|%D|%3F|%6l|%4m|%P|%40p|%3q|%10R|%3r|%4S|%10t|'",
    "-t kept/b -V 5 -C 1 -F '%-5A|%-40C|%-D|%-3F|%-6l|%-4m|%-P|%-40p|%-3q|%-10R|%-3r|%-4S|%-10t|'",
    "-t kept/b -V 5 -C 1 -F '%05A|%040C|%0D|%03F|%06l|%04m|%0P|%040p|%03q|%010R|%03r|%04S|%010t|'",
    "-t kept/b -V 5 -C 1 -F '%.2C|%.2R|%.3t|%.2p|%8.3t|%-8.3t|%8.2C|%3p|%1l|%-03p|%5E'",
    "-t kept/c -V 5 -C 1 -F '%p|%x|%5p|%-5p|%X|%2p|%7p'",
    "-t kept/a -C 1 -F '@Y-@m-@d @j @u @G'",
    "-t kept/a -C 1 -F '%'",
    "-t kept/a -C 1 -F '%5'",
    "-t kept/a -C 1 -F '%y'",
    "-t kept/a -C 1 -F '%0-5p'",
    "-t kept/a -C 1 -F '\\q'",
    "-t kept/a -C 1 -F 'abc@'",
    "-t kept/a -C 1 -F '%t\\n%p'",
    "-t kept/a -C 1 -F ''",
    "-t kept/a -C 1 -v -F '%p'",
    "-t kept/# --retained-only -R",
    "-t kept/# -T kept/b -T kept/c -v -C 2",
    "-t kept/# -T 'a#' -C 1",
    "-t kept/# -W 1 -R",
    "-t kept/# -W 0",
    "-t kept/# -C 0",
    "-t kept/# -E",
    "-t kept/# -E -q 3",
    "-C 1",
    "-t 'a/#/b'",
    "-t kept/a -U x -C 1",
    "-t kept/a -C 1 --random-filter 0",
    "-t kept/a -C 1 -c",
    "-t kept/a -C 1 -c -I pre",
    "-t kept/a -C 1 -c -i sbs -x 0",
    "-t kept/a -C 1 -k 5",
    "-t kept/a -C 1 -k 65536",
    "-t kept/a -C 1 -M 0",
    "-t kept/a -C 1 -M 5",
    "-t kept/a -C 1 --nodelay -A 127.0.0.1",
    "-t kept/a -C 1 -x 5",
    "-t kept/a -C 1 -x ∞ -i sbs",
    "-t kept/a -C 1 -x 5x -V 5",
    "-t kept/a -C 1 -x 4294967296 -V 5",
    "-t kept/a -C 1 -x 0x10 -V 5",
    "-t kept/a -C 1 -V 6",
    "-t kept/a -C 1 -V mqttv5",
    "-t kept/a -C 1 -V mqttv31",
    "-t kept/a -C 1 --will-payload x",
    "-t kept/a -C 1 --will-retain",
    "-t kept/a -C 1 --will-qos 1",
    "-t kept/a -C 1 --will-qos 3",
    "-t kept/a -C 1 --will-topic 'a/#'",
    "-t kept/a -C 1 --will-topic a --will-payload -x",
    "-t kept/a -C 1 --cert x",
    "-t kept/a -C 1 --retain-as-published -V 5 -F '%r %p'",
    "-t kept/a -C 1 -D subscribe subscription-identifier 5 -F '%S %p'",
    "-t kept/a -C 1 -D subscribe subscription-identifier 268435456",
    "-t kept/a -C 1 -D subscribe user-property a b",
    "-t kept/a -C 1 -D connect receive-maximum 0",
    "-t kept/a -C 1 -D connect receive-maximum 10",
    "-t kept/a -C 1 -D connect maximum-packet-size 0",
    "-t kept/a -C 1 -D connect session-expiry-interval 10",
    "-t kept/a -C 1 -D connect session-expiry-interval 10 -x 5",
    "-t kept/a -C 1 -D disconnect reason-string x",
    "-t kept/a -C 1 -D publish topic-alias 1",
    "-t kept/a -C 1 -D bogus topic-alias 1",
    "-t kept/a -C 1 -D connect topic-alias-maximum 10",
    "-t kept/a -C 1 -D connect request-problem-information 2",
    "-t kept/a -C 1 -D CONNECT Receive-Maximum 10",
    "-t kept/a -C 1 -V 311 -D connect receive-maximum 10",
    "-t kept/a -C 1 -D connect receive-maximum 10 -V 311",
    "-t kept/a -C 1 -u -x -P -y",
    "-t kept/a -C 1 -i -x",
    "-t -dash -W 1",
    "-t kept/a -C 1 -q 1 -q 0",
    "-t kept/a -C 1 --bogus",
    "-t kept/a -C 1 extra",
    "-t kept/a -C",
    "-t kept/a -C 1 --pretty",
    "-L mqtt://127.0.0.1:PORT/kept/a -C 1",
    "-L MQTT://u:p@127.0.0.1:PORT/kept/a -C 1",
    "-L mqtt://127.0.0.1:PORT/kept/a -t kept/b -v -C 2",
    "-L http://127.0.0.1:PORT/kept/a -C 1",
];

const PUB: &[&str] = &[
    "-t a -m x",
    "-t a -m -x",
    "-t a -m ''",
    "-t a -m x -n",
    "-t a -f /dev/null",
    "-t a -f /nonexistent",
    "-t a -s",
    "-t a -l",
    "-t a -l --repeat 3",
    "-t a -m x --repeat 3",
    "-t a -m x --repeat 0",
    "-t a -m x --repeat 3 --repeat-delay 0.01",
    "-t a -m x --repeat-delay -1",
    "-t 'a/#' -m x",
    "-t a -m x -q 1",
    "-t a -m x -q 2",
    "-t a -m x -q 3",
    "-t a -m x -q -1",
    "-t a -m x -D publish topic-alias 1",
    "-t a -m x -D publish topic-alias 100",
    "-t a -m x -D publish topic-alias 0",
    "-t a -m x -D publish subscription-identifier 1",
    "-t a -m x -D publish content-type x -D publish content-type y",
    "-t a -m x -D publish user-property x y -D publish user-property x y",
    "-t a -m x -D publish user-property x",
    "-t a -m x -D publish correlation-data abc",
    "-t a -m x -D will content-type x --will-topic foo",
    "-t a -m x -D will will-delay-interval 5 --will-topic foo",
    "-t a -m x -D disconnect session-expiry-interval 0",
    "-t a -m x -D connect authentication-method x",
    "-t a -m x -D connect authentication-data x",
    "-t a -m x -D auth authentication-data x",
    "-t a -m x -D subscribe user-property a b",
    "-t a -m x -D unsubscribe user-property a b",
    "-t a -m x -D publish",
    "-t a -m x -I foo",
    "-t a -m x -c -i sbs -x 0",
    "-t a -m x -c -V 5",
    "-t a -m x -u foo",
    "-t a -m x -P foo",
    "-t a -m x -P foo -V 5",
    "-t a -m x -M 1 -q 1",
    "-L mqtt://127.0.0.1:1/b -m x",
    "-L mqtt://127.0.0.1:PORT/b -m x",
    "-L mqtt://127.0.0.1:PORT/b/# -m x",
    "-L mqtt://127.0.0.1:PORT -m x",
    "--unix /nonexistent -t a -m x",
    "-t a -m x -C 1",
    "-t a -m x -R",
    "-t a -m x -v",
    "-t a -m x --retained-only",
    "-t a -m x --tls-version foo",
    "-t a -m x --cafile /nonexistent",
    "-t a -m x --key foo",
    "-t a -m x -o",
];

/// The request is its own response.
const RR: &[&str] = &[
    "-t a -e a -m x",
    "-t a -e a -m x -v",
    "-t a -e a -m x -N",
    "-t a -e a -m x -F '%t %p %q'",
    "-t a -e none -m x -W 1",
    "-t a -m x -W 1",
    "-t a -e kept/# -m x -W 1",
    "-e a -m x -W 1",
    "-t a -e a -n",
    "-t a -e a -f /dev/null",
    "-t a -e none -s -W 1",
    "-t a -e a -l",
    "-t a -e a -m x -V 311",
    "-t a -e a -m x -V 31",
    "-t a -e a -m x -D publish response-topic foo",
    "-t a -e a -m x -D publish correlation-data foo",
    "-t a -e a -m x -D connect user-property a b",
    "-t a -e a -m x -r",
    "-t a -e a -m x -x 5",
    "-t a -e a -m x -q 1",
    "-L mqtt://127.0.0.1:PORT/a -e a -m x",
];

/// Differs from Debian's 2.0.11, and why; the status with which ours ends.
const OTHER: &[(&str, &str, i32)] = &[
    ("pub -p PORT -t '' -m x", "2.0 tells it and ends with 0; a topic that cannot be is an error", 1),
    ("pub -p PORT -m x", "2.0 prints its usage on stdout", 1),
    ("pub -p PORT -t a", "2.0 prints its usage on stdout", 1),
    ("pub -p PORT -t a -m x -L mqtt://127.0.0.1:PORT", "2.0 wants a topic in each URL", 0),
    ("pub -p PORT -t a -m x -m y", "2.0 refuses a second message; here the last counts", 0),
    ("pub -p PORT -t a -m x -i ''", "2.0 refuses it; it asks for an identifier of the broker's", 0),
    ("pub -p PORT -t a -m x -D publish payload-format-indicator 2", "2.0 sends what MQTT forbids", 1),
    ("pub -p PORT -t a -m x -D publish message-expiry-interval abc", "2.0 reads 0", 1),
    ("pub -p PORT -t a -m x -D publish response-topic a/#", "2.0 sends what MQTT forbids", 1),
    ("pub -p PORT -t a -m x -D will content-type x", "2.0 ignores it without a will", 1),
    ("sub -p PORT -t kept/a -C 1 -D disconnect server-reference x", "2.0 sends what a client must not", 1),
    (
        "sub -p PORT -t kept/a -C 1 -x -1",
        "2.0 takes it for 0 before MQTT 5; in 2.1 it makes it 5 and needs -i",
        1,
    ),
    ("sub -p PORT -t kept/a -C 1 -k 4", "2.0 wants 5 or more", 0),
    ("sub -p PORT -U x", "2.0 wants a topic; in 2.1 -U alone is enough", 0),
    (
        "sub -p PORT -t kept/b -C 1 -F %60x",
        "2.0 prints half of the payload; in 2.1 the width counts bytes",
        0,
    ),
    ("rr -p PORT -t a -e kept/a -m x -R -W 1", "2.0 prints what -R leaves out", 27),
    (
        "rr -p PORT -t a -e kept/a -m x -W 1",
        "2.0 takes what was retained before the request for the response",
        27,
    ),
];

/// All lines of `table` that differ.
fn compare(client: &str, table: &[&str]) {
    let Some(mosquitto) = start() else { return };
    let mut wrong = Vec::new();
    for flags in table {
        let line = match flags.contains("PORT") || flags.contains("127.0.0.1:1/") {
            true => format!("{client} {flags}"),
            false => format!("{client} -h 127.0.0.1 -p PORT {flags}"),
        };
        let input = b"some input\nof two lines";
        let theirs = run(&line, mosquitto.port, input, true);
        let ours = run(&line, mosquitto.port, input, false);
        if theirs.status != ours.status || theirs.stdout != ours.stdout {
            wrong.push(format!(
                "{line}\n  theirs {:?} {:?} {}\n  ours   {:?} {:?} {}",
                theirs.status,
                String::from_utf8_lossy(&theirs.stdout),
                theirs.stderr,
                ours.status,
                String::from_utf8_lossy(&ours.stdout),
                ours.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn mosquitto_sub_and_ours_do_the_same() {
    compare("sub", SUB);
}

#[test]
fn mosquitto_pub_and_ours_do_the_same() {
    compare("pub", PUB);
}

#[test]
fn mosquitto_rr_and_ours_do_the_same() {
    compare("rr", RR);
}

#[test]
fn differences_are_intended() {
    let Some(mosquitto) = start() else { return };
    for (line, why, status) in OTHER {
        let ours = run(line, mosquitto.port, b"", false);
        assert_eq!(ours.status, Some(*status), "{line} ({why}): {}", ours.stderr);
    }
}

/// JSON of 2.0 differs from that of 2.1 in what is made the same here.
fn same(json: &[u8]) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_slice(json).unwrap();
    let object = value.as_object_mut().unwrap();
    object.remove("tst").unwrap();
    // 0 and 1 there, false and true in 2.1.
    let retain = object["retain"].as_i64().map_or(object["retain"] == true, |number| number != 0);
    object.insert("retain".to_owned(), retain.into());
    if let Some(users) = object.get_mut("properties").and_then(|all| all.get_mut("user-properties"))
        && let Some(pairs) = users.as_object()
    {
        // One object there, in which names cannot repeat; an array in 2.1.
        *users = pairs.iter().map(|(name, value)| serde_json::json!({ name: value })).collect();
    }
    value
}

#[test]
fn json_has_the_same_content() {
    let Some(mosquitto) = start() else { return };
    for (topic, format) in
        [("kept/a", "%j"), ("kept/b", "%j"), ("kept/b", "%J"), ("kept/c", "%j"), ("kept/d", "%j")]
    {
        for more in ["", "--pretty", "-q 2"] {
            let line = format!("sub -p PORT -V 5 -t {topic} -C 1 -F {format} {more}");
            let line = line.trim_end();
            let theirs = run(line, mosquitto.port, b"", true);
            let ours = run(line, mosquitto.port, b"", false);
            assert_eq!(same(&theirs.stdout), same(&ours.stdout), "{line}");
            let lines = |said: &Said| said.stdout.iter().filter(|byte| **byte == b'\n').count();
            if !topic.ends_with('b') {
                assert_eq!(lines(&theirs), lines(&ours), "{line}");
            }
        }
    }
}
