"""How the lab hosts fared in a run, and what is kept of that for the next one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ... import private_file
from ...errors import InputError, LockedError, PartialError, ToolError
from ...playbook import HostResult
from ...settings import Settings
from . import claim

NOT_PINNED = (
    "its host key is not pinned yet; compare and pin it with: practicum hosts scan {cohort}"
)


@dataclass(frozen=True, kw_only=True)
class HostRow:
    """One host after a run."""

    name: str
    state: str
    """ok, changed, failed, unreachable or never started."""

    changed: int
    """Tasks that changed something, or would."""

    failed: int
    """Tasks and students that failed."""

    students: int
    """Who is to have an account there."""

    why: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    """Students, by id, of whom something is not as it should be; and what."""

    changes: tuple[str, ...] = ()
    """Names of the tasks that changed something, or would."""

    held: bool = False
    """Whether another operator's run holds it, so that nothing was done."""

    @property
    def is_done(self) -> bool:
        """Whether everything on the host is as it should be."""
        return self.state in ("ok", "changed") and not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints of the host."""
        return {
            "name": self.name,
            "state": self.state,
            "changed": self.changed,
            "failed": self.failed,
            "students": self.students,
            "why": self.why or None,
            "problems": [{"id": id or None, "what": what} for id, what in self.problems],
            "changes": list(self.changes),
        }


@dataclass(frozen=True, kw_only=True)
class HostsResult:
    """What a run did on the hosts of a cohort."""

    cohort: str
    rows: tuple[HostRow, ...]
    seconds: float = 0.0
    check: bool = False
    """Whether it was only asked what would change."""

    notes: tuple[str, ...] = ()
    archives: tuple[Mapping[str, Any], ...] = ()
    """Homes of those who left: id, path, sha256 and bytes."""

    @property
    def exit_code(self) -> int:
        """What a script is told: 6 where some hosts are done, 9 or 5 where none is."""
        done = sum(row.is_done for row in self.rows)
        if done == len(self.rows):
            return 0
        half = done or any(row.state in ("ok", "changed") for row in self.rows)
        if half:
            return PartialError.exit_code
        held = any(row.held for row in self.rows)
        return LockedError.exit_code if held else ToolError.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return what ``hosts up --json`` prints."""
        return {
            "cohort": self.cohort,
            "check": self.check,
            "seconds": self.seconds,
            "hosts": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
            "archives": [dict(one) for one in self.archives],
        }


def row_of(result: HostResult, students: int) -> HostRow:
    """Return one host's row."""
    problems = tuple(_problems(result.data.get("lab_problems")))
    held = bool(claim.holder(result.data))
    return HostRow(
        name=result.name,
        state="never started" if held else result.state,
        held=held,
        changed=result.changed,
        failed=result.failed + len(problems),
        students=students,
        why=result.why,
        problems=problems,
        changes=tuple(dict.fromkeys(result.changes)),
    )


def _problems(told: Any) -> Iterable[tuple[str, str]]:  # noqa: ANN401  (a host says it)
    for one in told if isinstance(told, list) else ():
        if isinstance(one, Mapping):
            yield str(one.get("id") or ""), str(one.get("what") or "no reason was given")[:500]


def not_started(name: str, why: str, students: int) -> HostRow:
    """Return the row of a host that the run did not come to."""
    return HostRow(
        name=name, state="never started", changed=0, failed=0, students=students, why=why
    )


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """The last `hosts up` of each host from this home."""

    time: datetime
    rows: Mapping[str, HostRow]

    @property
    def failed(self) -> tuple[str, ...]:
        """The hosts that were not done."""
        return tuple(name for name, row in self.rows.items() if not row.is_done)


def _path(settings: Settings, cohort: str) -> Path:
    return settings.home / "hosts" / f"{cohort}.json"


def remember(settings: Settings, result: HostsResult) -> None:
    """Keep how the hosts fared; those that this run was not about stay as they were.

    Raises:
        InputError: If that cannot be written.
    """
    before = last(settings, result.cohort)
    rows = {**(before.rows if before else {}), **{row.name: row for row in result.rows}}
    document = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "hosts": [row.to_json() for row in rows.values()],
    }
    path = _path(settings, result.cohort)
    private_file.make_folder(path.parent)
    private_file.write(path, json.dumps(document, indent=2).encode())


def forget(settings: Settings, cohort: str, hosts: Iterable[str]) -> None:
    """Keep nothing more of hosts that were taken down."""
    found = last(settings, cohort)
    if found is None:
        return
    rows = tuple(row for name, row in found.rows.items() if name not in set(hosts))
    _path(settings, cohort).unlink(missing_ok=True)
    if rows:
        remember(settings, HostsResult(cohort=cohort, rows=rows))


def last(settings: Settings, cohort: str) -> LastRun | None:
    """Return what was kept; None where there is nothing, or nothing that can be read."""
    try:
        document = json.loads(_path(settings, cohort).read_text(encoding="utf-8"))
        rows = [_row(one) for one in document["hosts"]]
        when = datetime.fromisoformat(document["time"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return LastRun(time=when, rows={row.name: row for row in rows})


def _row(told: Mapping[str, Any]) -> HostRow:
    return HostRow(
        name=told["name"],
        state=told["state"],
        changed=told["changed"],
        failed=told["failed"],
        students=told["students"],
        why=told["why"] or "",
        problems=tuple((one["id"] or "", one["what"]) for one in told["problems"]),
        changes=tuple(told["changes"]),
    )


def failed_last_time(settings: Settings, cohort: str) -> tuple[str, ...]:
    """Return the hosts that the last run did not finish.

    Raises:
        InputError: If there was no run, or it finished them all.
    """
    found = last(settings, cohort)
    if found is None or not found.failed:
        raise InputError(
            f"No host of {cohort} failed in the last run from here.",
            hint=f"Bring all of them up with: practicum hosts up {cohort}",
        )
    return found.failed
