//! Bridges over TLS: whom they trust, what they show, shared keys, and what is told when it fails.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use crate::certificates::Certificates;
use crate::server::{Server, has_peer};
use crate::support::{Broker, Folder, Lines};

/// A broker with a bridge to this port of `localhost`.
fn bridge(folder: &Folder, port: u16, lines: &str) -> Broker {
    // The keys are for who made them.
    let config = format!(
        "user root\nlistener 0 127.0.0.1\nallow_anonymous true\nconnection b\naddress localhost:{port}\nrestart_timeout 1\n\
         topic x both 1\n{lines}\n"
    );
    Broker::with_config(folder, &config, &[])
}

#[test]
fn bridges_verify_and_present_certificates() {
    if !has_peer("openssl") {
        return;
    }
    let all = Certificates::new();
    all.sign("client", "/CN=client", "", "");
    all.sign("elsewhere", "/CN=elsewhere", "DNS:elsewhere", "");
    let path = |name: &str| all.path(name);
    let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(path);
    let server = |name: &str| {
        let (chain, key) = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
        Server::start(&["--cert", &chain, "--key", &key, "--cafile", &ca, "--require-certificate", "-v"])
    };
    let far = server("server");
    let port = far.port("mqtts");
    let own = format!("bridge_certfile {cert}\nbridge_keyfile {key}\nremote_clientid far");
    let folder = Folder::new();
    for more in ["", "bridge_tls_version tlsv1.3", "bridge_ciphers ECDHE-RSA-AES256-GCM-SHA384"] {
        let near = bridge(&folder, port, &format!("bridge_cafile {ca}\n{own}\n{more}"));
        near.stderr.wait_line(&format!("bridge b: connected to localhost:{port} as far"));
    }
    far.stderr.wait_line("far subscribed to x");
    let fails = |port: u16, lines: &str, why: &str| {
        let near = bridge(&folder, port, lines);
        let line = near.stderr.wait_line("bridge b: cannot connect");
        assert!(line.contains(why) && line.ends_with("retrying in 1 s"), "{line}");
    };
    let other = path("other.pem");
    fails(
        port,
        &format!("bridge_cafile {other}\n{own}"),
        "TLS handshake failed: the broker's certificate was rejected",
    );
    fails(port, &format!("bridge_cafile {ca}"), "certificate required");
    // It is made out to another name.
    let elsewhere = server("elsewhere");
    let port = elsewhere.port("mqtts");
    fails(port, &format!("bridge_cafile {ca}\n{own}"), "mismatch");
    let near = bridge(&folder, port, &format!("bridge_cafile {ca}\n{own}\nbridge_insecure true"));
    near.stderr.wait_line("bridge b: connected to");
}

#[test]
fn bridges_use_pre_shared_keys() {
    let folder = Folder::new();
    let keys = folder.file("keys");
    std::fs::write(&keys, "ann:0123456789abcdef\n").unwrap();
    let far = Server::start(&["--psk-file", keys.to_str().unwrap(), "--use-identity-as-username", "-v"]);
    let port = far.port("mqtts");
    let lines = |key: &str| format!("bridge_identity ann\nbridge_psk {key}\nremote_clientid far");
    let near = bridge(&folder, port, &lines("0123456789abcdef"));
    near.stderr.wait_line("bridge b: connected to");
    assert!(far.stderr.wait_line("far connected from").contains("username ann"));
    drop(near);
    let near = bridge(&folder, port, &lines("0123456789abcdee"));
    let line = near.stderr.wait_line("bridge b: cannot connect");
    assert!(line.contains("TLS handshake failed"), "{line}");
}

/// `openssl s_server`, which may have an answer of the responder to show.
struct SServer(Child, u16);

impl SServer {
    fn start(all: &Certificates, more: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", &port.to_string(), "-cert", &all.path("server.pem")])
            .args(["-key", &all.path("server.key")])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut first = [0; 1];
        // It says that it is ready.
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        Self(child, port)
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn bridges_require_ocsp_responses() {
    if !has_peer("openssl") {
        return;
    }
    let all = Certificates::new();
    let ca = all.path("ca.pem");
    let folder = Folder::new();
    let lines = format!("bridge_cafile {ca}\nbridge_require_ocsp true");
    let answer = |file: &str, more: &str| {
        all.openssl(&format!(
            "ocsp -index index -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert server.pem -respout {file} {more}"
        ));
        all.path(file)
    };
    let good = answer("good.der", "-ndays 1");
    all.revoke("server");
    let revoked = answer("revoked.der", "-ndays 1");
    for version in ["-tls1_2", "-tls1_3"] {
        for (more, lets_in) in
            [(vec!["-status_file", &good], true), (vec!["-status_file", &revoked], false), (vec![], false)]
        {
            let mut server = SServer::start(&all, &[&[version][..], &more].concat());
            let near = bridge(&folder, server.1, &lines);
            if lets_in {
                // Both sides are done with the handshake.
                Lines::of(server.0.stdout.take().unwrap()).wait_line("BEGIN SSL SESSION PARAMETERS");
            } else {
                let line = near.stderr.wait_line("bridge b: cannot connect");
                assert!(line.contains("no good OCSP answer"), "{line}");
            }
        }
    }
}
