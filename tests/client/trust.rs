//! What else TLS is told: directories of authorities, those of the system, our own certificate, a protocol, or nothing.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::{ACCEPT5, Run, Server, has_peer};
use crate::support::Folder;
use crate::tls::{certificates, openssl};

#[test]
fn authorities_come_from_a_directory_or_the_system_and_we_show_our_own_certificate() {
    if !has_peer("mosquitto") || !has_peer("openssl") {
        return;
    }
    let folder = Folder::new();
    certificates(&folder, "localhost");
    let path = |name: &str| folder.file(name).to_str().unwrap().to_owned();
    std::fs::create_dir(folder.file("authorities")).unwrap();
    std::fs::copy(folder.file("ca.pem"), folder.file("authorities/ca.pem")).unwrap();
    openssl(&folder, "rehash authorities");
    openssl(&folder, "pkcs8 -topk8 -nocrypt -in server.key -out own.key");
    let port = Server::new().port();
    let config = format!(
        "listener {port}\nallow_anonymous true\ncertfile {}\nkeyfile {}\ncafile {}\nrequire_certificate true\nuser root\n",
        path("server.pem"),
        path("server.key"),
        path("ca.pem"),
    );
    std::fs::write(folder.file("conf"), config).unwrap();
    let mut mosquitto = Command::new("mosquitto")
        .args([Path::new("-c"), &folder.file("conf")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (ca, directory, certificate, key) =
        (path("ca.pem"), path("authorities"), path("server.pem"), path("own.key"));
    let publish = |flags: &[&str], environment: &[(&str, &str)]| {
        let port = port.to_string();
        let base = [
            "pub",
            "-h",
            "localhost",
            "-p",
            &port,
            "-t",
            "t",
            "-m",
            "x",
            "-q",
            "1",
            "-V",
            "5",
            "--wait",
            "10",
        ];
        Run::start_bare(&[&base[..], flags].concat(), environment).end()
    };
    let own = ["--cert", certificate.as_str(), "--key", &key];
    let system = [("SSL_CERT_FILE", ca.as_str())];
    for (flags, environment) in [
        (&["--cafile", ca.as_str()][..], &[][..]),
        (&["--capath", &directory], &[]),
        (&["--tls-use-os-certs"], &system),
    ] {
        let said = publish(&[flags, &own].concat(), environment);
        assert_eq!(said.status, 0, "{flags:?} {said:?}");
    }
    let said = publish(&["--cafile", &ca, "--wait", "0"], &[]);
    assert_ne!(said.status, 0, "without our certificate we are not let in");
    let _ = mosquitto.kill();
    let _ = mosquitto.wait();
}

#[test]
fn tls_can_be_turned_off_and_offers_a_protocol() {
    let server = Server::new();
    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "--tls-use-os-certs", "--no-tls"]);
    drop(server.accept_with(ACCEPT5));
    assert_eq!(run.end().status, 0, "plain");
    let flags = ["pub", "-t", "t", "-m", "x", "-V", "5", "--tls-use-os-certs", "--tls-alpn", "x-mqtt-test"];
    let run = Run::start(server.port(), &flags);
    let mut raw = server.accept();
    let mut header = [0; 5];
    raw.0.read_exact(&mut header).unwrap();
    assert_eq!(header[0], 0x16, "a handshake of TLS");
    let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    raw.0.read_exact(&mut hello).unwrap();
    assert!(hello.windows(12).any(|part| part == b"\x0bx-mqtt-test"));
    drop(raw);
    assert_eq!(run.end().status, 8);
}
