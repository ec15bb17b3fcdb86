"""What the commands about lab hosts share: which hosts, and how they end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ..options import show_json, show_lines

if TYPE_CHECKING:
    from ...lifecycle.hosts.receipt import HostsReceipt
    from ...lifecycle.hosts.report import HostsResult
    from ...lifecycle.hosts.status import HostsStatus

limit = click.option(
    "--limit", metavar="HOST", multiple=True, help="This host alone; may be said several times."
)


def end(
    context: click.Context,
    result: HostsResult | HostsReceipt | HostsStatus,
    lines: Iterable[str],
    *,
    as_json: bool,
) -> None:
    """Show what was done, and end with the code that says whether that was all."""
    if as_json:
        show_json(result.to_json())
    else:
        show_lines(lines)
    if result.exit_code:
        context.exit(result.exit_code)
