"""``practicum toolchain``: which programs are used, after building the missing ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from ..errors import MissingToolError
from .options import as_json, say, show_json

if TYPE_CHECKING:
    from ..toolchain import Tool


@click.command()
@click.option(
    "--check", is_flag=True, help="Only look: build nothing, and exit 4 if one is missing."
)
@click.option(
    "--verify", is_flag=True, help="Hash what was built before; build what is broken again."
)
@as_json
def toolchain(*, check: bool, verify: bool, as_json: bool) -> None:
    """Find, or build, the programs that Practicum drives.

    Each one is taken from PATH when its version fits, else from the cache
    ($XDG_CACHE_HOME/practicum/toolchain), else it is built from pinned Go modules. The
    first build of all of them takes about 15 minutes on two cores; it happens once.

    \b
    Examples:
      practicum toolchain            build what is missing, and list everything
      practicum toolchain --check    list only
      practicum toolchain --json     the same for a program
    """
    from .. import toolchain as tools

    found: Mapping[str, Tool | None] = (
        tools.look(verify=verify) if check else tools.find(say=say, verify=verify)
    )
    if as_json:
        show_json({"tools": [_entry(name, tool) for name, tool in found.items()]})
    else:
        click.echo(_table(found))
    missing = [name for name, tool in found.items() if tool is None]
    if missing:
        raise MissingToolError(
            f"Missing: {', '.join(missing)}.", hint="Build them with: practicum toolchain"
        )


def _entry(name: str, tool: Tool | None) -> dict[str, str | None]:
    if tool is None:
        return {"name": name, "version": None, "path": None, "from": "missing"}
    return {
        "name": name,
        "version": tool.version,
        "path": str(tool.path),
        "from": tool.source,
    }


def _table(found: Mapping[str, Tool | None]) -> str:
    rows = [("NAME", "VERSION", "FROM", "PATH")]
    for name, tool in found.items():
        rows.append(
            (name, tool.version, tool.source, str(tool.path))
            if tool
            else (name, "-", "missing", "")
        )
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
