"""A scripted MQTT 5 broker for the scripts here: CONNACK with the properties given, and acknowledgements unless told otherwise."""

import socket
import struct
import threading


def string(text):
    return struct.pack(">H", len(text)) + text.encode()


def packet(first, body):
    assert len(body) < 128
    return bytes([first, len(body)]) + body


class Broker:
    def __init__(self, properties=b"", acknowledges=True):
        self.properties, self.acknowledges, self.seen = properties, acknowledges, []
        self.connections = 0
        self.cut_after, self.session_present = None, 0
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            connection = listener.accept()[0]
            self.connections += 1
            try:
                self._serve(connection, self.connections)
            except (OSError, EOFError):
                pass
            connection.close()

    def _serve(self, connection, number):
        stream, count = connection.makefile("rb"), 0
        while True:
            first, body = self._read(stream)
            kind = first >> 4
            if kind == 1:
                present = self.session_present if number > 1 else 0
                connection.sendall(packet(0x20, bytes([present, 0, len(self.properties)]) + self.properties))
            elif kind == 3:
                count += 1
                length = struct.unpack(">H", body[:2])[0]
                qos, identifier = first >> 1 & 3, body[2 + length : 4 + length]
                self.seen.append((number, body[2 : 2 + length].decode(), qos, first >> 3 & 1, len(body)))
                if number == 1 and count == self.cut_after:
                    return
                if qos and self.acknowledges and not (number == 1 and self.cut_after):
                    connection.sendall(packet(0x40 if qos == 1 else 0x50, identifier))
            elif kind == 6:
                connection.sendall(packet(0x70, body[:2]))
            elif kind == 8:
                connection.sendall(packet(0x90, body[:2] + b"\0\0"))
            elif kind == 12:
                connection.sendall(b"\xd0\0")

    @staticmethod
    def _read(stream):
        def exactly(count):
            data = stream.read(count)
            if len(data) < count:
                raise EOFError
            return data

        first, length, shift = exactly(1)[0], 0, 0
        while True:
            byte = exactly(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, exactly(length)
