"""``practicum handout``: give students their access."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .handed_out import show_handout
from .options import Settings, as_json, pass_settings, say

if TYPE_CHECKING:
    from ..lifecycle.access.bundle import Kind


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@click.option("--renew", is_flag=True, help="Also for those who have one; the old one dies.")
@click.option(
    "--replace-key",
    is_flag=True,
    help="Take the key on file, although the last one was another; for students who are named.",
)
@click.option(
    "--bundle",
    type=click.Choice(["moodle", "canvas", "mail"]),
    help="Also write one file that the platform, or a mail merge, takes.",
)
@as_json
@pass_settings
@click.pass_context
def handout(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    ids: tuple[str, ...],
    *,
    renew: bool,
    replace_key: bool,
    bundle: Kind | None,
    as_json: bool,
) -> None:
    """Give every student a kubeconfig, encrypted to their own public key.

    The files lie in HOME/handout/COHORT and may be sent by any way: only the student's
    private key opens them. Whoever has a valid one keeps it. A student whose key on file
    is not the one of last time gets none until you say that it is theirs.

    \b
    Examples:
      practicum handout demo
      practicum handout demo 20260001 20260002
      practicum handout demo 20260001 --renew
      practicum handout demo 20260001 --replace-key
      practicum handout demo --bundle moodle
    """
    from ..lifecycle.access.handout import Wishes
    from ..lifecycle.access.handout import handout as hand_out
    from ..report import live

    wishes = Wishes(renew=renew, replace_key=replace_key, bundle=bundle)
    with live.progress(say) as progress:
        result = hand_out(settings, cohort, ids, progress=progress, wishes=wishes)
    show_handout(context, result, as_json=as_json)
