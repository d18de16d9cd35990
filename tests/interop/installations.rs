//! Installations of kinds that people run: Debian's mosquitto and skeeter start with the same files, admit and reject the same
//! clients, carry the same topics, and create files with the same owners.
//!
//! Each is a configuration and a script of mosquitto's clients; what the script prints must be the same with both brokers, and
//! contain what a working installation shows.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use crate::support::{Folder, PATIENCE, skeeter};
use crate::{has, program};

/// Functions for the scripts.
const PRELUDE: &str = r#"
pub() { timeout 20 mosquitto_pub -h localhost -p $PORT "$@" >/dev/null 2>&1; echo "pub $?"; }
sub() { timeout 20 mosquitto_sub -h localhost -p $PORT -W 10 -C 1 "$@" 2>/dev/null; echo "sub $?"; }
nothing() { timeout 20 mosquitto_sub -h localhost -p $PORT -W 1 -C 1 "$@" 2>/dev/null; echo "nothing $?"; }
owner() { stat -c '%U %G %a' "$1"; }
remote() { mosquitto -p $PORT3 >/dev/null 2>&1 & REMOTE=$!; trap 'kill $REMOTE' EXIT; }
until_carried() { for i in $(seq 100); do timeout 5 "$@" 2>/dev/null && return; sleep 0.1; done; echo "not carried"; }
cd $DIR
"#;

/// A CA with an intermediate, certificates of a server and a client, users, rules and keys. `secret` is every password.
const FILES: &str = r#"
exec >/dev/null 2>&1 </dev/null
key() { openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj "$2"; }
sign() { openssl x509 -req -in $1.csr -CA $2.crt -CAkey $2.key -CAcreateserial -days 2 -extfile ext -out $1.crt; }
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.crt -subj /CN=Root
printf 'basicConstraints=critical,CA:TRUE\n' > ext
key int /CN=Intermediate; sign int ca
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > ext
key server /CN=localhost; sign server ca
key leaf /CN=localhost; sign leaf int
key client /O=home/CN=sensor; sign client ca
printf 'ann:$7$101$mlHUwpUgBfzxJiOp$nNX+HHNwCTQPnMYVk9HkdJFGPYZQR3lHSJzerhg3xdVxizhlCgRumT7mtJbqVv9PwmnZEo8iYdeQ/nWuptefNQ==\n' > users
printf 'bob:$6$aE7Pw3kWBU1R3neB$bWcvGAuQ/NU/2lomT6CqMgOQ/dRsQpPhexDOlvnW3mhyVhequThwGa35th3WMkiBGSkEspeAl6DxDepS3lGU0A==\n' >> users
printf 'topic read open/#\nuser ann\ntopic ann/#\ntopic deny ann/secret\npattern readwrite users/%%u/#\npattern read clients/%%c/#\n' > acl
printf 'user sensor\ntopic sensor/#\n' > acl-certificates
printf 'sensor:0badcafe\n' > keys
mkdir data log run conf.d
chown mosquitto:mosquitto data log run || true
chmod 644 *
chmod 755 . data log run conf.d
"#;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the script prints with one of the brokers; `None` if another process was faster to take a port.
fn seen(mut broker: Command, config: &str, script: &str) -> Option<String> {
    let folder = Folder::new();
    let directory = folder.file("");
    let directory = directory.to_str().unwrap().trim_end_matches('/').to_owned();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
    let made = Command::new("bash").args(["-c", FILES]).current_dir(&directory).status().unwrap();
    assert!(made.success());
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listeners = [free(), free(), free()];
    let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port().to_string());
    drop(listeners);
    let [port, port2, port3] = &ports;
    let text = config.replace("$PORT3", port3).replace("$PORT2", port2).replace("$PORT", port);
    let path = folder.file("mosquitto.conf");
    std::fs::write(&path, text.replace("$DIR", &directory)).unwrap();
    if let Some((_, included)) = text.split_once("#### conf.d\n") {
        std::fs::write(folder.file("conf.d").join("more.conf"), included.replace("$DIR", &directory))
            .unwrap();
        let (main, _) = text.split_once("#### conf.d\n").unwrap();
        std::fs::write(&path, main.replace("$DIR", &directory)).unwrap();
    }
    broker.arg("-c").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut broker = Running(broker.spawn().unwrap());
    let log = crate::support::Lines::of(broker.0.stderr.take().unwrap());
    let end = std::time::Instant::now() + PATIENCE;
    let is_up = || {
        // A configuration without a TCP listener has a socket.
        std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_ok()
            || std::fs::exists(folder.file("run/socket")).unwrap()
    };
    while !is_up() {
        if broker.0.try_wait().unwrap().is_some() {
            let log = log.all().join("\n");
            let in_use = log.contains("in use") || log.contains("another program listens");
            return if in_use { None } else { Some(format!("the broker ended:\n{log}")) };
        }
        assert!(std::time::Instant::now() < end, "the broker neither listens nor ends");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    let output = Command::new("bash")
        .args(["-c", &format!("{PRELUDE}{script}")])
        .env("PORT", port)
        .env("PORT2", port2)
        .env("PORT3", port3)
        .env("DIR", &directory)
        .env("BROKER", broker.0.id().to_string())
        .env("XDG_CONFIG_HOME", &directory)
        .output()
        .unwrap();
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Debian's mosquitto and skeeter do the same with this configuration, and the script shows `expected`.
#[track_caller]
fn both(config: &str, script: &str, expected: &str) {
    let programs = ["mosquitto", "mosquitto_pub", "openssl"].map(program);
    if !has("mosquitto", programs.iter().all(Option::is_some)) {
        return;
    }
    let run = |ours: bool| {
        let retried = (0..20).find_map(|_| {
            let mut broker = if ours { skeeter() } else { Command::new(program("mosquitto").unwrap()) };
            if ours {
                broker.arg("broker");
            }
            seen(broker, config, script)
        });
        retried.expect("ports are free")
    };
    let (theirs, ours) = (run(false), run(true));
    assert_eq!(ours, theirs, "ours is left, mosquitto's is right");
    assert_eq!(theirs, expected, "what is seen of both");
}

macro_rules! installations {
    ($($name:ident: $config:expr, $script:expr, $expected:expr;)*) => {
        $(#[test]
        fn $name() {
            both($config, $script, $expected);
        })*
    };
}

installations! {
    a_docker_image_for_everybody:
        "listener $PORT\nallow_anonymous true\n",
        "pub -t a -m x -r -q 1; sub -t a",
        "pub 0\nx\nsub 0\n";
    a_docker_image_with_persistence_and_a_log_file:
        "persistence true\npersistence_location $DIR/data/\nlog_dest file $DIR/log/mosquitto.log\nlistener $PORT\n\
         allow_anonymous true\n",
        "pub -t a -m x -q 2; owner log/mosquitto.log; owner data",
        "pub 0\nmosquitto mosquitto 600\nmosquitto mosquitto 755\n";
    a_port_without_a_word_about_anonymous_clients:
        "port $PORT\n",
        "pub -t a -m x; sub -t a",
        "pub 5\nsub 5\n";
    a_port_and_an_address_as_in_1_x:
        "port $PORT\nbind_address 127.0.0.1\nallow_anonymous true\nmax_keepalive 120\nmax_inflight_messages 5\n",
        "pub -t a -m x -r -q 2; sub -t a -q 2",
        "pub 0\nx\nsub 0\n";
    a_tls_tutorial_of_1_x:
        "port $PORT\ncafile $DIR/ca.crt\ncertfile $DIR/server.crt\nkeyfile $DIR/server.key\ntls_version tlsv1.2\n\
         allow_anonymous true\n",
        "pub -t a -m x -r --cafile ca.crt; sub -t a --cafile ca.crt; pub -t a -m x --cafile int.crt | \
         sed 's/[1-9][0-9]*$/refused/'",
        "pub 0\nx\nsub 0\npub refused\n";
    certificates_of_lets_encrypt:
        "listener $PORT\nallow_anonymous true\ncertfile $DIR/leaf.crt\ncafile $DIR/int.crt\nkeyfile $DIR/leaf.key\n",
        "pub -t a -m x -r --cafile ca.crt; sub -t a --cafile ca.crt",
        "pub 0\nx\nsub 0\n";
    certificates_of_clients_as_usernames:
        "listener $PORT\ncafile $DIR/ca.crt\ncertfile $DIR/server.crt\nkeyfile $DIR/server.key\nrequire_certificate true\n\
         use_identity_as_username true\nacl_file $DIR/acl-certificates\n",
        "tls='--cafile ca.crt --cert client.crt --key client.key'; pub $tls -t sensor/a -m x -r -q 1; \
         sub $tls -t sensor/a; pub $tls -t other -m x -r; nothing $tls -t other; pub --cafile ca.crt -t sensor/a -m y -q 1 | \
         sed 's/[1-9][0-9]*$/refused/'",
        "pub 0\nx\nsub 0\npub 0\nnothing 27\npub refused\n";
    subjects_of_clients_as_usernames:
        "listener $PORT\ncafile $DIR/ca.crt\ncertfile $DIR/server.crt\nkeyfile $DIR/server.key\nrequire_certificate true\n\
         use_subject_as_username true\nallow_anonymous false\nacl_file $DIR/acl\n",
        "tls='--cafile ca.crt --cert client.crt --key client.key'; pub $tls -t users/CN=sensor,O=home/a -m x -r -q 1; \
         sub $tls -t 'users/CN=sensor,O=home/#' -v",
        "pub 0\nusers/CN=sensor,O=home/a x\nsub 0\n";
    pre_shared_keys:
        "listener $PORT\npsk_hint home\npsk_file $DIR/keys\nuse_identity_as_username true\nacl_file $DIR/acl-certificates\n",
        "psk='--psk 0badcafe --psk-identity sensor --tls-version tlsv1.2'; pub $psk -t sensor/a -m x -r -q 1; \
         sub $psk -t sensor/a; pub --psk 00 --psk-identity sensor --tls-version tlsv1.2 -t sensor/a -m x | \
         sed 's/[1-9][0-9]*$/refused/'",
        "pub 0\nx\nsub 0\npub refused\n";
    users_with_passwords:
        "listener $PORT\nallow_anonymous false\npassword_file $DIR/users\n",
        // The code of a wrong password is 4 here and 5 in mosquitto.
        "{ for user in ann bob eve; do pub -u $user -P secret -t $user -m x; done; pub -u ann -P wrong -t a -m x; } | \
         sed 's/[45]$/refused/'; pub -t a -m x",
        "pub 0\npub 0\npub refused\npub refused\npub 5\n";
    users_and_patterns_of_an_acl:
        "listener $PORT\npassword_file $DIR/users\nacl_file $DIR/acl\n",
        "p() { pub -u $1 -P secret -i c1 -q 1 -r -m x -t $2; }; s() { nothing -u $1 -P secret -i c1 -v -t $2; }; \
         p ann ann/a; p ann ann/secret; p ann users/ann/a; p bob users/ann/b; p bob users/bob/a; \
         s ann ann/a; s ann ann/secret; s ann users/ann/a; s bob users/ann/b; s bob users/bob/a; s bob ann/a",
        "pub 0\npub 0\npub 0\npub 0\npub 0\nann/a x\nnothing 0\nnothing 27\nusers/ann/a x\nnothing 0\nnothing 27\n\
         users/bob/a x\nnothing 0\nnothing 27\n";
    settings_of_each_listener_with_port:
        "per_listener_settings true\nport $PORT\nallow_anonymous false\npassword_file $DIR/users\nlistener $PORT2 127.0.0.1\n\
         allow_anonymous true\n",
        "pub -t a -m x; pub -u ann -P secret -t a -m x -r; pub -p $PORT2 -t b -m y -r; sub -p $PORT2 -t a",
        "pub 5\npub 0\npub 0\nx\nsub 0\n";
    three_listeners_with_settings_of_their_own:
        "per_listener_settings true\nlistener $PORT\nallow_anonymous true\nacl_file $DIR/acl\nlistener $PORT2\n\
         password_file $DIR/users\nlistener $PORT3 127.0.0.1\nallow_anonymous true\nmax_connections 100\n",
        "pub -p $PORT3 -t open/a -m x -r; pub -p $PORT3 -t closed/a -m x -r; sub -t open/a; nothing -t closed/a; \
         pub -p $PORT2 -t a -m x; pub -p $PORT2 -u bob -P secret -t a -m x",
        "pub 0\npub 0\nx\nsub 0\nnothing 27\npub 5\npub 0\n";
    files_of_a_directory:
        "per_listener_settings false\ninclude_dir $DIR/conf.d\n#### conf.d\nlistener $PORT\nallow_anonymous false\n\
         password_file $DIR/users\n",
        "pub -t a -m x; pub -u bob -P secret -t a -m x",
        "pub 5\npub 0\n";
    debians_default_configuration:
        "pid_file $DIR/run/mosquitto.pid\npersistence true\npersistence_location $DIR/data/\n\
         log_dest file $DIR/log/mosquitto.log\ninclude_dir $DIR/conf.d\n#### conf.d\nlistener $PORT\nallow_anonymous true\n",
        "pub -t a -m x; owner run/mosquitto.pid | cut -d' ' -f1-2; [ $(cat run/mosquitto.pid) = $BROKER ] && echo same; \
         owner log/mosquitto.log",
        "pub 0\nmosquitto mosquitto\nsame\nmosquitto mosquitto 600\n";
    a_unix_socket_beside_a_port:
        "listener 0 $DIR/run/socket\nallow_anonymous true\nlistener $PORT 127.0.0.1\n",
        "owner run/socket; for user in root mosquitto nobody; do \
         setpriv --reuid=$user --regid=$user --clear-groups env HOME=/tmp mosquitto_pub --unix $DIR/run/socket -t $user -m x -r \
         >/dev/null 2>&1; echo $?; done; sub -t root; sub -t mosquitto",
        "mosquitto mosquitto 770\n0\n0\n1\nx\nsub 0\nx\nsub 0\n";
    a_mount_point:
        "listener $PORT\nallow_anonymous true\nlistener $PORT2\nmount_point guests/\n",
        "pub -p $PORT2 -t a -m x -r; sub -v -t '#'; sub -p $PORT2 -t a",
        "pub 0\nguests/a x\nsub 0\nx\nsub 0\n";
    client_ids_with_a_prefix:
        "listener $PORT\nallow_anonymous true\nclientid_prefixes home-\nallow_zero_length_clientid false\n",
        "pub -i home-1 -t a -m x; pub -i other -t a -m x",
        "pub 0\npub 5\n";
    limits_of_a_small_machine:
        "listener $PORT\nallow_anonymous true\nmax_queued_messages 2\nmessage_size_limit 100\nmax_packet_size 1000\n\
         max_inflight_messages 1\n",
        "nothing -c -i a -q 1 -t q; for m in 1 2 3 4; do pub -q 1 -t q -m $m; done; \
         timeout 20 mosquitto_sub -h localhost -p $PORT -c -i a -q 1 -t q -W 1 2>/dev/null; head -c 200 /dev/zero | tr '\\0' x > large; \
         pub -t r -r -q 1 -m small; nothing -t r",
        "nothing 27\npub 0\npub 0\npub 0\npub 0\n1\n2\npub 0\nsmall\nnothing 0\n";
    no_retained_messages_and_qos_1_at_most:
        "listener $PORT\nallow_anonymous true\nretain_available false\nmax_qos 1\n",
        "pub -V 5 -t a -m x -q 1; pub -V 5 -t a -m x -r -q 1; nothing -t a",
        "pub 0\npub 0\nnothing 27\n";
    persistent_sessions_that_expire:
        "listener $PORT\nallow_anonymous true\npersistence true\npersistence_location $DIR/data/\n\
         persistent_client_expiration 1d\nautosave_interval 60\nqueue_qos0_messages true\n",
        "nothing -c -i a -q 1 -t q; pub -q 1 -t q -m one; pub -q 0 -t q -m two; \
         timeout 20 mosquitto_sub -h localhost -p $PORT -c -i a -q 1 -t q -C 2 -W 5",
        "nothing 27\npub 0\npub 0\none\ntwo\n";
    syslog_with_few_types:
        "listener $PORT\nallow_anonymous true\nlog_dest syslog\nlog_facility 5\nlog_type error\nlog_type warning\n\
         connection_messages false\nlog_timestamp_format %Y-%m-%dT%H:%M:%S\n",
        "pub -t a -m x -r; sub -t a",
        "pub 0\nx\nsub 0\n";
    the_log_as_topics:
        "listener $PORT\nallow_anonymous true\nlog_dest topic\nlog_type all\nsys_interval 1\n",
        "(sleep 0.5; mosquitto_pub -p $PORT -t a -m x) & sub -t '$SYS/broker/log/#' -F %t | tail -1; \
         sub -t '$SYS/broker/clients/connected' -F %t",
        "sub 0\n$SYS/broker/clients/connected\nsub 0\n";
    home_automation_with_a_bridge_to_the_outside:
        "listener $PORT\nallow_anonymous true\nconnection out\naddress 127.0.0.1:$PORT3\ntopic sensors/# out 1\n\
         topic commands/# in 1\nrestart_timeout 1\nnotifications false\ntry_private true\n",
        "remote; until_carried mosquitto_pub -p $PORT3 -t ready -m x; \
         until_carried bash -c 'mosquitto_pub -p $PORT -t sensors/a -m x -q 1 -r; mosquitto_sub -p $PORT3 -t sensors/a -C 1 -W 1'; \
         until_carried bash -c 'mosquitto_pub -p $PORT3 -t commands/a -m y -q 1 -r; mosquitto_sub -p $PORT -t commands/a -C 1 -W 1'; \
         pub -t private/a -m z -r; nothing -p $PORT3 -t private/a",
        "x\ny\npub 0\nnothing 27\n";
    a_bridge_with_prefixes_both_ways:
        "listener $PORT\nallow_anonymous true\nconnection home\naddress 127.0.0.1:$PORT3\ntopic # both 2 from/ to/\n\
         restart_timeout 1\nremote_clientid house\nnotifications false\ncleansession true\n",
        "remote; until_carried mosquitto_pub -p $PORT3 -t ready -m x; \
         until_carried bash -c 'mosquitto_pub -p $PORT -t from/a -m x -q 2 -r; mosquitto_sub -p $PORT3 -v -t to/a -C 1 -W 1'; \
         until_carried bash -c 'mosquitto_pub -p $PORT3 -t to/b -m y -q 2 -r; mosquitto_sub -p $PORT -v -t from/b -C 1 -W 1'",
        "to/a x\nfrom/b y\n";
    a_bridge_as_an_add_on_writes_it:
        "listener $PORT\nallow_anonymous true\nconnection add-on\naddress 127.0.0.1:$PORT3\ntopic # both \"\" \"\"\n\
         topic # IN OpenZWave/\nrestart_timeout 1\nnotifications false\n",
        "remote; until_carried mosquitto_pub -p $PORT3 -t ready -m x; \
         until_carried bash -c 'mosquitto_pub -p $PORT -t a/b -m x -r; mosquitto_sub -p $PORT3 -v -t a/b -C 1 -W 1'",
        "a/b x\n";
    bridge_notifications_at_both_ends:
        "listener $PORT\nallow_anonymous true\nconnection state\naddress 127.0.0.1:$PORT3\ntopic a out\nrestart_timeout 1\n\
         remote_clientid house\nnotification_topic bridge/state\n",
        "remote; until_carried mosquitto_pub -p $PORT3 -t ready -m x; \
         until_carried bash -c '[ \"$(mosquitto_sub -p $PORT3 -t bridge/state -C 1 -W 1)\" = 1 ] && echo remote'; \
         until_carried bash -c '[ \"$(mosquitto_sub -p $PORT -t bridge/state -C 1 -W 1)\" = 1 ] && echo local'",
        "remote\nlocal\n";
}
