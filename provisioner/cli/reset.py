"""``practicum reset``: one student's kind cluster, made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import Settings, agree, as_json, pass_settings, say
from .up import show_result

if TYPE_CHECKING:
    from ..lifecycle.overview import Overview


@click.command()
@click.argument("cohort")
@click.argument("id", metavar="STUDENT")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@click.option("--no-archive", is_flag=True, help="Keep no copy of the student's work.")
@as_json
@pass_settings
@click.pass_context
def reset(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    id: str,
    *,
    yes: bool,
    no_archive: bool,
    as_json: bool,
) -> None:
    """Delete the kind cluster of one student, and make it anew.

    What is in it is archived first, encrypted to the course's key. The kubeconfig that the
    student has opens nothing any more: give a new one with `handout`. Name, engine and ports
    stay.

    \b
    Examples:
      practicum reset demo 20260001
      practicum reset demo 20260001 --yes --no-archive
    """
    from ..lifecycle.backend import Again
    from ..lifecycle.reset import reset as make_anew
    from ..report import live

    def confirm(_reading: Overview) -> bool:
        kept = "" if no_archive else ", after it was archived"
        return yes or agree(f"Delete all that is in the cluster of {id}{kept}?", progress)

    again = Again(id=id, archive=not no_archive)
    with live.progress(say) as progress:
        result = make_anew(settings, cohort, again, confirm=confirm, progress=progress)
    show_result(context, result, as_json=as_json)
