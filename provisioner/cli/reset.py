"""``practicum reset``: one student's kind cluster, made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .changing import Manner, carry, change_options
from .options import Settings, pass_settings

if TYPE_CHECKING:
    from ..lifecycle.change import Changed, Confirm
    from ..lifecycle.progress import Progress


@click.command()
@click.argument("cohort")
@click.argument("id", metavar="STUDENT")
@click.option("--no-archive", is_flag=True, help="Keep no copy of the student's work.")
@change_options
@pass_settings
def reset(  # noqa: PLR0913  (a command has as many parameters as options)
    settings: Settings,
    cohort: str,
    id: str,
    *,
    no_archive: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete the kind cluster of one student, and make it anew.

    What is in it is archived first, encrypted to the course's key. The kubeconfig that the
    student has opens nothing any more: give a new one with `handout`. Name, engine and ports
    stay.

    \b
    Examples:
      practicum reset demo 20260001 --dry-run
      practicum reset demo 20260001
      practicum reset demo 20260001 --yes --no-archive
    """
    from ..lifecycle.backend import Again
    from ..lifecycle.reset import reset as make_anew

    def call(confirm: Confirm, progress: Progress) -> Changed | None:
        again = Again(id=id, archive=not no_archive)
        return make_anew(settings, cohort, again, confirm=confirm, progress=progress)

    manner = Manner(yes=yes, dry_run=dry_run, as_json=as_json)
    carry(f"Delete all that is in the cluster of {id}?", manner, call)
