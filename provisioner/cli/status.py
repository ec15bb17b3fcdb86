"""``practicum status``: show every student's environment."""

from __future__ import annotations

import click

from .options import Settings, as_json, pass_settings, say, show_json, show_lines, show_table


@click.command()
@click.argument("cohort")
@as_json
@pass_settings
def status(settings: Settings, cohort: str, *, as_json: bool) -> None:
    """Show every student's environment, credential and quota use.

    An old credential whose overlap after a `rotate` is over is ended on the way.

    \b
    Examples:
      practicum status demo
      practicum status demo --json | jq '.students[] | select(.phase != "ready")'
    """
    from ..lifecycle.status import status as read_status
    from ..report import documents
    from ..report import status as status_text

    found = read_status(settings, cohort, say=say)
    if as_json:
        show_json(documents.status(found))
        return
    show_lines(status_text.header(found))
    rows = [status_text.row(row, found) for row in found.students]
    show_table(status_text.COLUMNS, rows, status_text.SPARE)
