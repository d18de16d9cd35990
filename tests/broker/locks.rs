//! Who comes in and what they may do: password files, rules, and what holds when somebody tries to break in.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{
    Broker, CONNACK4, Folder, Raw, connect4, connect5, packet, publish4, skeeter, subscribe4, text,
};

/// `secret`, as mosquitto_passwd 2.0.11 keeps it in both its ways, and as the reference program of Argon2 does.
const USERS: &str = "\
ann:$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0$d24DMwPvBDCOk2MMCh25X1upeHgooLW5p7HSUKjnfG0
bob:$7$101$mlHUwpUgBfzxJiOp$nNX+HHNwCTQPnMYVk9HkdJFGPYZQR3lHSJzerhg3xdVxizhlCgRumT7mtJbqVv9PwmnZEo8iYdeQ/nWuptefNQ==
cat:$6$aE7Pw3kWBU1R3neB$bWcvGAuQ/NU/2lomT6CqMgOQ/dRsQpPhexDOlvnW3mhyVhequThwGa35th3WMkiBGSkEspeAl6DxDepS3lGU0A==
";

fn write(folder: &Folder, name: &str, text: &str) -> String {
    let path = folder.file(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// CONNECT of 3.1.1 (4) or 5 with a user name and a password.
fn login(version: u8, client: &str, user: &str, password: &str) -> Vec<u8> {
    let properties: &[u8] = if version == 5 { &[0] } else { &[] };
    let head = [version, 0xC2, 0, 0];
    packet(0x10, &[&text("MQTT"), &head, properties, &text(client), &text(user), &text(password)])
}

/// The code in the answer to a CONNECT.
fn code(broker: &Broker, connect: &[u8]) -> u8 {
    let mut client = broker.connect();
    client.send(connect);
    client.packet().1[1]
}

#[test]
fn users_of_a_password_file_connect_with_their_password_only() {
    let folder = Folder::new();
    let broker = Broker::start(&["--password-file", &write(&folder, "users", USERS)]);
    for user in ["ann", "bob", "cat"] {
        for (version, wrong) in [(4, 4), (5, 0x86)] {
            assert_eq!(code(&broker, &login(version, "c", user, "secret")), 0, "{user} {version}");
            assert_eq!(code(&broker, &login(version, "c", user, "Secret")), wrong, "{user} {version}");
            assert_eq!(code(&broker, &login(version, "c", user, "")), wrong, "{user} {version}");
            assert_eq!(code(&broker, &login(version, "c", "eve", "secret")), wrong, "{version}");
        }
    }
    assert_eq!(code(&broker, &connect4("c", true)), 5);
    assert_eq!(code(&broker, &connect5("c", true, &[])), 0x87);
    broker
        .stderr
        .wait_line("connection refused for client ID c (username eve): bad user name or password (0x86)");
    let both = Broker::start(&["--password-file", &write(&folder, "users", USERS), "--anonymous"]);
    assert_eq!(code(&both, &connect4("c", true)), 0);
    assert_eq!(code(&both, &login(4, "c", "ann", "wrong")), 4);
}

#[test]
fn a_password_file_that_others_may_read_is_a_warning() {
    let folder = Folder::new();
    let path = write(&folder, "users", USERS);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let broker = Broker::start(&["--password-file", &path]);
    broker.stderr.wait_line(&format!("others on this machine can read the password file {path}"));
    assert_eq!(code(&broker, &login(4, "c", "bob", "secret")), 0);
}

#[test]
fn lines_with_errors_affect_only_whom_they_apply_to() {
    let folder = Folder::new();
    let users = write(&folder, "users", &format!("{USERS}dan:hunter2\n# fine\neve\nann:again\n"));
    let rules = write(&folder, "acl", "user bob\ntopic b\nuser cat\ntopic c\ntopic dney c/secret\n");
    let broker = Broker::start(&["--password-file", &users, "--acl-file", &rules, "--refuse-unreadable"]);
    for part in
        [format!("{users}:4: "), format!("{users}:6: "), format!("{users}:7: "), format!("{rules}:5: ")]
    {
        let line = broker.stderr.wait_line(&part);
        assert!(!line.contains("hunter2"), "{line}");
    }
    for (user, expected) in [("ann", 4), ("bob", 0), ("cat", 0), ("dan", 4), ("eve", 4)] {
        assert_eq!(code(&broker, &login(4, "c", user, "secret")), expected, "{user}");
    }
    for (user, filter, granted) in [("bob", "b", 0), ("cat", "c", 0x80)] {
        let mut client = broker.connect();
        client.send(&login(4, user, user, "secret"));
        client.expect(&CONNACK4);
        client.send(&subscribe4(1, filter, 0));
        client.expect(&[0x90, 3, 0, 1, granted]);
    }
    // A reload changes nothing.
    write(&folder, "users", &format!("{USERS}dan:hunter2\n"));
    broker.signal("HUP");
    broker.stderr.wait_line("the password of \"dan\" cannot be read");
    assert_eq!(code(&broker, &login(4, "c", "ann", "secret")), 4);
}

#[test]
fn a_missing_acl_file_is_an_error() {
    let missing = skeeter().args(["broker", "-p", "0", "--acl-file", "/nowhere/acl"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("cannot read the ACL file /nowhere/acl"));
}

#[test]
fn acl_rules_apply_to_publishers_and_subscribers_and_denials_name_the_line() {
    let folder = Folder::new();
    let rules = write(
        &folder,
        "acl",
        "topic read public/#\nuser ann\ntopic readwrite #\ntopic deny vault/#\npattern write in/%c\n",
    );
    let broker =
        Broker::start(&["--user", "ann:secret", "--anonymous", "--acl-file", &rules, "--refuse-unreadable"]);
    let mut ann = broker.connect();
    ann.send(&login(5, "ann-1", "ann", "secret"));
    assert_eq!(ann.packet().1[1], 0);
    let mut guest = broker.connect();
    guest.send(&connect4("guest", true));
    guest.expect(&CONNACK4);
    // Everything is asked for; only what may be read comes.
    guest.send(&subscribe4(1, "#", 0));
    guest.expect(&[0x90, 3, 0, 1, 0]);
    guest.send(&subscribe4(2, "in/#", 0));
    guest.expect(&[0x90, 3, 0, 2, 0x80]);
    // Version 5 has properties behind the topic; none here is one byte more.
    let v5 = |topic: &str, id: u8, payload: &[u8]| packet(0x32, &[&text(topic), &[0, id, 0], payload]);
    ann.send(&v5("vault/a", 1, b"x"));
    ann.expect(&[0x40, 3, 0, 1, 0x87]);
    ann.send(&v5("private/a", 2, b"x"));
    ann.expect(&[0x40, 2, 0, 2]);
    ann.send(&v5("public/b", 3, b"y"));
    ann.expect(&[0x40, 2, 0, 3]);
    guest.expect(&publish4("public/b", 0, 0, b"y"));
    assert_eq!(guest.ping(), []);
    guest.send(&publish4("in/guest", 1, 1, b"z"));
    guest.expect(&[0x40, 2, 0, 1]);
    guest.send(&publish4("in/ann-1", 1, 2, b"z"));
    guest.expect(&[0x40, 2, 0, 2]);
    broker.stderr.wait_line(&format!(
        "ann-1 (username ann): publish to vault/a denied (QoS 1): {rules}:4: topic deny vault/#"
    ));
    broker
        .stderr
        .wait_line(&format!("guest: publish to in/ann-1 denied (QoS 1): no rule of {rules} allows it"));
    broker.stderr.wait_line(&format!("guest: delivery from private/a denied: no rule of {rules} allows it"));
}

#[test]
fn ten_thousand_reconnecting_clients_cost_one_hash() {
    // So costly that ten thousand would take hours, and that those who wait longer than ten seconds are refused.
    let folder = Folder::new();
    let users = folder.file("users");
    passwd(&users, "ann", "secret", &["-I", "4"]);
    let broker = Broker::start(&["-q", "--password-file", users.to_str().unwrap()]);
    for round in 0..20 {
        let mut clients: Vec<_> = (0..500).map(|_| broker.connect()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(&login(4, &format!("c{round}-{number}"), "ann", "secret"));
        }
        clients.iter_mut().for_each(|client| client.expect(&CONNACK4));
    }
}

fn passwd(file: &Path, user: &str, password: &str, flags: &[&str]) {
    let status = skeeter()
        .arg("passwd")
        .args(flags)
        .arg(file)
        .arg(user)
        .env("SKEETER_PASSWORD", password)
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn guessing_passwords_blocks_the_address_but_not_known_logins() {
    let folder = Folder::new();
    let users = write(&folder, "users", USERS);
    let broker = Broker::start(&["--password-file", &users, "--max-failed-logins", "3"]);
    assert_eq!(code(&broker, &login(5, "c", "bob", "secret")), 0);
    let mut codes: Vec<u8> =
        (0..6).map(|number| code(&broker, &login(5, "x", "bob", &format!("guess {number}")))).collect();
    assert_eq!(codes.drain(..3).collect::<Vec<_>>(), [0x86; 3]);
    // A slow machine may have waited long enough for one more guess.
    assert!(codes.contains(&0x9F) && codes.iter().all(|code| [0x86, 0x9F].contains(code)), "{codes:02x?}");
    assert_eq!(code(&broker, &login(5, "c", "bob", "secret")), 0, "he was in before");
    broker.stderr.wait_line("too many logins from this address have failed");
    // Somebody new from there is not looked at, whatever he knows: 3.1.1 says that the server is unavailable.
    let guesses: Vec<u8> = (0..20).map(|_| code(&broker, &login(4, "y", "cat", "wrong"))).collect();
    assert!(guesses.contains(&3), "{guesses:?}");
    let free = Broker::start(&["-q", "--password-file", &users, "--max-failed-logins", "0"]);
    assert!((0..50).all(|_| code(&free, &login(4, "x", "bob", "wrong")) == 4));
}

#[test]
fn connections_per_address_are_limited() {
    let broker = Broker::start(&["--max-connections-per-address", "2"]);
    let mut two: Vec<_> = (0..2).map(|_| broker.connect()).collect();
    for (number, client) in two.iter_mut().enumerate() {
        client.send(&connect4(&number.to_string(), true));
        client.expect(&CONNACK4);
    }
    broker.connect().expect_closed();
    broker.stderr.wait_line("its address has as many connections as it may have");
    two.pop().unwrap().shut();
    broker.stderr.wait_line("1 disconnected");
    // The place is given back when the broker has seen the end.
    let came_in = (0..1_000).any(|_| {
        let mut client = broker.connect();
        client.send(&connect4("again", true));
        client.try_packet().is_some()
    });
    assert!(came_in);
}

#[test]
fn the_first_packet_must_be_a_connect_of_limited_size() {
    let broker = Broker::start(&["--max-connect-size", "1K"]);
    for bytes in
        [&[0xC0, 0][..], &publish4("a", 0, 0, b"x"), &subscribe4(1, "#", 0), &[0x10, 0xFF, 0xFF, 0x7F]]
    {
        let mut client = broker.connect();
        client.send(bytes);
        client.expect_closed();
    }
    let mut client = broker.connect();
    client.send(&connect4("c", true));
    client.expect(&CONNACK4);
    client.send(&publish4("a", 1, 1, &[0; 100_000]));
    client.expect(&[0x40, 2, 0, 1]);
}

#[test]
fn a_filter_with_too_many_levels_is_refused() {
    let broker = Broker::start(&[]);
    let mut client = broker.connect();
    client.send(&connect4("c", true));
    client.expect(&CONNACK4);
    for (levels, answer) in [(201, 0), (202, 0x80), (32_768, 0x80)] {
        let filter = vec!["+"; levels].join("/");
        client.send(&subscribe4(1, &filter, 0));
        client.expect(&[0x90, 3, 0, 1, answer]);
    }
}

/// A client that counts on the broker: it publishes to itself and pings, and everything comes.
struct Canary(Raw, u16);

impl Canary {
    fn new(broker: &Broker) -> Self {
        let mut raw = broker.connect();
        raw.send(&login(4, "canary", "bob", "secret"));
        raw.expect(&CONNACK4);
        raw.send(&subscribe4(1, "canary", 1));
        raw.expect(&[0x90, 3, 0, 1, 1]);
        Self(raw, 0)
    }

    fn sing(&mut self) {
        self.1 += 1;
        let song = self.1.to_be_bytes();
        self.0.send(&publish4("canary", 1, self.1, &song));
        self.0.send(&[0xC0, 0]);
        // The answer, the song itself and PINGRESP, in whatever order.
        let (mut acknowledged, mut heard, mut answered) = (false, false, false);
        while !(acknowledged && heard && answered) {
            match self.0.packet() {
                (0x40, body) if body == song => acknowledged = true,
                (0x32, body) if body.ends_with(&song) => {
                    heard = true;
                    self.0.send(&packet(0x40, &[&body[8..10]]));
                }
                (0xD0, _) => answered = true,
                (first, body) => panic!("after song {} the canary got {first:02x} {body:02x?}", self.1),
            }
        }
    }
}

/// As many open files as the system allows; ten thousand connections need as many here.
fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

#[test]
fn a_well_behaved_client_is_served_beside_ten_thousand_half_open_connections() {
    raise_limit();
    let folder = Folder::new();
    let users = folder.file("users");
    std::fs::write(&users, USERS).unwrap();
    // Each guess at this one costs what our own default costs.
    passwd(&users, "dan", "secret", &[]);
    let users = users.to_str().unwrap();
    // Nobody is shut out for failing, which would make it easier.
    let broker = Broker::start(&[
        "-q",
        "--password-file",
        users,
        "--connect-timeout",
        "60",
        "--max-failed-logins",
        "0",
    ]);
    let mut canary = Canary::new(&broker);
    let mut half_open = Vec::with_capacity(10_000);
    let connect = connect4("half", true);
    for number in 0..10_000 {
        let mut client = TcpStream::connect(("127.0.0.1", broker.port)).unwrap();
        if number % 2 == 0 {
            // The slow ones send a byte now and then, and never the last.
            std::io::Write::write_all(&mut client, &connect[..2]).unwrap();
        }
        half_open.push(client);
        if number % 100 == 0 {
            canary.sing();
        }
    }
    let guesses: Vec<_> = (0..500)
        .map(|number| {
            let mut client = broker.connect();
            client.send(&login(4, "x", "dan", &format!("guess {number}")));
            client
        })
        .collect();
    for slow in half_open.iter_mut().step_by(200) {
        std::io::Write::write_all(slow, &connect[2..3]).unwrap();
        canary.sing();
    }
    // The first guesses are told that they are wrong while the others wait.
    let mut guesses = guesses.into_iter();
    for mut guess in guesses.by_ref().take(3) {
        assert_eq!(guess.packet().1[1], 4);
        canary.sing();
    }
    // And somebody who comes in among them has his place in the same line as all others from here: a name that is
    // verified already need not wait.
    assert_eq!(code(&broker, &login(4, "y", "bob", "secret")), 0);
    canary.sing();
}
