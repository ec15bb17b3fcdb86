"""``practicum report``: what students used over the term."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Settings, as_json, pass_settings, say, show_json, show_lines, show_table

if TYPE_CHECKING:
    from ..usage import Usage

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("cohort")
@click.option("--sample", is_flag=True, help="Ask the cluster, keep one sample, and stop.")
@click.option("--prices", type=FILE, metavar="FILE", help="YAML file with what things cost.")
@click.option("--csv", type=FILE, metavar="FILE", help="Write a row a student, as CSV.")
@click.option("--bom", is_flag=True, help="Begin the CSV with the mark that Excel needs.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a page with charts, to print.")
@as_json
@pass_settings
def report(  # noqa: PLR0913  (a command has as many parameters as options)
    settings: Settings,
    cohort: str,
    *,
    sample: bool,
    prices: Path | None,
    csv: Path | None,
    bom: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """Show what each student had reserved over the term, and what it costs.

    It stands on samples: every `status` and `up` takes one, and a timer should, each hour.
    Hours without a sample are unknown, and are neither counted nor guessed. The cluster is
    not asked, so this works after `down` too.

    \b
    Examples:
      practicum report demo --sample       every hour, from a timer
      practicum report demo
      practicum report demo --prices prices.yaml --csv use.csv --html use.html
    """
    from ..lifecycle import usage
    from ..report import usage_text

    if bom and csv is None:
        raise click.UsageError("--bom goes with --csv")
    if sample and (prices or csv or html):
        raise click.UsageError("--sample takes a sample and stops; report in a second call")
    if sample:
        taken = usage.sample(settings, cohort)
        document, lines = usage_text.sampled_document(taken), [usage_text.sampled(taken)]
    else:
        found = usage.report(settings, cohort, prices=prices, now=datetime.now(UTC))
        _write(found, csv=csv, bom=bom, html=html)
        if found.samples and not (as_json or csv or html):
            rows = [usage_text.row(found, one) for one in found.students]
            show_table(usage_text.COLUMNS, rows, usage_text.SPARE)
        document, lines = usage_text.document(found), list(usage_text.lines(found))
    if as_json:
        show_json(document)
    else:
        show_lines(lines)


def _write(found: Usage, *, csv: Path | None, bom: bool, html: Path | None) -> None:
    from ..report import usage_page, usage_text

    if csv is not None:
        usage_text.write_csv(csv, found, bom=bom)
        say(f"Wrote {csv}")
    if html is not None:
        usage_page.write(html, found)
        say(f"Wrote {html}")
