"""``practicum hosts``: the machines that students log in to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import InputError
from .options import (
    Settings,
    agree,
    allow_drop_option,
    as_json,
    ask,
    ask_name,
    pass_settings,
    say,
    show_json,
    show_lines,
    show_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..lifecycle.host_report import HostsResult
    from ..lifecycle.hosts_down import HostsReceipt
    from ..lifecycle.hosts_scan import Keys, Scanned
    from ..lifecycle.hosts_status import HostsStatus
    from ..lifecycle.lab_hosts import Labs

Command = TypeVar("Command", bound="Callable[..., Any]")


def _end(
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


limit = click.option(
    "--limit", metavar="HOST", multiple=True, help="This host alone; may be said several times."
)
no_archive = click.option("--no-archive", is_flag=True, help="Keep no copy of homes that go.")


@click.group()
def hosts() -> None:
    """Make lab hosts ready by Ansible over SSH, keep them right, clean them up.

    Hosts stand under `hosts` in the cohort file, what students get there under `accounts`.

    \b
    Examples:
      practicum hosts scan demo            compare and pin the hosts' keys, once
      practicum hosts plan demo
      practicum hosts up demo
      practicum hosts down demo
    """


@hosts.command()
@click.argument("cohort")
@limit
@as_json
@pass_settings
@click.pass_context
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
    from ..lifecycle.hosts_status import status as read_status
    from ..report import hosts as text
    from ..report import live

    with live.progress(say) as progress:
        found = read_status(settings, cohort, limit=limit, progress=progress)
    _end(context, found, text.plan(found), as_json=as_json)


@hosts.command()
@click.argument("cohort")
@limit
@click.option("--failed", is_flag=True, help="Only hosts that the last run did not finish.")
@click.option("--check", is_flag=True, help="Ask what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@allow_drop_option
@no_archive
@as_json
@pass_settings
@click.pass_context
def up(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    limit: tuple[str, ...],
    failed: bool,
    check: bool,
    yes: bool,
    allow_drop: int | None,
    no_archive: bool,
    as_json: bool,
) -> None:
    """Make the hosts match the roster: accounts, keys, tools, dotfiles.

    A second run changes nothing. Students never change host. Homes of those who leave are
    archived first, encrypted to the course's key. A host that fails holds no other up; the
    exit code is 6 then, and --failed goes on with what is left.

    \b
    Examples:
      practicum hosts up demo
      practicum hosts up demo --check
      practicum hosts up demo --limit lab1 --yes --json
      practicum hosts up demo --failed
    """
    from ..lifecycle.hosts_up import Manner
    from ..lifecycle.hosts_up import up as bring_up
    from ..report import hosts as text
    from ..report import live

    def confirm(labs: Labs) -> bool:
        for line in text.placement(labs):
            say(line)
        return yes or agree(f"Change the hosts of {cohort}?", progress)

    manner = Manner(
        limit=limit,
        only_failed=failed,
        check=check,
        allow_drop=allow_drop,
        archive=not no_archive,
    )
    with live.progress(say) as progress:
        result = bring_up(settings, cohort, confirm=confirm, progress=progress, manner=manner)
    if result is None:
        say("Nothing was changed.")
        return
    _end(context, result, text.up(result), as_json=as_json)


@hosts.command()
@click.argument("cohort")
@limit
@as_json
@pass_settings
@click.pass_context
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
    from ..lifecycle.hosts_status import status as read_status
    from ..report import hosts as text
    from ..report import live

    with live.progress(say) as progress:
        found = read_status(settings, cohort, limit=limit, progress=progress)
    if not as_json:
        show_table(text.STATUS_COLUMNS, [text.status_row(host) for host in found.hosts])
    _end(context, found, text.status(found), as_json=as_json)


@hosts.command()
@click.argument("cohort")
@limit
@click.option("--check", is_flag=True, help="Ask what would go, and change nothing.")
@click.option("--yes", metavar="COHORT", help="The cohort's name again, instead of typing it.")
@no_archive
@as_json
@pass_settings
@click.pass_context
def down(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    limit: tuple[str, ...],
    check: bool,
    yes: str | None,
    no_archive: bool,
    as_json: bool,
) -> None:
    """Archive every home, remove the cohort's accounts, and prove that they are gone.

    Tools and packages stay. Each host is searched afterwards; the receipt is a JSON file.

    \b
    Examples:
      practicum hosts down demo
      practicum hosts down demo --check
      practicum hosts down demo --limit lab1 --yes demo --json
    """
    from ..lifecycle.hosts_down import down as take_down
    from ..lifecycle.hosts_down import look_ahead
    from ..report import hosts as text
    from ..report import live

    if check:
        with live.progress(say) as progress:
            found = look_ahead(
                settings, cohort, limit=limit, archive=not no_archive, progress=progress
            )
        _end(context, found, text.up(found), as_json=as_json)
        return
    typed = (
        yes if yes is not None else ask_name(f"Type the cohort's name to clear {cohort}'s hosts")
    )
    if typed != cohort:
        raise InputError(
            "The name does not match; nothing was changed.",
            hint=f"Run: practicum hosts down {cohort} --yes {cohort}",
        )
    with live.progress(say) as progress:
        receipt = take_down(
            settings, cohort, limit=limit, archive=not no_archive, progress=progress
        )
    _end(context, receipt, text.down(receipt), as_json=as_json)


@hosts.command()
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
    from ..errors import PartialError
    from ..lifecycle.hosts_scan import scan as look
    from ..report import hosts as text
    from ..report import live

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
