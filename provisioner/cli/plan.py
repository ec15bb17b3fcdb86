"""``practicum plan``: show what ``up`` would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import (
    Settings,
    as_json,
    keep,
    pass_settings,
    say,
    show_json,
    show_json_line,
    show_lines,
)

if TYPE_CHECKING:
    from ..lifecycle.overview import Overview

CHANGES = 10
"""Exit code of ``--detailed-exitcode`` when there are changes."""


@click.command()
@click.argument("cohort")
@as_json
@click.option("--full", is_flag=True, help="Show every student and every field.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 10 when there are changes, for scripts."
)
@click.option("--watch", is_flag=True, help="Stay, and show each difference as it comes and goes.")
@click.option(
    "--for", "duration", metavar="DURATION", help="Watch no longer than this, such as 10m."
)
@pass_settings
@click.pass_context
def plan(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    as_json: bool,
    full: bool,
    detailed_exitcode: bool,
    watch: bool,
    duration: str | None,
) -> None:
    """Show what `up` would change on the cluster, and change nothing.

    Each field that differs is shown with what it is and what it is to be; of a list, what
    goes (-) and what comes (+). Students who change alike are told together. What a secret
    holds is never shown.

    With --watch it stays: a line for each difference when it comes, and when it is right
    again. With --for as well it ends by itself, with 10 if something differs then and 0
    if not. --json then prints one document a line.

    \b
    Examples:
      practicum plan demo
      practicum plan demo --full
      practicum plan demo --watch --for 10m
      practicum plan demo --json | jq '.students[] | select(.action != "same")'
    """
    if duration and not watch:
        raise click.UsageError("--for goes with --watch")
    if watch:
        if _watch(settings, cohort, duration, as_json=as_json):
            context.exit(CHANGES)
        return
    from ..lifecycle import ahead

    asked = ahead.ask(settings, cohort)
    from ..lifecycle.backend import read  # meanwhile

    reading = read(settings, cohort, asked=asked)
    keep(reading)
    _show(reading, full=full, as_json=as_json)
    if detailed_exitcode and not reading.plan.is_empty:
        context.exit(CHANGES)


def _show(reading: Overview, *, full: bool, as_json: bool) -> None:
    if as_json:
        from ..report import documents

        show_json(documents.plan(reading))
        return
    from ..report import plan_text

    show_lines(plan_text.lines(reading, full=full))
    if not reading.plan.is_empty:
        say(f"Make it so with: practicum up {reading.cohort.name}")


def _watch(settings: Settings, cohort: str, duration: str | None, *, as_json: bool) -> bool:
    """Show differences as they come; returns whether there are some at the end."""
    from ..cohort import duration as durations
    from ..lifecycle.watch import Drift
    from ..lifecycle.watch import watch as stay
    from ..report import documents, text

    def tell(event: Drift) -> None:
        if as_json:
            show_json_line(documents.drift(cohort, event))
        else:
            show_lines([text.drift(event)])

    seconds = durations.parse(duration, "--for").total_seconds() if duration else None
    say(f"Watching {cohort}; Ctrl-C ends it.")
    return stay(settings, cohort, tell=tell, seconds=seconds)
