"""``practicum keys``: the public keys that students hand in."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ..cohort import key_import
from ..cohort.handed_in import Source
from ..cohort.key_import import KeyImport
from ..errors import PartialError, ProofError
from .options import (
    Settings,
    agree,
    as_json,
    pass_settings,
    say,
    show_json,
    show_lines,
    show_table,
)


@click.group()
def keys() -> None:
    """Import, list and audit the keys that students hand in.

    \b
    Examples:
      practicum keys import demo submissions.zip --from moodle
      practicum keys missing demo
      practicum keys audit demo
    """


@keys.command("import")
@click.argument("cohort")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    type=click.Choice(["moodle", "canvas", "folder", "github"]),
    required=True,
    help="What FILE is: a platform's zip of submissions, or a folder.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
@as_json
@pass_settings
@click.pass_context
def import_(  # noqa: PLR0913  (one parameter an option)
    context: click.Context,
    settings: Settings,
    cohort: str,
    file: Path,
    *,
    source: Source,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show what FILE would change in the keys of COHORT; ask, and write them.

    moodle and canvas: the zip of all submissions, one file a student. folder: files that
    are called by the id, as 20260001.pub. github: 20260001.keys, each as
    github.com/USER.keys shows it. What cannot be taken is told, and the rest is taken.

    \b
    Examples:
      practicum keys import demo submissions.zip --from canvas
      practicum keys import demo handed-in/ --from folder --yes
    """
    from ..lifecycle.access import bundle

    found = key_import.propose(settings.stacks, cohort, file, source)
    if not as_json:
        show_lines(_lines(found))
    changes = bool(found.new or found.changed) and not dry_run
    written = changes and (yes or agree("Write these keys?"))
    if written:
        found.write()
    if written or (yes and found.same and not dry_run):
        bundle.remember(settings, cohort, source, found.prefixes)
    if as_json:
        show_json(_document(found, written=written))
    else:
        show_lines(["Wrote them." if written else "Nothing was written."])
    if found.refused:
        context.exit(PartialError.exit_code)


@keys.command()
@click.argument("cohort")
@as_json
@pass_settings
def missing(settings: Settings, cohort: str, *, as_json: bool) -> None:
    """List the students who have handed in no key.

    \b
    Examples:
      practicum keys missing demo
      practicum keys missing demo --json | jq -r '.missing[]'
    """
    ids = [student.id for student in key_import.missing(settings.stacks, cohort)]
    if as_json:
        show_json({"cohort": cohort, "missing": ids})
    else:
        show_lines([*ids, f"{cohort}: {len(ids)} without a key"])


@keys.command()
@click.argument("cohort")
@as_json
@pass_settings
@click.pass_context
def audit(context: click.Context, settings: Settings, cohort: str, *, as_json: bool) -> None:
    """Compare who can open the files on disk with the keys on file and the cluster.

    Exits with 8 where anything differs.

    \b
    Examples:
      practicum keys audit demo
      practicum keys audit demo --json | jq '.files[] | select(.differences != [])'
    """
    from ..lifecycle.access.recipients import audit as look
    from ..report import documents

    found = look(settings, cohort)
    if as_json:
        show_json(documents.recipients(found))
    else:
        rows = [(one.id, one.written_to, "; ".join(one.differences) or "ok") for one in found.files]
        show_table(("id", "written to", "verdict"), rows)
        show_lines([f"{cohort}: {len(found.files)} encrypted kubeconfig(s) on disk"])
    if found.differs:
        context.exit(ProofError.exit_code)


def _lines(found: KeyImport) -> list[str]:
    for problem in found.refused:
        say(f"not taken: {problem}")
    lines = [f"+ {id}  {key.kind} {key.fingerprint}" for id, key in found.new.items()]
    lines += [f"~ {id}  {key.kind} {key.fingerprint}" for id, key in found.changed.items()]
    if found.changed:
        # Of several no one line for all: somebody would paste it and ask nobody.
        who = shlex.join(found.changed) if len(found.changed) == 1 else "STUDENT"
        say(
            "Somebody whose key changes gets no kubeconfig before you say that it is theirs:"
            f" practicum handout {found.cohort} {who} --replace-key"
        )
    counts = f"{len(found.new)} new, {len(found.changed)} changed, {len(found.same)} same"
    return [*lines, f"{counts}, {len(found.refused)} not taken, {len(found.missing)} missing"]


def _document(found: KeyImport, *, written: bool) -> dict[str, object]:
    return {
        "cohort": found.cohort,
        "new": list(found.new),
        "changed": list(found.changed),
        "same": list(found.same),
        "refused": [{"what": problem.where, "why": problem.what} for problem in found.refused],
        "missing": list(found.missing),
        "written": written,
    }
