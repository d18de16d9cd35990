//! A broker found by the SRV record of its domain (RFC 2782): one query to the name servers of the system. A resolver
//! with caches and forty crates would do no more for a program that asks once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::text::os_error;

/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Where the system keeps its name servers.
const RESOLVERS: &str = "/etc/resolv.conf";

/// A place where the service is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceTarget {
    pub(super) host: String,
    pub(super) port: u16,
    priority: u16,
    weight: u16,
}

/// The places of `_mqtt._tcp.DOMAIN`, or `_secure-mqtt._tcp.DOMAIN`, in the order in which to try them.
///
/// # Errors
/// When no name server answers, or there is no such record.
pub(super) async fn find(domain: &str, has_tls: bool) -> io::Result<Vec<ServiceTarget>> {
    let text = std::fs::read_to_string(RESOLVERS).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot read {RESOLVERS}: {}", os_error(&error)))
    })?;
    let service = if has_tls { "_secure-mqtt" } else { "_mqtt" };
    let name = format!("{service}._tcp.{domain}");
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{RESOLVERS} names no name server"));
    for server in servers(&text) {
        match ask(server, &name).await {
            Ok(places) => return Ok(places),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn servers(text: &str) -> Vec<SocketAddr> {
    let words = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    words.filter_map(|word| word.trim().parse::<IpAddr>().ok()).map(|address| (address, 53).into()).collect()
}

/// Asks one name server, by UDP and, where the answer does not fit, by TCP.
async fn ask(server: SocketAddr, name: &str) -> io::Result<Vec<ServiceTarget>> {
    let bad =
        |why: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, format!("{name}: {why}"));
    let id = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), name) as u16;
    let mut query = Packet::new_query(id);
    query.set_flags(PacketFlag::RECURSION_DESIRED);
    let asked = Name::new(name).map_err(|error| bad(&error))?;
    query.questions.push(Question::new(asked, QTYPE::TYPE(TYPE::SRV), QCLASS::CLASS(CLASS::IN), false));
    let query = query.build_bytes_vec().map_err(|error| bad(&error))?;
    let mut answer = in_time(server, by_udp(server, &query)).await?;
    if answer.get(2).is_some_and(|flags| flags & 0x02 != 0) {
        answer = in_time(server, by_tcp(server, &query)).await?;
    }
    let packet = Packet::parse(&answer).map_err(|error| bad(&error))?;
    if packet.id() != id {
        return Err(bad(&"the name server answered another question"));
    }
    let none = || io::Error::new(io::ErrorKind::NotFound, format!("there is no SRV record {name}"));
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err(none()),
        code => return Err(bad(&format!("the name server answered {code:?}"))),
    }
    let found = packet.answers.iter().filter_map(|record| match &record.rdata {
        RData::SRV(srv) => Some(ServiceTarget {
            host: srv.target.to_string(),
            port: srv.port,
            priority: srv.priority,
            weight: srv.weight,
        }),
        _ => None,
    });
    // A target of "." says that there is no such service.
    let mut places: Vec<ServiceTarget> =
        found.filter(|place| !place.host.is_empty() && place.host != ".").collect();
    if places.is_empty() {
        return Err(none());
    }
    places.sort_by_key(|place| (place.priority, std::cmp::Reverse(place.weight)));
    Ok(places)
}

/// The answer of a name server, if it comes soon; the error names the server.
async fn in_time(
    server: SocketAddr,
    answer: impl Future<Output = io::Result<Vec<u8>>>,
) -> io::Result<Vec<u8>> {
    let error = match timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error,
        Err(_) => io::Error::new(io::ErrorKind::TimedOut, "no answer"),
    };
    Err(io::Error::new(error.kind(), format!("name server {}: {}", server.ip(), os_error(&error))))
}

async fn by_udp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut answer = vec![0; 4096];
    let len = socket.recv(&mut answer).await?;
    answer.truncate(len);
    Ok(answer)
}

async fn by_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let len = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&len.to_be_bytes()[..], query].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use simple_dns::rdata::{RData, SRV};
    use simple_dns::{CLASS, Name, Packet, RCODE, ResourceRecord};
    use tokio::net::UdpSocket;

    use super::{ask, servers};

    /// A name server that answers one question with these records: priority, weight, port, target.
    async fn answer(records: &[(u16, u16, u16, &str)], code: RCODE) -> std::io::Result<Vec<(String, u16)>> {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let serving = async {
            let mut bytes = [0; 512];
            let (len, from) = server.recv_from(&mut bytes).await.unwrap();
            let query = Packet::parse(&bytes[..len]).unwrap();
            assert_eq!(query.questions[0].qname.to_string(), "_mqtt._tcp.example.org");
            let mut reply = Packet::new_reply(query.id());
            *reply.rcode_mut() = code;
            for (priority, weight, port, target) in records {
                let target = Name::new(target).unwrap();
                let srv = SRV { priority: *priority, weight: *weight, port: *port, target };
                let name = Name::new("_mqtt._tcp.example.org").unwrap();
                reply.answers.push(ResourceRecord::new(name, CLASS::IN, 60, RData::SRV(srv)));
            }
            server.send_to(&reply.build_bytes_vec().unwrap(), from).await.unwrap();
        };
        let (places, ()) = tokio::join!(ask(address, "_mqtt._tcp.example.org"), serving);
        places.map(|places| places.into_iter().map(|place| (place.host, place.port)).collect())
    }

    #[tokio::test]
    async fn the_best_place_comes_first() {
        let records = [(20, 0, 1, "c.example.org"), (10, 1, 2, "b.example.org"), (10, 9, 3, "a.example.org")];
        let places = answer(&records, RCODE::NoError).await.unwrap();
        let expected = [("a.example.org", 3), ("b.example.org", 2), ("c.example.org", 1)];
        assert_eq!(places, expected.map(|(host, port)| (host.to_owned(), port)));
        assert!(answer(&[], RCODE::NoError).await.unwrap_err().to_string().contains("no SRV record"));
        assert!(answer(&[], RCODE::NameError).await.unwrap_err().to_string().contains("no SRV record"));
        assert!(answer(&[], RCODE::ServerFailure).await.is_err());
    }

    #[test]
    fn name_servers_are_those_of_the_system() {
        let text = "# comment\nsearch example.org\nnameserver 127.0.0.53\n  nameserver ::1\nnameserver x\n";
        assert_eq!(servers(text), ["127.0.0.53:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    }
}
