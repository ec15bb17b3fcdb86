"""Who has which kind cluster, on which engine; kept in ``stacks/<cohort>/clusters.json``.

Nobody is ever moved, and no host port is ever given twice: a port that was a student's stays
in somebody's bookmarks. Who has no cluster yet gets another port where the first one is taken,
or is not in the range of the cohort file any more. The image stays as well, for another one
means another cluster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..errors import InputError, Problem
from . import decided
from .decided import require

if TYPE_CHECKING:
    from .kind import Kind
    from .records import Record
    from .schema import Cohort

_REBUILD = (
    "Put back the copy that git or a backup has. Without the file nobody knows who has which"
    " cluster: docker network ls --filter label=practicum.cohort shows those of an engine."
)


@dataclass(frozen=True, kw_only=True)
class Berth:
    """What was decided for one student's cluster."""

    name: str
    """The student's, which a correction of the id leaves alone."""

    id: str
    engine: str
    cluster: str
    image: str = ""
    """Empty until it is made for the first time."""

    server_port: int = 0
    """Of the host, where the API server listens: kind could look for one on our machine only."""

    ports: tuple[tuple[int, int], ...] = ()
    """Of the host, and of the first node, each."""

    dropped: bool = False
    """The student is not in the roster any more, and the cluster is gone."""

    made: str = ""
    """The id of the first node, once its cluster was seen whole: what says so in the node
    itself, its student can remove."""


def load(path: Path) -> dict[str, Berth]:
    """Read who has what, by the student's name; nobody where there is no file.

    Raises:
        InputError: If the file is damaged.
    """
    return decided.load(path, _berths, hint=_REBUILD)


def _berths(students: Mapping[str, Any]) -> dict[str, Berth]:
    berths = {name: _berth(name, one) for name, one in students.items()}
    require(len({one.cluster for one in berths.values()}) == len(berths))
    return berths


def _berth(name: str, plain: Mapping[str, object]) -> Berth:
    pairs = plain.get("ports", ())
    require(isinstance(pairs, list | tuple))
    ports = tuple((int(host), int(node)) for host, node in pairs)  # type: ignore[attr-defined]
    berth = Berth(name=name, **{**plain, "ports": ports})  # type: ignore[arg-type]
    texts = (berth.id, berth.engine, berth.cluster, berth.image, berth.made)
    require(all(isinstance(text, str) for text in texts) and isinstance(berth.dropped, bool))
    require(type(berth.server_port) is int)
    require(names.is_cluster(berth.cluster))
    return berth


def save(path: Path, berths: Mapping[str, Berth]) -> None:
    """Write who has what, whole or not at all.

    Raises:
        InputError: If the file cannot be written; the old one is as it was.
    """
    decided.save(path, berths)


def assign(
    known: Mapping[str, Berth],
    cohort: Cohort,
    records: Iterable[Record],
    room: Mapping[str, int] | None = None,
    *,
    moored: Collection[str] = (),
    bound: Mapping[str, Collection[int]] | None = None,
) -> dict[str, Berth]:
    """Decide for everybody in the roster, and keep what is decided.

    Whoever is new goes to the engine that has room for most, also where that is none: whether
    all fit is asked when they are made.

    Args:
        known: What ``clusters.json`` says.
        cohort: The cohort file.
        records: Every student that Practicum knows, in the order of the roster.
        room: How many more clusters each engine has memory for, where that is known.
        moored: Names of students whose cluster is there, or may be: they keep their ports.
        bound: Ports of the host that containers have, by engine; nobody else gets those.

    Raises:
        InputError: If the engine of a cluster is not in the cohort file any more, also of one
            whose student left, or there is no port left.
    """
    assert cohort.kind is not None
    result = dict(known)
    present = [record for record in records if not record.dropped]
    _refuse_lost_engines(cohort, known.values())
    there = Counter(one.engine for one in known.values() if not one.dropped)
    # Without figures, as many on each; else where most room is left after those of this run.
    room = Counter({one.name: -there[one.name] for one in cohort.kind.engines} | dict(room or {}))
    for record in present:
        before = result.get(record.name)
        if before is None or before.engine not in room:  # who left, and so did the engine
            engine = max(cohort.kind.engines, key=lambda one: room[one.name]).name
            before = before or _new(record, cohort, result.values(), engine)
            before = replace(before, engine=engine)
            room[engine] -= 1
        taken = {*(bound or {}).get(before.engine, ())}
        port = _Port(cohort.kind, result.values(), taken, stays=record.name in moored)
        result[record.name] = _settled(before, record, cohort.kind, port)
    return result


def _settled(berth: Berth, record: Record, kind: Kind, port: _Port) -> Berth:
    """Return somebody's berth as the cohort file has it by now: with the ports that it names."""
    server_port, ports = _ports(kind, berth, port)
    return replace(
        berth,
        server_port=server_port,
        id=record.id,
        dropped=False,
        # Who comes back gets a new cluster, and so the image of now.
        image=kind.image or ("" if berth.dropped else berth.image),
        ports=ports,
    )


def _new(record: Record, cohort: Cohort, others: Iterable[Berth], engine: str) -> Berth:
    taken = {one.cluster for one in others}
    cluster = names.cluster(cohort.name, record.name)
    assert cluster not in taken  # names are injective
    return Berth(name=record.name, id=record.id, engine=engine, cluster=cluster)


class _Port:
    """Ports of the host for one student."""

    def __init__(
        self, kind: Kind, berths: Iterable[Berth], taken: set[int], *, stays: bool
    ) -> None:
        """Look what is free.

        Args:
            kind: What the cohort file says.
            berths: Nobody gets what was somebody's.
            taken: Ports that containers have on the student's engine.
            stays: Whether the student's cluster is there, and so has its ports.
        """
        given = {
            host for one in berths for host in (one.server_port, *(port[0] for port in one.ports))
        }
        self._allowed = range(kind.port_range.first, kind.port_range.last + 1)
        self._free = (port for port in self._allowed if port not in given | taken)
        self._taken, self._stays = taken, stays

    def or_another(self, had: int) -> int:
        """Return the port that the student has, if it can be had, else another; 0 for none."""
        fits = self._stays or (had in self._allowed and had not in self._taken)
        return had if had and fits else next(self._free, 0)


def _ports(kind: Kind, berth: Berth, port: _Port) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return the port of the API server, and those that lead into the first node."""
    had = {node: host for host, node in berth.ports}
    server = port.or_another(berth.server_port)
    ports = [(port.or_another(had.get(node, 0)), node) for node in kind.ports]
    if not (server and all(host for host, _ in ports)):
        raise InputError(
            f"There are no ports left for {berth.id} in kind.port_range.",
            hint="Widen kind.port_range in cohort.yaml; whose cluster is there keeps its ports.",
        )
    return server, tuple(ports)


def _refuse_lost_engines(cohort: Cohort, berths: Iterable[Berth]) -> None:
    assert cohort.kind is not None
    there = {engine.name for engine in cohort.kind.engines}
    lost = Counter(one.engine for one in berths if not one.dropped and one.engine not in there)
    if lost:
        raise InputError(
            f"{cohort.name} has clusters on engines that its cohort file does not name any more.",
            problems=[Problem(engine, f"{count} students") for engine, count in lost.items()],
            hint="Put the engine back. Practicum moves nobody: a cluster's work is in it.",
        )
