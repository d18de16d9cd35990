//! Certificates, authorities and revocation lists that change while the broker runs.

use std::process::{Command, Stdio};

use crate::certificates::Certificates;
use crate::server::{SClient, Server, has_peer};
use crate::support::Lines;

/// Waits until so many lines hold this text.
fn wait_count(lines: &Lines, text: &str, count: usize) {
    lines.wait(&format!("{count} times {text:?}"), |lines| {
        (lines.iter().filter(|line| line.contains(text)).count() >= count).then_some(())
    });
}

/// The serial number of the certificate that the broker shows.
fn serial(port: u16) -> String {
    let output = Command::new("sh")
        .args([
            "-c",
            &format!(
                "openssl s_client -connect 127.0.0.1:{port} 2>&1 </dev/null | openssl x509 -noout -serial"
            ),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn valid_new_files_are_used_and_invalid_ones_are_not() {
    if !has_peer("openssl") {
        return;
    }
    let all = Certificates::new();
    all.sign("client", "/CN=client", "", "");
    all.list_revoked();
    let path = |name: &str| all.path(name);
    let server = Server::start(&[
        "--cert",
        &path("server.pem"),
        "--key",
        &path("server.key"),
        "--cafile",
        &path("ca.pem"),
        "--crlfile",
        &path("crl.pem"),
        "--require-certificate",
    ]);
    let (port, ca) = (server.port("mqtts"), path("ca.pem"));
    let (cert, key) = (path("client.pem"), path("client.key"));
    let client = || SClient::start(port, &["-CAfile", &ca, "-cert", &cert, "-key", &key]);
    let mut stays = client();
    stays.comes_in();
    let first = serial(port);
    assert!(first.starts_with("serial="), "{first}");

    // A new certificate in place of the old one is taken without being told.
    all.sign("next", "/CN=localhost", "DNS:localhost,IP:127.0.0.1", "");
    std::fs::rename(all.file("next.key"), all.file("server.key")).unwrap();
    std::fs::rename(all.file("next.pem"), all.file("server.pem")).unwrap();
    wait_count(&server.stderr, "TLS certificates reloaded", 1);
    let second = serial(port);
    assert_ne!(first, second);

    // A bad one is told of, and the one in force stays.
    std::fs::write(all.file("server.pem"), "not a certificate").unwrap();
    server.stderr.wait_line("configuration not reloaded: ");
    assert!(server.stderr.wait_line("configuration not reloaded: ").contains("server.pem: "));
    assert_eq!(serial(port), second);
    client().comes_in();
    server.signal("HUP");
    wait_count(&server.stderr, "configuration not reloaded: ", 2);
    assert_eq!(serial(port), second);

    // On a signal: the client is revoked by now. What is open stays open.
    all.sign("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1", "");
    all.revoke("client");
    server.signal("HUP");
    wait_count(&server.stderr, "TLS certificates reloaded", 2);
    assert!(client().turned_away().contains("alert"));
    server.stderr.wait_line("certificate revoked");
    stays.send(&[0xC0, 0]);
    stays.expect(&[0xD0, 0]);
}
