"""``practicum verify``: prove the isolation of a running cohort."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import ProofError
from .options import Settings, as_json, pass_settings, say, show_json, show_lines, show_table


@click.command()
@click.argument("cohort")
@click.option("--student", metavar="ID", help="Ask about this student in full, not about three.")
@click.option("--all", "every", is_flag=True, help="Ask about all students in full.")
@click.option(
    "--live",
    is_flag=True,
    help="Let pods look at the network; what they could not show is told, and exits with 8.",
)
@click.option(
    "--probe-image",
    metavar="IMAGE",
    default="",
    help="What those pods are made of; tool_image of the cohort file when left out.",
)
@as_json
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page to print or to hand on; it needs no other file.",
)
@pass_settings
@click.pass_context
def verify(  # noqa: PLR0913  (a command has as many parameters as options)
    context: click.Context,
    settings: Settings,
    cohort: str,
    *,
    student: str | None,
    every: bool,
    live: bool,
    probe_image: str,
    as_json: bool,
    html: Path | None,
) -> None:
    """Prove that students cannot reach, change or starve each other, by trying.

    Attacks run in two scratch environments of the cohort, which are deleted afterwards;
    students' own namespaces are only looked at. Exits with 8 when anything failed, and with
    --live also when anything stayed unproven that pods could have shown.

    \b
    Examples:
      practicum verify demo
      practicum verify demo --student 20260001
      practicum verify demo --live
      practicum verify demo --html isolation.html
      practicum verify demo --json | jq '.requirements[] | select(.verdict == "failed")'
    """
    from ..lifecycle.verify import Depth, verify_cohort
    from ..report import live as showing
    from ..report import verification, verify_page

    if student is not None and every:
        raise click.UsageError("--student and --all do not go together")
    with showing.progress(say) as progress:
        depth = Depth(student=student, every=every, live=live, image=probe_image)
        proof = verify_cohort(settings, cohort, depth, progress=progress)
    if html is not None:
        verify_page.write(html, proof)
    if as_json:
        show_json(verification.document(proof))
    else:
        show_table(verification.COLUMNS, verification.rows(proof))
        show_lines(verification.lines(proof))
    if proof.verdict != "passed":
        context.exit(ProofError.exit_code)
