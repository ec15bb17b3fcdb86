"""``practicum extend``: give students a last day of their own."""

from __future__ import annotations

import click

from ..cohort import duration
from ..errors import InputError
from .changing import Manner, carry, change_options
from .options import Settings, pass_settings


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="STUDENT...", nargs=-1, required=True)
@click.option(
    "--until",
    metavar="DATE",
    help="The last day with access, such as 2026-12-31 (UTC).",
)
@click.option("--reset", is_flag=True, help="Back to the term's end and its grace.")
@change_options
@pass_settings
def extend(
    settings: Settings,
    /,
    cohort: str,
    ids: tuple[str, ...],
    *,
    until: str | None,
    reset: bool,
    **manner: bool,
) -> None:
    """Let students keep their access until a later day than the others.

    The kubeconfig that they have ends when it would have; `rotate` gives one that ends on
    the new day. What they have on the cluster stays until the cohort is taken down.

    \b
    Examples:
      practicum extend demo 20260007 --until 2026-12-31
      practicum extend demo 20260007 --reset
    """
    from ..lifecycle.allowance import extend as lengthen

    if (until is None) == (not reset):
        raise InputError("Say either --until DATE or --reset.")
    day = duration.day(until, "--until") if until else None
    carry(
        f"Change the last day of {len(ids)} student(s) of {cohort}?",
        Manner(**manner),
        lambda confirm, progress: lengthen(
            settings, cohort, ids, day, confirm=confirm, progress=progress
        ),
    )
