"""What Practicum itself decides for a student, kept in ``stacks/<cohort>/students.json``.

The same stands as labels on the student's Namespace, so that a lost file is rebuilt
from the cluster.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from .. import private_file
from ..errors import InputError, Problem
from .override import Override, override_of

VERSION = 1
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class DamagedRecordsError(InputError):
    """The records cannot be read; the cluster has the same as labels."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was decided for one student, and must not be decided again."""

    id: str
    """As the roster has it."""

    name: str
    """In the cluster; never worked out again."""

    namespace: str

    wave: int
    """The Pulumi stack that holds the environment, from 1."""

    generation: int
    """How often the student has joined: credentials of an earlier time stay dead."""

    suspended: bool = False
    """Credentials are off, the work is kept."""

    until: date | None = None
    """An end of the student's own, where it is not the term's."""

    quota: Override = ()
    """What differs from the cohort's quota, by the cohort file's keys."""

    becomes: str = ""
    """The id that a correction is about to give; it counts once the roster has it."""

    section: str = ""
    """As the roster has it, where the cohort file says who looks after which section."""

    dropped: bool = False
    """No longer in the roster; the name and the wave are kept for a return."""

    user: str = ""
    """Who the school's login makes them on the cluster; empty where they have an account."""

    revoked: bool = False
    """The school's login opens nothing for them; the note on the cluster decides."""


def load(path: Path) -> dict[str, Record]:
    """Read the records of a cohort, by id; there are none where there is no file.

    Raises:
        DamagedRecordsError: If the file is damaged. It says how to rebuild it.
        InputError: If a later Practicum wrote it.
    """
    return load_all(path)[0]


def load_all(path: Path) -> tuple[dict[str, Record], str]:
    """Read the records, and the UID of the cluster that the cohort runs on, empty for none.

    Raises:
        InputError: As ``load``.
    """
    document = _document(path) or {"students": {}}
    return _records(path, document["students"]), str(document.get("cluster") or "")


def save(path: Path, records: Mapping[str, Record], *, cluster: str | None = None) -> None:
    """Write the records whole or not at all, in the order of ids.

    Args:
        path: Where to.
        records: Every student, by id.
        cluster: UID of the cluster that the cohort runs on, empty for none; what the file
            says of it stays when None.

    Raises:
        InputError: If the file cannot be written; the old one is as it was.
    """
    students = {id: _plain(records[id]) for id in sorted(records)}
    on = (_document(path) or {}).get("cluster") if cluster is None else cluster
    document = {"version": VERSION, **({"cluster": on} if on else {}), "students": students}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    private_file.write(path, text.encode())


def _document(path: Path) -> dict[str, Any] | None:
    """Read the file as far as it is one of ours; None where there is none.

    Raises:
        InputError: If it is damaged, or a later Practicum's.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise _damaged(path, "it cannot be read") from None
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is not JSON, or cut off", at=_place(error)) from None
    version = document.get("version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > VERSION:
        problem = Problem(str(path), "the file was written by a later Practicum")
        raise InputError(f"{path} cannot be read.", problems=[problem], hint="Use that one.")
    if version != VERSION or not isinstance(document.get("students"), dict):
        raise _damaged(path, "it does not hold what Practicum writes")
    return dict(document)


def _plain(record: Record) -> dict[str, Any]:
    """Return what the file says of a student: no more than differs from the usual."""
    plain: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name != "id" and value != field.default:
            plain[field.name] = value.isoformat() if isinstance(value, date) else value
    if record.quota:
        plain["quota"] = dict(record.quota)
    return plain


def _records(path: Path, students: dict[str, Any]) -> dict[str, Record]:
    result, problems = {}, []
    for id, plain in students.items():
        try:
            result[id] = _record(id, plain)
        except (TypeError, ValueError):
            problems.append(Problem(f"{path}: {id!a}", "this record is damaged"))
    for what in ("name", "namespace"):
        count = Counter(getattr(record, what) for record in result.values())
        twice = [record for record in result.values() if count[getattr(record, what)] > 1]
        problems += [Problem(f"{path}: {r.id!a}", f"another has this {what} too") for r in twice]
    if problems:
        raise DamagedRecordsError(f"{path} is damaged.", problems=problems, hint=_rebuild(path))
    return result


def _record(id: str, plain: Any) -> Record:  # noqa: ANN401  (whatever the file holds)
    """Build one record.

    Raises:
        TypeError: If a field is unknown or missing, or of another type.
        ValueError: If a value is impossible.
    """
    until, quota = (plain.get("until"), plain.get("quota")) if isinstance(plain, dict) else ("", {})
    ends = date.fromisoformat(until) if until else None
    record = Record(id=id, **{**plain, "until": ends, "quota": override_of(quota or {})})
    whole = type(record.wave) is int and type(record.generation) is int
    flags = all(type(f) is bool for f in (record.suspended, record.dropped, record.revoked))
    texts = all(type(t) is str for t in (record.user, record.becomes, record.section))
    if not (whole and flags and texts and record.wave >= 1 and record.generation >= 1):
        raise ValueError("a number or a flag is impossible")
    if not (_NAME.fullmatch(record.name) and _NAME.fullmatch(record.namespace)):
        raise ValueError("a name is impossible")
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: JSON keeps the last and says nothing.

    Raises:
        ValueError: If a key stands twice.
    """
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice")
    return result


def _place(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f":{error.lineno}:{error.colno}"
    return ""


def _rebuild(path: Path) -> str:
    return (
        f"Run: practicum adopt {path.parent.name}. It keeps the file aside, and rebuilds it from"
        " the labels of the cluster's namespaces."
    )


def _damaged(path: Path, what: str, at: str = "") -> DamagedRecordsError:
    problem = Problem(f"{path}{at}", what)
    return DamagedRecordsError(f"{path} is damaged.", problems=[problem], hint=_rebuild(path))
