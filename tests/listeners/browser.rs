//! MQTT.js in headless Chromium, by WebSocket with and without TLS. The certificate is trusted by the hash of its key.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::certificates::Certificates;
use crate::server::{Server, has_peer};
use crate::support::{Lines, skeeter};

/// The browser is slow to start on a busy machine; `sub` gives up after so many seconds.
const PATIENCE: &str = "90";

#[test]
fn mqtt_js_in_a_browser_speaks_both_versions_by_ws_and_wss() {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/node/node_modules/mqtt/dist/mqtt.min.js");
    if !script.is_file() {
        assert!(std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "MQTT.js is not installed");
        eprintln!("NOT RUN: MQTT.js is not installed; tests/interop/install does it");
        return;
    }
    if !has_peer("chromium") || !has_peer("openssl") {
        return;
    }
    let all = Certificates::new();
    let (chain, key) = (all.path("server.pem"), all.path("server.key"));
    // A page from a file has the origin `null`.
    let server = Server::start(&["--cert", &chain, "--key", &key, "--ws", "--wss", "--origin", "null"]);
    let urls = ["ws", "wss"].map(|scheme| format!("{scheme}://localhost:{}", server.port(scheme)));
    let page = include_str!("browser.html")
        .replace("@SCRIPT@", &format!("file://{}", script.display()))
        .replace("@URLS@", &urls.join(" "));
    std::fs::write(all.file("page.html"), page).unwrap();
    let hash = "openssl x509 -in server.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64";
    let hash = Command::new("sh").args(["-c", hash]).current_dir(all.file("")).output().unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    let mut browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage"])
        .args(["--remote-debugging-port=0", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", all.path("profile")))
        .arg(format!("--ignore-certificate-errors-spki-list={}", hash.trim()))
        .arg(format!("file://{}", all.path("page.html")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = Lines::of(browser.stderr.take().unwrap());
    let outcome = skeeter()
        .args([
            "sub",
            "-p",
            &server.port("mqtt").to_string(),
            "-t",
            "outcome/#",
            "-v",
            "-C",
            "4",
            "-W",
            PATIENCE,
        ])
        .output()
        .unwrap();
    let _ = browser.kill();
    let _ = browser.wait();
    let mut outcome: Vec<String> =
        String::from_utf8(outcome.stdout).unwrap().lines().map(str::to_owned).collect();
    outcome.sort();
    let expected = ["outcome/ws/4 ok", "outcome/ws/5 ok", "outcome/wss/4 ok", "outcome/wss/5 ok"];
    assert_eq!(outcome, expected, "the browser said:\n{}", said.so_far().join("\n"));
}
