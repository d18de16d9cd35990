"""Completes the SBOM that cdxgen makes of Cargo.lock: only what the binary is built from, with licences, and the C libraries
that are linked in.

    sbom.py CDXGEN_OUTPUT TARGET
"""

import json
import subprocess
import sys


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


bom = json.load(open(sys.argv[1]))
tree = output("cargo", "tree", "--locked", "-e", "normal", "--prefix", "none", "--format", "{p}", "--target", sys.argv[2])
built = {(line.split()[0], line.split()[1].lstrip("v")) for line in tree.splitlines() if line}
metadata = json.loads(output("cargo", "metadata", "--locked", "--format-version", "1"))
licences = {(package["name"], package["version"]): package["license"] for package in metadata["packages"]}

components = []
for component in bom["components"]:
    package = (component["name"], component["version"])
    if package in built:
        # Where this machine has the file, and how sure cdxgen is of it.
        component.pop("evidence", None)
        component.pop("properties", None)
        component["licenses"] = [{"expression": licences[package].replace("/", " OR ")}]
        components.append(component)
for name, package, licence in [("openssl", "libssl-dev", "Apache-2.0"), ("glibc", "libc6-dev", "LGPL-2.1-or-later")]:
    version = output("dpkg-query", "-W", "-f", "${Version}", package)
    purl = f"pkg:deb/debian/{name}@{version}?arch=source"
    licenses = [{"license": {"id": licence}}]
    components.append(
        {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl, "licenses": licenses}
    )
kept = {component["bom-ref"] for component in components} | {bom["metadata"]["component"]["bom-ref"]}
bom["components"] = components
bom["dependencies"] = [
    {**entry, "dependsOn": [to for to in entry.get("dependsOn", []) if to in kept]}
    for entry in bom.get("dependencies", [])
    if entry["ref"] in kept
]
bom.pop("annotations", None)
json.dump(bom, sys.stdout, indent=1)
print()
