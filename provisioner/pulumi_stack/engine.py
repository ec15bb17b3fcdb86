"""Drive the Pulumi engine for one stack, inside a worker process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pulumi import automation

from infra.program import ClusterTarget, declare_stack, declared_names

from .. import cohort as cohorts
from ..cohort import clusters
from ..cohort import groups as group_file
from ..cohort import records as record_file
from . import at_work, empty, events, sparing, stale, state, state_file
from .backend import PARALLEL
from .command import Command
from .job import Job
from .state import PROJECT

Emit = Callable[[dict[str, Any]], None]


UNREADABLE = "failed to load checkpoint"
"""What Pulumi says of a state in a bucket that it cannot make sense of."""


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
        DamagedStateError: If the stack's saved state must not be used.
        NewerStateError: If a later Pulumi or provider wrote it.
        automation.ConcurrentUpdateError: If another run holds the stack.
        automation.CommandError: If the engine fails as a whole, or for some students.
    """
    sparing.spare()
    events.take_texts()
    url = os.environ["PULUMI_BACKEND_URL"]
    stack = _Stack(job.stack, _workspace(job, homes))
    state_file.clear_garbled_locks(url, job.stack)
    try:
        with at_work.noted(url, job.stack, homes) as ours:
            _operate_alone(stack, job, emit, ours)
    finally:
        state_file.shorten_history(url, job.stack)


def _operate_alone(stack: _Stack, job: Job, emit: Emit, ours: at_work.Ours) -> None:
    """Run a job, where need be by taking away what a killed run of this home has left."""
    try:
        _operate(stack, job, emit)
    except automation.ConcurrentUpdateError as error:
        found = stale.holders(str(error))
        if not (stale.all_dead(found) and all(ours(one.since.timestamp()) for one in found)):
            raise
        # The cohort's own lock is ours, so no live run of this home is in the way.
        stack.cancel()
        _operate(stack, job, emit)


def _operate(stack: _Stack, job: Job, emit: Emit) -> None:
    if job.operation == "set aside":
        _set_aside(stack, emit)
    elif job.operation == "destroy":
        _destroy(stack)
    else:
        _up(stack, _with_sound_state(stack, job), emit)


def _with_sound_state(stack: _Stack, job: Job) -> Job:
    """Give the engine only a state that it can be trusted with; returns the job for it."""
    saved, restored = _saved(stack)
    if saved is None:
        return job
    if tidied := state.tidy(saved, _names(job)):
        stack.import_stack(automation.Deployment(**tidied.to_json()))
    # What a state says that is older than we think is to be held against the cluster.
    unsure = restored or (job.fresh and bool(saved.resources))
    return replace(job, refresh=job.refresh or unsure, fresh=False)


def _saved(stack: _Stack) -> tuple[state.Saved | None, bool]:
    """Return a stack's saved state, and whether it had to be restored."""
    provider = version("pulumi_kubernetes")
    path = state_file.path_of(os.environ["PULUMI_BACKEND_URL"], stack.name)
    if path is None:
        return _exported(stack, provider), False
    try:
        return state_file.read(path, stack.name, provider=provider), False
    except state.DamagedStateError:
        if not state_file.restore(path, stack.name, provider=provider):
            raise
        return state_file.read(path, stack.name, provider=provider), True


def _exported(stack: _Stack, provider: str) -> state.Saved | None:
    """Ask Pulumi for a state that lies in a bucket: a process more, so only there."""
    try:
        found = stack.export_stack()
    except automation.StackNotFoundError:
        return None
    except automation.CommandError as error:
        if UNREADABLE in str(error):
            raise state.DamagedStateError("it is empty, cut off or no JSON") from None
        raise
    saved = state.Saved(version=found.version or 0, deployment=dict(found.deployment or {}))
    state.check(saved, stack.name, provider=provider)
    return saved


def _set_aside(stack: _Stack, emit: Emit) -> None:
    """Rename a state that must not be used, and leave every other as it is."""
    path = state_file.path_of(os.environ["PULUMI_BACKEND_URL"], stack.name)
    try:
        saved, _ = _saved(stack)
    except state.DamagedStateError:
        if path is None:
            raise
        emit({"event": "aside", "kept": state_file.set_aside(path).name})
        saved = None
    emit({"event": "state", "resources": len(saved.resources) if saved else 0})


def _names(job: Job) -> set[str]:
    cohort = cohorts.load(Path(job.stacks), job.cohort)
    records = record_file.load(cohort.folder / "students.json")
    groups = group_file.load(group_file.file_of(cohort))
    return declared_names(job.stack, cohort, records.values(), groups.values())


def _workspace(job: Job, homes: Path) -> automation.LocalWorkspace:
    backend = automation.ProjectBackend(os.environ["PULUMI_BACKEND_URL"])
    return automation.LocalWorkspace(
        work_dir=str(homes.parent),
        pulumi_home=str(homes / job.stack),
        program=_program(job),
        project_settings=automation.ProjectSettings(PROJECT, "python", backend=backend),
        pulumi_command=Command(),
        # For the engine and the provider alone: the program would hand it on as an input.
        env_vars=_targets(job),
    )


def _targets(job: Job) -> dict[str, str]:
    kubeconfig = {"KUBECONFIG": job.kubeconfig} if job.kubeconfig else {}
    return kubeconfig | ({"DOCKER_HOST": job.docker_host} if job.docker_host else {})


def _program(job: Job) -> Callable[[], None]:
    # It comes in the engine's environment; but there a colon would be read as two files.
    kubeconfig = job.kubeconfig if os.pathsep in job.kubeconfig else ""
    target = ClusterTarget(kubeconfig=kubeconfig, context=job.context)
    cohort = cohorts.load(Path(job.stacks), job.cohort)
    records = record_file.load(cohort.folder / "students.json")
    groups = group_file.load(group_file.file_of(cohort))
    berths = clusters.load(cohort.clusters_file) if cohort.kind else None
    return lambda: declare_stack(
        job.stack, cohort, records.values(), target, groups.values(), berths
    )


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


def _destroy(stack: _Stack) -> None:
    """Drop a stack and its state. On the cluster it changes nothing.

    What was ours has been deleted by its UID. The engine would delete by name: a stranger's
    namespace, where one has taken the place of ours.
    """
    path = state_file.path_of(os.environ["PULUMI_BACKEND_URL"], stack.name)
    try:
        _saved(stack)
    except state.DamagedStateError:
        if path is None:
            raise
        state_file.set_aside(path)
    with suppress(automation.StackNotFoundError):
        stack.workspace.remove_stack(stack.name, force=True)
    if path is not None:
        state_file.remove_backup(path)


def _hear(emit: Emit) -> Any:  # noqa: ANN401  (the Automation API hands on what we told it to)
    def on_event(text: str) -> None:
        if event := events.read(text):
            emit(event)

    return on_event
