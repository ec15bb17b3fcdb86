"""``practicum resize``: give students a quota of their own."""

from __future__ import annotations

import click

from ..errors import InputError
from .changing import Manner, carry, change_options
from .options import Settings, pass_settings


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="[STUDENT]...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="All who are in the roster now.")
@click.option(
    "--quota",
    "pairs",
    multiple=True,
    metavar="KEY=QUANTITY",
    help="A line of environment.quota in the cohort file, such as cpu=4; may be repeated.",
)
@click.option("--reset", is_flag=True, help="Back to what the cohort file says.")
@change_options
@pass_settings
def resize(
    settings: Settings,
    /,
    cohort: str,
    ids: tuple[str, ...],
    *,
    everybody: bool,
    pairs: tuple[str, ...],
    reset: bool,
    **manner: bool,
) -> None:
    """Give students another ceiling than the cohort has; other lines stay the cohort's.

    The quota of the whole course, also of those who join later, is changed in the cohort
    file and with `up`. --all is for some days, such as those before a deadline.

    \b
    Examples:
      practicum resize demo 20260007 --quota cpu=4 --quota memory=8Gi
      practicum resize demo --all --quota pods=40
      practicum resize demo 20260007 --reset
    """
    from ..lifecycle.allowance import Quotas
    from ..lifecycle.allowance import resize as change_quota

    if bool(ids) == everybody:
        raise InputError("Say either who, by their ids, or --all.")
    if bool(pairs) == reset:
        raise InputError("Say either --quota KEY=QUANTITY or --reset.")
    quotas = Quotas(ids=ids, everybody=everybody, pairs=pairs)
    carry(
        f"Change the quota of {'all' if everybody else len(ids)} student(s) of {cohort}?",
        Manner(**manner),
        lambda confirm, progress: change_quota(
            settings, cohort, quotas, confirm=confirm, progress=progress
        ),
    )
