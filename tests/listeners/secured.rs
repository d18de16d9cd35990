//! Certificates of clients at our door: who comes in, who does not, and what both sides are told.

use std::process::Command;

use crate::certificates::Certificates;
use crate::server::{SClient, Server, converse, has_peer, run, succeeded};
use crate::support::{Broker, Folder, skeeter};

/// An authority with a client of each kind.
fn clients() -> Certificates {
    let all = Certificates::new();
    all.sign("good", "/CN=good", "", "");
    all.sign("revoked", "/CN=revoked", "", "");
    all.expired("expired", "");
    all.self_signed("own");
    all.revoke("revoked");
    all
}

fn server(certificates: &Certificates, more: &[&str]) -> Server {
    let path = |name: &str| certificates.path(name);
    let (chain, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    Server::start(&[&["--cert", &chain, "--key", &key, "--cafile", &ca, "--wss"], more].concat())
}

#[test]
fn only_valid_client_certificates_are_accepted() {
    if !has_peer("openssl") || !has_peer("mosquitto_pub") {
        return;
    }
    let all = clients();
    let crl = all.path("crl.pem");
    let server = server(&all, &["--require-certificate", "--crlfile", &crl]);
    let (port, ca) = (server.port("mqtts"), all.path("ca.pem"));
    let with = |name: &str| [all.path(&format!("{name}.pem")), all.path(&format!("{name}.key"))];
    for version in ["-tls1_2", "-tls1_3"] {
        let [cert, key] = with("good");
        SClient::start(port, &[version, "-CAfile", &ca, "-cert", &cert, "-key", &key]).comes_in();
        for name in ["revoked", "expired", "own"] {
            let [cert, key] = with(name);
            let client = SClient::start(port, &[version, "-CAfile", &ca, "-cert", &cert, "-key", &key]);
            assert!(client.turned_away().contains("alert"), "{name}");
        }
        let said = SClient::start(port, &[version, "-CAfile", &ca]).turned_away();
        assert!(said.contains("alert"), "{said}");
    }
    // The log tells why.
    for why in [
        "the client's certificate was rejected: certificate revoked",
        "the client's certificate was rejected: certificate has expired",
        "the client's certificate was rejected: self-signed certificate",
        "the client sent no certificate",
    ] {
        server.stderr.wait_line(why);
    }
    // Our own clients say it in one line, whatever the version, and do not try again.
    let port = port.to_string();
    let broker = ["-h", "localhost", "-p", &port, "--cafile", &ca];
    let [cert, key] = with("good");
    converse(
        &[&broker[..], &["--cert", &cert, "--key", &key]].concat(),
        &[&broker[..], &["--cert", &cert, "--key", &key, "--tls-version", "tlsv1.2"]].concat(),
    );
    for (name, reason) in
        [("revoked", "certificate revoked"), ("expired", "certificate expired"), ("own", "unknown ca")]
    {
        let [cert, key] = with(name);
        for version in ["tlsv1.2", "tlsv1.3"] {
            let flags =
                ["pub", "-t", "t", "-m", "x", "--cert", &cert, "--key", &key, "--tls-version", version];
            let (status, said) = run(&[&flags[..], &broker].concat());
            assert!(status == 8 && said.contains(reason), "{name} {version}: {status} {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    let (status, said) = run(&[&["pub", "-t", "t", "-m", "x"][..], &broker].concat());
    assert!(status == 8 && said.contains("certificate required"), "{status} {said}");
    for (name, lets_in) in [("good", true), ("revoked", false)] {
        let [cert, key] = with(name);
        let output = Command::new("mosquitto_pub")
            .args(["-t", "t", "-m", "x", "-q", "1", "--cert", &cert, "--key", &key])
            .args(broker)
            .output()
            .unwrap();
        assert_eq!(output.status.success(), lets_in, "{name}");
    }
}

#[test]
fn our_clients_reject_servers_they_cannot_trust() {
    let all = Certificates::new();
    all.expired("late", "DNS:localhost");
    all.sign("elsewhere", "/CN=elsewhere.example", "DNS:elsewhere.example", "");
    all.self_signed("own");
    for (name, authority, host, flags, reason) in [
        ("late", "ca", "localhost", &[][..], "expired"),
        ("elsewhere", "ca", "localhost", &[], "mismatch"),
        ("own", "ca", "localhost", &[], "self-signed"),
        ("server", "other", "localhost", &[], "issuer"),
        ("elsewhere", "ca", "localhost", &["--insecure"], ""),
        ("server", "ca", "127.0.0.1", &[], ""),
        ("own", "ca", "localhost", &["--insecure"], "self-signed"),
    ] {
        let (chain, key) = (all.path(&format!("{name}.pem")), all.path(&format!("{name}.key")));
        let server = Server::start(&["--cert", &chain, "--key", &key, "--wss", "--no-plain"]);
        let ca = all.path(&format!("{authority}.pem"));
        for scheme in ["mqtts", "wss"] {
            let url = format!("{scheme}://{host}:{}/t", server.port(scheme));
            // By the library of the system, and by OpenSSL itself.
            for more in [&[][..], &["--ciphers", "HIGH"]] {
                let fixed = ["pub", "-L", &url, "-m", "x", "--cafile", &ca];
                let (status, said) = run(&[&fixed[..], flags, more].concat());
                if reason.is_empty() {
                    assert_eq!(status, 0, "{name} {scheme} {said}");
                } else {
                    assert!(status == 8 && said.contains("the broker's certificate was rejected"), "{said}");
                    assert!(said.to_lowercase().contains(reason), "{name}: {said}");
                    assert_eq!(said.lines().count(), 1, "{said}");
                }
            }
        }
    }
}

#[test]
fn client_cas_can_be_in_a_directory() {
    if !has_peer("openssl") {
        return;
    }
    let all = clients();
    let folder = all.file("authorities");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(all.file("ca.pem"), folder.join("ca.pem")).unwrap();
    let path = |name: &str| all.path(name);
    let (chain, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let capath = folder.to_str().unwrap();
    // OpenSSL finds them by the hashes of their names.
    all.openssl(&format!("rehash {capath}"));
    let server =
        Server::start(&["--cert", &chain, "--key", &key, "--capath", capath, "--require-certificate"]);
    let port = server.port("mqtts").to_string();
    for (name, lets_in) in [("good", true), ("own", false)] {
        let (cert, key) = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
        let broker = ["-h", "localhost", "-p", &port, "--cafile", &ca, "--cert", &cert, "--key", &key];
        let (status, said) = run(&[&["pub", "-t", "t", "-m", "x", "-q", "1"][..], &broker].concat());
        assert_eq!(status == 0, lets_in, "{name}: {said}");
    }
}

#[test]
fn usernames_come_from_certificates_and_psk_identities() {
    let all = Certificates::new();
    all.sign("good", "/O=Works/CN=good", "", "");
    std::fs::write(all.file("psk"), "good:0123\n").unwrap();
    let path = |name: &str| all.path(name);
    let (chain, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let rules = path("rules");
    let certified = ["--cert", &chain, "--key", &key, "--cafile", &ca, "--acl-file", &rules];
    let (cert, own) = (path("good.pem"), path("good.key"));
    let by_certificate = ["--cafile", &ca, "--cert", &cert, "--key", &own];
    let by_key = ["--psk-identity", "good", "--psk", "0123"];
    let psk = path("psk");
    let subject = all.tell("x509 -in good.pem -noout -subject -nameopt RFC2253");
    let subject = subject.trim().strip_prefix("subject=").unwrap();
    for (name, broker, client) in [
        ("good", [&certified[..], &["--use-identity-as-username"]].concat(), &by_certificate[..]),
        (subject, [&certified[..], &["--use-subject-as-username"]].concat(), &by_certificate),
        ("good", vec!["--psk-file", &psk, "--acl-file", &rules, "--use-identity-as-username"], &by_key),
    ] {
        std::fs::write(&rules, format!("user {name}\ntopic own/#\n")).unwrap();
        let server = Server::start(&broker);
        let port = server.port("mqtts").to_string();
        let publish = |topic: &str, client: &[&str]| {
            run(&[&["pub", "-h", "localhost", "-p", &port, "-t", topic, "-m", "x", "-q", "1"], client]
                .concat())
        };
        // The name in CONNECT is not asked.
        let with_name = [client, &["-u", "eve"]].concat();
        assert_eq!(publish("own/t", &with_name).0, 0, "{name}: {:?}", server.stderr.so_far());
        assert_eq!(publish("other/t", client).0, 65, "{name}");
        if client == by_certificate {
            // Without a certificate there is no name, and who has none is told so by MQTT.
            assert_eq!(publish("own/t", &["--cafile", &ca, "-u", name]).0, 0x87);
        }
    }
}

#[test]
fn tls_versions_ciphers_and_alpn_are_as_configured() {
    if !has_peer("openssl") {
        return;
    }
    let all = Certificates::new();
    let log = all.path("keys.log");
    let server = server(
        &all,
        &[
            "--ciphers",
            "ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-GCM-SHA384",
            "--ciphers-tls13",
            "TLS_CHACHA20_POLY1305_SHA256",
            "--tls-alpn",
            "mqtt",
            "--tls-alpn",
            "x-amzn-mqtt-ca",
            "--tls-keylog",
            &log,
        ],
    );
    let ca = all.path("ca.pem");
    let tell = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &format!("127.0.0.1:{}", server.port("mqtts")), "-CAfile", &ca])
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    assert!(tell(&["-tls1_2"]).contains("Cipher is ECDHE-RSA-AES256-GCM-SHA384"));
    assert!(tell(&["-tls1_3"]).contains("Cipher is TLS_CHACHA20_POLY1305_SHA256"));
    assert!(tell(&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]).contains("alert handshake failure"));
    assert!(tell(&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]).contains("alert protocol version"));
    // Old clients exchange keys by a finite field, where that is asked for.
    assert!(
        tell(&["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"])
            .contains("Cipher is DHE-RSA-AES256-GCM-SHA384")
    );
    assert!(tell(&["-alpn", "h2,x-amzn-mqtt-ca,mqtt"]).contains("ALPN protocol: mqtt"));
    assert!(tell(&["-alpn", "h2"]).contains("alert no application protocol"));
    server.stderr.wait_line("the client supports no TLS version that we accept");
    let keys = std::fs::read_to_string(&log).unwrap();
    assert!(keys.contains("CLIENT_RANDOM ") && keys.contains("CLIENT_TRAFFIC_SECRET_0 "), "{keys}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&log).unwrap().permissions());
    assert_eq!(mode & 0o077, 0);
    let least = Server::start(&[
        "--cert",
        &all.path("server.pem"),
        "--key",
        &all.path("server.key"),
        "--tls-version",
        "tlsv1.3",
    ]);
    let said = SClient::start(least.port("mqtts"), &["-tls1_2", "-CAfile", &ca]).turned_away();
    assert!(said.contains("alert protocol version"), "{said}");
    // Who speaks no TLS is told of in words.
    let mut raw = server.connect("mqtts");
    raw.send(&crate::support::connect4("plain", true));
    let _ = raw.try_packet();
    server.stderr.wait_line("the client does not speak TLS");
}

#[test]
fn pre_shared_keys_are_accepted() {
    if !has_peer("mosquitto_pub") {
        return;
    }
    let all = Certificates::new();
    std::fs::write(all.file("psk"), "# keys\nann:0123456789abcdef\nbob:00ff\n").unwrap();
    let server = Server::start(&["--psk-file", &all.path("psk"), "--wss"]);
    let port = server.port("mqtts").to_string();
    let mosquitto = |identity: &str, key: &str| {
        Command::new("mosquitto_pub")
            .args(["-h", "localhost", "-p", &port, "-t", "t", "-m", "x", "-q", "1"])
            .args(["--psk-identity", identity, "--psk", key])
            .output()
            .unwrap()
    };
    succeeded(&mosquitto("ann", "0123456789abcdef"));
    assert!(!mosquitto("ann", "0123456789abcdee").status.success());
    assert!(!mosquitto("eve", "0123456789abcdef").status.success());
    let broker = ["-h", "localhost", "-p", &port];
    let ann = ["--psk-identity", "ann", "--psk", "0123456789ABCDEF"];
    converse(
        &[&broker[..], &ann].concat(),
        &[&broker[..], &["--psk-identity", "bob", "--psk", "00ff"]].concat(),
    );
    let wrong = ["pub", "-t", "t", "-m", "x", "--psk-identity", "ann", "--psk", "00"];
    let (status, said) = run(&[&wrong[..], &broker].concat());
    assert!(status == 8 && said.lines().count() == 1, "{status} {said}");
}

/// What `openssl s_client` says of the door: up to TLS 1.2 there is a hint.
#[test]
fn clients_get_the_psk_identity_hint() {
    if !has_peer("openssl") {
        return;
    }
    let folder = Folder::new();
    let keys = folder.file("keys");
    std::fs::write(&keys, "ann:0123456789abcdef\n").unwrap();
    // The other is as long as it may be.
    for hint in ["works of Jörg, hall 7", &"x".repeat(256)] {
        let config = format!(
            "user root\nallow_anonymous true\npsk_file {}\nlistener 0 127.0.0.1\nlistener 0 127.0.0.1\npsk_hint {hint}\n",
            keys.to_str().unwrap()
        );
        let broker = Broker::with_config(&folder, &config, &[]);
        let line = broker.stdout.wait_line("listening on mqtts://");
        let port = line.rsplit(':').next().unwrap();
        for cipher in ["PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"] {
            let output = Command::new("openssl")
                .args(["s_client", "-tls1_2", "-connect", &format!("127.0.0.1:{port}"), "-cipher", cipher])
                .args(["-psk_identity", "ann", "-psk", "0123456789abcdef"])
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let shown = said.lines().find_map(|line| line.trim().strip_prefix("PSK identity hint: "));
            assert_eq!(shown, Some(hint), "{cipher}: {said}");
            assert!(said.contains(&format!("Cipher is {cipher}")), "{said}");
        }
    }
}

#[test]
fn invalid_tls_settings_are_reported_before_the_broker_listens() {
    let all = Certificates::new();
    all.sign("other-key", "/CN=x", "", "");
    std::fs::write(all.file("junk"), "junk").unwrap();
    std::fs::write(all.file("psk"), "ann:0123\nbob\n").unwrap();
    all.openssl("rsa -aes256 -passout pass:secret -in server.key -out locked.key");
    std::fs::write(all.file("phrase"), "secret\n").unwrap();
    std::fs::write(all.file("wrong"), "guess\n").unwrap();
    let path = |name: &str| all.path(name);
    let (chain, key) = (path("server.pem"), path("server.key"));
    for (flags, why) in [
        (vec!["--cert", &chain, "--key", "/nonexistent"], "cannot read /nonexistent"),
        (vec!["--cert", &chain, "--key", &path("other-key.key")], "is not the key of"),
        (vec!["--cert", &path("junk"), "--key", &key], "contains no PEM certificate"),
        (vec!["--cert", &chain, "--key", &path("junk")], "contains no PEM private key"),
        (vec!["--cert", &chain, "--key", &path("locked.key")], "the private key is encrypted"),
        (
            vec!["--cert", &chain, "--key", &path("locked.key"), "--key-pass-file", &path("wrong")],
            "wrong passphrase for the private key",
        ),
        (vec!["--cert", &chain, "--key", &key, "--require-certificate"], "no authority is given"),
        (
            vec![
                "--cert",
                &chain,
                "--key",
                &key,
                "--require-certificate",
                "--cafile",
                &chain,
                "--crlfile",
                &key,
            ],
            "no revocation list in PEM",
        ),
        (vec!["--cert", &chain, "--key", &key, "--ciphers", "NONSENSE"], "OpenSSL knows none of them"),
        (vec!["--psk-file", &path("psk")], "psk:2: expected IDENTITY:HEXADECIMAL"),
        (vec!["--wss"], "need TLS"),
        (vec!["--no-plain"], "need TLS"),
    ] {
        let output = skeeter().args(["broker", "-p", "0"]).args(&flags).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(why), "{flags:?}: {said}");
        assert!(output.stdout.is_empty() && said.lines().count() == 1, "{flags:?}: {said}");
    }
    let phrase = path("phrase");
    let server = Server::start(&["--cert", &chain, "--key", &path("locked.key"), "--key-pass-file", &phrase]);
    SClient::start(server.port("mqtts"), &["-CAfile", &path("ca.pem")]).comes_in();
}

/// The subjects of the certificates that a server sends, without the root.
fn sent(certificates: &Certificates, port: u16) -> usize {
    let shown = certificates.tell(&format!("s_client -connect 127.0.0.1:{port} -showcerts -CAfile ca.pem"));
    assert!(shown.contains("Verify return code: 0 (ok)"), "{shown}");
    shown.matches("-----BEGIN CERTIFICATE-----").count()
}

/// `intermediate.pem`, signed by the root `ca.pem`, and `leaf.pem`, signed by that.
fn with_intermediate() -> Certificates {
    let certificates = Certificates::new();
    std::fs::write(certificates.file("int.ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
    std::fs::write(certificates.file("leaf.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    for (name, issuer) in [("intermediate", "ca"), ("leaf", "intermediate")] {
        certificates.openssl(&format!(
            "req -newkey rsa:2048 -nodes -subj /CN={name} -config cnf -keyout {name}.key -out {name}.csr"
        ));
        let extensions = if name == "leaf" { "leaf.ext" } else { "int.ext" };
        certificates.openssl(&format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days 2 -extfile {extensions} -out {name}.pem"
        ));
    }
    certificates
}

#[test]
fn the_chain_is_completed_from_cafile_and_capath() {
    let certificates = with_intermediate();
    let read = |name: &str| std::fs::read_to_string(certificates.file(name)).unwrap();
    std::fs::write(certificates.file("both.pem"), read("intermediate.pem") + &read("ca.pem")).unwrap();
    std::fs::write(certificates.file("full.pem"), read("leaf.pem") + &read("intermediate.pem")).unwrap();
    std::fs::create_dir(certificates.file("hashed")).unwrap();
    for name in ["intermediate.pem", "ca.pem"] {
        std::fs::copy(certificates.file(name), certificates.file("hashed").join(name)).unwrap();
    }
    certificates.openssl("rehash hashed");
    let path = |name: &str| certificates.path(name);
    for (certfile, more) in [
        ("leaf.pem", format!("cafile {}", path("intermediate.pem"))),
        ("leaf.pem", format!("cafile {}", path("both.pem"))),
        ("leaf.pem", format!("capath {}", path("hashed"))),
        ("leaf.pem", format!("cafile {}\nrequire_certificate false", path("both.pem"))),
        ("full.pem", String::new()),
    ] {
        let config = certificates.file("mosquitto.conf");
        let text = format!(
            "user root\nlistener 0 127.0.0.1\nallow_anonymous true\ncertfile {}\nkeyfile {}\n{more}\n",
            path(certfile),
            path("leaf.key")
        );
        std::fs::write(&config, text).unwrap();
        let server = Server::start(&["-c", config.to_str().unwrap()]);
        assert_eq!(sent(&certificates, server.port("mqtts")), 2, "{certfile}, {more}");
    }
}

#[test]
fn the_check_warns_about_a_chain_that_clients_cannot_build() {
    let certificates = with_intermediate();
    let config = certificates.file("mosquitto.conf");
    for (cafile, is_complete) in [("ca.pem", false), ("intermediate.pem", true), ("both.pem", true)] {
        let read = |name: &str| std::fs::read_to_string(certificates.file(name)).unwrap();
        std::fs::write(certificates.file("both.pem"), read("intermediate.pem") + &read("ca.pem")).unwrap();
        let (leaf, key) = (certificates.path("leaf.pem"), certificates.path("leaf.key"));
        let text =
            format!("listener 1\ncertfile {leaf}\nkeyfile {key}\ncafile {}\n", certificates.path(cafile));
        std::fs::write(&config, text).unwrap();
        let output = skeeter().args(["broker", "--check-config", "-c"]).arg(&config).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let warning = String::from_utf8(output.stderr).unwrap();
        assert_eq!(warning.is_empty(), is_complete, "{cafile}: {warning}");
        assert!(is_complete || warning.contains("the issuer CN=intermediate is neither"), "{warning}");
    }
}
