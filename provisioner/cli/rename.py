"""``practicum rename``: correct a student's id or name."""

from __future__ import annotations

import click

from .changing import Manner, carry, change_options
from .options import Settings, pass_settings


@click.command()
@click.argument("cohort")
@click.argument("old", metavar="OLD-ID")
@click.argument("new", metavar="NEW-ID")
@click.option("--name", "called", help="The name that is right, where it is to change too.")
@change_options
@pass_settings
def rename(
    settings: Settings, /, cohort: str, old: str, new: str, called: str | None, **manner: bool
) -> None:
    """Correct a student's id, or with the same id twice the name.

    Roster, records, key and hand-out follow. The namespace keeps its name, with all that is
    in it, and the kubeconfig that the student has goes on working. A run that was cut off
    is finished by the same command.

    \b
    Examples:
      practicum rename demo 2026001 20260001
      practicum rename demo 20260001 20260001 --name "Ada King"
    """
    from ..lifecycle.correction import Correction
    from ..lifecycle.correction import rename as correct

    correction = Correction(old=old, new=new, name=called)
    carry(
        f"Correct {old} in {cohort}?",
        Manner(**manner),
        lambda confirm, progress: correct(
            settings, cohort, correction, confirm=confirm, progress=progress
        ),
    )
