#!/bin/sh
# aedes 1.2.0 (npm), with paho-mqtt 2.2.0, MQTT 3.1.1: a subscriber of QoS 1 gets the QoS 0 messages of a publisher before its QoS 1
# messages on the same topic, whatever the order in which they were sent.
#
# Ten messages on one connection and one topic, alternately of QoS 0 and 1, arrive sorted by QoS. Where each is acknowledged before the
# next is sent the order is kept.
. "$(dirname "$0")/common.sh"
start_aedes
pip_install paho-mqtt==2.2.0
cat >talk.py <<'PY'
from paho_client import Client

publisher = Client("publisher")
for how, publish in (("at once", publisher.paho.publish), ("one by one", publisher.publish)):
    subscriber = Client("subscriber")
    subscriber.subscribe(("level", 1))
    for number in range(10):
        publish("level", number, number % 2)
    print(f"published {how}:", *(message.payload.decode() for message in subscriber.received(10)))
    subscriber.disconnect()
PY
python3 talk.py "$port" >seen
expect <<'TEXT'
published at once: 0 2 4 6 8 1 3 5 7 9
published one by one: 0 1 2 3 4 5 6 7 8 9
TEXT
