"""Python's websockets on one end of a broker: URL and file of the authority are the arguments."""

import asyncio
import ssl
import sys

import websockets

CONNECT = b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02py"
SUBSCRIBE = b"\x82\x06\x00\x01\x00\x01t\x00"


async def main(url, authority):
    context = ssl.create_default_context(cafile=authority) if url.startswith("wss") else None

    def connect(protocols=("mqtt",)):
        return websockets.connect(url, subprotocols=protocols, ssl=context)

    async with connect() as socket:
        assert socket.subprotocol == "mqtt"
        # In fragments, each of a few bytes.
        await socket.send([(CONNECT + SUBSCRIBE)[at : at + 3] for at in range(0, 24, 3)])
        got = b""
        while len(got) < 9:
            got += await socket.recv()
        assert got == b"\x20\x02\x00\x00\x90\x03\x00\x01\x00", got
        await (await socket.ping(b"still there"))
        payload = bytes(range(256)) * 1000
        length = 3 + len(payload)
        head = b"\x30" + bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
        await socket.send(head + b"\x00\x01t" + payload)
        got = b""
        while len(got) < len(head) + length:
            got += await socket.recv()
        assert got == head + b"\x00\x01t" + payload
    for what, code in ((CONNECT.decode("latin-1"), 1003), ("", 1003)):
        async with connect() as socket:
            await socket.send(what)
            try:
                await socket.recv()
                raise AssertionError("a text frame was taken")
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd.code == code, closed
    try:
        async with connect(("chat",)):
            raise AssertionError("the subprotocol chat was taken")
    except websockets.InvalidStatus as refused:
        assert refused.response.status_code == 400, refused
    print("ok")


asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2]), 20))
