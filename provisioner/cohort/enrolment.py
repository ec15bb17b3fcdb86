"""Who takes the course by now, and what is decided for those who join, leave and return.

Nobody is ever moved: a name, once given, stays, and so does a wave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from .. import names
from ..errors import InputError
from .records import Record


def assign(
    known: Mapping[str, Record],
    students: Sequence[str],
    cohort: str,
    wave_size: int,
    found: Mapping[str, Record] | None = None,
) -> dict[str, Record]:
    """Decide for everybody in the roster, and keep what is decided.

    Whoever is known stays as known; whoever was found on the cluster is taken over;
    everybody else joins the lowest wave with room. A wave's room counts those who take
    the course: one who returns goes back to the old wave, be it full by then.

    Args:
        known: What ``students.json`` says.
        students: The ids of the roster.
        cohort: The cohort's name.
        wave_size: How many students a wave takes.
        found: What the labels on the cluster say.
    """
    present = set(students)
    kept = present_records(known, present, found)
    result = {id: _settled(record, present=id in present) for id, record in kept.items()}
    taken = Counter(record.wave for record in result.values() if not record.dropped)
    wave = 1
    for id in students:
        if id not in result:
            while taken[wave] >= wave_size:
                wave += 1
            taken[wave] += 1
            named = {record.name for record in result.values()}
            result[id] = _new(id, cohort, wave, named)
    return result


def present_records(
    known: Mapping[str, Record],
    present: Collection[str],
    found: Mapping[str, Record] | None = None,
) -> dict[str, Record]:
    """Return what is decided already, each under the id that the roster has by now.

    Args:
        known: What ``students.json`` says.
        present: The ids of the roster.
        found: What the labels on the cluster say.

    Raises:
        InputError: If two ids of the roster claim one environment.
    """
    found = found or {}
    kept = {**found, **{id: _newer(record, found) for id, record in known.items()}}
    owners = {record.name: id for id, record in known.items()}
    for id, record in found.items():
        other = owners.get(record.name, id)
        if other != id:
            _settle_claim(kept, id, other, present)
    return _with_corrected_ids(kept, present)


def _settle_claim(kept: dict[str, Record], id: str, other: str, present: Collection[str]) -> None:
    """Give an environment that has two ids, ours and the cluster's, to the roster's one."""
    if id in present and other in present:
        raise InputError(
            f"{id} and {other} claim one environment, {kept[id].namespace}.",
            hint="A correction of an id was cut off. Take the one who is new out of the roster,"
            " run `practicum up`, and put them in again.",
        )
    loser = other if id in present else id
    if loser == other:
        kept[id] = replace(kept[other], id=id, becomes="")
    del kept[loser]


def _with_corrected_ids(kept: Mapping[str, Record], present: Collection[str]) -> dict[str, Record]:
    result = {}
    for id, record in kept.items():
        corrected = record.becomes
        moved = corrected in present and id not in present and corrected not in kept
        here = corrected if moved else id
        as_it_is = (record.id, corrected) == (here, "")
        now = record if as_it_is else replace(record, id=here, becomes="")
        result[now.id] = now
    return result


def _newer(record: Record, found: Mapping[str, Record] | None) -> Record:
    """Never fall back behind the cluster's generation: an old file was put back."""
    other = (found or {}).get(record.id)
    if other is None or other.generation <= record.generation:
        return record
    return replace(record, generation=other.generation)


def _settled(record: Record, *, present: bool) -> Record:
    if present and record.dropped:
        return replace(record, dropped=False, generation=record.generation + 1)
    return record if record.dropped is not present else replace(record, dropped=not present)


def _new(id: str, cohort: str, wave: int, taken: Collection[str]) -> Record:
    name = names.student(id)
    if name in taken:
        name = names.another_student(id, taken)
    return Record(
        id=id, name=name, namespace=names.namespace(cohort, name), wave=wave, generation=1
    )
