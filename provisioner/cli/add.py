"""``practicum add``: let a student join."""

from __future__ import annotations

from pathlib import Path

import click

from .changing import Manner, carry, change_options
from .options import Settings, pass_settings


@click.command()
@click.argument("cohort")
@click.argument("id")
@click.option("--name", required=True, help="For people; it goes nowhere but into the roster.")
@click.option("--section", default="", help="As the roster has it.")
@click.option("--group", default="", help="As the roster has it.")
@click.option("--email", default="", help="Where a mail merge sends the kubeconfig.")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The file with the student's public key.",
)
@change_options
@pass_settings
def add(  # noqa: PLR0913  (a command has as many parameters as options)
    settings: Settings,
    /,
    *,
    cohort: str,
    id: str,
    name: str,
    section: str,
    group: str,
    email: str,
    key: Path | None,
    **manner: bool,
) -> None:
    """Put the student ID into the roster of COHORT, and bring up this one alone.

    The roster keeps its order and its other columns. Nobody else is touched, also where
    something differs elsewhere.

    \b
    Examples:
      practicum add demo 20260031 --name "Ada Lovelace" --section A --key ada.pub
      practicum add demo 20260031 --name "Ada Lovelace" --yes --json
    """
    from ..lifecycle.membership import Newcomer
    from ..lifecycle.membership import add as let_join

    newcomer = Newcomer(id=id, name=name, section=section, group=group, email=email, key=key)
    carry(
        f"Add {id} to {cohort}?",
        Manner(**manner),
        lambda confirm, progress: let_join(
            settings, cohort, newcomer, confirm=confirm, progress=progress
        ),
    )
