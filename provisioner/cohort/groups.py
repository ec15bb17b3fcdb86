"""Groups, kept in ``stacks/<cohort>/groups.json``: who shares an environment.

A group is a word in the roster. Where the cohort file says so, it has a namespace, and
its members can do in it what each can do in their own. As with students, what was decided
once stays: a group never changes its wave.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names, private_file
from ..errors import InputError, Problem
from .students import Student

if TYPE_CHECKING:
    from .schema import Cohort

VERSION = 1
_TEXTS = ("name", "namespace", "section")


@dataclass(frozen=True, kw_only=True)
class Group:
    """What was decided for one group, and who is in it."""

    title: str
    """As the roster has it."""

    name: str
    """In the cluster."""

    namespace: str
    wave: int
    """Which of the groups' Pulumi stacks holds it, from 1."""

    members: tuple[str, ...] = ()
    """Ids, as the roster has them."""

    section: str = ""
    """The sections of its members, where the cohort file names sections."""

    dropped: bool = False
    """Nobody is in it any more."""


def file_of(cohort: Cohort) -> Path:
    """Return where a cohort's groups are kept."""
    return cohort.folder / "groups.json"


def load(path: Path) -> dict[str, Group]:
    """Read the groups of a cohort, by title; there are none where there is no file.

    Raises:
        InputError: If the file is damaged. It says how to rebuild it.
    """
    try:
        return _groups(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        problem = Problem(str(path), "it does not hold what Practicum writes")
        again = f"practicum up {path.parent.name}. It makes the file anew."
        hint = f"Move the file away and run: {again}"
        raise InputError(f"{path} is damaged.", problems=[problem], hint=hint) from None


def save(path: Path, groups: Mapping[str, Group]) -> None:
    """Write the groups whole or not at all; a course that never had one has no file.

    Raises:
        InputError: If the file cannot be written; the old one is as it was.
    """
    if not groups and not path.exists():
        return
    plain = {title: asdict(groups[title]) for title in sorted(groups)}
    for one in plain.values():
        del one["title"]
    document = {"version": VERSION, "groups": plain}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    private_file.write(path, text.encode())


def assign(
    known: Mapping[str, Group],
    cohort: Cohort,
    students: Iterable[Student],
    wave_size: int,
    found: Mapping[str, Group] | None = None,
) -> dict[str, Group]:
    """Decide for every group in the roster, and keep what is decided.

    Args:
        known: What ``groups.json`` says.
        cohort: The cohort file: it says whether groups have a namespace at all.
        students: Who takes the course.
        wave_size: How many groups a wave takes.
        found: What the labels on the cluster say.
    """
    members = _by_group(students) if cohort.groups.namespace else {}
    kept = {**(found or {}), **known}
    taken = Counter(group.wave for title, group in kept.items() if title in members)
    result = {title: replace(group, dropped=True, members=()) for title, group in kept.items()}
    wave = 1
    for title, people in members.items():
        if title not in kept:
            while taken[wave] >= wave_size:
                wave += 1
            taken[wave] += 1
        group = kept.get(title) or _new(title, cohort.name, wave)
        result[title] = replace(
            group,
            members=tuple(sorted(one.id for one in people)),
            section=_sections(people) if cohort.sections else "",
            dropped=False,
        )
    return result


def _by_group(students: Iterable[Student]) -> dict[str, list[Student]]:
    members: dict[str, list[Student]] = defaultdict(list)
    for student in students:
        if student.group:
            members[student.group].append(student)
    return members


def _sections(people: Iterable[Student]) -> str:
    return ", ".join(sorted({one.section for one in people if one.section}))


def _new(title: str, cohort: str, wave: int) -> Group:
    return Group(
        title=title,
        name=names.group(title),
        namespace=names.group_namespace(cohort, title),
        wave=wave,
    )


def _groups(document: Any) -> dict[str, Group]:  # noqa: ANN401  (whatever the file holds)
    if document["version"] != VERSION:
        raise ValueError("another version wrote it")
    return {title: _group(title, plain) for title, plain in document["groups"].items()}


def _group(title: str, plain: Any) -> Group:  # noqa: ANN401  (whatever the file holds)
    """Build one group.

    Raises:
        TypeError: If a field is unknown or missing, or of another type.
        ValueError: If a value is impossible.
    """
    group = Group(title=title, **{**plain, "members": tuple(plain["members"])})
    texts = isinstance(plain["members"], list) and all(isinstance(m, str) for m in group.members)
    texts = texts and all(isinstance(getattr(group, what), str) for what in _TEXTS)
    if not texts or type(group.wave) is not int or type(group.dropped) is not bool:
        raise TypeError("a field is of another type")
    if group.wave < 1 or not names.is_group(group.name):
        raise ValueError("a number or a name is impossible")
    return group
