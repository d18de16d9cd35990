#!/usr/bin/env python3
"""What a message costs the generator: messages published per CPU-second, of `skeeter bench` and of others, in turn.

    cargo build --release && benches/generators.py [--seconds 5] [--rounds 3] [--generator 'NAME=COMMAND']...

COMMAND has {port}, {seconds} and {qos} filled in; one that does not end by itself is ended. The broker is skeeter's; it counts what was published, so that no generator is believed, and the system counts
the CPU time of the whole generator: both sides, its histograms, and its start.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import time

SKEETER = os.path.join(os.path.dirname(__file__), "..", "target", "release", "skeeter")
OWN = SKEETER + " bench -h 127.0.0.1 -p {port} --rate max --window 1000 -q {qos} -d {seconds} --no-sys --quiet"


def published(port):
    """PUBLISH packets that the broker has got."""
    topic = "$SYS/broker/publish/messages/received"
    words = [SKEETER, "sub", "-h", "127.0.0.1", "-p", port, "-t", topic, "-C", "1", "-W", "10"]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def measure(command, port, seconds, qos):
    """Messages and CPU-seconds of one run; one that does not end by itself is ended."""
    # The broker tells its count once a second.
    time.sleep(1.5)
    before = published(port)
    words = command.format(port=port, seconds=seconds, qos=qos).split()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + seconds + 5
    while True:
        pid, _, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > ends:
            child.terminate()
        time.sleep(0.01)
    child.returncode = 0
    time.sleep(1.5)
    return published(port) - before, usage.ru_utime + usage.ru_stime


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--seconds", type=float, default=5)
    flags.add_argument("--rounds", type=int, default=3)
    flags.add_argument("--generator", action="append", default=[])
    given = flags.parse_args()
    generators = [("skeeter", OWN)] + [tuple(text.split("=", 1)) for text in given.generator]
    found = [(name, command) for name, command in generators if shutil.which(command.split()[0])]
    for name, _ in generators:
        if name not in dict(found):
            print(f"{name} is not installed")
    words = [SKEETER, "broker", "-p", "0", "--sys-interval", "1", "-q"]
    broker = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        port = broker.stdout.readline().strip().rsplit(":", 1)[1]
        for qos in (0, 1):
            rates = {name: [] for name, _ in found}
            for _ in range(given.rounds):
                for name, command in found:
                    messages, cpu = measure(command, port, given.seconds, qos)
                    rates[name].append(messages / cpu if cpu else 0)
            for name, values in rates.items():
                print(f"QoS {qos}  {name:<12}{statistics.median(values):>14,.0f} messages per CPU-second")
    finally:
        broker.terminate()
        broker.wait()


if __name__ == "__main__":
    main()
