"""``practicum validate``: read everything of a cohort, and touch nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from ..cohort import checking
from ..settings import Settings
from .options import as_json, pass_settings, show_json, visible


@click.command()
@click.argument("cohort")
@as_json
@pass_settings
def validate(settings: Settings, cohort: str, *, as_json: bool) -> None:
    """Check the files of COHORT: cohort.yaml, roster, keys and students.json.

    \b
    practicum validate mls26
    practicum validate mls26 --json
    """
    summary = checking.summary(settings.stacks, cohort)
    if as_json:
        show_json(summary)
        return
    _show(summary)
    click.echo(f"Next: practicum plan {cohort}")


def _show(summary: Mapping[str, Any]) -> None:
    click.echo(f"{summary['cohort']} is valid: {visible(summary['course'])}")
    click.echo(f"  term      {summary['term']['starts']} to {summary['term']['ends']}")
    click.echo(f"  cluster   {visible(summary['cluster'])}, backend {summary['backend']}")
    click.echo(f"  students  {summary['students']}: {summary['keyed']} with a key")
    if summary["unkeyed"]:
        click.echo(f"  unkeyed   {_some(summary['unkeyed'])}")
    for what in ("sections", "groups", "hosts"):
        if summary[what]:
            counted = (f"{visible(name)} ({n})" for name, n in Counter(summary[what]).items())
            click.echo(f"  {what:<9} {', '.join(counted)}")
    for column in summary["ignored_columns"]:
        click.echo(f"  ignored   the roster's column {visible(column)}")
    for note in summary["notes"]:
        click.echo(f"  note      {visible(note)}")


def _some(ids: list[str], most: int = 8) -> str:
    """Return the first few ids, and how many more there are."""
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(visible(id) for id in ids[:most]) + more
