//! Bytes by hand: clients that only connect or subscribe, and the bare relay.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn text(text: &str) -> Vec<u8> {
    let mut field = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    field.extend(text.as_bytes());
    field
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut bytes, mut len) = (vec![first], body.len());
    loop {
        bytes.push((len & 0x7F) as u8 | if len > 0x7F { 0x80 } else { 0 });
        len >>= 7;
        if len == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// As many open files as the system allows: a connection is one.
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// A client of 3.1.1 that has been let in.
pub(crate) fn client(port: u16, name: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let body = [&text("MQTT")[..], &[4, 2, 0, 0], &text(name)].concat();
    stream.write_all(&packet(0x10, &body)).unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    stream
}

/// Sends one packet and takes one: what an idle connection has done once.
pub(crate) fn ping(stream: &mut TcpStream) {
    stream.write_all(&[0xC0, 0]).unwrap();
    stream.read_exact(&mut [0; 2]).unwrap();
}

pub(crate) fn subscribe(stream: &mut TcpStream, filters: &[String]) {
    let mut body = vec![0, 1];
    for filter in filters {
        body.extend(text(filter));
        body.push(0);
    }
    stream.write_all(&packet(0x82, &body)).unwrap();
    let mut answer = vec![0; packet(0x90, &vec![0; 2 + filters.len()]).len()];
    stream.read_exact(&mut answer).unwrap();
}

/// PUBLISH packets that the broker has sent, as it says after its next second.
pub(crate) fn delivered(port: u16) -> f64 {
    // What is retained may be of a moment ago; the second one is not.
    let mut stream = client(port, "counts");
    subscribe(&mut stream, &["$SYS/broker/publish/messages/sent".to_owned()]);
    let mut number = || {
        let mut head = [0; 2];
        stream.read_exact(&mut head).unwrap();
        // Its topic and its number have fewer than 128 bytes.
        let mut body = vec![0; usize::from(head[1])];
        stream.read_exact(&mut body).unwrap();
        let topic = 2 + usize::from(body[1]);
        std::str::from_utf8(&body[topic..]).unwrap().parse::<f64>().unwrap()
    };
    number();
    number()
}

/// CPU-seconds per million messages of a thread that copies bytes from one socket to another: what the kernel alone costs.
pub(crate) fn floor(messages: usize) -> f64 {
    const BURST: usize = 500;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut source = TcpStream::connect(address).unwrap();
    let mut from = listener.accept().unwrap().0;
    let mut sink = TcpStream::connect(address).unwrap();
    let mut to = listener.accept().unwrap().0;
    let relay = std::thread::spawn(move || {
        let own = || {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        let (before, mut buffer) = (own(), vec![0; 1 << 16]);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            to.write_all(&buffer[..count]).unwrap();
        }
        own() - before
    });
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(1..) = sink.read(&mut buffer) {}
    });
    let body = [&text("bench/12345678/0")[..], &[b'x'; 16]].concat();
    let burst = packet(0x30, &body).repeat(BURST);
    (0..messages / BURST).for_each(|_| source.write_all(&burst).unwrap());
    drop(source);
    let cpu = relay.join().unwrap();
    reader.join().unwrap();
    cpu / (messages as f64 / 1e6)
}
