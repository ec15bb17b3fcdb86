"""What the machine of a container engine has for clusters: cores, memory, inotify, disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ToolError
from .container_image import ARCHITECTURES
from .docker import PATIENCE, Engine

INSTANCES, OF_A_WORKER = 32, 12
"""inotify instances of a cluster's first node and of each more; 27 were counted in an idle one."""

WATCHES = 1_000
"""inotify watches of a cluster: 270 were counted in an idle one, the rest is for students."""

MEMORY = 700 << 20
"""Bytes that an idle cluster takes: 450 to 900 MiB, as measured by the engine and by PSS."""

DISK = 1 << 30
"""Bytes of a cluster's own files, beside the image, which all share."""

_TOLD = ("Architecture", "NCPU", "ServerVersion")
_SAYS_NOTHING = "The container engine does not say what its machine is."

_LOOK = (
    """awk '/^Mem(Total|Available):/ {printf "%.0f\\n", $2 * 1024}' /proc/meminfo;"""
    " cat /proc/sys/fs/inotify/max_user_instances /proc/sys/fs/inotify/max_user_watches;"
    """ df -kP / | awk 'NR == 2 {printf "%.0f\\n%.0f\\n", $2 * 1024, $4 * 1024}';"""
    " find /proc/[0-9]*/fd -lname anon_inode:inotify 2>/tmp/gone | wc -l"
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine, as its engine and a container on it see it."""

    version: str
    """Of the engine."""

    architecture: str
    """As images say it."""

    cgroup: str
    cores: int
    memory: int
    free: int
    """Bytes that programs could have now."""

    instances: int
    """inotify instances that one user may have: all nodes are one user, root."""

    watches: int
    held: int
    """inotify instances that are in use now."""

    disk: int
    disk_free: int


def look(engine: Engine, image: str) -> Machine:
    """Look at the machine of an engine, which may be another than this one.

    The kernel is asked from a container of the node image, which has to be there.

    Raises:
        MissingToolError: If there is no docker.
        ToolError: If the engine does not answer, or cannot start a container.
    """
    about = information(engine)
    # It must see every process, to count what is in use; a node may do more than that.
    rights = ("--privileged", "--pid", "host", "--network", "none")
    options = ("--rm", *rights, "--entrypoint", "sh")
    told = engine.run("run", *options, image, "-c", _LOOK, timeout=4 * PATIENCE)
    try:
        memory, free, instances, watches, disk, disk_free, held = map(int, told.split())
    except ValueError:
        raise ToolError(f"{image} does not say what its machine has.", details=told) from None
    return Machine(
        version=str(about["ServerVersion"]),
        architecture=architecture(str(about["Architecture"])),
        cgroup=str(about.get("CgroupVersion") or "1"),
        cores=int(about["NCPU"]),
        memory=memory,
        free=free,
        instances=instances,
        watches=watches,
        held=held,
        disk=disk,
        disk_free=disk_free,
    )


def information(engine: Engine) -> dict[str, Any]:
    """Return what an engine says of itself.

    Raises:
        MissingToolError: If there is no docker.
        ToolError: If the engine does not answer, or says something else.
    """
    about = engine.told("info", "--format", "{{json .}}", timeout=PATIENCE)
    if not isinstance(about, dict):
        raise ToolError(_SAYS_NOTHING, details=str(about))
    if errors := about.get("ServerErrors"):
        raise ToolError("No container engine answers.", details="\n".join(map(str, errors)))
    if missing := [word for word in _TOLD if not about.get(word)]:
        raise ToolError(_SAYS_NOTHING, details=f"it has no {', '.join(missing)}")
    return about


def architecture(machine: str) -> str:
    """Return images' word for an architecture.

    >>> architecture("x86_64"), architecture("riscv64")
    ('amd64', 'riscv64')
    """
    return ARCHITECTURES.get(machine, machine)


def image_architecture(engine: Engine, image: str) -> str:
    """Return for which architecture an image is; empty where the engine does not have it.

    Raises:
        ToolError: If the engine does not answer.
    """
    if not engine.has_image(image):
        return ""
    format = "{{.Architecture}}"
    return engine.run("image", "inspect", "--format", format, image, timeout=PATIENCE).strip()
