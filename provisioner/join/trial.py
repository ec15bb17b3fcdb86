"""Try a kubeconfig with the student's own kubectl, and say what its answer means."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass

from .. import shell
from ..errors import ToolError
from .merge import Merged

SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Whether the access works."""

    works: bool | None
    """None where it could not be tried."""

    found: str
    fix: str = ""


_ANSWERS = (
    (r"unauthorized|must be logged in|provide credentials", "The cluster does not take the"
     " credential: it has ended, or was replaced.", "Ask for a new hand-out."),
    (r"certificate|x509", "The server is not the one that the hand-out names.",
     "Ask who gave it to you; do not turn the check off."),
    (r"no such host|lookup .* on|dial tcp|refused|timeout|timed out|unreachable|deadline",
     "The cluster does not answer from here.",
     "Is a VPN needed? Try again with: kubectl get pods"),
    (r"forbidden", "The cluster knows you, and gives you nothing there.", "Ask who runs the course."),
    (r"unknown command \"oidc-login\"|oidc-login", "kubectl lacks the plug-in for the school's"
     " login.", "Install it: kubectl krew install oidc-login"),
)  # fmt: skip


def tried(merged: Merged) -> Trial:
    """Ask the cluster something that every student may: what runs in the own namespace."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return Trial(
            works=None,
            found="kubectl is not installed here, so it was not tried.",
            fix="Install kubectl: https://kubernetes.io/docs/tasks/tools/",
        )
    try:
        shell.run(
            kubectl, "--kubeconfig", merged.path, "--context", merged.context,
            "get", "pods", f"--request-timeout={SECONDS:g}s",
            env=dict(os.environ), timeout=SECONDS * 3,
        )  # fmt: skip
    except ToolError as error:
        return _failed(f"{error.message}\n{error.details or ''}")
    return Trial(works=True, found="The cluster answers, and you may work there.")


def _failed(said: str) -> Trial:
    for pattern, found, fix in _ANSWERS:
        if re.search(pattern, said, re.IGNORECASE):
            return Trial(works=False, found=found, fix=fix)
    last = [line for line in said.splitlines() if line.strip()][-1]
    return Trial(
        works=False, found=f"kubectl failed: {last[:200]}", fix="Show this to your teacher."
    )
