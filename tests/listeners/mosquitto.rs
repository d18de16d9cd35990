//! Debian's mosquitto as the other side of our clients: certificates of clients, keys shared before, WebSocket.

use std::process::{Child, Command, Stdio};

use crate::certificates::Certificates;
use crate::server::{converse, has_peer, run};
use crate::support::Lines;

/// A mosquitto with one listener.
struct Mosquitto {
    child: Child,
    port: String,
}

impl Mosquitto {
    /// `settings` stand below the line of the listener.
    fn start(folder: &Certificates, settings: &str) -> Self {
        // It takes no port 0, so a free one is looked for here; another process may be faster, then try again.
        for _ in 0..20 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            // It cannot bind a WebSocket to an address, nor start with WebSockets alone.
            let address = if settings.contains("websockets") { "" } else { "127.0.0.1" };
            let config = format!(
                "user root\nallow_anonymous true\nlistener 0 socket\nlistener {port} {address}\n{settings}"
            );
            std::fs::write(folder.file("conf"), config).unwrap();
            let mut child = Command::new("mosquitto")
                .args(["-v", "-c", &folder.path("conf")])
                .current_dir(folder.file(""))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let log = Lines::of(child.stderr.take().unwrap());
            let running = log.wait("mosquitto to start", |lines| {
                let running = lines.iter().any(|line| line.contains("running"));
                let failed = lines.iter().any(|line| line.contains("Error"));
                (running || failed).then_some(running)
            });
            if running {
                return Self { child, port: port.to_string() };
            }
            child.wait().unwrap();
        }
        panic!("mosquitto did not start");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn client_certificates_are_accepted_in_every_format() {
    if !has_peer("mosquitto") || !has_peer("openssl") {
        return;
    }
    let all = Certificates::new();
    for name in ["good", "revoked"] {
        all.sign(name, "/CN=good", "", "");
    }
    all.revoke("revoked");
    all.expired("expired", "");
    all.openssl("rsa -aes256 -passout pass:secret -in good.key -out locked.key");
    all.openssl("rsa -traditional -in good.key -out old.key");
    all.openssl("pkcs12 -export -in good.pem -inkey good.key -passout pass:secret -out good.p12");
    std::fs::write(all.file("phrase"), "secret\n").unwrap();
    std::fs::write(all.file("wrong"), "guess\n").unwrap();
    let settings =
        "certfile server.pem\nkeyfile server.key\ncafile ca.pem\ncrlfile crl.pem\nrequire_certificate true\n";
    let mosquitto = Mosquitto::start(&all, settings);
    let ca = all.path("ca.pem");
    let broker = ["-h", "localhost", "-p", &mosquitto.port, "--cafile", &ca];
    let path = |name: &str| all.path(name);
    let (good, phrase) = (path("good.pem"), path("phrase"));
    let forms = [
        vec!["--cert".to_owned(), good.clone(), "--key".to_owned(), path("good.key")],
        vec![
            "--cert".to_owned(),
            good.clone(),
            "--key".to_owned(),
            path("old.key"),
            "--keyform".into(),
            "pem".into(),
        ],
        vec![
            "--cert".to_owned(),
            good.clone(),
            "--key".to_owned(),
            path("locked.key"),
            "--key-pass-file".into(),
            phrase.clone(),
        ],
        vec!["--cert".to_owned(), path("good.p12"), "--key-pass-file".to_owned(), phrase.clone()],
        vec![
            "--cert".to_owned(),
            path("good.p12"),
            "--key-pass-file".to_owned(),
            phrase,
            "--ciphers".into(),
            "HIGH".into(),
        ],
    ];
    for form in &forms {
        let flags: Vec<&str> = form.iter().map(String::as_str).chain(broker).collect();
        converse(&flags, &flags);
    }
    for (certificate, key, why) in
        [("revoked.pem", "revoked.key", "revoked"), ("expired.pem", "expired.key", "expired")]
    {
        let (certificate, key) = (path(certificate), path(key));
        let flags = ["pub", "-t", "t", "-m", "x", "--cert", &certificate, "--key", &key];
        let (status, said) = run(&[&flags[..], &broker].concat());
        assert!(status == 8 && said.contains(why) && said.lines().count() == 1, "{status} {said}");
    }
    for (flags, why) in [
        (vec!["--cert", &good], "its key is not in it"),
        (vec!["--cert", &good, "--key", "/nonexistent"], "cannot read /nonexistent"),
        (vec!["--cert", &good, "--key", &path("locked.key")], "the private key is encrypted"),
        (vec!["--cert", &path("good.p12"), "--key-pass-file", &path("wrong")], "is the passphrase correct?"),
        (vec!["--cert", &good, "--key", &path("expired.key")], ""),
    ] {
        let (status, said) = run(&[&["pub", "-t", "t", "-m", "x"][..], &flags, &broker].concat());
        assert!(status == 8 && said.contains(why) && said.lines().count() == 1, "{flags:?} {status} {said}");
    }
}

#[test]
fn pre_shared_keys_work_with_mosquitto() {
    if !has_peer("mosquitto") {
        return;
    }
    let all = Certificates::new();
    std::fs::write(all.file("psk"), "ann:0123456789abcdef\n").unwrap();
    let mosquitto = Mosquitto::start(&all, "psk_hint any\npsk_file psk\n");
    let broker = ["-h", "localhost", "-p", &mosquitto.port, "--psk-identity", "ann"];
    let right = [&broker[..], &["--psk", "0123456789abcdef"]].concat();
    converse(&right, &right);
    let wrong = ["pub", "-t", "t", "-m", "x", "--psk", "0123456789abcdee"];
    let (status, said) = run(&[&wrong[..], &broker].concat());
    assert!(status == 8 && said.lines().count() == 1, "{status} {said}");
}

#[test]
fn websocket_works_with_mosquitto() {
    if !has_peer("mosquitto") {
        return;
    }
    let all = Certificates::new();
    let plain = Mosquitto::start(&all, "protocol websockets\n");
    let url = format!("ws://127.0.0.1:{}", plain.port);
    converse(&["-L", &url], &["--ws", "-p", &plain.port]);
    let secured = Mosquitto::start(&all, "protocol websockets\ncertfile server.pem\nkeyfile server.key\n");
    let (url, ca) = (format!("wss://localhost:{}", secured.port), all.path("ca.pem"));
    converse(&["-L", &url, "--cafile", &ca], &["-L", &url, "--cafile", &ca]);
}
