#!/usr/bin/env python3
"""What a message costs the generator: messages published per CPU-second, of `skeeter bench` and of others, in turn.

    cargo build --release && cargo install mqttv5-cli
    benches/generators.py [--seconds 5] [--rounds 3] [--skeeter PATH] [--generator 'NAME=COMMAND']...

mqttv5-cli takes part if it is installed; others by --generator. COMMAND has {port}, {seconds} and {qos} filled in; one that does not end by itself is ended. The broker is skeeter's; it counts what was
published and delivered, so that no generator is believed, and the system counts the CPU time of the whole generator: both sides, its histograms, and its start. Ten publishers, one subscriber, 16 bytes, as
fast as it goes.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import time

SKEETER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "release", "skeeter")
OWN = "{skeeter} bench fan-in --publishers 10 -h 127.0.0.1 -p {port} --rate max --window 1000 -q {qos} -d {seconds} --no-sys --quiet"
MQTTV5 = (
    "mqttv5 bench --host 127.0.0.1 --port {port} --qos {qos} --duration {seconds} --warmup 1 --payload-size 16"
    " --publishers 10 --subscribers 1"
)


def counts(skeeter, port):
    """PUBLISH packets that the broker has got, and those it has sent."""
    told = []
    for name in ("received", "sent"):
        topic = "$SYS/broker/publish/messages/" + name
        words = [skeeter, "sub", "-h", "127.0.0.1", "-p", port, "-t", topic, "-C", "1", "-W", "10"]
        told.append(int(subprocess.run(words, check=True, capture_output=True, text=True).stdout))
    return told


def measure(skeeter, command, port, seconds, qos):
    """Messages published and delivered, and CPU-seconds, of one run; one that does not end by itself is ended."""
    # The broker tells its count once a second.
    time.sleep(1.5)
    before = counts(skeeter, port)
    words = command.format(skeeter=skeeter, port=port, seconds=seconds, qos=qos).split()
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
    published, delivered = (after - first for after, first in zip(counts(skeeter, port), before))
    return published, delivered, usage.ru_utime + usage.ru_stime


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--seconds", type=int, default=5)
    flags.add_argument("--rounds", type=int, default=3)
    flags.add_argument("--skeeter", default=SKEETER, help="a release build")
    flags.add_argument("--generator", action="append", default=[])
    given = flags.parse_args()
    own = [("skeeter", OWN), ("mqttv5-cli", MQTTV5)]
    generators = own + [tuple(text.split("=", 1)) for text in given.generator]
    program = lambda command: command.format(skeeter=given.skeeter, port="", seconds="", qos="").split()[0]
    found = [(name, command) for name, command in generators if shutil.which(program(command))]
    for name, _ in generators:
        if name not in dict(found):
            print(f"{name} is not installed")
    words = [given.skeeter, "broker", "-p", "0", "--sys-interval", "1", "-q"]
    broker = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        port = broker.stdout.readline().strip().rsplit(":", 1)[1]
        for qos in (0, 1):
            rates = {name: [] for name, _ in found}
            shares = {name: [] for name, _ in found}
            for _ in range(given.rounds):
                for name, command in found:
                    published, delivered, cpu = measure(given.skeeter, command, port, given.seconds, qos)
                    rates[name].append(published / cpu if cpu else 0)
                    shares[name].append(100 * delivered / published if published else 0)
            best = statistics.median(rates["skeeter"])
            for name, values in rates.items():
                rate, share = statistics.median(values), statistics.median(shares[name])
                times = f"{best / rate:8.1f} times less" if name != "skeeter" and rate else ""
                print(f"QoS {qos}  {name:<12}{rate:>14,.0f} messages per CPU-second, {share:.0f} % delivered{times}")
    finally:
        broker.terminate()
        broker.wait()


if __name__ == "__main__":
    main()
