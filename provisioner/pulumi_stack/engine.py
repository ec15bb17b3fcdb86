"""Drive the Pulumi engine for one stack, inside a worker process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pulumi import automation
from semver import VersionInfo

from infra.program import ClusterTarget, declare_provider, declare_stack

from .. import cohort as cohorts
from ..cohort import groups as group_file
from ..cohort import records as record_file
from . import empty, events, sparing, stale
from .backend import PARALLEL
from .job import Job

Emit = Callable[[dict[str, Any]], None]
PROJECT = "practicum"


class _Command(automation.PulumiCommand):
    """The engine that the toolchain found: it knows the version, so no process asks."""

    def __init__(self) -> None:
        self.command = "pulumi"
        self.version = VersionInfo.parse("3.250.0")

    def run(self, args: list[str], *rest: Any, **options: Any) -> automation.CommandResult:  # noqa: ANN401
        """Run the engine; to destroy a stack also forgets it, which else takes a second run."""
        forget = ["--remove"] if "destroy" in args[:1] else []
        return super().run([*args, *forget], *rest, **options)


class _Stack(automation.Stack):
    """A stack that is used without being selected, and read back by nobody.

    The Automation API starts ``stack select`` before an operation and ``output`` (twice)
    and ``history`` after it: four processes that load the state again for nothing.
    """

    def __init__(self, name: str, workspace: automation.LocalWorkspace) -> None:
        self.name = name
        self.workspace = workspace

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool | None = None) -> automation.UpdateSummary:  # noqa: FBT001
        now = datetime.now(UTC)
        return automation.UpdateSummary("update", now, "", {}, {}, "succeeded", end_time=now)


def run(job: Job, homes: Path, emit: Emit) -> None:
    """Run one job to its end.

    Args:
        job: What is to be done.
        homes: Holds Pulumi's home of every stack; beside it lie the stacks' settings.
        emit: Told what happens.

    Raises:
        automation.ConcurrentUpdateError: If another run holds the stack.
        automation.CommandError: If the engine fails as a whole, or for some students.
    """
    sparing.spare()
    events.take_texts()
    stack = _Stack(job.stack, _workspace(job, homes))
    try:
        _operate(stack, job, emit)
    except automation.ConcurrentUpdateError as error:
        if not stale.all_dead(stale.holders(str(error))):
            raise
        # The cohort's own lock is ours, so no live run of this machine is in the way.
        stack.cancel()
        _operate(stack, job, emit)


def _operate(stack: _Stack, job: Job, emit: Emit) -> None:
    if job.operation == "destroy":
        _destroy(stack, emit)
    else:
        _up(stack, job, emit)


def _workspace(job: Job, homes: Path) -> automation.LocalWorkspace:
    backend = automation.ProjectBackend(os.environ["PULUMI_BACKEND_URL"])
    return automation.LocalWorkspace(
        work_dir=str(homes.parent),
        pulumi_home=str(homes / job.stack),
        program=_program(job),
        project_settings=automation.ProjectSettings(PROJECT, "python", backend=backend),
        pulumi_command=_Command(),
        # For the engine and the provider alone: the program would hand it on as an input.
        env_vars={"KUBECONFIG": job.kubeconfig},
    )


def _program(job: Job) -> Callable[[], None]:
    # It comes in the engine's environment; but there a colon would be read as two files.
    kubeconfig = job.kubeconfig if os.pathsep in job.kubeconfig else ""
    target = ClusterTarget(kubeconfig=kubeconfig, context=job.context)
    cohort = cohorts.load(Path(job.stacks), job.cohort)
    if job.operation == "destroy":
        return lambda: declare_provider(cohort, target)
    records = record_file.load(cohort.folder / "students.json")
    groups = group_file.load(group_file.file_of(cohort))
    return lambda: declare_stack(job.stack, cohort, records.values(), target, groups.values())


def _up(stack: _Stack, job: Job, emit: Emit) -> None:
    options: dict[str, Any] = {
        "parallel": PARALLEL,
        "refresh": job.refresh or None,
        "continue_on_error": True,
        "exclude": [urn for name in job.exclude for urn in (f"**::{name}", f"**::{name}/**")]
        or None,
        "show_secrets": False,
        "suppress_outputs": True,
        "suppress_progress": True,
        "color": "never",
        "on_event": _hear(emit),
    }
    if job.fresh and not empty.write(os.environ["PULUMI_BACKEND_URL"], PROJECT, stack.name):
        with suppress(automation.StackAlreadyExistsError):
            stack.workspace.create_stack(stack.name)
    try:
        stack.up(**options)
    except automation.StackNotFoundError:
        stack.workspace.create_stack(stack.name)
        stack.up(**options)


def _destroy(stack: _Stack, emit: Emit) -> None:
    try:
        stack.destroy(
            parallel=PARALLEL,
            continue_on_error=True,
            run_program=True,  # the state may name a kubeconfig of another operator
            show_secrets=False,
            suppress_outputs=True,
            suppress_progress=True,
            color="never",
            on_event=_hear(emit),
        )
    except automation.StackNotFoundError:
        return


def _hear(emit: Emit) -> Any:  # noqa: ANN401  (the Automation API hands on what we told it to)
    def on_event(text: str) -> None:
        if event := events.read(text):
            emit(event)

    return on_event
