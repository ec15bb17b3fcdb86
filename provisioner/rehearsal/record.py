"""What is written down of a rehearsal, so that the next command knows it again."""

from __future__ import annotations

import json
import random
import socket
from dataclasses import asdict, dataclass, replace

from .. import private_file
from ..errors import ToolError
from .layout import Layout
from .processes import Started
from .programs import Ports

PORT_RANGE = range(20_000, 32_000)
"""Below the ports that systems give to outgoing connections, so they are free next time too."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Ports, version and processes of one rehearsal."""

    ports: Ports
    version: str = "unknown"
    """What the API server says it is, once it says something."""

    processes: tuple[Started, ...] = ()

    @classmethod
    def load(cls, layout: Layout) -> Record | None:
        """Read the record; None when there is none, or it does not say what it must."""
        try:
            document = json.loads(layout.record.read_bytes())
            processes = tuple(Started(**item) for item in document["processes"])
            ports = Ports(**document["ports"])
            return cls(ports=ports, version=document["version"], processes=processes)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, layout: Layout) -> None:
        """Write the record, in one step.

        Raises:
            InputError: If the rehearsal's folder cannot be written.
        """
        private_file.write(layout.record, json.dumps(asdict(self), indent=2).encode())

    def with_process(self, started: Started) -> Record:
        """Add a process that was just started."""
        return replace(self, processes=(*self.processes, started))


def choose_ports(previous: Ports | None) -> Ports:
    """Take the ports of last time when they are free, else three others.

    Raises:
        ToolError: If no port is free.
    """
    if previous and all(_is_free(port) for port in asdict(previous).values()):
        return previous
    free = (port for port in random.sample(PORT_RANGE, len(PORT_RANGE)) if _is_free(port))
    try:
        return Ports(apiserver=next(free), etcd=next(free), peer=next(free))
    except StopIteration:
        raise ToolError("No port of 127.0.0.1 is free.", hint="Look at: ss -ltn") from None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do it: a connection that was just closed is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
