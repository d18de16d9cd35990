#!/bin/sh
# MQTT.js 5.16.0 (npm), MQTT 5, against a scripted broker: the limits that a broker states in CONNACK are parsed and not obeyed.
#
# With Receive Maximum 2, Maximum Packet Size 100, Maximum QoS 0 and Retain Available 0 the client sends six unacknowledged QoS 1
# messages, one of 200 bytes, and a retained one; publish reports no error. The standard forbids each
# [MQTT-3.3.4-7, MQTT-3.2.2-15, MQTT-3.2.2-11, MQTT-3.2.2-14], and a broker answers with DISCONNECT. A burst of QoS 2 messages is how users meet it:
# more than Receive Maximum are sent before the first PUBREL.
. "$(dirname "$0")/common.sh"
npm_install mqtt@5.16.0
cat >talk.js <<'JS'
const client = require('mqtt').connect('mqtt://127.0.0.1:' + process.argv[2], { protocolVersion: 5, clientId: 'c', reconnectPeriod: 0 })
client.on('connect', packet => {
  const { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable } = packet.properties
  console.log('CONNACK as parsed:', receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable)
  for (let number = 0; number < 5; number++) client.publish('burst', 'x', { qos: 1 }, error => error && console.log('error:', error.message))
  client.publish('large', 'x'.repeat(200), { qos: 1, retain: true }, error => error && console.log('error:', error.message))
  setTimeout(() => process.exit(), 1000)
})
JS
cat >talk.py <<'PY'
import struct
import subprocess

from scripted import Broker

properties = b"\x21" + struct.pack(">H", 2) + b"\x27" + struct.pack(">I", 100) + b"\x24\0" + b"\x25\0"
broker = Broker(properties, acknowledges=False)
print(subprocess.run(["node", "talk.js", str(broker.port)], capture_output=True, text=True, timeout=30).stdout, end="")
print("received unacknowledged:", len(broker.seen), "at QoS", sorted({message[2] for message in broker.seen}))
print("largest above 100 bytes:", max(message[4] for message in broker.seen) > 100)
PY
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1
python3 talk.py >seen
expect <<'TEXT'
CONNACK as parsed: 2 100 0 false
received unacknowledged: 6 at QoS [1]
largest above 100 bytes: True
TEXT
