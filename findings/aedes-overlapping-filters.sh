#!/bin/sh
# aedes 1.2.0 (npm), with paho-mqtt 2.2.0, MQTT 3.1.1: where `house/#` and `house/+` of one client match the same message, the QoS of
# `house/#` alone counts, and a wildcard filter of QoS 1 delivers QoS 2 messages at QoS 2.
#
# The standard wants the message "respecting the maximum QoS of all the matching subscriptions" [MQTT-3.3.5-1]. aedes sends one copy, at the
# QoS of `#`, in whichever order the two were subscribed to. A client that watches everything at QoS 0 and one level at
# QoS 1 gets that level at QoS 0, unacknowledged and unqueued. And only a filter without wildcards limits QoS 2 to the QoS 1 that SUBACK
# granted.
. "$(dirname "$0")/common.sh"
start_aedes
pip_install paho-mqtt==2.2.0
cat >talk.py <<'PY'
from paho_client import Client

publisher = Client("publisher")


def show(*filters):
    subscriber = Client("subscriber")
    for one in filters:
        subscriber.subscribe(one)
    for qos in (0, 1, 2):
        publisher.publish("house/a", "x", qos)
    described = ", then ".join(f"{name} at QoS {qos}" for name, qos in filters)
    print(f"{described}: published at 0 1 2, received at", *(message.qos for message in subscriber.received()))
    subscriber.disconnect()


for first, second in (("house/#", "house/+"), ("house/+", "house/#")):
    show((first, 0), (second, 1))
    show((first, 1), (second, 0))
for alone in ("house/#", "house/+", "house/a"):
    show((alone, 1))
PY
python3 talk.py "$port" >seen
expect <<'TEXT'
house/# at QoS 0, then house/+ at QoS 1: published at 0 1 2, received at 0 0 0
house/# at QoS 1, then house/+ at QoS 0: published at 0 1 2, received at 0 1 2
house/+ at QoS 0, then house/# at QoS 1: published at 0 1 2, received at 0 1 2
house/+ at QoS 1, then house/# at QoS 0: published at 0 1 2, received at 0 0 0
house/# at QoS 1: published at 0 1 2, received at 0 1 2
house/+ at QoS 1: published at 0 1 2, received at 0 1 2
house/a at QoS 1: published at 0 1 2, received at 0 1 1
TEXT
