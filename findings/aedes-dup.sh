#!/bin/sh
# aedes 1.2.0 (npm), with paho-mqtt 2.2.0, MQTT 3.1.1: what a client had not acknowledged when its connection ended is sent again with
# DUP 0, each time.
#
# The standard wants DUP 1 when a PUBLISH is sent again [MQTT-3.3.1-1]. A subscriber that drops repeated messages by their DUP flag, or
# counts them by it, takes the second and third delivery for new ones; only the packet identifier, which stays, tells.
. "$(dirname "$0")/common.sh"
start_aedes
pip_install paho-mqtt==2.2.0
cat >talk.py <<'PY'
from paho_client import Client

publisher = Client("publisher")
identifiers = []
for connection in (1, 2, 3):
    device = Client("device", clean=False, acks=False)
    if connection == 1:
        device.subscribe(("valve", 1))
        publisher.publish("valve", "open", 1)
        publisher.publish("valve", "shut", 1)
    messages = device.received(2)
    identifiers.append([message.mid for message in messages])
    what = ", ".join(f"{message.payload.decode()} DUP {int(message.dup)}" for message in messages)
    print(f"connection {connection}: session present {int(device.present)}: {what}")
    device.cut()
print("packet identifiers stay:", identifiers[0] == identifiers[1] == identifiers[2])
PY
python3 talk.py "$port" >seen
expect <<'TEXT'
connection 1: session present 0: open DUP 0, shut DUP 0
connection 2: session present 1: open DUP 0, shut DUP 0
connection 3: session present 1: open DUP 0, shut DUP 0
packet identifiers stay: True
TEXT
