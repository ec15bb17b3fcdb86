"""``practicum doctor``: check before anything is changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import BinaryIO

import click

from ..errors import ClusterError
from .options import Settings, as_json, pass_settings, show_json, visible

SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


@click.command()
@click.argument("cohort", required=False)
@click.option(
    "--id-token",
    type=click.File("rb"),
    metavar="FILE",
    help="What the school's login gave somebody, to see whether the cluster takes it; - reads it"
    " from standard input.",
)
@as_json
@pass_settings
@click.pass_context
def doctor(
    context: click.Context,
    settings: Settings,
    cohort: str | None,
    *,
    id_token: BinaryIO | None,
    as_json: bool,
) -> None:
    """Check tools, cluster, rights and state, and say what to do about each.

    \b
    Examples:
      practicum doctor           this machine
      practicum doctor demo      and the cluster of a cohort
      kubectl oidc-login get-token … | jq -r .status.token | practicum doctor demo --id-token -
    """
    from ..lifecycle.checks.doctor import doctor as examine

    if id_token and not cohort:
        raise click.UsageError("--id-token is tried on the cluster of a cohort: name it")
    token = id_token.read().decode(errors="replace").strip() if id_token else ""
    findings = []
    for finding in examine(settings, cohort, id_token=token):
        findings.append(finding)
        if not as_json:
            sign, colour = SIGNS[finding.verdict]
            click.echo(f"{click.style(sign, fg=colour)} {finding.about}: {visible(finding.found)}")
            if finding.fix and finding.verdict != "ok":
                click.echo(f"    {visible(finding.fix)}")
    if as_json:
        show_json({"findings": [asdict(finding) for finding in findings]})
    if any(finding.verdict == "failed" for finding in findings):
        context.exit(ClusterError.exit_code)
