"""Write docs/reference/commands.md from what the commands themselves say.

``--check`` writes nothing and exits with 1 where the page is behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from provisioner.cli import practicum

PAGE = Path(__file__).resolve().parent / "reference" / "commands.md"
WIDTH = 96

HEAD = """\
# Commands

What `practicum COMMAND --help` prints. This page is generated: `python docs/commands.py`.
Exit codes and the documents of `--json` have a page of their own: [exit codes](exit-codes.md),
[JSON](json.md).
"""


def main() -> int:
    """Write the page, or check it; returns the exit code."""
    page = "\n".join([HEAD, *_sections(practicum, "practicum", None)])
    if "--check" not in sys.argv[1:]:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    sys.stderr.write(
        f"{PAGE.name} is behind the commands. Write it with: python docs/commands.py\n"
    )
    return 1


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        max_content_width=WIDTH,
        terminal_width=WIDTH,
        help_option_names=practicum.context_settings["help_option_names"],
    )
    help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"## {context.command_path}\n\n```text\n{help_text}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found
            yield from _sections(found, below, context)


if __name__ == "__main__":
    sys.exit(main())
