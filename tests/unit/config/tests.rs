//! Files as people write them, and every option there is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::bridge::{Restart, StartType, TopicDirection};
use super::names::{IGNORED, refusal};
use super::read::{FileSource, names};
use super::{Config, ListenAddress, check, faults, read_from};
use crate::message::QoS;
use crate::net::listener::Protocol;

/// Every option of mosquitto 2.1, by the sections of its manual page.
const MOSQUITTO: &str = include_str!("mosquitto-2.1.txt");

/// Files that exist only here.
struct Files<'a>(BTreeMap<PathBuf, &'a str>);

impl FileSource for Files<'_> {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(text.as_bytes().to_vec())
    }

    fn list(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let inside: Vec<_> = self.0.keys().filter(|path| path.parent() == Some(folder)).cloned().collect();
        if inside.is_empty() { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(inside) }
    }
}

fn files<const N: usize>(files: [(&str, &str); N]) -> (Config, Vec<String>) {
    let files = Files(files.into_iter().map(|(path, text)| (path.into(), text)).collect());
    let (config, faults) = read_from(&files, Path::new("main.conf"));
    (config, faults.iter().map(ToString::to_string).collect())
}

fn good(text: &str) -> Config {
    let (config, faults) = files([("main.conf", text)]);
    assert_eq!(faults, [""; 0]);
    config
}

#[test]
fn every_option_of_mosquitto_is_known() {
    let mut count = 0;
    for name in MOSQUITTO.split_whitespace() {
        count += 1;
        let known = names().any(|known| known == name)
            || refusal(name).is_some()
            || IGNORED.iter().any(|(ignored, _)| *ignored == name);
        assert!(known, "{name}");
    }
    assert_eq!(count, 141);
}

#[test]
fn no_name_stands_for_two_options() {
    let mut all: Vec<_> = names().collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
}

#[test]
fn a_typical_installation_is_read() {
    let config = good(
        "# Place your local configuration in /etc/mosquitto/conf.d/\n\npid_file /run/mosquitto/mosquitto.pid\r\n\
         \tpersistence true\npersistence_location /var/lib/mosquitto/\nlog_dest file /var/log/mosquitto/my log # 1\n\
         persistent_client_expiration 2w\nmax_keepalive 0x3C\n\
         listener 1883 127.0.0.1\nmax_connections -1\nlistener 8883 # everywhere\ncertfile a.pem\nkeyfile b.pem\n\
         listener 0 /run/mosquitto/socket\nlistener 9001\nprotocol websockets\nallow_anonymous true\n",
    );
    assert_eq!(config.global.values.pid_file.as_deref(), Some(Path::new("/run/mosquitto/mosquitto.pid")));
    assert!(config.persistence.values.enabled);
    // A value is the rest of the line, with its blanks and its #.
    let file = config.logging.values.destinations.file.as_deref();
    assert_eq!(file, Some(Path::new("/var/log/mosquitto/my log # 1")));
    assert_eq!(config.limits.values.0.session_expiry, 14 * 86_400);
    assert_eq!(config.limits.values.0.keep_alive, 60);
    let addresses: Vec<_> = config.listeners.iter().map(|listener| listener.address.clone()).collect();
    let tcp = ListenAddress::tcp;
    let expected = [
        tcp(1883, Some("127.0.0.1")),
        tcp(8883, None),
        ListenAddress::Unix { path: "/run/mosquitto/socket".into(), mode: None },
        tcp(9001, None),
    ];
    assert_eq!(addresses, expected);
    assert_eq!(config.listeners[1].options.values.certfile.as_deref(), Some(Path::new("a.pem")));
    assert_eq!(config.listeners[3].options.values.protocol, Protocol::WebSocket);
    assert_eq!(config.security.values.allow_anonymous, Some(true));
    for (text, expected) in [
        ("max_qos 1", false),
        ("port 1884", true),
        ("max_qos 1\nlistener 2", true),
        ("listener 2\nmax_qos 1", false),
    ] {
        assert_eq!(good(text).has_default_listener(), expected, "{text}");
    }
}

#[test]
fn a_bridge_is_read() {
    let config = good(
        "connection one\naddress broker.example:8883 192.0.2.1 [::1]:1884 ::1 # others\ntopic # both 2 here/ there/\n\
         topic \"a b\" in\ntopic \"\" OUT 1 x y\ntopic $SYS/broker/# out # counters\nrestart_timeout 2 60 10\n\
         start_type lazy\nclientid abc\nusername u\nremote_password se cret\n\
         connection two\naddresses a\ntopic t\nrestart_timeout 7\n",
    );
    let one = &config.bridges[0].options.values;
    let hosts: Vec<_> = one.addresses.0.iter().map(|(host, port)| (host.as_str(), *port)).collect();
    assert_eq!(hosts, [("broker.example", 8883), ("192.0.2.1", 1883), ("::1", 1884), ("::1", 1883)]);
    let topics: Vec<_> =
        one.topics.iter().map(|topic| (topic.local(), topic.remote(), topic.direction, topic.qos)).collect();
    let topic = |local: &str, remote: &str, direction, qos| (local.into(), remote.into(), direction, qos);
    let expected = [
        topic("here/#", "there/#", TopicDirection::Both, QoS::ExactlyOnce),
        topic("a b", "a b", TopicDirection::In, QoS::AtMostOnce),
        topic("x", "y", TopicDirection::Out, QoS::AtLeastOnce),
        topic("$SYS/broker/#", "$SYS/broker/#", TopicDirection::Out, QoS::AtMostOnce),
    ];
    assert_eq!(topics, expected);
    assert_eq!(one.restart_timeout, Restart { base: 2, cap: 60, stable: 10 });
    assert_eq!(one.start_type, StartType::Lazy);
    assert_eq!(one.remote_clientid.as_deref(), Some("abc"));
    assert_eq!(one.remote_password.as_deref(), Some("se cret"));
    assert_eq!(config.bridges[1].options.values.restart_timeout, Restart { base: 7, cap: 7, stable: 0 });
}

#[test]
fn included_files_come_in_their_order_and_keep_their_listeners_to_themselves() {
    let (config, faults) = files([
        ("main.conf", "listener 1\ninclude_dir conf.d\nmax_qos 0\n"),
        ("conf.d/B.conf", "max_keepalive 2\nlistener 2\nmax_qos 1"),
        ("conf.d/a.conf", "max_keepalive 1\nlistener 3\n"),
        ("conf.d/.conf", "nonsense"),
        ("conf.d/c.txt", "nonsense"),
    ]);
    assert_eq!(faults, [""; 0]);
    assert_eq!(config.limits.values.0.keep_alive, 2);
    let listeners: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| (listener.place.to_string(), listener.options.values.max_qos))
        .collect();
    let expected = [("main.conf:1", 0), ("conf.d/a.conf:2", 2), ("conf.d/B.conf:2", 1)];
    assert_eq!(listeners, expected.map(|(place, qos)| (place.to_owned(), qos)));
    let (_, faults) =
        files([("main.conf", "include_dir d"), ("d/a.conf", "\ninclude_dir d\nmax_topic_alias 1")]);
    let expected = [
        "d/a.conf:2: include_dir is not allowed in an included file",
        "d/a.conf:3: max_topic_alias belongs to a listener; move it below a `listener PORT` line",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn every_fault_is_told_with_its_line_and_a_hint() {
    let (_, faults) = files([(
        "main.conf",
        "max_keep_alive 5\nallow_anonymous yes\nmax_packet_size 10k\nplugin /x.so\nplugin_opt_a b\nlistener x\n\
         certfile a\ntopic # both\nsys_interval 70000\npid_file a\npid_file b\nlog_dest nowhere\nuser\ninclude_dir no\n\
         connection b\ntopic a/#/b out\nlistener 9\nprotocol http_api\nlog_dest dlt x\npersistent_client_expiration 5\n\
         tls_keyform engine\nmount_point a/+\nrestart_timeout 9 3\nbridge_psk 123\nlog_timestamp_format %Y %!",
    )]);
    let expected = [
        "main.conf:1: unknown option \"max_keep_alive\"; did you mean max_keepalive?",
        "main.conf:2: allow_anonymous: \"yes\" is not true or false",
        "main.conf:3: max_packet_size: \"10k\" is not a number: expected a whole number from 20 to 2147483647",
        "main.conf:4: plugin: plugins are not supported: password_file and acl_file are built in",
        "main.conf:5: plugin_opt_a: plugins are not supported",
        "main.conf:6: \"x\" is not a port: expected a number from 0 to 65535",
        "main.conf:7: certfile without keyfile",
        "main.conf:8: topic belongs to a bridge; move it below a `connection NAME` line",
        "main.conf:9: sys_interval: 70000 is out of range: expected a whole number from 0 to 65535",
        "main.conf:11: pid_file is given twice: first at main.conf:10",
        "main.conf:12: log_dest: \"nowhere\" is not known: expected stdout, stderr, syslog, dlt, topic, file PATH or none",
        "main.conf:13: user: missing value: expected text",
        "main.conf:14: cannot read the directory no: entity not found",
        "main.conf:15: the bridge b has no address",
        "main.conf:15: the bridge b has no topic; add a line such as `topic # out`",
        "main.conf:16: topic: \"a/#/b\" is not a topic filter",
        "main.conf:18: protocol: the HTTP API is not supported: remove the listener; the counters are under $SYS",
        "main.conf:19: log_dest: \"dlt x\" is not known: expected stdout, stderr, syslog, dlt, topic, file PATH or none",
        "main.conf:20: persistent_client_expiration: expected a number above 0 with a unit, such as 12h, 7d, 2w, 1m or 1y",
        "main.conf:21: tls_keyform: OpenSSL's engines are not supported: keep the key in keyfile",
        "main.conf:22: mount_point: wildcards are not allowed",
        "main.conf:23: restart_timeout: the second number is below the first",
        "main.conf:24: bridge_psk without bridge_identity",
        "main.conf:24: bridge_psk: expected pairs of hexadecimal digits",
        "main.conf:25: log_timestamp_format: unknown conversion after %; see strftime(3)",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_hint_to_shared_keys_is_as_long_as_openssl_takes_it_and_has_keys() {
    let fine = format!("psk_file k\nlistener 1\npsk_hint {}\n", "x".repeat(256));
    assert_eq!(good(&fine).listeners[0].options.values.psk_hint.as_ref().map(String::len), Some(256));
    let hint = "ö".repeat(129);
    let text = format!(
        "listener 1\npsk_hint {hint}\nlistener 2\ncertfile c\nkeyfile c\npsk_hint a\nlistener 3\npsk_hint a\n\
         psk_hint b\nlistener 4\npsk_hint\n"
    );
    let (_, faults) = files([("main.conf", &text)]);
    let expected = [
        "main.conf:2: psk_hint: the hint has 258 bytes; the maximum is 256",
        "main.conf:2: psk_hint without psk_file",
        "main.conf:6: a listener cannot have both a certificate and pre-shared keys",
        "main.conf:6: psk_hint without psk_file",
        "main.conf:8: psk_hint without psk_file",
        "main.conf:9: psk_hint is given twice: first at main.conf:8",
        "main.conf:11: psk_hint: missing value: expected text",
        "main.conf:11: psk_hint without psk_file",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn settings_of_a_listener_stand_below_it() {
    let config = good(
        "per_listener_settings true\nlistener 1\nallow_anonymous true\nlistener 2\npassword_file p\nauto_id_prefix x-\n",
    );
    let [one, two] = &config.listeners[..] else { panic!() };
    assert_eq!(one.security.values.allow_anonymous, Some(true));
    assert_eq!(one.security.values.password_file, None);
    assert_eq!(two.security.values.password_file.as_deref(), Some(Path::new("p")));
    assert_eq!(two.security.values.auto_id_prefix, "x-");
    let (_, faults) = files([("main.conf", "per_listener_settings true\nacl_file a\n")]);
    assert!(faults[0].contains("per_listener_settings is true"), "{faults:?}");
    let (_, faults) = files([("main.conf", "allow_anonymous true\nper_listener_settings true\n")]);
    assert!(faults[0].contains("move it to the top"), "{faults:?}");
}

#[test]
fn what_works_otherwise_than_it_looks_is_a_warning() {
    let config = good("max_qos 1\nretry_interval 5\nmax_keepalive 60 seconds\nsys_interval 5 # often\n");
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "main.conf:2: retry_interval: ignored: messages are sent again when a client reconnects",
        "main.conf:3: max_keepalive: \"seconds\" after the value is ignored",
        "main.conf:1: max_qos is above the first listener line and has no effect; move it below a `listener PORT` line",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn files_that_are_not_there_are_told() {
    let config = good(
        "listener 1\ncertfile /no/cert\nkeyfile /no/key\ncapath /no/folder\npassword_file /no/passwords",
    );
    let faults: Vec<_> = check::files(&config).iter().map(|fault| fault.place.line).collect();
    assert_eq!(faults, [5, 4, 2, 3]);
}

#[test]
fn bytes_that_are_no_text_are_told() {
    assert_eq!(
        faults(b"\xEF\xBB\xBFuser a\n# \xFF\nuser \xFF\nuser a\0b"),
        ["mosquitto.conf:3: the line is not UTF-8", "mosquitto.conf:4: the line contains a NUL byte"]
    );
}

proptest::proptest! {
    #[test]
    fn no_lines_are_too_strange(
        lines in proptest::collection::vec((0usize..200, "[ \t\"#/+$a-z0-9:.,\\[\\]-]{0,40}", ".{0,6}"), 0..12)
    ) {
        let names: Vec<_> = names().collect();
        let lines = lines.into_iter().map(|(name, value, end)| {
            format!("{} {value}{end}", names.get(name).copied().unwrap_or("listener"))
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        for fault in faults(text.as_bytes()) {
            proptest::prop_assert!(fault.starts_with("mosquitto.conf"), "{fault}");
        }
    }
}
