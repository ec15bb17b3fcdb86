"""``practicum handout``: give students their access."""

from __future__ import annotations

import click

from ..errors import PartialError
from .options import Settings, as_json, pass_settings, say, show_json, show_lines


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@click.option("--renew", is_flag=True, help="Also for those who have one; the old one dies.")
@as_json
@pass_settings
@click.pass_context
def handout(
    context: click.Context,
    settings: Settings,
    cohort: str,
    ids: tuple[str, ...],
    *,
    renew: bool,
    as_json: bool,
) -> None:
    """Give every student a kubeconfig, encrypted to their own public key.

    The files lie in HOME/handout/COHORT and may be sent by any way: only the student's
    private key opens them. Whoever has a valid one keeps it.

    \b
    Examples:
      practicum handout demo
      practicum handout demo 20260001 20260002
      practicum handout demo 20260001 --renew
    """
    from ..lifecycle.handout import handout as hand_out
    from ..report import documents, live, text

    with live.progress(say) as progress:
        result = hand_out(settings, cohort, ids, renew=renew, progress=progress)
    if as_json:
        show_json(documents.handout(result))
    else:
        show_lines(text.handout(result))
    if result.failed:
        context.exit(PartialError.exit_code)
