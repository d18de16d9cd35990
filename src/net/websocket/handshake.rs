//! The WebSocket handshake: HTTP request and response, for both ends.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tungstenite::Error;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::{Response, generate_key};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};

use crate::net::listener::{Network, WebSocketOptions};
use crate::net::stream::part;
use crate::text::os_error;

/// The subprotocol of MQTT, and its name in drafts [MQTT-6.0.0-3] [MQTT-6.0.0-4].
const SUBPROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];
/// Maximum bytes of a server's response.
const ANSWER: usize = 16 * 1024;

/// A client whose handshake was accepted.
#[derive(Debug)]
pub(crate) struct Upgraded {
    /// The client's address as reported by a trusted proxy.
    pub(crate) forwarded: Option<IpAddr>,
    /// Bytes that followed the request.
    pub(crate) early: Vec<u8>,
}

/// The server's part. `from` is the address the connection came from.
///
/// # Errors
/// Why the client was refused. The response has been sent.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    options: &WebSocketOptions,
    from: Option<IpAddr>,
) -> Result<Upgraded, String> {
    let failed = |error: io::Error| format!("the WebSocket was not asked for: {}", os_error(&error));
    let mut bytes = Vec::new();
    let parsed = loop {
        if stream.read_buf(&mut bytes).await.map_err(failed)? == 0 {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        match Request::try_parse(&bytes) {
            Ok(None) if bytes.len() >= options.max_request => {
                break Err(HandshakeRefusal::new(
                    "431 Request Header Fields Too Large",
                    "the request is too long",
                ));
            }
            Ok(None) => {}
            Ok(Some((len, request))) => break Ok((len, request)),
            Err(error) => break Err(HandshakeRefusal::of(&error)),
        }
    };
    let answer = parsed.and_then(|(len, request)| {
        let answer = answer(&request, options)?;
        Ok((answer, forwarded(&request, options, from), bytes.split_off(len)))
    });
    match answer {
        Ok((answer, forwarded, early)) => {
            stream.write_all(&answer).await.map_err(failed)?;
            stream.flush().await.map_err(failed)?;
            Ok(Upgraded { forwarded, early })
        }
        Err(refusal) => {
            refusal.tell(stream).await;
            Err(format!("WebSocket handshake refused with {}: {}", refusal.status, refusal.why))
        }
    }
}

/// Why a request is refused.
#[derive(Debug)]
struct HandshakeRefusal {
    status: &'static str,
    why: String,
}

impl HandshakeRefusal {
    fn new(status: &'static str, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }

    fn of(error: &Error) -> Self {
        match error {
            Error::Protocol(ProtocolError::WrongHttpMethod) => {
                Self::new("405 Method Not Allowed", "a WebSocket handshake must use GET")
            }
            Error::Protocol(
                ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader,
            ) => {
                let why =
                    "this port is for MQTT over WebSocket, and the request is not a WebSocket handshake";
                Self::new("426 Upgrade Required", why)
            }
            Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
                Self::new("426 Upgrade Required", "only WebSocket version 13 is supported")
            }
            Error::HttpFormat(_) | Error::Protocol(ProtocolError::HttparseError(_)) => {
                Self::new("400 Bad Request", "not an HTTP request; this port is for MQTT over WebSocket")
            }
            error => Self::new("400 Bad Request", error.to_string()),
        }
    }

    /// Sends the response, if the client still reads.
    async fn tell<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) {
        let Self { status, why } = self;
        let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\n");
        text += match &status[..3] {
            "405" => "Allow: GET\r\n",
            "426" => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        };
        text += &format!("Content-Length: {}\r\n\r\n{why}\n", why.len() + 1);
        if stream.write_all(text.as_bytes()).await.is_ok() {
            part(stream).await;
        }
    }
}

fn answer(request: &Request, options: &WebSocketOptions) -> Result<Vec<u8>, HandshakeRefusal> {
    let mut response = create_response(request).map_err(|error| HandshakeRefusal::of(&error))?;
    let of = |name: &str| request.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    if !options.origins.is_empty() {
        let origin = of("origin").next();
        if !origin.is_some_and(|origin| options.origins.iter().any(|known| known == origin)) {
            let why = format!("origin {} is not allowed", origin.unwrap_or("(none)"));
            return Err(HandshakeRefusal::new("403 Forbidden", why));
        }
    }
    let offered = of("sec-websocket-protocol").flat_map(|list| list.split(',')).map(str::trim);
    let offered: Vec<_> = offered.collect();
    let chosen = SUBPROTOCOLS.into_iter().find(|known| offered.contains(known));
    let Some(chosen) = chosen else {
        let why = "the WebSocket subprotocol must be mqtt";
        return Err(HandshakeRefusal::new("400 Bad Request", why));
    };
    let chosen = tungstenite::http::HeaderValue::from_static(chosen);
    response.headers_mut().insert("sec-websocket-protocol", chosen);
    let mut bytes = Vec::new();
    write_response(&mut bytes, &response).map_err(|error| HandshakeRefusal::of(&error))?;
    Ok(bytes)
}

/// The last address that is not a trusted proxy's; anyone could have written those before it.
fn forwarded(request: &Request, options: &WebSocketOptions, from: Option<IpAddr>) -> Option<IpAddr> {
    let is_trusted =
        |address: IpAddr| options.trusted_proxies.iter().any(|network: &Network| network.contains(address));
    if !from.is_some_and(is_trusted) {
        return None;
    }
    let mut hops = Vec::new();
    for value in request.headers().get_all("x-forwarded-for") {
        for hop in value.to_str().unwrap_or_default().split(',') {
            hops.push(address(hop.trim()));
        }
    }
    let mut client = None;
    for hop in hops.into_iter().rev() {
        client = Some(hop?);
        if !hop.is_some_and(is_trusted) {
            break;
        }
    }
    client
}

/// An address, with brackets and a port as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The path, beginning with a slash, and the query.
    pub(crate) path: String,
    /// More headers, name and value.
    pub(crate) headers: Vec<(String, String)>,
}

/// The client's part. Returns the bytes that followed the response.
///
/// # Errors
/// What the server responded instead.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    resource: &Resource,
) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| os_error(&error);
    let key = generate_key();
    let mut request = format!("GET {} HTTP/1.1\r\n", resource.path);
    let said = |name: &str| resource.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    if !said("host") {
        let _ = write!(request, "Host: {host}\r\n");
    }
    request += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    let _ = write!(request, "Sec-WebSocket-Key: {key}\r\n");
    if !said("sec-websocket-protocol") {
        request += "Sec-WebSocket-Protocol: mqtt\r\n"; // [MQTT-6.0.0-3]
    }
    for (name, value) in &resource.headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut bytes = Vec::new();
    let (len, response) = loop {
        if stream.read_buf(&mut bytes).await.map_err(failed)? == 0 {
            return Err("the server closed the connection without answering".to_owned());
        }
        match Response::try_parse(&bytes) {
            Ok(None) if bytes.len() > ANSWER => {
                return Err("the response of the server is too long".to_owned());
            }
            Ok(None) => {}
            Ok(Some(parsed)) => break parsed,
            Err(_) => return Err("the response of the server is not HTTP".to_owned()),
        }
    };
    let early = bytes.split_off(len);
    check(&response, &key).map(|()| early)
}

/// Checks the server's response.
fn check(response: &Response, key: &str) -> Result<(), String> {
    let is = |name: &str, expected: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.eq_ignore_ascii_case(expected))
    };
    if response.status().as_u16() != 101 {
        return Err(format!("the server responded with {}", response.status()));
    }
    if !is("upgrade", "websocket") || !is("connection", "upgrade") {
        return Err("the server did not switch to WebSocket".to_owned());
    }
    let accept = response.headers().get("sec-websocket-accept");
    if accept.is_none_or(|accept| accept.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err("the response of the server has a wrong Sec-WebSocket-Accept".to_owned());
    }
    if !SUBPROTOCOLS.iter().any(|name| is("sec-websocket-protocol", name)) {
        return Err("the server did not accept the subprotocol mqtt".to_owned()); // [MQTT-6.0.0-4]
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{Resource, Upgraded, accept, address, ask};
    use crate::net::listener::WebSocketOptions;

    const KEYS: &str = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn options(origins: &[&str], proxies: &[&str]) -> WebSocketOptions {
        WebSocketOptions {
            origins: origins.iter().map(ToString::to_string).collect(),
            trusted_proxies: proxies.iter().map(|network| network.parse().unwrap()).collect(),
            ..WebSocketOptions::default()
        }
    }

    /// What the server makes of a request from 127.0.0.1, and what it answers.
    async fn serve(request: &str, options: &WebSocketOptions) -> (Result<Upgraded, String>, String) {
        let (mut client, mut server) = duplex(64 * 1024);
        client.write_all(request.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let result = accept(&mut server, options, "127.0.0.1".parse().ok()).await;
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        (result, answer)
    }

    #[tokio::test]
    async fn the_subprotocol_is_mqtt() {
        for (offered, chosen) in [
            ("mqtt", Some("mqtt")),
            ("chat, mqtt", Some("mqtt")),
            ("chat\r\nSec-WebSocket-Protocol: mqttv3.1,mqtt", Some("mqtt")),
            ("mqttv3.1", Some("mqttv3.1")),
            ("chat", None),
            ("MQTT", None),
        ] {
            let request = format!(
                "GET /any HTTP/1.1\r\nHost: h\r\n{KEYS}Sec-WebSocket-Protocol: {offered}\r\n\r\nmore"
            );
            let (result, answer) = serve(&request, &WebSocketOptions::default()).await;
            match chosen {
                // [v3 MQTT-6.0.0-4] [v5 MQTT-6.0.0-4]
                Some(name) => {
                    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
                    assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
                    assert!(answer.contains(&format!("sec-websocket-protocol: {name}\r\n")), "{answer}");
                    assert_eq!(result.unwrap().early, b"more");
                }
                None => assert!(answer.starts_with("HTTP/1.1 400 ") && result.is_err(), "{answer}"),
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_request_for_a_websocket_is_told_so() {
        let get = |rest: &str| format!("GET / HTTP/1.1\r\nHost: h\r\n{rest}\r\n");
        for (request, status) in [
            (get(""), "426"),
            (get(&KEYS.replace("13", "8")), "426"),
            (get(&KEYS.replace("dGhlIHNhbXBsZSBub25jZQ==", "x")), "400"),
            (get(KEYS), "400"),
            (get(KEYS).replace("GET", "POST"), "405"),
            (get(KEYS).replace("1.1", "1.0"), "400"),
            ("\u{10}\u{c}\0\u{4}MQTT".to_owned(), "400"),
            (get(&format!("X: {}\r\n", "x".repeat(5_000))), "431"),
        ] {
            let (result, answer) = serve(&request, &WebSocketOptions::default()).await;
            assert!(
                result.is_err() && answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request}: {answer}"
            );
        }
        assert!(serve("GET / HT", &WebSocketOptions::default()).await.0.is_err());
    }

    #[tokio::test]
    async fn only_known_origins_come_in() {
        let options = options(&["https://a.example", "https://b.example"], &[]);
        for (origin, status) in [("https://b.example", "101"), ("https://c.example", "403"), ("", "403")] {
            let request =
                format!("GET / HTTP/1.1\r\nOrigin: {origin}\r\n{KEYS}Sec-WebSocket-Protocol: mqtt\r\n\r\n");
            let answer = serve(&request, &options).await.1;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {answer}");
        }
    }

    #[tokio::test]
    async fn a_proxy_is_believed_if_it_is_trusted() {
        for (proxies, hops, expected) in [
            (&["127.0.0.0/8"][..], "203.0.113.9", Some("203.0.113.9")),
            (&["127.0.0.1"], "198.51.100.1, 203.0.113.9", Some("203.0.113.9")),
            (&["127.0.0.1", "10.0.0.0/8"], "203.0.113.9, 10.1.1.1", Some("203.0.113.9")),
            (&["127.0.0.1"], "[2001:db8::1]:4711", Some("2001:db8::1")),
            (&["127.0.0.1"], "203.0.113.9:4711", Some("203.0.113.9")),
            (&["127.0.0.1"], "203.0.113.9, nonsense", None),
            (&["10.0.0.0/8"], "203.0.113.9", None),
            (&[], "203.0.113.9", None),
        ] {
            let request = format!(
                "GET / HTTP/1.1\r\nX-Forwarded-For: {hops}\r\n{KEYS}Sec-WebSocket-Protocol: mqtt\r\n\r\n"
            );
            let forwarded = serve(&request, &options(&[], proxies)).await.0.unwrap().forwarded;
            assert_eq!(forwarded, expected.map(|address| address.parse().unwrap()), "{proxies:?} {hops}");
        }
        assert_eq!(address("unknown"), None);
    }

    #[tokio::test]
    async fn both_ends_agree() {
        let (mut client, mut server) = duplex(64 * 1024);
        let headers = vec![("Authorization".to_owned(), "Bearer x".to_owned())];
        let resource = Resource { path: "/mqtt?a=b".to_owned(), headers };
        let options = WebSocketOptions::default();
        let (asked, accepted) =
            tokio::join!(ask(&mut client, "h:9001", &resource), accept(&mut server, &options, None));
        assert_eq!((asked, accepted.map(|upgraded| upgraded.early)), (Ok(vec![]), Ok(vec![])));
    }

    #[tokio::test]
    async fn a_client_asks_for_mqtt_and_takes_nothing_else() {
        let resource = Resource { path: "/mqtt".to_owned(), headers: vec![] };
        for (answer, why) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404"),
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                "wrong Sec-WebSocket-Accept",
            ),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "did not switch"),
            ("\u{20}\u{2}\0\0", "not HTTP"),
            ("", "closed"),
        ] {
            let (mut client, mut server) = duplex(64 * 1024);
            server.write_all(answer.as_bytes()).await.unwrap();
            server.shutdown().await.unwrap();
            let error = ask(&mut client, "h", &resource).await.unwrap_err();
            assert!(error.contains(why), "{error}");
            drop(client);
            let mut request = String::new();
            server.read_to_string(&mut request).await.unwrap();
            assert!(request.starts_with("GET /mqtt HTTP/1.1\r\nHost: h\r\n"), "{request}");
            assert!(request.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n")); // [v3 MQTT-6.0.0-3] [v5 MQTT-6.0.0-3]
        }
    }
}
