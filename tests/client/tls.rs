//! TLS against mosquitto, with certificates made for the test.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::{Run, Server, has_peer};
use crate::support::Folder;

pub(crate) fn openssl(folder: &Folder, arguments: &str) {
    let directory = folder.file("");
    let status = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "openssl {arguments}");
}

/// An authority and a certificate of this name, signed by it.
pub(crate) fn certificates(folder: &Folder, name: &str) {
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
    );
    openssl(
        folder,
        &format!("req -newkey rsa:2048 -nodes -subj /CN={name} -keyout server.key -out server.csr"),
    );
    std::fs::write(folder.file("names"), format!("subjectAltName=DNS:{name}\n")).unwrap();
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
}

#[test]
fn a_broker_is_trusted_by_its_authority_and_its_name() {
    if !has_peer("mosquitto") || !has_peer("openssl") {
        return;
    }
    let folder = Folder::new();
    certificates(&folder, "localhost");
    let port = Server::new().port();
    let path = |name: &str| folder.file(name).to_str().unwrap().to_owned();
    let config = format!(
        "listener {port}\nallow_anonymous true\ncertfile {}\nkeyfile {}\nuser root\n",
        path("server.pem"),
        path("server.key")
    );
    std::fs::write(folder.file("conf"), config).unwrap();
    let mut mosquitto = Command::new("mosquitto")
        .args([Path::new("-c"), &folder.file("conf")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ca = path("ca.pem");
    let publish = |host: &str, flags: &[&str]| {
        let url = format!("mqtts://{host}:{port}/t");
        let all = [&["pub", &url, "-m", "x", "-q", "1", "--wait", "10"], flags].concat();
        Run::start_bare(&all, &[("XDG_CONFIG_HOME", "/nonexistent")]).end()
    };
    let said = publish("localhost", &["--cafile", &ca]);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(publish("localhost", &["--cafile", &ca, "--tls-version", "tlsv1.2"]).status, 0);
    // The system does not know this authority; the certificate is made out to another name.
    for (host, flags, status) in [
        ("localhost", &["--wait", "0"][..], 8),
        ("127.0.0.1", &["--wait", "0", "--cafile", &ca], 8),
        ("127.0.0.1", &["--cafile", &ca, "--insecure"], 0),
        ("localhost", &["--cafile", "/nonexistent"], 8),
    ] {
        let said = publish(host, flags);
        assert_eq!(said.status, status, "{host} {flags:?} {said:?}");
        assert!(said.stderr.lines().count() <= 1, "{said:?}");
    }
    let _ = mosquitto.kill();
    let _ = mosquitto.wait();
}
