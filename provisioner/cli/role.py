"""``practicum role``: the rights that whoever runs a cohort needs."""

from __future__ import annotations

import click

from .options import Settings, as_json, pass_settings, show_json


@click.command()
@click.argument("cohort", required=False)
@click.option(
    "--impersonate",
    is_flag=True,
    help="Instead: the right to act as the students and assistants who have no token of ours,"
    " each by name, for `verify`. Print it anew when somebody joins.",
)
@as_json
@pass_settings
def role(settings: Settings, cohort: str | None, *, impersonate: bool, as_json: bool) -> None:
    """Print the ClusterRoles that whoever runs a cohort needs, for kubectl apply.

    Three of them: the guard installer sets up what all students share, the environment
    operator brings environments up and down, the proof reader lists every type of the
    cluster but Secrets. Secrets and tokens are bound by `up` itself, in the cohort's
    identity namespace alone, to those whom cohort.yaml names under operators.
    Without COHORT: those of every cohort.

    \b
    Examples:
      practicum role demo | kubectl apply -f -
      practicum role demo --json
      practicum role demo --impersonate | kubectl apply -f -
    """
    from ..lifecycle.role import every_cohort, impersonator, roles
    from ..manifest.yaml_text import as_yaml

    wanted = [cohort] if cohort else every_cohort(settings)
    if impersonate:
        manifests = [impersonator(settings, name) for name in wanted]
    else:
        manifests = [manifest for name in wanted for manifest in roles(settings, name)]
    if as_json:
        show_json({"apiVersion": "v1", "kind": "List", "items": manifests})
    else:
        click.echo(as_yaml(manifests), nl=False)
