"""What every command shares: the ``--json`` option, how an error is shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from ..errors import InputError, PracticumError
from ..settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

__all__ = [
    "Command",
    "Settings",
    "agree",
    "allow_drop_option",
    "as_json",
    "ask",
    "ask_name",
    "confirm_all",
    "keep",
    "pass_settings",
    "require_name",
    "say",
    "show_error",
    "show_json",
    "show_json_line",
    "show_lines",
    "show_table",
    "visible",
]

Command = TypeVar("Command", bound=Callable[..., Any])


pass_settings = click.make_pass_decorator(Settings)

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)

allow_drop_option = click.option(
    "--allow-drop",
    type=click.IntRange(min=0),
    metavar="N",
    help="Let exactly N students go, where that is more than 3 and than a tenth.",
)


_kept: list[object] = []


def keep(read: object) -> None:
    """Keep what a command has read until the process ends, which takes nothing apart.

    Else it would be when the command returns: a thirtieth of a `plan` of hundreds.
    """
    _kept[:] = [read]


def say(message: str) -> None:
    """Tell a person something on standard error, where it cannot spoil ``--json``.

    A terminal that was closed, or a reader that went away, stops no run.
    """
    with suppress(OSError):
        click.echo(visible(message), err=True)


def show_json(document: object) -> None:
    """Print the one JSON document of a ``--json`` command."""
    _show_json(json.dumps(document, indent=2, ensure_ascii=False))


def show_json_line(document: object) -> None:
    """Print one of the JSON documents of a command that stays: each in a line."""
    _show_json(json.dumps(document, ensure_ascii=False))


def _show_json(text: str) -> None:
    # JSON has an escape of its own for what a terminal would obey.
    click.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def show_lines(lines: Iterable[str]) -> None:
    """Print lines for a person."""
    for line in lines:
        click.echo(visible(line))


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], spare: Sequence[str] = ()
) -> None:
    """Print a table for a person; as wide as it must be where there is no terminal.

    Args:
        columns: The headings.
        rows: The cells.
        spare: Columns that a terminal too narrow for all goes without, the first one first.
    """
    from rich.console import Console
    from rich.measure import Measurement

    if not sys.stdout.isatty():
        Console(width=200, color_system=None).print(_table(columns, rows, ()))
        return
    console, rows = Console(), list(rows)
    gone = [
        name for number, name in enumerate(columns) if rows and not any(row[number] for row in rows)
    ]
    wide, missing = console.options.update(max_width=1000), 0
    for missing in range(len(spare) + 1):
        table = _table(columns, rows, (*gone, *spare[:missing]))
        if Measurement.get(console, wide, table).maximum <= console.width:
            break
    console.print(table)
    if left := [name for name in spare[:missing] if name not in gone]:
        say(f"Not shown here for want of room: {', '.join(left)}. All of it is in --json.")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], without: Sequence[str]) -> Table:
    """Lay a table out. No cell is shortened: who it is about must stay to be read."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    kept = [number for number, name in enumerate(columns) if name not in without]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number in kept:
        table.add_column(columns[number], overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(visible(row[number])) for number in kept))
    return table


class Display(Protocol):
    """What draws on the terminal meanwhile."""

    def paused(self) -> AbstractContextManager[None]:
        """Leave the terminal alone for as long as it lasts."""


def ask(question: str, shown: Display | None = None) -> bool:
    """Ask for a yes or a no.

    Args:
        question: Ends with a question mark.
        shown: Progress that is on the terminal, and would be drawn over the answer.

    Raises:
        InputError: If there is no terminal, so nobody to ask.
    """
    if not sys.stdin.isatty():
        raise InputError("There is nobody to ask here.", hint="Say --yes to go on.")
    with shown.paused() if shown else nullcontext():
        return click.confirm(question, err=True)


def agree(question: str, shown: Display | None = None) -> bool:
    """Ask for a yes; without it the command ends.

    Raises:
        InputError: If there is no terminal, so nobody to ask.
        click.Abort: If the answer is no.
    """
    if not ask(question, shown):
        raise click.Abort
    return True


def confirm_all(ids: Iterable[str], question: str, *, yes: bool) -> None:
    """Ask before something is done to all students because none was named.

    Raises:
        InputError: If there is no terminal and no ``--yes``.
        click.Abort: If the answer is no.
    """
    if not (tuple(ids) or yes):
        agree(question)


def ask_name(question: str) -> str:
    """Ask for a name to be typed; empty where there is nobody to type it."""
    if not sys.stdin.isatty():
        return ""
    answer: str = click.prompt(question, err=True, default="", show_default=False)
    return answer


def require_name(cohort: str, option: str | None, question: str, refusal: InputError) -> None:
    """Have a cohort's name given again, as an option or typed, before something of it goes.

    Raises:
        InputError: The refusal, if it is another name.
    """
    if (ask_name(question) if option is None else option) != cohort:
        raise refusal


def show_error(error: PracticumError) -> None:
    """Print an error on standard error: what, one line a problem, what to do."""
    # Click takes the colour away where it does not go to a terminal.
    label = click.style("Error: ", fg="red", bold=True)
    click.echo(label + visible(str(error)), err=True)
    for problem in error.problems:
        click.echo(f"  {visible(str(problem))}", err=True)
    if error.details:
        click.echo(visible(error.details), err=True)
    if error.hint:
        click.echo(f"Hint: {visible(error.hint)}", err=True)


def visible(text: str) -> str:
    r"""Escape what a terminal would obey: control characters and bidi overrides.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape").decode()
        for character in text
    )
