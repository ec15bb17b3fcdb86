"""``practicum reinstate``: undo a revocation."""

from __future__ import annotations

import click

from .handed_out import show_handout
from .options import Settings, as_json, confirm_all, pass_settings, say


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask, where nobody is named.")
@click.option("--replace-key", is_flag=True, help="Take the key on file, although it is another.")
@as_json
@pass_settings
@click.pass_context
def reinstate(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    ids: tuple[str, ...],
    *,
    yes: bool,
    replace_key: bool,
    as_json: bool,
) -> None:
    """Let revoked students in again, each with a new credential; the old one stays dead.

    \b
    Examples:
      practicum reinstate demo 20260001
      practicum reinstate demo --yes        everybody who is revoked
    """
    from ..lifecycle.access.reinstatement import reinstate as give_back
    from ..report import live

    confirm_all(ids, f"Give access back to all revoked students of {cohort}?", yes=yes)
    with live.progress(say) as progress:
        result = give_back(settings, cohort, ids, progress=progress, replace_key=replace_key)
    show_handout(context, result, as_json=as_json)
