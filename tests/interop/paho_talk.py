"""A conversation of paho-mqtt with a broker. Arguments: port, version (3, 4 or 5). Says "ok" at the end."""

import queue
import sys

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PORT, VERSION = int(sys.argv[1]), int(sys.argv[2])
V5 = VERSION == paho.MQTTv5
PATIENCE = 20


class Client:
    def __init__(self, name, clean=True, will=None, expiry=None):
        kwargs = {} if V5 else {"clean_session": clean}
        self.paho = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name, protocol=VERSION, **kwargs)
        self.connected, self.messages, self.acks = queue.Queue(), queue.Queue(), queue.Queue()
        self.paho.on_connect = lambda c, u, flags, reason, p: self.connected.put((flags, reason, p))
        self.paho.on_message = lambda c, u, message: self.messages.put(message)
        self.paho.on_subscribe = lambda c, u, mid, reasons, p: self.acks.put((mid, reasons))
        self.paho.on_unsubscribe = lambda c, u, mid, reasons, p: self.acks.put((mid, reasons))
        if will:
            self.paho.will_set(*will)
        arguments = {}
        if V5:
            properties = Properties(PacketTypes.CONNECT)
            if expiry:
                properties.SessionExpiryInterval = expiry
            arguments = {"clean_start": clean, "properties": properties}
        self.paho.connect("127.0.0.1", PORT, 30, **arguments)
        self.paho.loop_start()
        self.flags, reason, self.properties = self.connected.get(timeout=PATIENCE)
        assert not reason.is_failure, reason

    def subscribe(self, *arguments, **named):
        _, mid = self.paho.subscribe(*arguments, **named)
        got, reasons = self.acks.get(timeout=PATIENCE)
        assert got == mid and not any(reason.is_failure for reason in reasons), reasons

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        self.paho.publish(topic, payload, qos, retain, properties).wait_for_publish(PATIENCE)

    def message(self):
        return self.messages.get(timeout=PATIENCE)

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def cut(self):
        """Ends without DISCONNECT."""
        self.paho._sock.shutdown(2)
        self.paho.loop_stop()


def all_qos():
    one, two = Client("sub"), Client("pub")
    one.subscribe("qos/#", 2)
    for qos in range(3):
        for number in range(200):
            two.paho.publish("qos/%d" % qos, str(number), qos)
        for number in range(200):
            message = one.message()
            assert (message.topic, message.payload, message.qos) == ("qos/%d" % qos, b"%d" % number, qos), message
    one.paho.unsubscribe("qos/#")
    one.acks.get(timeout=PATIENCE)
    two.publish("qos/0", "nobody", 1)
    one.close(), two.close()
    assert one.messages.empty()


def retained():
    one = Client("r1")
    one.publish("kept/a", "value", 1, retain=True)
    two = Client("r2")
    two.subscribe("kept/+", 1)
    message = two.message()
    assert (message.payload, message.retain) == (b"value", True)
    one.publish("kept/a", "", 1, retain=True)
    assert (two.message().payload) == b""
    one.close(), two.close()


def will():
    watcher = Client("watcher")
    watcher.subscribe("will/#", 1)
    victim = Client("victim", will=("will/victim", "gone", 1, False))
    victim.cut()
    assert watcher.message().payload == b"gone"
    polite = Client("polite", will=("will/polite", "gone", 1, False))
    polite.close()
    watcher.publish("will/end", "end", 1)
    assert watcher.message().topic == "will/end"
    watcher.close()


def resume():
    one = Client("durable", clean=False, expiry=60)
    one.subscribe("later/#", 2)
    one.cut()
    two = Client("other")
    for number in range(50):
        two.publish("later/%d" % (number % 3), str(number), 1 + number % 2)
    one = Client("durable", clean=False, expiry=60)
    if VERSION != paho.MQTTv31:
        assert one.flags.session_present
    got = sorted(int(one.message().payload) for _ in range(50))
    assert got == list(range(50)), got
    one.close(), two.close()
    Client("durable", clean=True).close()


def large():
    one, two = Client("l1"), Client("l2")
    one.subscribe("large", 2)
    payload = bytes(range(256)) * 8192
    two.publish("large", payload, 2)
    assert one.message().payload == payload
    one.close(), two.close()


def version_5():
    one, two = Client("five1"), Client("five2")
    properties = Properties(PacketTypes.SUBSCRIBE)
    properties.SubscriptionIdentifier = 7
    one.subscribe("props/#", options=SubscribeOptions(1, retainAsPublished=True), properties=properties)
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("a", "1"), ("b", "2"), ("a", "3")]
    properties.ContentType = "text/plain"
    properties.ResponseTopic = "answer/here"
    properties.CorrelationData = b"\x00\x01"
    properties.PayloadFormatIndicator = 1
    properties.MessageExpiryInterval = 100
    two.publish("props/x", "text", 1, properties=properties)
    got = one.message().properties
    assert got.UserProperty == [("a", "1"), ("b", "2"), ("a", "3")]
    assert (got.ContentType, got.ResponseTopic) == ("text/plain", "answer/here")
    assert got.CorrelationData == b"\x00\x01" and got.PayloadFormatIndicator == 1
    assert got.SubscriptionIdentifier == [7] and 0 < got.MessageExpiryInterval <= 100
    one.close(), two.close()
    members = [Client("m%d" % number) for number in range(3)]
    for member in members:
        member.subscribe("$share/group/work/#", 1)
    boss = Client("boss")
    for number in range(60):
        boss.publish("work/%d" % number, str(number), 1)
    boss.close()
    got = []
    for member in members:
        own = [int(member.message().payload) for _ in range(20)]
        assert own == sorted(own)
        got += own
        member.close()
    assert sorted(got) == list(range(60))
    echo = Client("echo")
    echo.subscribe("echo", options=SubscribeOptions(1, noLocal=True))
    echo.publish("echo", "own", 1)
    echo.subscribe("end", 1)
    echo.publish("end", "end", 1)
    assert echo.message().topic == "end"
    echo.close()
    nameless = Client("")
    assert nameless.properties.AssignedClientIdentifier
    nameless.close()


for test in [all_qos, retained, will, resume, large] + ([version_5] if V5 else []):
    test()
    print(test.__name__, flush=True)
print("ok")
