#!/bin/sh
# aedes 1.2.0 and MQTT.js 5.16.0 (both npm), MQTT 3.1.1: aedes answers a SUBSCRIBE that names a filter twice
# with one return code, and MQTT.js then closes the connection.
#
# The standard wants a code for each filter [MQTT-3.8.4-5]; aedes keeps the last of equal filters and answers for what is left. MQTT.js
# calls that a protocol error and connects again. So a call like
# `subscribe(["lamp", "lamp"])`, as a list of rooms or devices easily gives, costs the connection.
. "$(dirname "$0")/common.sh"
start_aedes
npm_install aedes@1.2.0 mqtt@5.16.0
cat >talk.js <<'JS'
const client = require('mqtt').connect('mqtt://127.0.0.1:' + process.argv[2], { protocolVersion: 4, reconnectPeriod: 200 })
let connects = 0
client.on('error', error => console.log('error:', error.message))
client.on('close', () => console.log('the connection was closed'))
client.on('connect', () => {
  if (++connects > 1) process.exit()
  client.subscribe(['lamp', 'lamp'], { qos: 1 }, error => console.log('subscribe:', error ? error.message : 'no error'))
})
JS
timeout 60 node talk.js "$port" >seen || { cat seen; exit 1; }
expect <<'TEXT'
subscribe: Protocol error: suback granted 1 reason code(s) for 2 subscription(s)
the connection was closed
TEXT
