#!/bin/sh
# MQTT.js 5.16.0 (npm), MQTT 5, against a scripted broker: messages that were in flight when the connection ended are sent again with
# DUP 0, whether the broker still has the session or not.
#
# The standard wants DUP 1 [MQTT-3.3.1-1]. A broker sees the same packet identifiers again without the flag. Where the session is new
# (Session Present 0) sending them as new is right; where it is kept only the identifier tells a repeated QoS 2 message.
. "$(dirname "$0")/common.sh"
npm_install mqtt@5.16.0
cat >talk.js <<'JS'
const client = require('mqtt').connect('mqtt://127.0.0.1:' + process.argv[2], {
  protocolVersion: 5, clientId: 'c', clean: false, reconnectPeriod: 200, properties: { sessionExpiryInterval: 100 }
})
let connects = 0
client.on('connect', () => {
  if (++connects > 1) { setTimeout(() => process.exit(), 500); return }
  for (const [topic, qos] of [['a', 1], ['b', 1], ['c', 2]]) client.publish(topic, 'x', { qos })
})
JS
cat >talk.py <<'PY'
import subprocess

from scripted import Broker

for present in (0, 1):
    broker = Broker()
    broker.cut_after, broker.session_present = 3, present
    subprocess.run(["node", "talk.js", str(broker.port)], timeout=30)
    for connection in (1, 2):
        sent = ", ".join(f"{topic} QoS {qos} DUP {dup}" for number, topic, qos, dup, _ in broker.seen if number == connection)
        print(f"session present {present}, connection {connection}: {sent}")
PY
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1
python3 talk.py >seen
expect <<'TEXT'
session present 0, connection 1: a QoS 1 DUP 0, b QoS 1 DUP 0, c QoS 2 DUP 0
session present 0, connection 2: a QoS 1 DUP 0, b QoS 1 DUP 0, c QoS 2 DUP 0
session present 1, connection 1: a QoS 1 DUP 0, b QoS 1 DUP 0, c QoS 2 DUP 0
session present 1, connection 2: a QoS 1 DUP 0, b QoS 1 DUP 0, c QoS 2 DUP 0
TEXT
