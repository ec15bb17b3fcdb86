"""What a cohort file says of kind clusters, where every student has one of their own."""

import re
from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    field_validator,
    model_validator,
)

from .hosts import FIRST_FREE_PORT, HostName, HostPort
from .strict import Strict
from .values import Memory, Text, Truth, Whole, matching, wrong

__all__ = ["Kind", "KindEngine", "PortRange"]

LOCAL = "local"
"""The engine of the machine that Practicum runs on."""

MOST_WORKERS = 9
MOST_PORTS = 20
LOOPBACK = "127.0.0.1"

_PLACE = r"[a-z_][a-z0-9_-]{0,31}@(?!-)[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?"
_NAME_OR_ADDRESS = re.compile(r"(?!-)[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _listening(value: str) -> str:
    try:
        return str(IPv4Address(value))
    except ValueError:
        wrong("must be an IPv4 address to listen on, such as 192.0.2.10; 0.0.0.0 is every one")


def _reached(value: str) -> str:
    if not _NAME_OR_ADDRESS.fullmatch(value):
        wrong("is no host name or address, such as lab1.example.org")
    return value


def _image(value: str) -> str:
    """Take one image and no other: a tag can be moved, so it must be ours or have a digest."""
    if "@sha256:" in value:
        name, _, digest = value.partition("@sha256:")
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not name:
            wrong("has a digest that is none; write name@sha256: and 64 hexadecimal digits")
    elif not value.startswith("practicum/kind-node:"):
        wrong("needs a digest, such as kindest/node:v1.34.0@sha256:…; a tag alone can change")
    if value.startswith("-") or any(c.isspace() for c in value):
        wrong("is no name of an image")
    return value


def _named(value: Any) -> Any:  # noqa: ANN401  (Pydantic's signature)
    return {"name": LOCAL} if value == LOCAL else value


Listening = Annotated[Text, AfterValidator(_listening)]


class PortRange(Strict):
    """Which ports of a host are students' own."""

    first: HostPort = 30_000
    last: HostPort = 32_767
    """The last one that Linux does not give to whoever asks for any."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.first < FIRST_FREE_PORT:
            wrong(f"starts among the system's own: `first` must be {FIRST_FREE_PORT} or more")
        if self.last < self.first:
            wrong("ends before it starts")
        return self


class KindEngine(Strict):
    """A container engine that holds clusters."""

    name: HostName
    """What it is called here; ``local`` is that of this very machine."""

    ssh: Annotated[Text, AfterValidator(matching(_PLACE, "must be user@host, or user@host:22"))] | (
        None
    ) = None
    """Where it is reached over SSH, with the operator's own settings of ssh."""

    address: Listening | None = None
    """Where its clusters listen; ``kind.address`` when None."""

    reach: Annotated[Text, AfterValidator(_reached)] | None = None
    """By what name or address students reach it, which its certificates then hold."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.name == LOCAL) is (self.ssh is not None):
            wrong("needs `ssh`, such as ops@lab1.example.org; the engine `local` has none")
        return self

    @property
    def host(self) -> str:
        """The host of ``ssh``; empty for this machine's own."""
        return (self.ssh or "").rpartition("@")[2].partition(":")[0]


Engines = tuple[Annotated[KindEngine, BeforeValidator(_named)], ...]


class Kind(Strict):
    """A kind cluster a student: of what, how large, and on which engines."""

    image: Annotated[Text, AfterValidator(_image)] | None = None
    """The node image; that of `practicum kind image build` where the engine has it, else
    kind's own for the pinned version of Kubernetes, when None."""

    workers: Whole = 0
    """Nodes beside the first one."""

    ports: tuple[HostPort, ...] = ()
    """Ports of the first node, each of which a host port of the student's own leads to."""

    port_range: PortRange = PortRange()
    """The host ports that are given out, each once."""

    address: Listening = LOOPBACK
    """Where API servers and ports listen on an engine's host."""

    memory: Memory = "900Mi"
    """What one cluster takes; so many are placed on an engine as it has room for."""

    engines: Engines = (KindEngine(name=LOCAL),)
    """Where clusters are made."""

    access: Literal["admin", "namespace"] = "admin"
    """What students are given: all of their cluster, or one namespace in it, with quota,
    guard and a token that can be rotated and revoked."""

    accept_host_root: Truth = False
    """Whether students may be given clusters on a host that is not theirs alone: a kind
    cluster's admin can become root on it."""

    @field_validator("workers")
    @classmethod
    def _few_workers(cls, workers: int) -> int:
        return workers if 0 <= workers <= MOST_WORKERS else wrong(f"must be 0 to {MOST_WORKERS}")

    @field_validator("ports")
    @classmethod
    def _few_ports(cls, ports: tuple[int, ...]) -> tuple[int, ...]:
        if len(ports) > MOST_PORTS or len(set(ports)) < len(ports):
            wrong(f"must be at most {MOST_PORTS} different ports of a node")
        return ports

    @field_validator("engines")
    @classmethod
    def _different(cls, engines: tuple[KindEngine, ...]) -> tuple[KindEngine, ...]:
        if not engines:
            wrong("names no engine; `local` is this machine's own")
        for said in (_counted(one.name for one in engines), _counted(one.ssh for one in engines)):
            if any(count > 1 for count in said.values()):
                wrong("names an engine twice")
        return engines

    def address_of(self, engine: KindEngine) -> str:
        """Return where clusters of an engine listen."""
        return engine.address or self.address

    def reach_of(self, engine: KindEngine) -> str:
        """Return by what name or address students reach an engine's clusters."""
        address = self.address_of(engine)
        if engine.reach or address == LOOPBACK:
            return engine.reach or LOOPBACK
        return address if address != "0.0.0.0" else engine.host or LOOPBACK

    def names_of(self, engine: KindEngine) -> tuple[str, ...]:
        """Return what the certificates of an engine's clusters hold beside its address."""
        reach = self.reach_of(engine)
        return () if reach == self.address_of(engine) else (reach,)

    def is_shared(self, engine: KindEngine) -> bool:
        """Say whether others than the operator use an engine's host, or its clusters reach them."""
        return engine.ssh is not None or self.address_of(engine) != LOOPBACK


def _counted(said: Iterable[str | None]) -> Counter[str]:
    return Counter(one for one in said if one is not None)
