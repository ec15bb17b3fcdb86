"""``practicum resume``: undo a suspension."""

from __future__ import annotations

import click

from .changing import Manner, carry, change_options
from .options import Settings, pass_settings


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="STUDENT...", nargs=-1, required=True)
@change_options
@pass_settings
def resume(settings: Settings, /, cohort: str, ids: tuple[str, ...], **manner: bool) -> None:
    """Let suspended students in again, and start again what was stopped.

    What a count was stands on the object itself, so any operator can do this.

    \b
    Examples:
      practicum resume demo 20260007
    """
    from ..lifecycle.suspension import resume as give_back

    carry(
        f"Resume {len(ids)} student(s) of {cohort}?",
        Manner(**manner),
        lambda confirm, progress: give_back(
            settings, cohort, ids, confirm=confirm, progress=progress
        ),
    )
