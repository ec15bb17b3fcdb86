"""``practicum adopt``: rebuild records and state from what runs."""

from __future__ import annotations

import click

from ..errors import PartialError
from .options import Settings, agree, as_json, pass_settings, say, show_json, show_lines


@click.command()
@click.argument("cohort")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@click.option("--dry-run", is_flag=True, help="Show what is there and stop.")
@as_json
@pass_settings
@click.pass_context
def adopt(
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Rebuild a cohort's records and Pulumi's state from the cluster, after a loss.

    For a lost or damaged `students.json`, a lost or damaged state, or a cluster that was
    built anew in the place of the old one. Nothing that runs is changed; files that
    cannot be used are kept under another name. Afterwards `practicum plan` says what differs.

    \b
    Examples:
      practicum adopt demo --dry-run
      practicum adopt demo --yes --json
    """
    from ..lifecycle.adopt import adopt as take_over
    from ..lifecycle.reading import Reading
    from ..report import live, recovery

    def confirm(reading: Reading) -> bool:
        for line in recovery.before_adoption(reading):
            say(line)
        if dry_run and as_json:
            show_json(recovery.before_adoption_document(reading))
        return not dry_run and (yes or agree(f"Adopt {cohort} as it runs there?", progress))

    with live.progress(say) as progress:
        result = take_over(settings, cohort, confirm=confirm, progress=progress)
    if result is None:
        say("Nothing was changed.")
        return
    if as_json:
        show_json(recovery.adoption_document(result))
    else:
        show_lines(recovery.adoption(result))
    if result.failed:
        context.exit(PartialError.exit_code)
