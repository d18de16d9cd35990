#!/bin/sh
# amqtt 0.12.1 (PyPI), with paho-mqtt 2.2.0, MQTT 3.1.1: whether a client with Clean Session 0 has a session depends on the option
# `allow_anonymous` of the broker, not on whether the client itself is anonymous.
#
# While the option is true, which is what the broker's own default configuration says, every session counts as anonymous, also that of
# a client with a username. Nothing is queued for it, and about a second after the connection ended it is deleted. A client that is
# back within that second is told Session Present 1, although what was published meanwhile is lost; a second later it is told 0. With
# the option false the same client, username and password get the message in both cases.
. "$(dirname "$0")/common.sh"
pip_install paho-mqtt==2.2.0
cat >talk.py <<'PY'
import sys
import time

from paho_client import Client

name, seconds = "pump", int(sys.argv[2])
publisher = Client("publisher", username="publisher")
device = Client(name, clean=False, username=name)
device.subscribe(("valve", 1))
device.disconnect()
publisher.publish("valve", "open", 1)
time.sleep(seconds)
device = Client(name, clean=False, username=name)
received = [message.payload.decode() for message in device.received()]
print(f"away for {seconds} s: session present {int(device.present)}, received {received}")
PY
for anonymous in true false; do
    for seconds in 0 4; do
        start_amqtt "$anonymous"
        printf 'allow_anonymous %s, ' "$anonymous" >>seen
        python3 talk.py "$port" "$seconds" >>seen
    done
done
expect <<'TEXT'
allow_anonymous true, away for 0 s: session present 1, received []
allow_anonymous true, away for 4 s: session present 0, received []
allow_anonymous false, away for 0 s: session present 1, received ['open']
allow_anonymous false, away for 4 s: session present 1, received ['open']
TEXT
