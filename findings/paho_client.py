"""paho-mqtt for the scripts here: each call waits for its answer, and what arrives is kept in a list."""

import socket
import sys
import time

import paho.mqtt.client as mqtt


class Client:
    def __init__(self, client_id, clean=True, acks=True, will=None, username=None):
        self.messages, self.answers, self.present = [], 0, None
        self.paho = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            manual_ack=not acks,
            reconnect_on_failure=False,
        )
        self.paho.on_connect = lambda c, u, flags, *rest: setattr(self, "present", flags.session_present)
        self.paho.on_message = lambda c, u, message: self.messages.append(message)
        self.paho.on_subscribe = self.paho.on_publish = self.paho.on_unsubscribe = self._answer
        if username:
            self.paho.username_pw_set(username, "secret")
        if will:
            self.paho.will_set(*will)
        self.paho.connect("127.0.0.1", int(sys.argv[1]))
        self.paho.loop_start()
        self._until(lambda: self.present is not None)

    def _answer(self, *_):
        self.answers += 1

    def _until(self, fact, seconds=20):
        end = time.time() + seconds
        while not fact():
            if time.time() > end:
                sys.exit("no answer")
            time.sleep(0.01)

    def _ask(self, call):
        before = self.answers
        call()
        self._until(lambda: self.answers > before)

    def subscribe(self, *filters):
        self._ask(lambda: self.paho.subscribe(list(filters)))

    def publish(self, topic, payload, qos=0, retain=False):
        self._ask(lambda: self.paho.publish(topic, payload, qos, retain))

    def received(self, count=None, seconds=1.5):
        """The messages: as soon as there are so many, or those that came until nothing did for a while."""
        if count is not None:
            self._until(lambda: len(self.messages) >= count)
        else:
            known = -1
            while known != len(self.messages):
                known = len(self.messages)
                time.sleep(seconds)
        messages, self.messages = self.messages, []
        return messages

    def disconnect(self):
        self.paho.disconnect()
        self.paho.loop_stop()

    def cut(self):
        """Ends the connection without a DISCONNECT."""
        self.paho.socket().shutdown(socket.SHUT_RDWR)
        self.paho.loop_stop()
