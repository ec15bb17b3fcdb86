"""``practicum revoke``: take access back at once."""

from __future__ import annotations

import click

from ..errors import PartialError
from .options import Settings, as_json, confirm_all, pass_settings, say, show_json, show_lines


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask, where nobody is named.")
@as_json
@pass_settings
@click.pass_context
def revoke(
    context: click.Context,
    settings: Settings,
    cohort: str,
    ids: tuple[str, ...],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Kill students' credentials, and give them no other until `reinstate`.

    Their environments and their work stay. The note stands on the cluster, so that every
    operator sees it, also when a student leaves the roster and comes back.

    \b
    Examples:
      practicum revoke demo 20260001
      practicum revoke demo --yes           everybody
    """
    from ..lifecycle.access.revoke import revoke as take_back
    from ..report import documents, live, text

    confirm_all(ids, f"Take the access of all students of {cohort} back?", yes=yes)
    with live.progress(say) as progress:
        result = take_back(settings, cohort, ids, progress=progress)
    if as_json:
        show_json(documents.revoke(result))
    else:
        show_lines(text.revoke(result))
    if result.failed:
        context.exit(PartialError.exit_code)
