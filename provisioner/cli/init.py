"""``practicum init``: a commented example to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ..cohort import ClusterAccess, template
from ..errors import InputError
from ..settings import Settings
from .options import pass_settings


@click.command()
@click.argument("cohort")
@click.option(
    "--backend",
    type=click.Choice(["namespace", "kind"]),
    default="namespace",
    show_default=True,
    help="What a student gets.",
)
@click.option("--cluster", type=click.Choice(["rehearsal"]), help="Use the rehearsal (default).")
@click.option("--kubeconfig", metavar="FILE", help="Use the cluster that this file describes.")
@click.option("--context", metavar="NAME", help="The context in the kubeconfig.")
@pass_settings
def init(
    settings: Settings,
    cohort: str,
    backend: str,
    cluster: str | None,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Write a commented example of a COHORT, which is valid at once.

    \b
    practicum init mls26
    practicum init ops26 --backend kind
    practicum init mls26 --kubeconfig ~/.kube/config --context course
    """
    if backend == "kind" and (cluster or kubeconfig or context):
        raise InputError("A course with kind clusters has no other cluster: leave that out.")
    where = _cluster(cluster, kubeconfig, context)
    written = template.init(
        settings.stacks, cohort, home=settings.home, backend=backend, cluster=where
    )
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(
        f"Edit {settings.stacks / cohort / 'cohort.yaml'}, then: practicum validate {cohort}"
    )


def _cluster(
    cluster: str | None, kubeconfig: str | None, context: str | None
) -> Literal["rehearsal"] | ClusterAccess:
    """Return which cluster the options name.

    Raises:
        InputError: If they name two, or half of one.
    """
    if not (kubeconfig or context):
        return "rehearsal"
    if cluster:
        raise InputError("--cluster rehearsal and --kubeconfig name two clusters; say one.")
    if not (kubeconfig and context):
        raise InputError("--kubeconfig and --context belong together; say both.")
    return ClusterAccess(kubeconfig=Path(kubeconfig), context=context)
