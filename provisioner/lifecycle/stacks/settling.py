"""What a killed run left half done where nothing differs any more: its stacks are settled.

A run may be killed when all has reached the cluster and nothing has been saved. The plan,
which reads the cluster, then has nothing to do; yet the state knows nothing of what runs,
and Pulumi's lock is a dead process's. The journal says which stacks these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import ToolError
from ...manifest import stack_name
from ...settings import Settings
from .. import journal
from ..reading import Reading

if TYPE_CHECKING:  # a run that changes nothing needs no engine
    from .engine import Engine


@contextmanager
def noted(
    engine: Engine, command: str, stacks: Iterable[str], *, some: bool = False
) -> Iterator[Engine]:
    """Keep the journal of the block: what it sets out to do, and which stacks it is through.

    Args:
        engine: Pulumi, which notes each stack from here on.
        command: What the run is, as it is typed.
        stacks: What it sets out to change.
        some: Whether it is for some students alone.

    Raises:
        InputError: If it cannot be written; nothing is to be changed then.
    """
    name = engine.reading.cohort.name
    kept = journal.kept(
        engine.settings, name, command, stacks, some=some, lost=lambda: engine.workers.lost
    )
    with kept as written:
        yield replace(engine, journal=written)


def half_done(settings: Settings, reading: Reading) -> dict[str, str | int]:
    """Return the stacks that runs left half done, and this one would pass over.

    A run for some students settles nothing: what it does not name, it does not touch.
    """
    found = journal.unfinished(settings, reading.cohort.name)
    if found is None or reading.only is not None:
        return {}
    plan = reading.plan
    runs = {part.wave for part in (*plan.students, *plan.groups)
            if part.action in ("create", "change", "remove") and part.is_pulumis}  # fmt: skip
    planned = {stack_name(plan.cohort, part) for part in runs if part is not None}
    if plan.guard.action != "same":
        planned.add(stack_name(plan.cohort, plan.guard.name))
    begun = set(found.stacks) - planned
    return {stack: part for stack, part in reading.stacks.items() if stack in begun}


def settle(engine: Engine, stacks: dict[str, str | int]) -> None:
    """Bring stacks in line with what runs; on the cluster that changes nothing.

    Raises:
        ToolError: If one cannot be.
        LockedError: If another run holds one.
    """
    if not stacks or engine.workers.stopping:  # they stay noted as they are
        return
    engine.progress.step("Settling what a killed run had left half done")
    why = engine.settle(stacks.values())
    if why:
        raise ToolError(
            "All is as it should be on the cluster, but not in the state that a killed run left:"
            f" {', '.join(sorted(why))}.",
            details="\n".join(f"{stack}: {reason}" for stack, reason in sorted(why.items())),
        )
