"""``practicum render``: the manifests as YAML."""

from __future__ import annotations

import click

from .options import Settings, pass_settings


@click.command()
@click.argument("cohort")
@click.option("--student", metavar="ID", help="Only this student's objects.")
@click.option(
    "--authentication-config",
    "authentication",
    is_flag=True,
    help="Not the manifests, but what the API server must be told of auth.oidc.",
)
@pass_settings
def render(settings: Settings, cohort: str, student: str | None, *, authentication: bool) -> None:
    """Print the Kubernetes manifests of a cohort, for GitOps or for reading.

    \b
    Examples:
      practicum render demo --student 20260001
      practicum render demo | kubectl diff -f -
      practicum render demo --authentication-config
    """
    from ..lifecycle import render as rendering
    from ..manifest.yaml_text import as_yaml

    if authentication:
        manifests = [rendering.authentication(settings, cohort)]
    else:
        manifests = rendering.render(settings, cohort, student)
    click.echo(as_yaml(manifests), nl=False)
