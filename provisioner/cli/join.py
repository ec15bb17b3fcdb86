"""``practicum join``: open a hand-out on a student's own machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import say, show_lines, visible

if TYPE_CHECKING:
    from ..join import Clash, Merged, Trial

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--identity",
    "-i",
    "identities",
    type=FILE,
    metavar="KEY",
    multiple=True,
    help="Private key, of SSH or age; by default the usual files in your home directory.",
)
@click.option(
    "--kubeconfig",
    type=FILE,
    metavar="FILE",
    help="Where the access is put; by default where kubectl looks.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Replace without asking what is there by the same name for another cluster.",
)
@click.pass_context
def join(
    context: click.Context,
    file: Path,
    *,
    identities: tuple[Path, ...],
    kubeconfig: Path | None,
    replace: bool,
) -> None:
    """Open the hand-out FILE with your key, put it where kubectl looks, and try it.

    Other clusters in your kubeconfig stay as they are; you are asked before something of the
    same name goes that leads to another cluster. The key is an SSH key (ed25519 or
    RSA) or an age key that lies in a file; a passphrase is asked for and never kept.

    \b
    Examples:
      practicum join 20260001.kubeconfig.age
      practicum join 20260001.kubeconfig.age --identity ~/.ssh/id_ed25519
    """
    from .. import join as joining
    from ..errors import ClusterError

    home = Path.home()
    content, key = joining.open_file(file, identities or joining.find(home), _ask)
    say(f"Opened with {key}")
    path = kubeconfig or joining.place(os.environ, home)
    merged = joining.put(content, path, lambda clash: replace or _agrees(clash))
    trial = joining.tried(merged)
    show_lines(_told(merged, trial, named=kubeconfig is not None))
    if trial.works is False:
        context.exit(ClusterError.exit_code)


def _agrees(clash: Clash) -> bool:
    """Ask whether what is there may go; where nobody can answer it stays."""
    return sys.stdin.isatty() and click.confirm(visible(f"{clash}. Replace it?"), err=True)


def _ask(key: str) -> str:
    """Ask for a passphrase where somebody can type it unseen."""
    if not sys.stdin.isatty():
        return ""
    answer: str = click.prompt(
        f"Passphrase of {key}", hide_input=True, err=True, default="", show_default=False
    )
    return answer


def _told(merged: Merged, trial: Trial, *, named: bool) -> list[str]:
    lines = [
        f"{'Renewed' if merged.replaced else 'Added'} the context {merged.context} in {merged.path}"
    ]
    if merged.before and merged.before != merged.context:
        lines.append(f"Back to the one before: kubectl config use-context {merged.before}")
    lines.append(trial.found)
    if trial.fix:
        lines.append(trial.fix)
    if trial.works:
        flag = f" --kubeconfig {merged.path}" if named else ""
        lines.append(f"Next: kubectl{flag} get pods        (your namespace is {merged.namespace})")
    return lines
