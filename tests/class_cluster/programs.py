"""What runs on the class cluster and no package index carries, built from pinned modules.

It goes into the same cache as the toolchain, and by the same rules. None of it is part of
the product: a school's cluster has a network and a storage provisioner of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from provisioner.toolchain import cache, lock
from provisioner.toolchain.asking import Memory
from provisioner.toolchain.build import Builder
from provisioner.toolchain.pins import Pin
from provisioner.toolchain.versions import Range

TOOLS = Path(__file__).parents[2] / "tools"

PINS = (
    Pin(
        name="kube-network-policies",
        version="0.7.0",
        accepts=Range("0.7", "0.8"),
        module="kube-network-policies",
        package="practicum.example/tools/kube-network-policies",
        minutes=1.5,
        static=True,
    ),
    Pin(
        name="local-path-provisioner",
        version="0.0.30",
        accepts=Range("0.0.30", "0.1"),
        module="local-path-provisioner",
        package="github.com/rancher/local-path-provisioner",
        ldflags=("-s", "-w", "-X", "main.VERSION=v0.0.30"),
        minutes=1.5,
        static=True,
    ),
    Pin(
        name="probe",
        version="1.0.0",
        accepts=Range("1", "2"),
        module="probe",
        package="practicum.example/tools/probe",
        ask=("version",),
        minutes=0.2,
        static=True,
    ),
)


def digests() -> list[str]:
    """Name what each of them would be, without building it."""
    return [cache.digest(pin, TOOLS) for pin in PINS]


def find(say: Callable[[str], None]) -> dict[str, Path]:
    """Find them all, and build what is missing."""
    where = cache.Cache(root=cache.root(), tools=TOOLS)
    builder = Builder(cache=where, memory=Memory(file=where.root / "versions.json"), say=say)
    found = {pin.name: where.find(pin) for pin in PINS}
    if all(found.values()):
        return {name: path for name, path in found.items() if path}
    with lock.held(where.root / "lock", say=say, what="building the class cluster's programs"):
        return {
            pin.name: where.find(pin) or builder.build(pin, f"{place} of {len(PINS)}")
            for place, pin in enumerate(PINS, start=1)
        }
