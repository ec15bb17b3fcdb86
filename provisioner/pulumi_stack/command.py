"""The engine as the Automation API starts it: its version is known, and what it says is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from pulumi import automation
from semver import VersionInfo

Hear = Callable[[str], object] | None

TOLD = ("up", "destroy")
"""Operations whose output is kept; others print a whole state, or what we ask for."""


class Command(automation.PulumiCommand):
    """The engine that the toolchain found: it knows the version, so no process asks."""

    def __init__(self) -> None:
        self.command = "pulumi"
        self.version = VersionInfo.parse("3.250.0")

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Hear = None,
        on_error: Hear = None,
    ) -> automation.CommandResult:
        """Run the engine, and keep in the log what it says, as it says it.

        To destroy a stack also forgets it, which else takes a second run.
        """
        told = args[0] in TOLD
        forget = ["--remove"] if "destroy" in args[:1] else []
        return super().run(
            [*args, *forget],
            cwd,
            additional_env,
            on_output or (_keep if told else None),
            on_error or _keep,
        )


def _keep(line: str) -> None:
    """Write a line where the worker writes: into the stack's log, without secrets."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
