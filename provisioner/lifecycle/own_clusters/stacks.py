"""Hand clusters to Pulumi: a stack each, as many at a time as there are cores."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import toolchain
from ...cohort.kind import LOCAL
from ...errors import LockedError, MissingToolError
from ...pulumi_stack import Job, Workers, state_file
from ...settings import Settings
from ..journal import Journal, kept
from ..progress import Progress
from ..stacks.working import workers_of
from .reading import ClustersReading, stack_of

PROVIDER = "pulumi-resource-practicum"

NOWHERE = "unix:///nonexistent/docker.sock"
"""The address of no engine."""


@dataclass(frozen=True, kw_only=True)
class Stacks:
    """Pulumi, for the clusters of one cohort."""

    settings: Settings
    reading: ClustersReading
    workers: Workers
    progress: Progress

    @classmethod
    @contextmanager
    def open(
        cls, settings: Settings, reading: ClustersReading, held: int, progress: Progress, *,
        needs_state: bool = True,
    ) -> Iterator[Stacks]:  # fmt: skip
        """Find the tools and get the state backend ready; the workers end with the block.

        Args:
            settings: Folders and state backend.
            reading: The cohort.
            held: Descriptor of the cohort's lock, which the workers hold too.
            progress: Told what happens.
            needs_state: Whether nothing is begun where a bucket with the state is not there.

        Raises:
            MissingToolError: If Pulumi, kind or our provider cannot be had.
            InputError: If the passphrase file or a folder cannot be used.
            ToolError: If the bucket with the state cannot be, and is needed.
        """
        tools = toolchain.find("pulumi", toolchain.KIND, say=progress.say)
        folders = (tools["pulumi"].path.parent, provider_folder())
        cohort = reading.cohort.name
        with workers_of(settings, cohort, held, folders, needs_state=needs_state) as workers:
            yield cls(settings=settings, reading=reading, workers=workers, progress=progress)

    def noted(self, command: str, stacks: Iterable[str]) -> AbstractContextManager[Journal]:
        """Keep the journal of a run; one for some students settles nothing of the others."""
        name, some = self.reading.cohort.name, self.reading.only is not None
        return kept(self.settings, name, command, stacks, some=some, lost=lambda: self.workers.lost)

    def stop(self) -> None:
        """Let what is in flight finish, and start nothing more."""
        self.workers.stop()

    def bring_up(self, names: Iterable[str], journal: Journal) -> dict[str, str]:
        """Make the clusters of some students as they are wanted.

        Returns:
            Why students failed, by name.

        Raises:
            LockedError: If another run holds a stack.
        """
        # The engine compares with its state: what somebody changed, only a refresh shows.
        known = self.reading.known_berths
        jobs = {
            name: self._job("up", name, refresh=name in known, fresh=name not in known)
            for name in names
        }
        return self._run(jobs, journal)

    def forget(self, names: Iterable[str], journal: Journal) -> dict[str, str]:
        """Drop the state of clusters that are gone; returns why that failed, by name."""
        kept = (name for name in names if self._has_state(name))
        return self._run({name: self._job("destroy", name) for name in kept}, journal)

    def _has_state(self, name: str) -> bool:
        """Say whether a stack may be there: in a folder one can look, elsewhere Pulumi must."""
        path = state_file.path_of(self.settings.state_url, stack_of(self.reading.cohort, name))
        return path is None or any(path.parent.glob(f"{path.name}*"))

    def _run(self, jobs: dict[str, Job], journal: Journal) -> dict[str, str]:
        why: dict[str, str] = {}
        owner = {job.stack: name for name, job in jobs.items()}

        def tell(job: Job, event: dict[str, Any]) -> None:
            if event["event"] == "end":
                self.progress.advance(owner[job.stack])

        for name, outcome in zip(jobs, self.workers.run(jobs.values(), tell), strict=True):
            reason = outcome.failed.get(name) or "; ".join(outcome.failed.values())
            if not outcome.lost:
                journal.finished(outcome.stack, well=not (outcome.error or outcome.failed))
            if outcome.locked:
                raise LockedError(
                    f"The Pulumi stack {outcome.stack} is {outcome.error}.",
                    hint="If that run is dead, take its lock away with: pulumi cancel --stack "
                    + outcome.stack,
                )
            if reason or outcome.error:
                why[name] = _plainly(reason or outcome.error)
        return why

    def _job(self, operation: Any, name: str, **options: Any) -> Job:  # noqa: ANN401
        return Job(
            operation=operation,
            stack=stack_of(self.reading.cohort, name),
            cohort=self.reading.cohort.name,
            stacks=str(self.settings.stacks.resolve()),
            docker_host=self._address(name),
            **options,
        )

    def _address(self, name: str) -> str:
        """Return the address of a student's engine; never ours for one that is not named any more.

        A stack in which nothing is left asks no engine. Any other one fails there.
        """
        engine = self.reading.berths[name].engine
        site = self.reading.sites.get(engine)
        if site is None:
            return "" if engine == LOCAL else NOWHERE
        return site.engine.address


def _plainly(error: str) -> str:
    """Leave out what the engine and gRPC put before what our provider said.

    >>> _plainly("x: rpc error: code = Unknown desc = The port is taken.")
    'The port is taken.'
    """
    return error.rpartition(" desc = ")[2]


def provider_folder() -> Path:
    """Return the folder of the program that serves clusters to Pulumi's engine.

    Raises:
        MissingToolError: If it is not there.
    """
    folders = (Path(sys.argv[0]).resolve().parent, Path(sysconfig.get_path("scripts")))
    for folder in folders:
        if (folder / PROVIDER).exists():
            return folder
    if found := shutil.which(PROVIDER):
        return Path(found).parent
    raise MissingToolError(
        f"There is no {PROVIDER}, which comes with Practicum.",
        hint="Install it anew with: pip install 'practicum-lab[operator]'",
    )
