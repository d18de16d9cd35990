"""A name server on 127.0.0.1:53 that knows broker.test and its SRV record, for a network namespace of its own."""

import socket
import struct

NAME = b"\x06broker\x04test\x00"
SERVICE = b"\x05_mqtt\x04_tcp" + NAME
A, SRV = 1, 33


def answer(query):
    end = query.index(b"\x00", 12) + 1
    name, kind = query[12:end].lower(), struct.unpack(">H", query[end : end + 2])[0]
    data = None
    if (name, kind) == (NAME, A):
        data = socket.inet_aton("127.0.0.1")
    elif (name, kind) == (SERVICE, SRV):
        data = struct.pack(">HHH", 0, 0, 1883) + NAME
    known = name in (NAME, SERVICE)
    header = query[:2] + struct.pack(">HHHHH", 0x8580 if known else 0x8583, 1, data is not None, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
    return header + query[12 : end + 4] + record


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    query, client = server.recvfrom(512)
    server.sendto(answer(query), client)
