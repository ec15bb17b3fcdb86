"""``practicum plan``: show what ``up`` would change."""

from __future__ import annotations

import click

from .options import Settings, as_json, pass_settings, say, show_json, show_lines

CHANGES = 10
"""Exit code of ``--detailed-exitcode`` when there are changes."""


@click.command()
@click.argument("cohort")
@as_json
@click.option("--full", is_flag=True, help="Show every student and every field.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 10 when there are changes, for scripts."
)
@pass_settings
@click.pass_context
def plan(
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    as_json: bool,
    full: bool,
    detailed_exitcode: bool,
) -> None:
    """Show what `up` would change on the cluster, and change nothing.

    \b
    Examples:
      practicum plan demo
      practicum plan demo --full
      practicum plan demo --json | jq '.students[] | select(.action != "same")'
    """
    from ..lifecycle.reading import read
    from ..report import documents, text

    reading = read(settings, cohort)
    if as_json:
        show_json(documents.plan(reading))
    else:
        show_lines(text.plan(reading, full=full))
        if not reading.plan.is_empty:
            say(f"Make it so with: practicum up {cohort}")
    if detailed_exitcode and not reading.plan.is_empty:
        context.exit(CHANGES)
