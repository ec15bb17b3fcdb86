"""``practicum up``: make the cluster match the roster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from ..errors import PartialError
from .options import (
    Settings,
    agree,
    allow_drop_option,
    as_json,
    keep,
    pass_settings,
    say,
    show_json,
    show_lines,
)

if TYPE_CHECKING:
    from ..lifecycle.leaving import Leaving
    from ..lifecycle.overview import Overview
    from ..lifecycle.up_result import UpResult


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@allow_drop_option
@click.option(
    "--at-most",
    type=click.IntRange(min=1),
    metavar="N",
    help="Change at most N environments that are there and differ; new ones are made.",
)
@click.option("--no-archive", is_flag=True, help="Keep no copy of the work of those who leave.")
@click.option(
    "--force-finalize",
    metavar="STUDENT",
    multiple=True,
    help="Let go of the namespace of this student, who left, if it is stuck and empty.",
)
@as_json
@pass_settings
@click.pass_context
def up(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    ids: tuple[str, ...],
    *,
    yes: bool,
    dry_run: bool,
    allow_drop: int | None,
    at_most: int | None,
    no_archive: bool,
    force_finalize: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the cluster match the roster: show the plan, ask, then do it.

    Only what differs is touched; a second `up` changes nothing. What somebody changed
    by hand in what Practicum owns is put right. Where students are named, these alone are
    touched, and nothing that all share; else the cohort's lab hosts are made right as well,
    as by `hosts up`. What those who leave have made is archived first,
    encrypted to the course's key; whose work cannot be, stays.

    \b
    Examples:
      practicum up demo
      practicum up demo --yes --json
      practicum up demo --allow-drop 12     after a section has left
      practicum up demo 20260001            this student alone
      practicum up demo --at-most 10        an upgrade, in steps
    """
    from ..lifecycle.holding import holding

    with holding(settings, cohort, say) as held:
        keep(held)
        from ..lifecycle.choice import Choice  # meanwhile
        from ..lifecycle.leaving import Leaving
        from ..lifecycle.up import Wishes
        from ..lifecycle.up import up as bring_up
        from ..report import live

        leaving = Leaving(archive=not no_archive, force=force_finalize, allow=allow_drop)
        wishes = Wishes(choice=Choice(ids=ids, at_most=at_most), leaving=leaving, dry_run=dry_run)

        def confirm(reading: Overview) -> bool:
            _show_plan(settings, reading, leaving)
            if dry_run and as_json:
                from ..report import documents

                show_json(documents.planned(reading))
            return not dry_run and (yes or agree(f"Change {cohort} on the cluster?", progress))

        with live.progress(say) as progress:
            result = bring_up(
                settings, cohort, confirm=confirm, progress=progress, wishes=wishes, before=held
            )
    show_result(context, result, as_json=as_json)


def _show_plan(settings: Settings, reading: Overview, leaving: Leaving) -> None:
    from ..lifecycle import backend
    from ..lifecycle.archives.archiving import folder_of
    from ..report import archives, hosts, plan_text, status

    going, folder = backend.going(reading), folder_of(settings, reading.cohort.name)
    lines = [
        status.term(reading.cohort.term, datetime.now(UTC).date()),
        *plan_text.lines(reading),
        *archives.to_archive(folder, len(going), wanted=leaving.archive),
        *(hosts.placement(reading.labs) if reading.labs else ()),
    ]
    for line in lines:
        say(line)


def show_result(context: click.Context, result: UpResult | None, *, as_json: bool) -> None:
    """Print what came of it, or that nothing was changed, and exit with its code."""
    if result is None:
        say("Nothing was changed.")
        return
    if as_json:
        from ..report import documents

        show_json(documents.up(result))
    else:
        from ..report import text

        show_lines(text.up(result))
    if not result.is_whole:
        context.exit(PartialError.exit_code)
