"""``practicum rotate``: new credentials in place of old ones."""

from __future__ import annotations

from datetime import timedelta

import click

from ..errors import InputError
from .handed_out import show_handout
from .options import Settings, as_json, confirm_all, pass_settings, say, show_json, show_lines

OVERLAP = "24h"


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@click.option(
    "--overlap",
    metavar="TIME",
    help=f"How long the old one stays valid, as 24h, 2h30m or 7d.  [default: {OVERLAP}]",
)
@click.option("--now", is_flag=True, help="No overlap: the old one dies at once.")
@click.option("--sweep", "only_sweep", is_flag=True, help="Only end what is past its overlap.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@pass_settings
@click.pass_context
def rotate(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    ids: tuple[str, ...],
    *,
    overlap: str | None,
    now: bool,
    only_sweep: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Give a new credential to those who have one; the old one stays valid for a while.

    No cluster ends a token before its time by itself. An old one whose overlap is over is
    ended by the next `status`, `handout`, `rotate` or `up`, or from a timer by --sweep.

    \b
    Examples:
      practicum rotate demo
      practicum rotate demo 20260001 --overlap 2h30m
      practicum rotate demo 20260001 --now
      practicum rotate demo --sweep         in a crontab, every ten minutes
    """
    from ..lifecycle.access import handout
    from ..report import live

    length = _overlap(overlap, now=now)
    if only_sweep:
        if ids or overlap is not None or now:
            raise InputError("--sweep stands alone: it gives nobody a new credential.")
        _show_swept(cohort, handout.sweep(settings, cohort), as_json=as_json)
        return
    if now:
        confirm_all(ids, f"End the present access of all students of {cohort} at once?", yes=yes)
    with live.progress(say) as progress:
        result = handout.rotate(settings, cohort, ids, progress=progress, overlap=length)
    show_handout(context, result, as_json=as_json)


def _overlap(text: str | None, *, now: bool) -> timedelta:
    """Read the overlap.

    Raises:
        InputError: If it is no duration, or contradicts ``--now``.
    """
    from ..cohort import duration

    if now and text is not None:
        raise InputError("--now means no overlap: leave --overlap out.")
    return timedelta(0) if now else duration.parse(OVERLAP if text is None else text, "--overlap")


def _show_swept(cohort: str, swept: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        show_json({"cohort": cohort, "swept": list(swept)})
    else:
        show_lines([f"{cohort}: {len(swept)} old credential(s) ended", *swept])
