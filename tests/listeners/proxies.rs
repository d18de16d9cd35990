//! Proxies on both sides: the header of the PROXY protocol before MQTT, and SOCKS5 before the broker.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::certificates::Certificates;
use crate::server::{Server, run};
use crate::support::{CONNACK4, connect4};

/// A header of version 2 from 192.0.2.7:4660.
fn version_2(command: u8) -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0x07, 0x5B];
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, 0x11, 0, 12], &addresses].concat()
}

#[test]
fn a_proxy_reports_the_address_of_the_client() {
    let line = b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 1883\r\n".to_vec();
    for (version, header) in [("1", line), ("2", version_2(0x21))] {
        let server = Server::start(&["--proxy-protocol", version]);
        // Header and packet in one piece, and byte by byte.
        let mut raw = server.connect("mqtt");
        raw.send(&[&header[..], &connect4("whole", true)].concat());
        raw.expect(&CONNACK4);
        server.stderr.wait_line("whole connected from 192.0.2.7:4660 via 127.0.0.1:");
        let mut raw = server.connect("mqtt");
        for byte in [&header[..], &connect4("pieces", true)].concat() {
            raw.send(&[byte]);
        }
        raw.expect(&CONNACK4);
        server.stderr.wait_line("pieces connected from 192.0.2.7:4660 via 127.0.0.1:");
        // Who comes without one is not let in.
        let mut raw = server.connect("mqtt");
        raw.send(&[&connect4("bare", true)[..], &[0; 30]].concat());
        raw.expect_closed();
        server.stderr.wait_line(&format!("expected a PROXY protocol version {version} header"));
    }
    // A proxy that speaks for itself, and one that does not know the address.
    for (version, header) in [("1", b"PROXY UNKNOWN\r\n".to_vec()), ("2", version_2(0x20))] {
        let server = Server::start(&["--proxy-protocol", version]);
        let mut raw = server.connect("mqtt");
        raw.send(&[&header[..], &connect4("itself", true)].concat());
        raw.expect(&CONNACK4);
        server.stderr.wait_line("itself connected from 127.0.0.1:");
    }
}

#[test]
fn the_header_comes_before_tls() {
    let all = Certificates::new();
    let (chain, key, ca) = (all.path("server.pem"), all.path("server.key"), all.path("ca.pem"));
    let server = Server::start(&["--proxy-protocol", "1", "--cert", &chain, "--key", &key]);
    let port = server.port("mqtts");
    // A proxy by hand: the header, then bytes both ways.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = proxy.local_addr().unwrap().port();
    let relay = std::thread::spawn(move || {
        let client = proxy.accept().unwrap().0;
        let mut broker = TcpStream::connect(("127.0.0.1", port)).unwrap();
        broker.write_all(b"PROXY TCP6 2001:db8::7 ::1 4660 8883\r\n").unwrap();
        carry(client, broker);
    });
    let (status, said) =
        run(&["pub", "-L", &format!("mqtts://localhost:{own}/t"), "-m", "x", "-i", "tls", "--cafile", &ca]);
    assert_eq!(status, 0, "{said}");
    relay.join().unwrap();
    server.stderr.wait_line("tls connected from [2001:db8::7]:4660 via 127.0.0.1:");
}

/// Carries bytes both ways until both ends are done.
fn carry(client: TcpStream, server: TcpStream) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
    there.join().unwrap();
}

/// A proxy of SOCKS5 for one connection: it wants this name and password, if any, and tells the host that was asked for.
fn socks(
    credentials: Option<(&'static str, &'static str)>,
    to: u16,
) -> (u16, std::thread::JoinHandle<String>) {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = proxy.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let mut client = proxy.accept().unwrap().0;
        let mut read = |len: usize| {
            let mut bytes = vec![0; len];
            client.read_exact(&mut bytes).unwrap();
            bytes
        };
        let count = read(2)[1];
        let methods = read(usize::from(count));
        let method = if credentials.is_some() { 2 } else { 0 };
        assert!(methods.contains(&method));
        client.write_all(&[5, method]).unwrap();
        let read = |client: &mut TcpStream, len: usize| {
            let mut bytes = vec![0; len];
            client.read_exact(&mut bytes).unwrap();
            bytes
        };
        if let Some((name, password)) = credentials {
            for (len, expected) in [(2, name), (1, password)] {
                let len = usize::from(*read(&mut client, len).last().unwrap());
                assert_eq!(read(&mut client, len), expected.as_bytes());
            }
            client.write_all(&[1, 0]).unwrap();
        }
        // CONNECT, to a name.
        let request = read(&mut client, 5);
        assert_eq!(request[..4], [5, 1, 0, 3]);
        let host = String::from_utf8(read(&mut client, usize::from(request[4]))).unwrap();
        read(&mut client, 2);
        if to == 0 {
            client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
            return host;
        }
        client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).unwrap();
        carry(client, TcpStream::connect(("127.0.0.1", to)).unwrap());
        host
    });
    (port, served)
}

#[test]
fn our_clients_connect_through_socks() {
    let all = Certificates::new();
    let (chain, key, ca) = (all.path("server.pem"), all.path("server.key"), all.path("ca.pem"));
    let server = Server::start(&["--cert", &chain, "--key", &key, "--wss"]);
    let publish = |url: &str, proxy: &str| {
        run(&["pub", "-L", url, "-m", "x", "-q", "1", "--cafile", &ca, "--no-tls", "--proxy", proxy])
    };
    // The name is the proxy's to look up.
    let (port, served) = socks(None, server.port("mqtt"));
    let (status, said) = publish("mqtt://broker.invalid/t", &format!("socks5h://127.0.0.1:{port}"));
    assert_eq!((status, served.join().unwrap().as_str()), (0, "broker.invalid"), "{said}");
    let (port, served) = socks(Some(("me", "p:w")), server.port("mqtt"));
    let (status, said) = publish("mqtt://broker.invalid/t", &format!("socks5h://me:p%3Aw@localhost:{port}"));
    assert_eq!((status, served.join().unwrap().as_str()), (0, "broker.invalid"), "{said}");
    // TLS and WebSocket lie on it.
    let (port, served) = socks(None, server.port("wss"));
    let proxy = format!("socks5h://127.0.0.1:{port}");
    let (status, said) =
        run(&["pub", "-L", "wss://localhost/t", "-m", "x", "-q", "1", "--cafile", &ca, "--proxy", &proxy]);
    assert_eq!(status, 0, "{said}");
    served.join().unwrap();
    // What the proxy says is told.
    let (port, served) = socks(None, 0);
    let (status, said) = publish("mqtt://broker.invalid/t", &format!("socks5h://127.0.0.1:{port}"));
    served.join().unwrap();
    assert!(status == 1 && said.contains("did not connect") && said.lines().count() == 1, "{status} {said}");
    let (status, said) = publish("mqtt://broker.invalid/t", "socks5h://127.0.0.1:1");
    assert!(status == 1 && said.contains("the proxy 127.0.0.1:1"), "{status} {said}");
}
