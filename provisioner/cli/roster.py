"""``practicum roster``: bring in what the learning platform exports."""

from __future__ import annotations

from pathlib import Path

import click

from ..cohort import Student, importing
from ..cohort.difference import RosterDiff
from ..cohort.formats import Source
from ..cohort.importing import Proposal
from ..errors import InputError
from ..settings import Settings
from .options import as_json, pass_settings, say, show_json, visible


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
    type=click.Choice(["canvas", "moodle", "csv"]),
    required=True,
    help="Who wrote the file.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@click.option("--allow-drop", type=int, metavar="N", help="Let exactly N students go.")
@click.option("--encoding", metavar="NAME", help="Encoding of the file, where it is not found out.")
@as_json
@pass_settings
def import_(  # noqa: PLR0913  (one parameter an option)
    settings: Settings,
    *,
    cohort: str,
    file: Path,
    source: Source,
    yes: bool,
    dry_run: bool,
    allow_drop: int | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Show how FILE differs from the roster of COHORT; ask, and write the roster.

    \b
    practicum roster import mls26 gradebook.csv --from canvas
    practicum roster import mls26 participants.csv --from moodle --yes
    """
    proposal = importing.propose(settings.stacks, cohort, file, source, encoding=encoding)
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
    else:
        click.echo("Nothing was written.")


def _agreed(*, yes: bool) -> bool:
    """Ask, unless the answer was given.

    Raises:
        InputError: If nobody is there to answer.
    """
    try:
        return yes or click.confirm("Write this roster?", err=True)
    except click.Abort:
        raise InputError(
            "Nothing was written, because nobody answered.", hint="Answer beforehand with: --yes"
        ) from None


def _show(proposal: Proposal) -> None:
    for note in proposal.notes:
        say(f"note: {visible(note)}")
    for line, why in proposal.skipped:
        say(f"line {line} is no student: {visible(why)}")
    _show_diff(proposal.diff)


def _show_diff(diff: RosterDiff) -> None:
    for student in diff.joins:
        click.echo(click.style(f"+ {_line(student)}", fg="green"))
    for student in diff.leaves:
        click.echo(click.style(f"- {_line(student)}", fg="red"))
    changes = {
        "name": diff.renames,
        "section": diff.section_moves,
        "email": diff.email_changes,
    }
    for what, pairs in changes.items():
        for before, after in pairs:
            old, new = getattr(before, what) or "none", getattr(after, what) or "none"
            line = f"~ {before.id}  {what}: {visible(old)} -> {visible(new)}"
            click.echo(click.style(line, fg="yellow"))
    click.echo(
        f"{len(diff.joins)} join, {len(diff.leaves)} leave, "
        f"{sum(map(len, changes.values()))} changed, {len(diff.same)} same"
    )


def _line(student: Student) -> str:
    return "  ".join(visible(part) for part in (student.id, student.name, student.section) if part)
