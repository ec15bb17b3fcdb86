"""``practicum down``: take a cohort down, with proof."""

from __future__ import annotations

import click

from ..errors import InputError
from .options import (
    Settings,
    as_json,
    pass_settings,
    require_name,
    say,
    show_json,
    show_lines,
)


@click.command()
@click.argument("cohort")
@click.option("--yes", metavar="COHORT", help="The cohort's name again, instead of typing it.")
@click.option("--no-archive", is_flag=True, help="Keep no copy of the students' work.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted and stop.")
@click.option(
    "--wait",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    default=300,
    show_default=True,
    help="How long namespaces get to go before it is told what holds them.",
)
@click.option(
    "--force-finalize",
    metavar="STUDENT",
    multiple=True,
    help="Let go of this student's namespace, if it is stuck and nothing remains in it.",
)
@as_json
@pass_settings
@click.pass_context
def down(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    yes: str | None,
    no_archive: bool,
    dry_run: bool,
    wait: int,
    force_finalize: tuple[str, ...],
    as_json: bool,
) -> None:
    """Archive what students made, delete everything of a cohort, and prove that it is gone.

    The archives are encrypted to the course's key and read back before anything is deleted;
    whose work cannot be archived loses nothing. Namespaces are deleted by UID, Pulumi's
    state is cleared, and then every type that the cluster can list is searched. The receipt
    is a JSON file. Exit 0 only if the proof holds; done twice, the second time finds nothing
    to do.

    \b
    Examples:
      practicum down demo
      practicum down demo --yes demo --no-archive --json
      practicum down demo --wait 60 --force-finalize 20260001
    """
    from ..lifecycle.archives import archiving
    from ..lifecycle.backend import Ending
    from ..lifecycle.down import down as take_down
    from ..report import live, text

    archive = not no_archive
    if dry_run:
        _show_what_goes(settings, cohort, archive=archive, as_json=as_json)
        return
    if archive:
        folder = archiving.folder_of(settings, cohort)
        say(f"What students made is archived first, encrypted, in {folder}")
    require_name(
        cohort,
        yes,
        f"Type the cohort's name to delete {cohort}",
        InputError(
            "The name does not match; nothing was deleted.",
            hint=f"Run: practicum down {cohort} --yes {cohort}",
        ),
    )
    ending = Ending(archive=archive, patience=wait, force=force_finalize)
    with live.progress(say) as progress:
        receipt = take_down(settings, cohort, ending, progress=progress)
    if as_json:
        show_json(receipt.to_json())
    else:
        show_lines(text.down(receipt))
    if not receipt.proved:
        context.exit(receipt.exit_code)


def _show_what_goes(settings: Settings, cohort: str, *, archive: bool, as_json: bool) -> None:
    """Show what `down` would delete, and whether it would refuse."""
    from ..lifecycle import backend
    from ..lifecycle.archives import archiving
    from ..report import archives

    reading = backend.read(settings, cohort, needs_students=False)
    goes = backend.all_of(reading)
    plan = archives.Goes(
        cohort=cohort,
        names=tuple(goes.names),
        students=goes.students,
        folder=archiving.folder_of(settings, cohort) if archive else None,
        protected=reading.cohort.protect,
        course_key=reading.cohort.course_key is not None,
    )
    if as_json:
        show_json(plan.to_json())
    else:
        show_lines(plan.lines())
