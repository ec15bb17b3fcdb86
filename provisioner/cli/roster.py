"""``practicum roster``: bring in what the learning platform exports."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, get_args

import click

from ..cohort import Student
from ..cohort.difference import RosterDiff
from ..cohort.exports import importing
from ..cohort.exports.formats import Source
from ..cohort.exports.id_digits import Digits
from ..cohort.exports.imported import Asked
from ..cohort.exports.importing import Proposal
from ..errors import InputError
from ..settings import Settings
from .options import allow_drop_option, as_json, pass_settings, say, show_json, visible


@click.group()
def roster() -> None:
    """Import the course's roster from a learning platform.

    \b
    Examples:
      practicum roster import demo gradebook.csv --from canvas
    """


@roster.command("import")
@click.argument("cohort")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    type=click.Choice(list(get_args(Source))),
    required=True,
    help="Who wrote the file: a platform; korean for a school's portal; csv and xlsx for a list.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@allow_drop_option
@click.option("--encoding", metavar="NAME", help="Encoding of the file, where it is not found out.")
@click.option("--section-column", metavar="HEADER", help="Column of the section, if another.")
@click.option("--group-column", metavar="HEADER", help="Column of the group, if another.")
@click.option(
    "--id-digits",
    metavar="N|any",
    callback=lambda _context, _option, value: _digits(value),
    help="How many digits an id has; any: lengths differ, and no zeros were lost.",
)
@as_json
@pass_settings
def import_(  # noqa: PLR0913  (one parameter an option)
    settings: Settings,
    /,
    *,
    cohort: str,
    file: Path,
    source: Source,
    yes: bool,
    dry_run: bool,
    allow_drop: int | None,
    as_json: bool,
    **asked: Any,  # noqa: ANN401  (the fields of Asked)
) -> None:
    """Show how FILE differs from the roster of COHORT; ask, and write the roster.

    \b
    Examples:
      practicum roster import mls26 gradebook.csv --from canvas
      practicum roster import mls26 participants.csv --from moodle --yes
      practicum roster import mls26 출석부.xls --from korean --id-digits 10
      practicum roster import mls26 teams.xlsx --from xlsx --group-column Project
    """
    said = Asked(digits=asked.pop("id_digits"), **asked)
    proposal = importing.propose(settings.stacks, cohort, file, source, said)
    if not as_json:
        _show(proposal)
    proposal.check(allow_drop)
    written = not (dry_run or proposal.diff.is_empty) and _agreed(yes=yes)
    if written:
        proposal.write()
    if as_json:
        show_json({**proposal.as_json(), "written": written})
    elif written:
        click.echo(f"Wrote {proposal.path}. Next: practicum plan {cohort}")
        if proposal.diff.joins:
            say(
                "An export holds no keys; which are new or changed is told by: practicum keys import"
            )
    else:
        click.echo("Nothing was written.")


def _digits(value: str | None) -> Digits:
    """Read a number of digits, or the word that there is none."""
    if value is None:
        return None
    if value == "any":
        return "any"
    if not re.fullmatch(r"[1-9][0-9]?", value):
        raise InputError("--id-digits is a number of digits, or the word any.")
    return int(value)


def _agreed(*, yes: bool) -> bool:
    """Ask, unless the answer was given.

    Raises:
        InputError: If nobody is there to answer.
        click.Abort: If the answer is no.
    """
    try:
        agreed = yes or click.confirm("Write this roster?", err=True)
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C is an answer
            raise
        raise InputError(
            "Nothing was written, because nobody answered.", hint="Answer beforehand with: --yes"
        ) from None
    if not agreed:
        raise click.Abort
    return agreed


def _show(proposal: Proposal) -> None:
    for note in proposal.notes:
        say(f"note: {visible(note)}")
    for line, why in proposal.skipped:
        say(f"line {line} is no student: {visible(why)}")
    say(
        f"{proposal.rows} rows: 1 header, {len(proposal.students)} students,"
        f" {len(proposal.skipped)} others"
    )
    _show_diff(proposal.diff)
    for old, new, what in proposal.diff.likely_new_ids:
        click.echo(
            click.style(f"? {old.id} leaves and {new.id} joins, with the same {what}.", fg="yellow")
        )
    if proposal.diff.likely_new_ids:
        say("If that is one person with a new id, keep their work: practicum rename --help")


def _show_diff(diff: RosterDiff) -> None:
    for student in diff.joins:
        click.echo(click.style(f"+ {_line(student)}", fg="green"))
    for student in diff.leaves:
        click.echo(click.style(f"- {_line(student)}", fg="red"))
    changes = {
        "name": diff.renames,
        "section": diff.section_moves,
        "email": diff.email_changes,
        "group": diff.group_moves,
    }
    for what, pairs in changes.items():
        for before, after in pairs:
            old, new = getattr(before, what) or "none", getattr(after, what) or "none"
            line = f"~ {before.id}  {what}: {visible(old)} -> {visible(new)}"
            click.echo(click.style(line, fg="yellow"))
    changed = len({after.id for pairs in changes.values() for _, after in pairs})
    click.echo(
        f"{len(diff.joins)} join, {len(diff.leaves)} leave, "
        f"{changed} changed, {len(diff.same)} same"
    )


def _line(student: Student) -> str:
    return "  ".join(visible(part) for part in (student.id, student.name, student.section) if part)
