"""``practicum suspend``: take access away and keep the work."""

from __future__ import annotations

import click

from .changing import Manner, carry, change_options
from .options import Settings, pass_settings


@click.command()
@click.argument("cohort")
@click.argument("ids", metavar="STUDENT...", nargs=-1, required=True)
@click.option("--keep-pods", is_flag=True, help="Leave pods running that nobody owns.")
@change_options
@pass_settings
def suspend(
    settings: Settings, /, cohort: str, ids: tuple[str, ...], *, keep_pods: bool, **manner: bool
) -> None:
    """Take students' access away and stop what they run; their work stays where it is.

    Every request of theirs is answered with 403 within seconds. Deployments, StatefulSets
    and ReplicaSets go to zero, Jobs and CronJobs pause, volumes are kept, and no pod can be
    made. `resume` undoes all of it, with the same kubeconfig. A pod that nobody owns would
    not come back: the plan names it, and it ends unless --keep-pods is said.

    \b
    Examples:
      practicum suspend demo 20260007
      practicum suspend demo 20260007 --keep-pods --yes
    """
    from ..lifecycle.suspension import suspend as take_away

    carry(
        f"Suspend {len(ids)} student(s) of {cohort}?",
        Manner(**manner),
        lambda confirm, progress: take_away(
            settings, cohort, ids, keep_pods=keep_pods, confirm=confirm, progress=progress
        ),
    )
