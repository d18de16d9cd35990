#!/bin/sh
# amqtt 0.12.1 (PyPI), with paho-mqtt 2.2.0, MQTT 3.1.1: every live message is delivered at the QoS that was granted, also one that
# was published at a lower QoS.
#
# A subscriber with QoS 2 gets a QoS 0 message at QoS 2, with the four packets of that exchange. The standard takes the lower of the two
# (3.8.4 of 3.1.1), so the QoS of a received message says how it was published; here it does not, and whatever forwards messages at
# the QoS they have, as a bridge or a recorder does, raises all of them.
. "$(dirname "$0")/common.sh"
start_amqtt
pip_install paho-mqtt==2.2.0
cat >talk.py <<'PY'
from paho_client import Client

publisher = Client("publisher")
for granted in (0, 1, 2):
    subscriber = Client(f"subscriber{granted}")
    subscriber.subscribe(("level", granted))
    for qos in (0, 1, 2):
        publisher.publish("level", "7", qos)
    print(f"granted QoS {granted}: published at 0 1 2, received at", *(message.qos for message in subscriber.received()))
    subscriber.disconnect()
PY
python3 talk.py "$port" >seen
expect <<'TEXT'
granted QoS 0: published at 0 1 2, received at 0 0 0
granted QoS 1: published at 0 1 2, received at 1 1 1
granted QoS 2: published at 0 1 2, received at 2 2 2
TEXT
