//! One configuration, two brokers: Debian's mosquitto and this one read the same file, the same clients come to both, and
//! what they print and end with is the same. Options of mosquitto 2.1 that 2.0 does not know are not among these.

use std::process::{Child, Command, Stdio};

use crate::support::{Folder, PATIENCE, skeeter};
use crate::{has, program};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the port answers; whether it did before the broker ended.
fn answers(broker: &mut Running, port: u16) -> bool {
    let end = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < end {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return broker.0.try_wait().unwrap().is_none();
        }
        if broker.0.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    panic!("the broker neither listens nor ends");
}

/// Runs a script of clients against a broker with this configuration. `$PORT` is where it listens, `$DIR` has the files.
fn run(mut broker: Command, folder: &Folder, (config, port, script): (&str, u16, &str)) -> Option<String> {
    let path = folder.file("mosquitto.conf");
    let text = config.replace("$PORT", &port.to_string()).replace("$DIR", folder.file("").to_str().unwrap());
    std::fs::write(&path, text).unwrap();
    broker.arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
    let mut broker = Running(broker.spawn().unwrap());
    if !answers(&mut broker, port) {
        return None;
    }
    let output = Command::new("bash")
        .arg("-c")
        .arg(script)
        .env("PORT", port.to_string())
        .env("DIR", folder.file(""))
        .env("BROKER", broker.0.id().to_string())
        // Options of whoever runs the tests are not of interest.
        .env("XDG_CONFIG_HOME", folder.file(""))
        .output()
        .unwrap();
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// What mosquitto's clients see of mosquitto is what they see of this broker.
#[track_caller]
fn same(config: &str, files: &[(&str, &str)], script: &str) {
    let (mosquitto, client) = (program("mosquitto"), program("mosquitto_pub"));
    if !has("mosquitto", mosquitto.is_some()) || !has("mosquitto_pub", client.is_some()) {
        return;
    }
    let config = format!("user root\nlistener $PORT 127.0.0.1\n{config}");
    // Neither takes a free port by itself and tells it to mosquitto's clients; another process may be faster.
    for _ in 0..20 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut seen = Vec::new();
        for ours in [false, true] {
            let folder = Folder::new();
            for (name, text) in files {
                std::fs::write(folder.file(name), text).unwrap();
            }
            let broker = if ours {
                let mut command = skeeter();
                command.arg("broker");
                command
            } else {
                Command::new(mosquitto.as_ref().unwrap())
            };
            seen.extend(run(broker, &folder, (&config, port, script)));
        }
        if let [theirs, ours] = &seen[..] {
            assert!(!theirs.is_empty(), "a script that prints nothing shows nothing");
            assert_eq!(ours, theirs, "ours is left, mosquitto's is right");
            return;
        }
    }
    panic!("no port was free for both brokers");
}

#[test]
fn by_default_a_listener_denies_anonymous_clients() {
    same(
        "",
        &[],
        "mosquitto_pub -p $PORT -t a -m b; echo $?; mosquitto_pub -p $PORT -V 5 -t a -m b; echo $?",
    );
}

#[test]
fn allow_anonymous_true_accepts_everybody() {
    let script = "mosquitto_pub -p $PORT -t a/b -m retained -r -q 1
        mosquitto_pub -p $PORT -t a/c -m gone
        mosquitto_sub -p $PORT -t 'a/#' -F '%t %p %r %q' -q 2 -C 1 -W 5; echo $?";
    same("allow_anonymous true\n", &[], script);
}

#[test]
fn max_queued_messages_is_respected() {
    let script = "mosquitto_sub -p $PORT -i away -c -q 1 -t t -E
        for n in 1 2 3 4 5; do mosquitto_pub -p $PORT -t t -m $n -q 1; done
        mosquitto_sub -p $PORT -i away -c -q 1 -t t -W 1; echo $?";
    same("allow_anonymous true\nmax_queued_messages 3\n", &[], script);
}

#[test]
fn a_keep_alive_above_the_maximum_is_lowered() {
    // Before MQTT 5 mosquitto 2.1 refuses what 2.0 accepts.
    let script =
        "mosquitto_sub -p $PORT -V 5 -k 60 -t t -E; echo $?; mosquitto_sub -p $PORT -k 10 -t t -E; echo $?";
    same("allow_anonymous true\nmax_keepalive 20\n", &[], script);
}

#[test]
fn a_packet_that_is_too_large_ends_the_connection() {
    let script =
        "mosquitto_pub -p $PORT -V 5 -t t -m 0123456789012345678901234567890123456789 -q 1 2>&1; echo $?
        mosquitto_pub -p $PORT -t t -m short -q 1; echo $?";
    same("allow_anonymous true\nmax_packet_size 40\n", &[], script);
}

#[test]
fn users_and_rules_of_mosquittos_files() {
    let acl = "topic read public/#\nuser ann\ntopic readwrite private/#\npattern write clients/%c\n";
    // Made with `mosquitto_passwd -c`: ann has `secret`.
    let script = "mosquitto_passwd -H sha512-pbkdf2 -b -c $DIR/passwords ann secret 2>/dev/null ||
            mosquitto_passwd -b -c $DIR/passwords ann secret
        kill -HUP $BROKER; sleep 1
        mosquitto_pub -p $PORT -t private/a -m no; echo $?
        mosquitto_pub -p $PORT -u ann -P wrong -t private/a -m no 2>/dev/null && echo let in
        mosquitto_pub -p $PORT -u ann -P secret -t private/a -m kept -r -q 1; echo $?
        mosquitto_pub -p $PORT -u ann -P secret -t public/a -m dropped -r -q 1; echo $?
        mosquitto_pub -p $PORT -u ann -P secret -i me -t clients/me -m lost -q 1; echo $?
        mosquitto_sub -p $PORT -u ann -P secret -t '#' -v -W 1; echo $?
        mosquitto_sub -p $PORT -t '#' -v -W 1; echo $?";
    let config = "password_file $DIR/passwords\nacl_file $DIR/acl\nallow_anonymous true\n";
    same(config, &[("passwords", ""), ("acl", acl)], script);
}

#[test]
fn identifiers_are_what_is_allowed() {
    let script = "mosquitto_pub -p $PORT -i good-1 -t t -m m; echo $?; mosquitto_pub -p $PORT -i bad -t t -m m; echo $?
        mosquitto_pub -p $PORT -V 5 -i bad -t t -m m; echo $?";
    same("allow_anonymous true\nclientid_prefixes good\n", &[], script);
    let script =
        "mosquitto_pub -p $PORT -i '' -t t -m m; echo $?; mosquitto_pub -p $PORT -i x -t t -m m; echo $?";
    same("allow_anonymous true\nallow_zero_length_clientid false\n", &[], script);
}

#[test]
fn the_highest_qos_and_retained_messages_are_limited() {
    let script = "mosquitto_pub -p $PORT -V 5 -q 1 -t t -m m; echo $?; mosquitto_pub -p $PORT -V 5 -q 2 -t t -m m; echo $?
        mosquitto_pub -p $PORT -q 1 -t t -m m; echo $?";
    same("allow_anonymous true\nmax_qos 1\n", &[], script);
    let script = "mosquitto_pub -p $PORT -q 1 -r -t t -m m 2>&1 | wc -l
        mosquitto_pub -p $PORT -q 1 -t t -m m; echo $?; mosquitto_sub -p $PORT -t t -W 1; echo $?";
    same("allow_anonymous true\nretain_available false\n", &[], script);
}

#[test]
fn upgrade_outgoing_qos_and_queue_qos0_messages_are_respected() {
    let script = "mosquitto_sub -p $PORT -i away -c -q 2 -t t -E
        mosquitto_pub -p $PORT -t t -m zero -q 0; mosquitto_pub -p $PORT -t t -m one -q 1
        mosquitto_sub -p $PORT -i away -c -q 2 -t t -F '%q %p' -W 1; echo $?";
    same("allow_anonymous true\n", &[], script);
    same("allow_anonymous true\nqueue_qos0_messages true\n", &[], script);
    same("allow_anonymous true\nupgrade_outgoing_qos true\n", &[], script);
}

#[test]
fn a_payload_above_message_size_limit_is_not_delivered() {
    let script = "mosquitto_sub -p $PORT -i away -c -q 1 -t t -E
        mosquitto_pub -p $PORT -t t -m 0123456789 -q 1; echo $?; mosquitto_pub -p $PORT -t t -m 01234 -q 1; echo $?
        mosquitto_sub -p $PORT -i away -c -q 1 -t t -W 1; echo $?";
    same("allow_anonymous true\nmessage_size_limit 5\n", &[], script);
}
