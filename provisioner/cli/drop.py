"""``practicum drop``: let students leave."""

from __future__ import annotations

from collections.abc import Iterator

import click

from .changing import Manner, carry, change_options
from .options import Settings, allow_drop_option, pass_settings


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="STUDENT...", nargs=-1, required=True)
@allow_drop_option
@click.option("--no-archive", is_flag=True, help="Keep no copy of their work.")
@change_options
@pass_settings
def drop(
    settings: Settings,
    /,
    cohort: str,
    ids: tuple[str, ...],
    allow_drop: int | None,
    *,
    no_archive: bool,
    **manner: bool,
) -> None:
    """Take students out of the roster, and remove their environments and these alone.

    What is in their namespaces is archived, encrypted to the course's key, and goes, and their
    access with it. Who comes back gets a new
    environment under the old name. The public keys stay in the cohort's folder. To take
    access away and keep the work, `suspend` them.

    \b
    Examples:
      practicum drop demo 20260007
      practicum drop demo 20260007 20260008 --yes
    """
    from ..lifecycle import backend
    from ..lifecycle.archives.archiving import folder_of
    from ..lifecycle.leaving import Leaving
    from ..lifecycle.membership import drop as let_leave
    from ..lifecycle.overview import Overview
    from ..report import archives

    def beforehand(reading: Overview) -> Iterator[str]:
        leaving = len(backend.going(reading))
        yield from archives.to_archive(folder_of(settings, cohort), leaving, wanted=not no_archive)

    carry(
        f"Remove {len(ids)} student(s) from {cohort}, with all that is in their namespaces?",
        Manner(**manner),
        lambda confirm, progress: let_leave(
            settings,
            cohort,
            ids,
            confirm=confirm,
            progress=progress,
            leaving=Leaving(archive=not no_archive, allow=allow_drop),
        ),
        beforehand,
    )
