//! The PROXY protocol: a header in which a proxy reports the address of the client, and in version 2 its TLS certificate.

use std::io;
use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::upgrade::{PeerInfo, Upgrade, UpgradeFuture};
use super::{Listener, ProxyProtocol, UsernameSource};
use crate::net::Stream;
use crate::text::os_error;

/// Bytes of a header of version 1 without its end of line, at most; the shortest is `PROXY UNKNOWN`.
const LINE: usize = 105;
const SHORTEST_LINE: usize = 15;
/// Bytes of a header of version 2 before what its length counts.
const FIXED: usize = 16;
/// Bytes that a header of version 2 may count.
const VARIABLE: usize = 4096;

/// Bits of what version 2 says of the client's TLS, and the kind of the field with its common name.
const BY_TLS: u8 = 0x01;
const CERTIFICATE_CAME: u8 = 0x02 | 0x04;
const COMMON_NAME: u8 = 0x22;

/// What a proxy reports about a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyHeader {
    /// The address of the client; nothing if the proxy connects for itself, or does not know the address.
    pub source: Option<SocketAddr>,
    /// Whether the client connected by TLS.
    pub by_tls: bool,
    /// Whether it presented a certificate that the proxy has verified.
    pub verified: bool,
    /// The common name of that certificate.
    pub common_name: Option<String>,
}

/// Reads the header of the PROXY protocol.
struct HeaderStep(ProxyProtocol);

pub(super) fn header_step(listener: &Listener) -> Result<Option<Box<dyn Upgrade>>, String> {
    Ok(listener.proxy.map(|version| Box::new(HeaderStep(version)) as Box<dyn Upgrade>))
}

impl Upgrade for HeaderStep {
    fn upgrade<'a>(&'a self, mut stream: Stream, peer: &'a mut PeerInfo) -> UpgradeFuture<'a> {
        Box::pin(async move {
            let header = read(&mut stream, self.0).await?;
            if let Some(client) = header.source {
                peer.forwarded_for(client);
            }
            peer.proxy_header = Some(header);
            Ok(stream)
        })
    }
}

/// Where TLS ends at the proxy, applies to its report what the listener demands of a certificate.
struct IdentityStep {
    require_tls: bool,
    require_certificate: bool,
    username: UsernameSource,
}

pub(super) fn identity_step(listener: &Listener) -> Result<Option<Box<dyn Upgrade>>, String> {
    let Some(ProxyProtocol::V2 { require_tls }) = listener.proxy.filter(|_| listener.tls.is_none()) else {
        return Ok(None);
    };
    let Listener { require_certificate, username, .. } = *listener;
    Ok(Some(Box::new(IdentityStep { require_tls, require_certificate, username })))
}

impl Upgrade for IdentityStep {
    fn upgrade<'a>(&'a self, stream: Stream, peer: &'a mut PeerInfo) -> UpgradeFuture<'a> {
        Box::pin(async move {
            let header = peer.proxy_header.take().unwrap_or_default();
            if self.require_tls && !header.by_tls {
                return Err("the client did not connect to the proxy over TLS".to_owned());
            }
            if self.require_certificate && !header.verified {
                return Err("the proxy reports no verified client certificate".to_owned());
            }
            if self.username != UsernameSource::Connect {
                peer.username = header.common_name.filter(|name| !name.is_empty());
            }
            Ok(stream)
        })
    }
}

/// Reads the header and nothing behind it.
///
/// # Errors
/// What is wrong with it.
async fn read(stream: &mut (impl AsyncRead + Unpin), version: ProxyProtocol) -> Result<ProxyHeader, String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "the connection ended within the PROXY header".to_owned(),
        _ => format!("the header of the proxy did not come: {}", os_error(&error)),
    };
    let mut bytes = vec![0; if version == ProxyProtocol::V1 { SHORTEST_LINE } else { FIXED }];
    stream.read_exact(&mut bytes).await.map_err(failed)?;
    if version == ProxyProtocol::V1 {
        // Nothing behind the line may be taken, and its length is not known before its end.
        while bytes.starts_with(b"PROXY") && !bytes.ends_with(b"\r\n") && bytes.len() < LINE + 2 {
            bytes.push(stream.read_u8().await.map_err(failed)?);
        }
        return parse_v1(&bytes);
    }
    if bytes.starts_with(v2::PROTOCOL_PREFIX) {
        let len = usize::from(u16::from_be_bytes([bytes[FIXED - 2], bytes[FIXED - 1]]));
        if len > VARIABLE {
            return Err(format!("the PROXY header has {len} bytes; the maximum is {VARIABLE}"));
        }
        bytes.resize(FIXED + len, 0);
        stream.read_exact(&mut bytes[FIXED..]).await.map_err(failed)?;
    }
    parse_v2(&bytes)
}

/// A header of version 1, all of it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_v1(bytes: &[u8]) -> Result<ProxyHeader, String> {
    let header =
        v1::Header::try_from(bytes).map_err(|_| "expected a PROXY protocol version 1 header".to_owned())?;
    let source = match header.addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(ip) => Some(SocketAddr::new(IpAddr::V4(ip.source_address), ip.source_port)),
        v1::Addresses::Tcp6(ip) => Some(SocketAddr::new(IpAddr::V6(ip.source_address), ip.source_port)),
    };
    Ok(ProxyHeader { source, ..ProxyHeader::default() })
}

/// A header of version 2, all of it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_v2(bytes: &[u8]) -> Result<ProxyHeader, String> {
    let header =
        v2::Header::try_from(bytes).map_err(|_| "expected a PROXY protocol version 2 header".to_owned())?;
    let mut header_info = ProxyHeader::default();
    if header.command == v2::Command::Local {
        return Ok(header_info);
    }
    header_info.source = match header.addresses {
        v2::Addresses::IPv4(ip) => Some(SocketAddr::new(IpAddr::V4(ip.source_address), ip.source_port)),
        v2::Addresses::IPv6(ip) => Some(SocketAddr::new(IpAddr::V6(ip.source_address), ip.source_port)),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
    };
    for field in header.tlvs() {
        let field = field.map_err(|_| "truncated field in the PROXY header".to_owned())?;
        if field.kind == v2::Type::SSL as u8 {
            parse_tls_field(&field.value, &mut header_info)?;
        }
    }
    Ok(header_info)
}

/// The field about TLS: a byte of bits, four of which 0 means verified, and fields within.
fn parse_tls_field(value: &[u8], header_info: &mut ProxyHeader) -> Result<(), String> {
    let cut_off = || "truncated TLS field in the PROXY header".to_owned();
    let (&[bits, verified @ ..], mut fields) = value.split_first_chunk::<5>().ok_or_else(cut_off)?;
    header_info.by_tls = bits & BY_TLS != 0;
    header_info.verified = bits & CERTIFICATE_CAME != 0 && verified == [0; 4];
    while let Some((&[kind, high, low], rest)) = fields.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        let (text, rest) = rest.split_at_checked(len).ok_or_else(cut_off)?;
        if kind == COMMON_NAME && header_info.verified {
            header_info.common_name = std::str::from_utf8(text).ok().map(str::to_owned);
        }
        fields = rest;
    }
    if fields.is_empty() { Ok(()) } else { Err(cut_off()) }
}

#[cfg(test)]
mod tests {
    use super::{ProxyHeader, parse_v1, parse_v2, read};
    use crate::net::listener::ProxyProtocol;

    fn field(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[kind], &(value.len() as u16).to_be_bytes()[..], value].concat()
    }

    /// A header of version 2 from 192.0.2.7:4660.
    fn v2(command: u8, fields: &[u8]) -> Vec<u8> {
        let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0x07, 0x5B];
        let len = ((addresses.len() + fields.len()) as u16).to_be_bytes();
        [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, 0x11], &len, &addresses, fields].concat()
    }

    #[test]
    fn both_versions_name_the_client() {
        let from = |text: &str| ProxyHeader { source: text.parse().ok(), ..ProxyHeader::default() };
        assert_eq!(parse_v1(b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 1883\r\n"), Ok(from("192.0.2.7:4660")));
        assert_eq!(parse_v1(b"PROXY TCP6 2001:db8::7 ::1 4660 1883\r\n"), Ok(from("[2001:db8::7]:4660")));
        assert_eq!(parse_v1(b"PROXY UNKNOWN\r\n"), Ok(from("")));
        assert_eq!(parse_v2(&v2(0x21, b"")), Ok(from("192.0.2.7:4660")));
        assert_eq!(parse_v2(&v2(0x20, b"")), Ok(from("")));
        for bad in
            [&b""[..], b"PROXY", b"PROXY TCP4 x y 1 2\r\n", b"GET / HTTP/1.1\r\n", b"\x10\x0c\0\x04MQTT"]
        {
            assert!(parse_v1(bad).is_err() && parse_v2(bad).is_err());
        }
    }

    #[test]
    fn version_2_tells_of_tls() {
        let name = field(0x22, b"sensor 7");
        for (bits, verify, expected) in [
            (1, [0; 4], (true, false, None)),
            (3, [0; 4], (true, true, Some("sensor 7"))),
            (5, [0; 4], (true, true, Some("sensor 7"))),
            (3, [0, 0, 0, 1], (true, false, None)),
        ] {
            let fields = field(0x20, &[&[bits], &verify[..], &name].concat());
            let said = parse_v2(&v2(0x21, &fields)).unwrap();
            assert_eq!((said.by_tls, said.verified, said.common_name.as_deref()), expected);
        }
        for cut_off in [&[3, 0, 0][..], &[3, 0, 0, 0, 0, 0x22, 0], &[3, 0, 0, 0, 0, 0x22, 0, 9, b'x']] {
            assert!(parse_v2(&v2(0x21, &field(0x20, cut_off))).is_err());
        }
    }

    #[tokio::test]
    async fn nothing_behind_the_header_is_taken() {
        let v2 = v2(0x21, &field(0x04, b"no operation"));
        let v1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 1883\r\n".to_vec();
        let by_v2 = ProxyProtocol::V2 { require_tls: false };
        for (version, header) in [(ProxyProtocol::V1, &v1), (by_v2, &v2)] {
            let bytes = [&header[..], b"rest"].concat();
            let mut rest = &bytes[..];
            assert!(read(&mut rest, version).await.is_ok());
            assert_eq!(rest, b"rest");
            assert!(read(&mut &header[..header.len() - 1], version).await.is_err());
        }
        let endless = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        assert!(read(&mut &endless[..], ProxyProtocol::V1).await.is_err());
        assert!(read(&mut &v1[..], by_v2).await.is_err());
        assert!(read(&mut &v2[..], ProxyProtocol::V1).await.is_err());
    }
}
