//! Files as people write them, and every option there is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::bridge::{Restart, StartType, TopicDirection};
use super::listener::{ListenerOptions, Security};
use super::names::{DIFFERENT, IGNORED, refusal};
use super::read::{FileSource, names};
use super::{Config, ListenAddress, check, faults, read_from};
use crate::message::QoS;
use crate::net::listener::{Protocol, SocketAccess};

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

    fn variable(&self, name: &str) -> Option<String> {
        (name == "PW").then(|| "from the environment".to_owned())
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
fn the_guide_lists_the_options_that_differ() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/man/skeeter-from-mosquitto.7"))
        .unwrap();
    let (_, list) = page.split_once("Different default or meaning, see WHAT DIFFERS\n").unwrap();
    let listed: Vec<_> = list.lines().next().unwrap().split(", ").collect();
    let expected: Vec<_> = DIFFERENT.iter().map(|(name, _)| format!("\\fB{name}\\fR")).collect();
    assert_eq!(listed, expected);
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
        ListenAddress::Unix { path: "/run/mosquitto/socket".into(), access: SocketAccess::default() },
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
        "connection one\naddress broker.example:8883 192.0.2.1 [::1]:1884 ::1 fe80::1%eth0 # others\ntopic # both 2 here/ there/\n\
         topic \"a b\" in\ntopic \"\" OUT 1 x y\ntopic $SYS/broker/# out # counters\nrestart_timeout 2 60 10\n\
         start_type lazy\nclientid abc\nusername u\nremote_password se cret\n\
         connection two\naddresses a\ntopic t\nrestart_timeout 7\n",
    );
    let one = &config.bridges[0].options.values;
    let hosts: Vec<_> = one.addresses.0.iter().map(|(host, port)| (host.as_str(), *port)).collect();
    assert_eq!(
        hosts,
        [("broker.example", 8883), ("192.0.2.1", 1883), ("::1", 1884), ("::1", 1883), ("fe80::1%eth0", 1883)]
    );
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
    assert_eq!(faults, ["d/a.conf:2: include_dir is not allowed in an included file"]);
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
        "main.conf:4: plugin: this plugin is not supported; use password_file and acl_file, which are built in",
        "main.conf:5: plugin_opt_a: plugins are not supported",
        "main.conf:6: \"x\" is not a port: expected a number from 0 to 65535",
        "main.conf:7: certfile without keyfile",
        "main.conf:8: topic is an option of a bridge; move it below a `connection NAME` line",
        "main.conf:9: sys_interval: 70000 is out of range: expected a whole number from 0 to 65535",
        "main.conf:11: pid_file is already set at main.conf:10",
        "main.conf:12: log_dest: \"nowhere\" is not known: expected stdout, stderr, syslog, dlt, topic, file PATH or none",
        "main.conf:13: user: missing value: expected text",
        "main.conf:14: cannot read the directory no: entity not found",
        "main.conf:15: the bridge b has no address",
        "main.conf:15: the bridge b has no topic; add a line such as `topic # out`",
        "main.conf:16: topic: \"a/#/b\" is not a topic filter",
        "main.conf:18: protocol: the HTTP API is not supported: remove the listener; the counters are under $SYS",
        "main.conf:19: log_dest: \"dlt x\" is not known: expected stdout, stderr, syslog, dlt, topic, file PATH or none",
        "main.conf:20: persistent_client_expiration: expected a number above 0 with a unit, such as 12h, 7d, 2w, 1m or 1y",
        "main.conf:21: tls_keyform: OpenSSL engines are not supported; put the key in keyfile",
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
        "main.conf:9: psk_hint is already set at main.conf:8",
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
    let (_, faults) = files([("main.conf", "allow_anonymous true\nper_listener_settings true\n")]);
    assert!(faults[0].contains("move it to the top"), "{faults:?}");
}

#[test]
fn variables_in_values_come_from_a_secrets_file_and_the_environment() {
    let main = "secrets_file secrets\nconnection b\naddress ${HOST}:${PORT}\ntopic $SYS/# out\nremote_username u\n\
                remote_password ${PW}\nlocal_clientid $${x}\n";
    let (config, faults) = files([("main.conf", main), ("secrets", "HOST=h\nPORT=1\n")]);
    assert!(faults.is_empty(), "{faults:?}");
    let options = &config.bridges[0].options.values;
    assert_eq!(options.addresses.0, [("h".to_owned(), 1)]);
    assert_eq!(options.remote_password.as_deref(), Some("from the environment"));
    assert_eq!(options.local_clientid.as_deref(), Some("${x}"));
    assert_eq!(config.files, ["main.conf", "secrets"].map(PathBuf::from));
    let (_, faults) = files([("main.conf", "pid_file ${DIR}/pid\nsecrets_file none\nuser ${\n")]);
    assert_eq!(
        faults,
        [
            "main.conf:1: pid_file: the variable DIR is not set; set it in the environment or in secrets_file, or write $${ for ${",
            "main.conf:2: secrets_file: cannot read none: entity not found",
            "main.conf:3: user: expected ${NAME}; write $${ for ${ itself",
        ]
    );
}

#[test]
fn plugins_of_mosquitto_are_built_in() {
    let config = good(
        "plugin /usr/lib/mosquitto_password_file.so\nplugin_opt_password_file /pw\nplugin /usr/lib/mosquitto_acl_file.so\n\
         plugin_opt_acl_file /acl\nglobal_plugin /usr/lib/mosquitto_persist_sqlite.so\nplugin_opt_sync extra\n",
    );
    let Security { password_file, acl_file, .. } = &config.security.values;
    assert_eq!(
        (password_file.as_deref(), acl_file.as_deref()),
        (Some(Path::new("/pw")), Some(Path::new("/acl")))
    );
    assert!(config.persistence.values.enabled);
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["main.conf:6: plugin_opt_sync is ignored: what the plugin does is built in"]);
    let config = good(
        "per_listener_settings true\nplugin_load pw /usr/lib/mosquitto_password_file.so\nplugin_opt_password_file /pw\n\
         listener 1\nallow_anonymous true\nlistener 2\nplugin_use pw\n",
    );
    let file = |listener: usize| config.listeners[listener].security.values.password_file.as_deref();
    assert_eq!((file(0), file(1)), (None, Some(Path::new("/pw"))));
    let (_, faults) = files([(
        "main.conf",
        "plugin /usr/lib/mosquitto_dynamic_security.so\nplugin_opt_config_file /c.json\nplugin /x/other.so\nplugin_opt_a b\nplugin_use no\n",
    )]);
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(
        faults[0].starts_with("main.conf:1: the dynamic security plugin is not supported yet; move its"),
        "{faults:?}"
    );
    assert_eq!(faults[2], "main.conf:4: plugin_opt_a: plugins are not supported");
}

#[test]
fn a_proxy_may_verify_client_certificates() {
    let config = good("listener 1\nenable_proxy_protocol 2\nrequire_certificate true\n");
    assert!(config.listeners[0].options.values.require_certificate);
    let (_, faults) =
        files([("main.conf", "listener 1\nenable_proxy_protocol 1\nrequire_certificate true\n")]);
    assert!(faults[0].contains("require_certificate without certfile"), "{faults:?}");
}

#[test]
fn options_below_port_belong_to_the_default_listener() {
    let config = good(
        "per_listener_settings true\nlistener 2\nmount_point two/\nport 1\ncafile ca\ncertfile c\nkeyfile k\n\
         tls_version tlsv1.2\nmax_topic_alias 3\nmount_point one/\nallow_anonymous false\npassword_file p\nlistener 3\n\
         allow_anonymous true\n",
    );
    assert!(config.has_default_listener() && config.warnings.is_empty(), "{:?}", config.warnings);
    let ListenerOptions { port, cafile, mount_point, max_topic_alias, .. } = &config.default_listener.values;
    assert_eq!((*port, mount_point.as_deref(), *max_topic_alias), (Some(1), Some("one/"), 3));
    assert_eq!(cafile.as_deref(), Some(Path::new("ca")));
    let Security { allow_anonymous, password_file, .. } = &config.security.values;
    assert_eq!((*allow_anonymous, password_file.as_deref()), (Some(false), Some(Path::new("p"))));
    assert_eq!(config.listeners[0].options.values.mount_point.as_deref(), Some("two/"));
    assert_eq!(config.listeners[1].security.values.allow_anonymous, Some(true));
    let (_, faults) = files([("main.conf", "port 1\naccept_protocol_versions 5\n")]);
    assert_eq!(
        faults,
        [
            "main.conf:2: accept_protocol_versions is an option of a listener; move it below a `listener PORT` line"
        ]
    );
}

#[test]
fn options_that_mosquitto_2_0_alone_accepts_above_a_listener_are_a_warning() {
    for (text, name) in [
        ("cafile ca\ncertfile c\nkeyfile k\n", "cafile"),
        ("mount_point m/\nport 1\n", "mount_point"),
        ("per_listener_settings true\nacl_file a\nport 1\n", "acl_file"),
    ] {
        let config = good(text);
        assert!(config.has_default_listener(), "{text}");
        let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        assert!(warnings[0].contains(&format!("{name} is above every listener")), "{warnings:?}");
    }
}

#[test]
fn options_above_listeners_open_no_port_that_mosquitto_does_not() {
    for text in
        ["per_listener_settings true\nallow_anonymous true\nlistener 2\n", "max_topic_alias 4\nlistener 2\n"]
    {
        assert!(!good(text).has_default_listener(), "{text}");
    }
}

#[test]
fn topics_of_bridges_as_found_in_the_wild_are_read_with_a_warning() {
    let bridge = "connection b\naddress h\n";
    let config = good(&format!(
        "{bridge}topic # both \"\" \"\"\ntopic # IN OpenZWave/\ntopic a out 1x l/ r/ more\ntopic b out 2 l/ r/\n"
    ));
    let topics: Vec<_> = config.bridges[0]
        .options
        .values
        .topics
        .iter()
        .map(|topic| (topic.qos.bits(), &*topic.local_prefix))
        .collect();
    assert_eq!(topics, [(0, ""), (0, ""), (1, "l/"), (2, "l/")]);
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "main.conf:3: topic: \"\\\"\\\"\" stands where the QoS belongs and is read as QoS 0; write the QoS in front of prefixes",
        "main.conf:4: topic: \"OpenZWave/\" stands where the QoS belongs and is read as QoS 0; write the QoS in front of prefixes",
        "main.conf:5: topic: \"more\" after the remote prefix is ignored",
    ];
    assert_eq!(warnings, expected);
    let (_, faults) = files([("main.conf", &format!("{bridge}topic a\ntopic # both 3\n"))]);
    assert_eq!(faults, ["main.conf:4: topic: \"3\" is not a QoS: expected 0, 1 or 2"]);
}

#[test]
fn what_works_otherwise_than_it_looks_is_a_warning() {
    let config = good("max_qos 1\nretry_interval 5\nmax_keepalive 60 seconds\nsys_interval 5 # often\n");
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "main.conf:2: retry_interval: ignored: messages are resent when a client reconnects",
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
