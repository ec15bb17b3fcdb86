"""``practicum hosts plan`` and ``status``: ask the hosts what they have; change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..options import Settings, as_json, pass_settings, say, show_table
from .ending import end, limit

if TYPE_CHECKING:
    from ...lifecycle.hosts.status import HostsStatus


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both take: the cohort, ``--limit`` and ``--json``."""
    receiving = pass_settings(click.pass_context(command))
    return click.argument("cohort")(limit(as_json(receiving)))


@click.command()
@reading_options
def plan(
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    limit: tuple[str, ...],
    as_json: bool,
) -> None:
    """Ask the hosts what they have, and show which accounts `hosts up` would change.

    What else would change, packages and files, is told by `hosts up --check`. A host that
    cannot be asked is told with the reason; the exit code is 6 then, or 5 where none can.

    \b
    Examples:
      practicum hosts plan demo
      practicum hosts plan demo --limit lab1 --json
    """
    from ...report import hosts as text

    found = _asked(settings, cohort, limit)
    end(context, found, text.plan(found), as_json=as_json)


@click.command()
@reading_options
def status(
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    limit: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show every host: reachable or not, how many students, what differs; changes nothing.

    The exit code is 6 where a host cannot be asked, or 5 where none can.

    \b
    Examples:
      practicum hosts status demo
      practicum hosts status demo --json | jq '.hosts[] | select(.state != "ready")'
    """
    from ...report import hosts as text

    found = _asked(settings, cohort, limit)
    if not as_json:
        show_table(text.STATUS_COLUMNS, [text.status_row(host) for host in found.hosts])
    end(context, found, text.status(found), as_json=as_json)


def _asked(settings: Settings, cohort: str, limit: tuple[str, ...]) -> HostsStatus:
    from ...lifecycle.hosts.status import status
    from ...report import live

    with live.progress(say) as progress:
        return status(settings, cohort, limit=limit, progress=progress)
