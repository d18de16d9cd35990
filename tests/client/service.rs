//! `-S`: the broker is where the SRV record of the domain says.
//!
//! The name server plays on an address of its own at port 53, and the client sees a `/etc/resolv.conf` that names it. That
//! takes root; where nobody is root the test says so, and in CI that is a failure.

use std::net::UdpSocket;

use simple_dns::rdata::{RData, SRV};
use simple_dns::{CLASS, Name, Packet, ResourceRecord};

use crate::run::{ACCEPT5, Run, Server};
use crate::support::{Folder, PATIENCE, packet, text};

/// Loopback as well, and nobody else's.
const NAME_SERVER: &str = "127.77.0.1";

pub(crate) fn is_root() -> bool {
    let id = std::process::Command::new("id").arg("-u").output().unwrap();
    let is_root = id.stdout == b"0\n";
    assert!(
        is_root || std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(),
        "only root can play a name server"
    );
    if !is_root {
        eprintln!("not tried: only root can play a name server");
    }
    is_root
}

/// Answers one question: the service, if it is `known`, is on this machine at `port`.
fn answer(server: &UdpSocket, known: &str, port: u16) -> String {
    let mut bytes = [0; 512];
    let (len, from) = server.recv_from(&mut bytes).unwrap();
    let query = Packet::parse(&bytes[..len]).unwrap();
    let asked = query.questions[0].qname.to_string();
    let mut reply = Packet::new_reply(query.id());
    if asked == known {
        let target = Name::new("localhost").unwrap();
        let record = RData::SRV(SRV { priority: 0, weight: 0, port, target });
        reply.answers.push(ResourceRecord::new(Name::new(known).unwrap(), CLASS::IN, 60, record));
    }
    server.send_to(&reply.build_bytes_vec().unwrap(), from).unwrap();
    asked
}

#[test]
fn the_broker_is_where_the_domain_says() {
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    let resolvers = folder.file("resolv.conf");
    std::fs::write(&resolvers, format!("nameserver {NAME_SERVER}\n")).unwrap();
    let name_server = UdpSocket::bind((NAME_SERVER, 53)).unwrap();
    name_server.set_read_timeout(Some(PATIENCE)).unwrap();
    let server = Server::new();
    let start = |flags: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        let script = "mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"";
        command.args(["-m", "sh", "-c", script, "sh"]).arg(&resolvers);
        command.arg(assert_cmd::cargo::cargo_bin!("skeeter")).args(["pub", "-S", "-t", "t", "-m", "x"]);
        Run::spawn(command.args(flags), &[])
    };

    let run = start(&["-h", "example.org"]);
    assert_eq!(answer(&name_server, "_mqtt._tcp.example.org", server.port()), "_mqtt._tcp.example.org");
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&packet(0x30, &[&text("t"), &[0], b"x"]));
    assert_eq!(run.end().status, 0);

    let run = start(&["-h", "example.org", "--tls-use-os-certs"]);
    assert_eq!(answer(&name_server, "", 0), "_secure-mqtt._tcp.example.org");
    let said = run.end();
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stderr.contains("no SRV record _secure-mqtt._tcp.example.org"), "{said:?}");
}
