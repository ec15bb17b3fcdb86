"""``practicum hosts scan``: the keys of the hosts, compared and pinned."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..options import Settings, as_json, ask, pass_settings, say, show_json, show_lines
from .ending import limit

if TYPE_CHECKING:
    from ...lifecycle.hosts.scan import Keys, Scanned


@click.command()
@click.argument("cohort")
@limit
@click.option(
    "--expect",
    metavar="FINGERPRINT",
    multiple=True,
    help="Pin a host that shows this one (SHA256:…) without asking; for scripts.",
)
@as_json
@pass_settings
@click.pass_context
def scan(
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    limit: tuple[str, ...],
    expect: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the hosts' keys, and pin those that you confirm.

    Compare each fingerprint with what the machine's console, or whoever set it up, says:
    over the network anybody can show a key. They are kept in the cohort's known_hosts, and
    no other key is ever accepted.

    \b
    Examples:
      practicum hosts scan demo
      practicum hosts scan demo --limit lab1 --expect SHA256:ufzs0Ijm5IVSO3fEQ9jhC6CDh4z8WdVbBJrEcOa1B0A
    """
    from ...errors import PartialError
    from ...lifecycle.hosts.scan import scan as look
    from ...report import hosts as text
    from ...report import live

    def confirm(one: Scanned) -> Keys:
        for line in text.scanned(one):
            say(line)
        if expect:
            return one.known_by(expect)
        yes = sys.stdin.isatty() and ask(f"Is this {one.name}, and do you pin the key?", progress)
        return one.shown if yes else frozenset()

    with live.progress(say) as progress:
        result = look(settings, cohort, limit=limit, confirm=confirm, progress=progress)
    if as_json:
        show_json(result.to_json())
    else:
        show_lines(text.scan(result))
    if result.open:
        context.exit(PartialError.exit_code)
