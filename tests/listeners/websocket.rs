//! WebSocket by hand, by curl, and by Python's websockets.

use std::path::Path;
use std::process::Command;

use crate::certificates::Certificates;
use crate::server::{Server, converse, has_peer, run, succeeded};
use crate::support::{CONNACK4, Raw, connect4, packet, publish4, subscribe4, text};

const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: mqtt\r\n\r\n";

/// A masked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = match payload.len() {
        len @ ..126 => vec![first, 0x80 | len as u8],
        len => [&[first, 0xFE], &u16::try_from(len).unwrap().to_be_bytes()[..]].concat(),
    };
    bytes.extend(mask);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

/// A connection past the handshake.
fn upgraded(server: &Server) -> Raw {
    let mut raw = server.connect("ws");
    raw.send(REQUEST.as_bytes());
    raw.expect(b"HTTP/1.1 101 Switching Protocols\r\n");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut raw.0, &mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains("sec-websocket-protocol: mqtt\r\n"), "{head}"); // [v3 MQTT-6.0.0-4] [v5 MQTT-6.0.0-4]
    raw
}

#[test]
fn packets_and_frames_need_not_align() {
    let server = Server::start(&["--ws=0"]);
    let mut raw = upgraded(&server);
    let packets = [connect4("w", true), subscribe4(1, "t", 0), publish4("t", 0, 0, b"hello")].concat();
    // Each byte in a frame of its own, then a ping; then many packets in one frame, in two fragments.
    for byte in &packets[..20] {
        raw.send(&frame(0x82, &[*byte]));
    }
    raw.expect(&[0x82, 4]);
    raw.expect(&CONNACK4);
    raw.send(&frame(0x89, b"there?"));
    raw.expect(&[0x8A, 6]);
    raw.expect(b"there?");
    raw.send(&frame(0x02, &packets[20..25]));
    raw.send(&frame(0x80, &packets[25..]));
    // [v3 MQTT-6.0.0-2] [v5 MQTT-6.0.0-2]
    raw.expect(&[0x82, 5, 0x90, 3, 0, 1, 0]);
    raw.expect(&[0x82, 10, 0x30, 8, 0, 1, b't', b'h', b'e', b'l', b'l', b'o']);
    // DISCONNECT is answered by the end: Close, with the code of a normal end.
    raw.send(&frame(0x82, &[0xE0, 0]));
    raw.expect(&[0x88, 2, 3, 0xE8]);
    raw.expect_closed();
}

#[test]
fn frames_that_are_not_binary_close_with_a_status_code() {
    let server = Server::start(&["--ws=0"]);
    // [v3 MQTT-6.0.0-1] [v5 MQTT-6.0.0-1]
    for (bytes, code) in [
        (frame(0x81, &connect4("text", true)), 1003_u16),
        ([&[0x82, 2], &b"un"[..]].concat(), 1002),
        (frame(0xC2, b"compressed"), 1002),
        (frame(0x80, b"continues nothing"), 1002),
    ] {
        let mut raw = upgraded(&server);
        raw.send(&bytes);
        raw.expect(&[0x88, 2]);
        raw.expect(&code.to_be_bytes());
        raw.expect_closed();
    }
    server.stderr.wait_line("text frame received; MQTT requires binary frames");
    // Close is answered with the code it came with.
    let mut raw = upgraded(&server);
    raw.send(&frame(0x82, &connect4("w", true)));
    raw.expect(&[0x82, 4]);
    raw.expect(&CONNACK4);
    raw.send(&frame(0x88, &[3, 0xE9]));
    raw.expect(&[0x88, 2, 3, 0xE9]);
    raw.expect_closed();
    // A client that broke the rules of MQTT gets the packet that says so first.
    let mut raw = upgraded(&server);
    let connect5 = packet(0x10, &[&text("MQTT"), &[5, 2, 0, 0, 0], &text("v")]);
    raw.send(&frame(0x82, &[&connect5[..], &connect5[..]].concat()));
    let mut read = || {
        let mut header = [0; 2];
        std::io::Read::read_exact(&mut raw.0, &mut header).unwrap();
        assert_eq!(header[0], 0x82);
        let mut frame = vec![0; usize::from(header[1])];
        std::io::Read::read_exact(&mut raw.0, &mut frame).unwrap();
        frame
    };
    assert_eq!(read()[0], 0x20);
    let last = read();
    assert!(last == [0xE0, 2, 0x82, 0] || last == [0xE0, 1, 0x82], "{last:02x?}");
}

/// Paho's C client, for one, leaves what follows the first packet of a frame until something else comes.
#[test]
fn each_packet_of_a_burst_has_a_frame_of_its_own() {
    let server = Server::start(&["--ws=0"]);
    let mut raw = upgraded(&server);
    let packets = [connect4("w", true), subscribe4(1, "t", 1)].concat();
    raw.send(&frame(0x82, &packets));
    raw.expect(&[0x82, 4]);
    raw.expect(&CONNACK4);
    raw.expect(&[0x82, 5, 0x90, 3, 0, 1, 1]);
    let burst: Vec<u8> = (0..50).flat_map(|number| publish4("t", 0, 0, &[number; 9])).collect();
    raw.send(&frame(0x82, &burst));
    for number in 0..50 {
        raw.expect(&[0x82, 14]);
        raw.expect(&publish4("t", 0, 0, &[number; 9]));
    }
}

#[test]
fn origins_that_are_not_listed_are_refused() {
    let server =
        Server::start(&["--ws=0", "--origin", "https://a.example", "--trusted-proxy", "127.0.0.0/8"]);
    for (origin, status) in [("https://a.example", "101"), ("https://b.example", "403")] {
        let mut raw = server.connect("ws");
        let more = format!("Origin: {origin}\r\nX-Forwarded-For: 203.0.113.9\r\nUpgrade:");
        raw.send(REQUEST.replacen("Upgrade:", &more, 1).as_bytes());
        raw.expect(format!("HTTP/1.1 {status} ").as_bytes());
    }
    server.stderr.wait_line("203.0.113.9 via 127.0.0.1:");
}

#[test]
fn only_trusted_proxies_report_the_address_of_the_client() {
    for (trusted, believed) in
        [("127.0.0.1", true), ("127.0.0.0/30", true), ("127.0.0.2", false), ("10.0.0.0/8", false)]
    {
        let server = Server::start(&["--ws=0", "--trusted-proxy", trusted]);
        let mut raw = server.connect("ws");
        let from = raw.0.local_addr().unwrap();
        raw.send(REQUEST.replacen("Upgrade:", "X-Forwarded-For: 203.0.113.9\r\nUpgrade:", 1).as_bytes());
        raw.expect(b"HTTP/1.1 101 ");
        raw.shut();
        let line = server.stderr.wait_line("connection closed: ");
        let expected = if believed { format!("203.0.113.9 via {from}: ") } else { format!(" {from}: ") };
        assert!(line.contains(&expected) && line.contains("203.0.113.9") == believed, "{trusted}: {line}");
    }
}

#[test]
fn curl_is_upgraded_or_told_why_not() {
    if !has_peer("curl") || !has_peer("openssl") {
        return;
    }
    let certificates = Certificates::new();
    let (chain, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    let server = Server::start(&["--cert", &chain, "--key", &key, "--ws", "--wss"]);
    let upgrade = [
        "-H",
        "Connection: Upgrade",
        "-H",
        "Upgrade: websocket",
        "-H",
        "Sec-WebSocket-Version: 13",
        "-H",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let with = |more: &[&'static str]| [&upgrade[..], more].concat();
    for scheme in ["http", "https"] {
        let port = server.port(if scheme == "http" { "ws" } else { "wss" });
        for (arguments, status) in [
            (with(&["-H", "Sec-WebSocket-Protocol: mqtt"]), "101"),
            (with(&[]), "400"),
            (with(&["-H", "Sec-WebSocket-Protocol: chat"]), "400"),
            (vec![], "426"),
            (with(&["-X", "POST"]), "405"),
        ] {
            // An upgraded connection stays open: the status is there, and the end comes by curl's own clock.
            let output = Command::new("curl")
                .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--http1.1", "-m", "1", "--cacert"])
                .arg(certificates.file("ca.pem"))
                .args(&arguments)
                .arg(format!("{scheme}://localhost:{port}/mqtt"))
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), status, "{scheme} {arguments:?}");
        }
    }
}

#[test]
fn python_websockets_exchanges_messages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/python");
    if !folder.join("websockets").is_dir() {
        assert!(std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(), "websockets is not installed");
        eprintln!("NOT RUN: Python's websockets is not installed; tests/interop/install does it");
        return;
    }
    let certificates = Certificates::new();
    let (chain, key) = (certificates.path("server.pem"), certificates.path("server.key"));
    let server = Server::start(&["--cert", &chain, "--key", &key, "--ws", "--wss"]);
    for scheme in ["ws", "wss"] {
        let output = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/listeners/websockets_talk.py"))
            .arg(format!("{scheme}://localhost:{}/mqtt", server.port(scheme)))
            .arg(certificates.file("ca.pem"))
            .env("PYTHONPATH", &folder)
            .output()
            .unwrap();
        assert!(succeeded(&output).ends_with("ok\n"), "{scheme}");
    }
}

#[test]
fn our_clients_connect_by_websocket() {
    let certificates = Certificates::new();
    let (chain, key, ca) =
        (certificates.path("server.pem"), certificates.path("server.key"), certificates.path("ca.pem"));
    let server = Server::start(&["--cert", &chain, "--key", &key, "--ws", "--wss"]);
    let (plain, port) = (server.port("ws").to_string(), server.port("mqtt").to_string());
    converse(&["-L", &format!("ws://127.0.0.1:{plain}")], &["-p", &port]);
    converse(&["-p", &port], &["--ws", "-p", &plain, "--ws-path", "/", "--ws-header", "A: b"]);
    let secure = format!("wss://localhost:{}", server.port("wss"));
    converse(&["-L", &secure, "--cafile", &ca], &["-L", &secure, "--cafile", &ca]);
    // Where MQTT alone is spoken there is no WebSocket, and the other way round.
    let (status, said) = run(&["pub", "-L", &format!("ws://127.0.0.1:{port}/t"), "-m", "x", "-V", "5"]);
    assert!(status == 1 && said.contains("WebSocket handshake failed"), "{status} {said}");
    let (status, said) = run(&["pub", "-p", &plain, "-t", "t", "-m", "x"]);
    assert!(status != 0 && said.lines().count() == 1, "{status} {said}");
}
