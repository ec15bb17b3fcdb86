"""How each command that gives out kubeconfigs ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import PartialError
from .options import show_json, show_lines

if TYPE_CHECKING:
    from ..lifecycle.access.giving import HandoutResult


def show_handout(context: click.Context, result: HandoutResult, *, as_json: bool) -> None:
    """Show who got a kubeconfig and who did not; exit with 6 where somebody failed."""
    from ..report import documents, text

    if as_json:
        show_json(documents.handout(result))
    else:
        show_lines(text.handout(result))
    if result.failed:
        context.exit(PartialError.exit_code)
