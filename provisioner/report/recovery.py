"""What is told of a loss: what a killed run left unknown, and what was taken over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a command pays for no other's modules
    from ..lifecycle.adopt import Adoption
    from ..lifecycle.journal import Unfinished
    from ..lifecycle.reading import Reading


def before_adoption(reading: Reading) -> Iterator[str]:
    """Yield what was found on the cluster, against what is on file."""
    cohort, server = reading.cohort.name, reading.client.access.server
    actions = Counter(part.action for part in reading.plan.students)
    there = sum(count for action, count in actions.items() if action != "create")
    yield f"{server} has {there} student(s) of {cohort}; {len(reading.known)} are on file."
    if reading.recorded and reading.recorded != reading.found.uid:
        yield f"The records are of another cluster ({reading.recorded}), which is given up."
    others = len(reading.plan.students) - actions["same"]
    yield f"as they should be: {actions['same']}; left for `up`: {others}"


def before_adoption_document(reading: Reading) -> dict[str, Any]:
    """Return what ``adopt --dry-run --json`` prints."""
    actions = Counter(part.action for part in reading.plan.students)
    return {
        "cohort": reading.cohort.name,
        "dry_run": True,
        "cluster": reading.found.uid,
        "students": sum(count for action, count in actions.items() if action != "create"),
        "on_file": len(reading.known),
        "same": actions["same"],
    }


def adoption(result: Adoption) -> Iterator[str]:
    """Yield what was taken over, and what is next."""
    yield f"{result.cohort}: {result.students} student(s) taken over"
    yield from (f"  kept aside: {name}" for name in result.aside)
    yield from (f"  state built anew: {stack}" for stack in result.rebuilt)
    yield from (f"  ! {stack}: {why}" for stack, why in sorted(result.failed.items()))
    if result.differ:
        yield f"{len(result.differ)} student(s) differ; see: practicum plan {result.cohort}"


def adoption_document(result: Adoption) -> dict[str, Any]:
    """Return what ``adopt --json`` prints."""
    return {
        "cohort": result.cohort,
        "cluster": result.cluster,
        "students": result.students,
        "aside": list(result.aside),
        "rebuilt": list(result.rebuilt),
        "differ": list(result.differ),
        "failed": [{"stack": stack, "error": why} for stack, why in sorted(result.failed.items())],
    }


def unfinished(cohort: str, found: Unfinished) -> str:
    """Say in one line what a run left unknown, and what to do."""
    run = "An" if found.command[0] in "aeiou" else "A"
    moment = f"{found.began:%Y-%m-%d %H:%M} UTC"
    if found.alive:
        return f"{run} `{found.command}` is under way since {moment}."
    what = _listed([_plain(cohort, stack) for stack in found.stacks]) or "nothing"
    name = f" --yes {cohort}" if found.command == "down" else ""
    return (
        f"{run} `{found.command}` that began at {moment} did not end in order; {what} may be half done."
        f" Run it again: practicum {found.command} {cohort}{name}"
    )


def unfinished_document(cohort: str, found: Unfinished | None) -> dict[str, Any] | None:
    """Return the same for ``--json``."""
    if found is None:
        return None
    return {
        "command": found.command,
        "began": found.began.isoformat(timespec="seconds"),
        "alive": found.alive,
        "unknown": [_plain(cohort, stack) for stack in found.stacks],
    }


def _plain(cohort: str, stack: str) -> str:
    """Say a stack as people know it.

    >>> _plain("demo", "demo.wave-03"), _plain("demo", "demo.guard")
    ('wave 3', 'what all students share')
    >>> _plain("demo", "demo.groups-01")
    'the groups of wave 1'
    >>> _plain("demo", "demo.cluster-s1")
    'the cluster of s1'
    """
    part = stack.removeprefix(f"{cohort}.")
    if part.startswith("cluster-"):
        return f"the cluster of {part.removeprefix('cluster-')}"
    if part == "guard":
        return "what all students share"
    kind, _, number = part.rpartition("-")
    return f"{'the groups of ' if kind == 'groups' else ''}wave {int(number)}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
