"""``practicum archive``: keep what students made, look into it, and bring it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import PartialError
from .options import Settings, agree, as_json, pass_settings, say, show_json, show_lines

if TYPE_CHECKING:
    from ..lifecycle.archives.restored import Restored

MAKE = "make"

file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
identity = click.option(
    "--identity",
    "-i",
    "identity",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="KEY",
    required=True,
    help="File of the private key: the course's, or a student's for the student's copy.",
)


class _MakeByDefault(click.Group):
    """Takes ``archive COHORT`` for ``archive make COHORT``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = [MAKE, *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_MakeByDefault)
def archive() -> None:
    """Keep what students made, encrypted; look into an archive; bring it back.

    `practicum archive COHORT [STUDENT]...` is short for `archive make`. `up` and `down`
    archive by themselves what they are about to delete.

    \b
    Examples:
      practicum archive demo
      practicum archive demo 20260001
      practicum archive open FILE --identity .practicum/keys/demo.agekey
      practicum archive restore demo 20260001 FILE --identity .practicum/keys/demo.agekey
    """


@archive.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@as_json
@pass_settings
@click.pass_context
def make(
    context: click.Context,
    settings: Settings,
    cohort: str,
    ids: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Archive every object in the namespaces of students; nothing is deleted.

    One file a student in HOME/archive/COHORT, encrypted to the course's key, read back and
    checked. In its folder students/, a copy that opens with the student's own key, without
    what the course set up. What bound volumes hold is in it where a pod can read them; every
    other volume is listed with the reason.

    \b
    Examples:
      practicum archive make demo
      practicum archive make demo 20260001 20260002 --json
    """
    from ..lifecycle.archives.archiving import make as keep
    from ..report import archives, live

    with live.progress(say) as progress:
        result = keep(settings, cohort, ids, progress=progress)
    if as_json:
        show_json(result.to_json())
    else:
        show_lines(archives.archived(result))
    if result.failed:
        context.exit(PartialError.exit_code)


@archive.command()
@click.argument("cohort")
@pass_settings
def key(settings: Settings, cohort: str) -> None:
    """Make the pair of keys for archives, and print the line for the cohort file.

    The private half goes to HOME/keys/COHORT.agekey: keep a copy of it somewhere safe. For
    a cohort from `init` that is done already; whoever has a key keeps it.

    \b
    Examples:
      practicum archive key demo
    """
    from ..cohort import FILE, load, template

    found = load(settings.stacks, cohort)
    private, file = settings.home / "keys" / f"{found.name}.agekey", found.folder / FILE
    public = template.course_key(private)
    click.echo(f"course_key: {public}")
    stands = found.course_key == public
    say(f"{'It stands in' if stands else 'Write this line into'} {file}; keep {private} safe.")


@archive.command("open")
@file
@identity
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the objects out, in plain, into a new folder.",
)
@as_json
def open_(file: Path, identity: Path, *, folder: Path | None, as_json: bool) -> None:
    """Check an archive and show what is in it, or unpack it.

    Every object is compared with its sha256. No cluster is asked.

    \b
    Examples:
      practicum archive open FILE --identity .practicum/keys/demo.agekey
      practicum archive open FILE --identity ~/.ssh/id_ed25519 --to my-work
    """
    from .. import archive as files
    from ..report import archives

    key = files.identity(identity)
    found = files.unpack(file, key, folder) if folder else files.checked(file, key)
    if as_json:
        show_json(found.to_json())
        return
    show_lines(archives.contents(found))
    if folder:
        say(f"Unpacked into {folder}, in plain: delete it when you are done.")


@archive.command()
@click.argument("cohort")
@click.argument("student")
@file
@identity
@click.option("--of", metavar="STUDENT", default="", help="Whose archive it is, after a rename.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Ask the cluster what it would take, and stop.")
@as_json
@pass_settings
@click.pass_context
def restore(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    student: str,
    file: Path,
    identity: Path,
    *,
    of: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring archived objects back into a student's present environment.

    It is done with the student's rights, and the cluster is asked for each object before
    the first one is made. What is there already is never changed; what the cluster or
    Practicum makes by itself is left to them.

    \b
    Examples:
      practicum archive restore demo 20260001 FILE --identity .practicum/keys/demo.agekey
      practicum archive restore demo 20260001 FILE -i KEY --dry-run --json
    """
    from ..lifecycle.archives.restoring import Source
    from ..lifecycle.archives.restoring import restore as bring_back
    from ..report import archives, live

    def confirm(planned: Restored) -> bool:
        for line in archives.restored(planned):
            say(line)
        return not dry_run and (yes or agree(f"Restore into {planned.namespace}?", progress))

    source = Source(path=file, key=identity, of=of)
    with live.progress(say) as progress:
        result = bring_back(settings, cohort, student, source, confirm=confirm, progress=progress)
    if as_json:
        show_json(result.to_json())
    else:
        show_lines(archives.restored(result))
    if result.partial:
        context.exit(PartialError.exit_code)
