"""``practicum reap``: take down what is past its end."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from ..errors import PartialError
from .options import Settings, agree, as_json, pass_settings, say, show_json, show_lines


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask; for a timer.")
@click.option("--dry-run", is_flag=True, help="Show what would be done and stop.")
@click.option(
    "--after",
    type=click.IntRange(min=1),
    metavar="DAYS",
    default=7,
    show_default=True,
    help="Days between the warning and the end.",
)
@as_json
@pass_settings
@click.pass_context
def reap(
    context: click.Context,
    settings: Settings,
    *,
    yes: bool,
    dry_run: bool,
    after: int,
    as_json: bool,
) -> None:
    """Take down the cohorts that are past their term and its grace.

    The first run that finds one only warns, and notes the day. A run at least a week later
    archives it and takes it down, as `down` does. A student whose own end is later holds
    the cohort back. What is protected is refused, and one that fails holds no other up;
    the exit code is then 6.

    \b
    Examples:
      practicum reap --dry-run
      practicum reap --yes                every night, from a timer
      practicum reap --yes --json | jq '.cohorts[] | select(.verdict == "warn")'
    """
    from ..lifecycle import reap as reaping
    from ..report import live
    from ..report import reaping as showing

    today = datetime.now(UTC).date()
    with live.progress(say) as progress:
        progress.step("Looking at every cohort")
        cases = reaping.survey(settings, today=today, after=after)
    if not as_json:
        show_lines([*showing.lines(cases), *showing.advice(cases)])
    due = [case.cohort for case in cases if case.verdict == "due"]
    if not dry_run:
        reaping.warn(settings, cases)
    if due and not dry_run:
        if not yes:
            agree(f"Take down {', '.join(due)}?")
        with live.progress(say) as progress:
            cases = reaping.reap(settings, cases, today=today, after=after, progress=progress)
        if not as_json:
            show_lines(showing.lines(case for case in cases if case.cohort in due))
    if as_json:
        show_json(showing.document(cases, today))
    if any(case.verdict in reaping.WRONG for case in cases):
        context.exit(PartialError.exit_code)
