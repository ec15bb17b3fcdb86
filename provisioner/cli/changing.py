"""What the commands share that change something for some students: options, plan, question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..errors import PartialError
from .options import Command, agree, as_json, say, show_json, show_lines

if TYPE_CHECKING:
    from ..lifecycle.change import Changed, Confirm
    from ..lifecycle.overview import Overview
    from ..lifecycle.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a person wants a change to go."""

    yes: bool
    dry_run: bool
    as_json: bool


def change_options(command: Command) -> Command:
    """Add ``--yes``, ``--dry-run`` and ``--json``."""
    options = [
        click.option("--yes", is_flag=True, help="Do not ask; for scripts."),
        click.option("--dry-run", is_flag=True, help="Show the plan and stop."),
        as_json,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def carry(
    question: str,
    manner: Manner,
    call: Callable[[Confirm, Progress], Changed | None],
    beforehand: Callable[[Overview], Iterable[str]] = lambda _: (),
) -> None:
    """Show the plan, ask, do it, and print what was done.

    Args:
        question: What is asked after the plan.
        manner: How a person wants it to go.
        call: Does it.
        beforehand: What is to be known besides the plan before anybody agrees.
    """
    from ..report import documents, live, plan_text, text

    with live.progress(say) as progress:

        def confirm(reading: Overview, notes: tuple[str, ...]) -> bool:
            notes = (*beforehand(reading), *notes)
            for line in [*plan_text.lines(reading), *notes]:
                say(line)
            if manner.dry_run and manner.as_json:
                show_json(documents.planned(reading, notes))
            return not manner.dry_run and (manner.yes or agree(question, progress))

        done = call(confirm, progress)
    if done is None:
        say("Nothing was changed.")
        return
    if manner.as_json:
        show_json(documents.changed(done))
    else:
        show_lines(text.changed(done))
    if done.result.failed or done.result.failed_groups:
        click.get_current_context().exit(PartialError.exit_code)
