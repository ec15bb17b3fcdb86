"""``practicum hosts up`` and ``down``: what students have on the hosts comes, and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ...errors import InputError
from ..options import (
    Settings,
    agree,
    allow_drop_option,
    as_json,
    pass_settings,
    require_name,
    say,
)
from .ending import end, limit

if TYPE_CHECKING:
    from ...lifecycle.hosts.reading import Labs

no_archive = click.option("--no-archive", is_flag=True, help="Keep no copy of homes that go.")


@click.command()
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
    from ...lifecycle.hosts.up import Manner
    from ...lifecycle.hosts.up import up as bring_up
    from ...report import hosts as text
    from ...report import live

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
    end(context, result, text.up(result), as_json=as_json)


@click.command()
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
    from ...lifecycle.hosts.down import down as take_down
    from ...lifecycle.hosts.down import look_ahead
    from ...report import hosts as text
    from ...report import live

    archive = not no_archive
    if check:
        with live.progress(say) as progress:
            found = look_ahead(settings, cohort, limit=limit, archive=archive, progress=progress)
        end(context, found, text.up(found), as_json=as_json)
        return
    require_name(
        cohort,
        yes,
        f"Type the cohort's name to clear {cohort}'s hosts",
        InputError(
            "The name does not match; nothing was changed.",
            hint=f"Run: practicum hosts down {cohort} --yes {cohort}",
        ),
    )
    with live.progress(say) as progress:
        receipt = take_down(settings, cohort, limit=limit, archive=archive, progress=progress)
    end(context, receipt, text.down(receipt), as_json=as_json)
