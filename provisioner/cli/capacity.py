"""``practicum capacity``: will the class fit?"""

from __future__ import annotations

import click

from ..capacity import MOST
from ..errors import ProofError
from .options import Settings, as_json, pass_settings, show_json, show_lines, show_table


@click.command()
@click.argument("cohort")
@click.option(
    "--at-once",
    type=click.IntRange(min=1, max=MOST),
    metavar="N",
    help="How many students you expect to work at the same time; all, if you do not say.",
)
@as_json
@pass_settings
@click.pass_context
def capacity(
    context: click.Context, settings: Settings, cohort: str, *, at_once: int | None, as_json: bool
) -> None:
    """Say before class whether it fits, and what to do if not.

    What students and groups may use by their quotas is compared with what the nodes have,
    less what pods outside the course request; where students have kind clusters, what these
    take is compared with memory, cores, inotify and disk of each engine's machine. It works
    before the first `up`, and changes nothing. Exits with 8 when the class does not fit.

    \b
    Examples:
      practicum capacity demo
      practicum capacity demo --at-once 20
      practicum capacity demo --json | jq .most_at_once
    """
    from ..lifecycle.capacity import capacity as examine
    from ..report import capacity as showing

    found = examine(settings, cohort, at_once=at_once)
    if as_json:
        show_json(showing.document(found))
    else:
        show_table(showing.columns(found), showing.rows(found))
        show_lines(showing.lines(found))
    if not found.answer.fits:
        context.exit(ProofError.exit_code)
