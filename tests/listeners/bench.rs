//! `skeeter bench` through every door: what it measures there, and that each of its clients may show a certificate of its own.

use serde_json::Value;

use crate::certificates::Certificates;
use crate::server::{Server, has_peer};
use crate::support::{Folder, skeeter};

/// The report of a short run with these flags; nothing is lost in it.
#[track_caller]
fn measure(flags: &[&str]) -> Value {
    let more = ["-d", "500ms", "--warm-up", "0", "--quiet", "--json", "--no-sys"];
    let output = skeeter().arg("bench").args(flags).args(more).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{flags:?}: {said}"));
    let report = document["runs"][0].clone();
    let wrong = ["lost", "duplicates", "corrupt"].map(|name| report[name].as_u64().unwrap_or(0));
    assert_eq!((output.status.code(), wrong), (Some(0), [0; 3]), "{flags:?}: {said}{report}");
    assert!(report["received"].as_u64().unwrap() > 0, "{report}");
    report
}

#[test]
fn bench_connects_to_every_kind_of_listener() {
    if !has_peer("openssl") {
        return;
    }
    let (all, folder) = (Certificates::new(), Folder::new());
    let socket = folder.file("socket");
    let (socket, chain, key) = (socket.to_str().unwrap(), all.path("server.pem"), all.path("server.key"));
    let ca = all.path("ca.pem");
    let server = Server::start(&["--cert", &chain, "--key", &key, "--ws", "--wss", "--unix", socket]);
    let url = |scheme: &str| format!("{scheme}://127.0.0.1:{}", server.port(scheme));
    let urls = ["mqtt", "mqtts", "ws", "wss"].map(url);
    for url in urls.into_iter().chain([format!("unix://{socket}")]) {
        let is_tls = url.starts_with("mqtts") || url.starts_with("wss");
        let mut door = vec!["-L", &url];
        if is_tls {
            door.extend(["--cafile", &ca]);
        }
        let handshakes = |report: &Value| report["tls_handshake_us"]["count"].as_u64().unwrap_or(0);
        let of_tls = |count| if is_tls { count } else { 0 };
        // Open and closed loop, small and larger than a record of TLS or a frame.
        for load in [
            &["--rate", "1000", "-q", "1"][..],
            &["--rate", "max", "-q", "2", "--window", "10", "--clients", "3"],
            &["fan-out", "--subscribers", "5", "--rate", "100", "-s", "40000", "-V", "311"],
        ] {
            let report = measure(&[&door[..], load].concat());
            let clients =
                ["publishers", "subscribers"].map(|side| report["settings"][side].as_u64().unwrap());
            assert_eq!(handshakes(&report), of_tls(clients.iter().sum()), "{url} {load:?} {report}");
        }
        // Connections that come and go: each has a handshake, and within it that of TLS.
        let report = measure(&[&door[..], &["churn", "--rate", "40", "--clients", "4"]].concat());
        let visits = report["received"].as_u64().unwrap();
        assert_eq!(handshakes(&report), of_tls(visits), "{url} {report}");
        let report = measure(&[&door[..], &["reconnect", "--clients", "20"]].concat());
        assert_eq!((&report["received"], handshakes(&report)), (&20.into(), of_tls(40)), "{url} {report}");
    }
    // Who is not trusted is one line, and no run.
    let output = skeeter().args(["bench", "-L", &url("wss"), "--no-sys", "-d", "1"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.lines().count() == 1 && said.contains("certificate"), "{said}");
}

#[test]
fn each_bench_client_presents_its_own_certificate() {
    if !has_peer("openssl") {
        return;
    }
    let all = Certificates::new();
    let (chain, key, ca) = (all.path("server.pem"), all.path("server.key"), all.path("ca.pem"));
    let mut csv = "username,cert,key\n".to_owned();
    // Publishers take theirs first, and then the subscribers: each pair is one user.
    for name in ["one", "two", "one", "two"] {
        if !all.file(&format!("{name}.pem")).exists() {
            all.sign(name, &format!("/CN={name}"), "", "");
        }
        csv += &format!("{name},{},{}\n", all.path(&format!("{name}.pem")), all.path(&format!("{name}.key")));
    }
    std::fs::write(all.file("clients.csv"), csv).unwrap();
    // The broker takes the name from the certificate, so what arrives came with the right one.
    std::fs::write(all.file("rules"), "pattern readwrite devices/%u\n").unwrap();
    let (rules, credentials) = (all.path("rules"), all.path("clients.csv"));
    let server = Server::start(&[
        "--cert",
        &chain,
        "--key",
        &key,
        "--cafile",
        &ca,
        "--require-certificate",
        "--use-identity-as-username",
        "--acl-file",
        &rules,
    ]);
    let url = format!("mqtts://127.0.0.1:{}", server.port("mqtts"));
    let load = ["-L", &url, "--cafile", &ca, "--clients", "2", "-t", "devices/%u", "--rate", "200"];
    let report = measure(&[&load[..], &["--credentials", &credentials]].concat());
    assert_eq!(
        (&report["received"], &report["tls_handshake_us"]["count"]),
        (&100.into(), &4.into()),
        "{report}"
    );
    // Without them nobody comes in.
    let output = skeeter().arg("bench").args(load).args(["-d", "1", "--no-sys"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("certificate"), "{said}");
}
