#!/bin/sh
# gmqtt 0.8.0 (PyPI), MQTT 5, against a scripted broker: with Receive Maximum N the client has N - 1 messages in flight, and publish
# raises an exception for the next one instead of queuing it; Receive Maximum 1 is ignored as invalid, and there is no limit.
#
# Receive Maximum 1 is valid (only 0 is not), and a broker on a small device that states it is sent everything at once. In MQTT 5 the
# default is 65,535, so the exception shows only at brokers that state a small value.
. "$(dirname "$0")/common.sh"
pip_install gmqtt==0.8.0
cat >talk.py <<'PY'
import asyncio
import logging
import struct

import gmqtt

from scripted import Broker

logging.disable(logging.CRITICAL)


async def main():
    for maximum in (1, 2, 3, 5):
        broker = Broker(b"\x21" + struct.pack(">H", maximum), acknowledges=False)
        client = gmqtt.Client(f"c{maximum}")
        await client.connect("127.0.0.1", broker.port)
        raised = None
        for number in range(7):
            try:
                client.publish("burst", "x", qos=1)
            except Exception as error:
                raised = raised or type(error).__name__
        await asyncio.sleep(0.5)
        print(f"Receive Maximum {maximum}: 7 published, {len(broker.seen)} in flight, raised: {raised}")


asyncio.run(asyncio.wait_for(main(), 20))
PY
timeout 30 python3 talk.py >seen
expect <<'TEXT'
Receive Maximum 1: 7 published, 7 in flight, raised: None
Receive Maximum 2: 7 published, 1 in flight, raised: OverflowError
Receive Maximum 3: 7 published, 2 in flight, raised: OverflowError
Receive Maximum 5: 7 published, 4 in flight, raised: OverflowError
TEXT
