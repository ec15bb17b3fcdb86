"""The node image with what the class cluster adds, so that no node has to load an image.

Pods keep their own address towards each other: a policy is about who sent a packet. So the
node's network template masks nothing, and a unit masks what leaves the pods' range, also after
a restart.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from provisioner.kind import container_image
from provisioner.kind.container_image import Program
from provisioner.kind.docker import Engine
from provisioner.kind.recipe import SETTINGS

from . import programs

POLICIES = "practicum.example/kube-network-policies:0.7.0"
STORAGE = "practicum.example/local-path-provisioner:0.0.30"
PROBE = "practicum.example/probe:1.0.0"

LINKS = ("sh", "tar", "sleep", "cat", "write", "eat", "connect", "netexec")
"""Names for the probe, which is a few programs in one."""

WAY_OUT = """\
#!/bin/bash
# The way out for all that goes elsewhere.
pods=10.244.0.0/16
iptables -w -t nat -C POSTROUTING -s $pods ! -d $pods -j MASQUERADE 2>/dev/null ||
  iptables -w -t nat -A POSTROUTING -s $pods ! -d $pods -j MASQUERADE
"""

UNIT = """\
[Unit]
Description=The way out for pods of the class cluster
Before=kubelet.service
[Service]
Type=oneshot
ExecStart=/kind/class-network
[Install]
WantedBy=multi-user.target
"""

PREPARE = """
set -eu
sed -i 's/"ipMasq": true/"ipMasq": false/' /kind/network.template
chmod 755 /kind/class-network
systemctl enable --quiet class-network.service
printf '%s\\n' 'version = 2' 'disabled_plugins = ["io.containerd.grpc.v1.cri"]' >/run/load.toml
containerd --config /run/load.toml --log-level error >/run/load.log 2>&1 &
server=$!
until ctr version >/dev/null 2>&1; do
  kill -0 $server || { cat /run/load.log >&2; exit 1; }
  sleep 0.1
done
for archive in /kind/class-images/*.tar; do
  ctr --namespace k8s.io images import --no-unpack "$archive" >/dev/null
done
kill $server
wait $server || true
rm -rf /kind/class-images /run/load.*
"""


def ensure(engine: Engine, node_image: str, say: Callable[[str], None]) -> str:
    """Have the image in the engine; return its name."""
    name = f"practicum/class-node:{_digest(node_image)}"
    if not engine.has_image(name):
        say("making the class cluster's node image")
        with tempfile.TemporaryDirectory() as scratch:
            _write_files(Path(scratch), programs.find(say))
            _commit(engine, node_image, Path(scratch), name)
    return name


def _digest(node_image: str) -> str:
    parts = (node_image, *programs.digests(), WAY_OUT, UNIT, PREPARE, *LINKS, PROBE)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _write_files(root: Path, found: dict[str, Path]) -> None:
    images = root / "kind" / "class-images"
    units = root / "etc" / "systemd" / "system"
    for folder in (images, units):
        folder.mkdir(parents=True)
    (root / "kind" / "class-network").write_text(WAY_OUT)
    (units / "class-network.service").write_text(UNIT)
    for program, name, links in (
        ("kube-network-policies", POLICIES, ()),
        ("local-path-provisioner", STORAGE, ()),
        ("probe", PROBE, tuple((f"bin/{link}", "/probe") for link in LINKS)),
    ):
        held = Program(file=found[program], inside=f"/{program}", links=links)
        container_image.write(held, name, images / f"{program}.tar")


def _commit(engine: Engine, node_image: str, files: Path, name: str) -> None:
    """Do it in a container of the node image, of which nothing else is started."""
    builder = f"practicum-class-{uuid.uuid4().hex[:8]}"
    entry = ("--entrypoint", "sleep")
    engine.run("run", "--detach", "--name", builder, "--network=none", *entry, node_image, "900")
    try:
        for folder in ("kind", "etc"):
            engine.run("cp", f"{files / folder}/.", f"{builder}:/{folder}")
        engine.run("exec", builder, "bash", "-c", PREPARE)
        started = f"ENTRYPOINT {json.dumps(SETTINGS['Entrypoint'])}"
        engine.run("commit", "--change", started, "--change", "CMD []", builder, name)
    finally:
        engine.run("rm", "--force", "--volumes", builder)
