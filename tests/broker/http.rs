//! HTTP of the control interface: health, metrics, operations, and whom it refuses.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Broker, Folder, PATIENCE, connect4, publish4, skeeter};

/// The response to a request: its status, its header, and its body.
struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Response {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn port(broker: &Broker) -> u16 {
    let line = broker.stdout.wait_line("listening on http://127.0.0.1");
    line.rsplit(':').next().unwrap().parse().unwrap()
}

/// Sends a request as it is written here, and reads until the end.
fn exchange(port: u16, request: &str) -> Response {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn get(port: u16, path: &str, header: &str) -> Response {
    exchange(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{header}\r\n"),
    )
}

fn post(port: u16, path: &str, header: &str, body: &str) -> Response {
    let len = body.len();
    exchange(
        port,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nContent-Length: {len}\r\n{header}\r\n{body}"
        ),
    )
}

#[test]
fn health_metrics_and_operations_are_served() {
    let broker = Broker::start(&["--http=0"]);
    let http = port(&broker);
    assert_eq!((get(http, "/healthz", "").status, &*get(http, "/healthz", "").body), (200, "ok\n"));
    assert_eq!((get(http, "/readyz", "").status, &*get(http, "/readyz", "").body), (200, "ready\n"));
    let mut client = broker.connect();
    client.send(&connect4("sensor-7", true));
    client.packet();
    let mut retained = publish4("a/b", 0, 0, b"21.5");
    retained[0] |= 1;
    client.send(&retained);
    client.ping();
    let open = get(http, "/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n");
    assert!(open.head.contains("openmetrics-text") && open.body.ends_with("# EOF\n"), "{}", open.head);
    let metrics = get(http, "/metrics", "");
    assert!(metrics.status == 200 && metrics.head.contains("text/plain; version=0.0.4"), "{}", metrics.head);
    for line in [
        "skeeter_clients_connected 1",
        "skeeter_retained_messages ",
        "skeeter_publish_received_total 1",
        "skeeter_messages_dropped_total{reason=\"queue_full\"} 0",
        "# TYPE skeeter_uptime_seconds gauge",
        "# TYPE skeeter_publish_received_total counter",
    ] {
        assert!(metrics.body.contains(line), "{line}:\n{}", metrics.body);
    }
    let clients = get(http, "/api/v1/clients?connected=true&contains=sensor", "").json();
    assert_eq!(clients["result"]["clients"][0]["client_id"], "sensor-7");
    let retained = get(http, "/api/v1/retained?topic_filter=a/%23&payload=true", "").json();
    assert_eq!(retained["result"]["messages"][0]["payload"], "21.5");
    let kicked = post(http, "/api/v1/disconnect", "", r#"{"client_id":"sensor-7"}"#);
    assert_eq!((kicked.status, &kicked.json()["result"]["disconnected"]), (200, &1.into()));
    client.expect_closed();
    let line = broker.stderr.wait_line("control request disconnect");
    assert!(line.contains("127.0.0.1"), "{line}");
}

#[test]
fn what_is_wrong_has_its_status() {
    let broker = Broker::start(&["--http=0"]);
    let http = port(&broker);
    for (path, status) in [
        ("/", 404),
        ("/api/v1/nonsense", 404),
        ("/api/v1/client?client_id=nobody", 404),
        ("/api/v1/clients?limit=0", 400),
        ("/api/v1/clients?nonsense=1", 400),
        // A link must not change anything.
        ("/api/v1/disconnect?client_id=x", 405),
    ] {
        let response = get(http, path, "");
        assert_eq!(response.status, status, "{path}: {}", response.body);
        assert!(response.json()["error"]["message"].is_string(), "{path}: {}", response.body);
    }
    assert_eq!(exchange(http, "nonsense\r\n\r\n").status, 400);
    let long = "x".repeat(2 * 1024 * 1024);
    assert_eq!(post(http, "/api/v1/clients", "", &long).status, 413);
}

#[test]
fn pages_of_other_sites_are_refused() {
    let broker = Broker::start(&["--http=0"]);
    let http = port(&broker);
    // A name of another site that points here.
    let rebound =
        exchange(http, "GET /api/v1/clients HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(rebound.status, 403);
    let foreign = post(http, "/api/v1/clients", "Origin: https://evil.example\r\n", "{}");
    assert_eq!(foreign.status, 403);
    let own = post(http, "/api/v1/clients", &format!("Origin: http://localhost:{http}\r\n"), "{}");
    assert_eq!(own.status, 200);
}

#[test]
fn users_and_their_permissions_hold_for_http() {
    let folder = Folder::new();
    let acl = "user operator\ntopic write $CONTROL/skeeter/v1/#\nuser monitor\ntopic write $CONTROL/skeeter/v1/metrics\n";
    std::fs::write(folder.file("acl"), acl).unwrap();
    let acl = folder.file("acl");
    let flags = [
        "--http=0",
        "--user",
        "operator:secret",
        "--user",
        "monitor:look",
        "--acl-file",
        acl.to_str().unwrap(),
    ];
    let broker = Broker::start(&flags);
    let http = port(&broker);
    // operator:secret, monitor:look, operator:wrong.
    let operator = "Authorization: Basic b3BlcmF0b3I6c2VjcmV0\r\n";
    let monitor = "Authorization: Basic bW9uaXRvcjpsb29r\r\n";
    let wrong = "Authorization: Basic b3BlcmF0b3I6d3Jvbmc=\r\n";
    assert_eq!(get(http, "/healthz", "").status, 200);
    assert_eq!(get(http, "/api/v1/clients", operator).status, 200);
    assert_eq!(get(http, "/metrics", monitor).status, 200);
    let denied = get(http, "/api/v1/clients", monitor);
    assert_eq!(denied.status, 403);
    assert!(denied.body.contains("no rule of"), "{}", denied.body);
    for header in ["", wrong, "Authorization: Bearer x\r\n", "Authorization: Basic !\r\n"] {
        let refused = get(http, "/api/v1/clients", header);
        assert_eq!(refused.status, 401, "{header}");
        assert!(refused.head.contains("www-authenticate: basic"), "{}", refused.head);
    }
}

#[test]
fn other_machines_need_authentication() {
    let output = skeeter()
        .args(["broker", "-p", "0", "--http=0", "--http-bind", "0.0.0.0"])
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("clients must be authenticated"), "{said}");
    let broker = Broker::start(&["--http=0", "--http-bind", "0.0.0.0", "--user", "ann:secret"]);
    let line = broker.stdout.wait_line("listening on http://0.0.0.0");
    let http = line.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(get(http, "/healthz", "").status, 200);
    assert_eq!(get(http, "/api/v1/clients", "").status, 401);
    // ann:secret. Without an ACL a listener that others can reach takes no control requests.
    let response = get(http, "/api/v1/clients", "Authorization: Basic YW5uOnNlY3JldA==\r\n");
    assert_eq!(response.status, 403, "{}", response.body);
}

/// promtool of Debian's package prometheus.
#[test]
fn prometheus_understands_the_metrics() {
    let broker = Broker::start(&["--http=0"]);
    let metrics = get(port(&broker), "/metrics", "").body;
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match tool {
        Ok(tool) => tool,
        Err(error) if std::env::var_os("SKEETER_REQUIRE_PEERS").is_none() => {
            return eprintln!("not run, as there is no promtool: {error}");
        }
        Err(error) => panic!("promtool is needed: {error}"),
    };
    tool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}\n{metrics}");
}
