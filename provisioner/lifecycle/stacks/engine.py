"""Hand the waves of a cohort to Pulumi: which stacks, with what options."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ... import toolchain
from ...errors import LockedError, ToolError
from ...manifest import GUARD, groups_part, stack_name
from ...plan import Part
from ...pulumi_stack import Job, Outcome, Workers
from ...settings import Settings
from ..journal import Journal
from ..progress import Progress
from ..reading import Reading
from . import repeating
from .counting import Count
from .repeating import Tell
from .working import workers_of


@dataclass(frozen=True, kw_only=True)
class Aside:
    """What was found of one stack's saved state."""

    kept: str = ""
    """The new name of one that could not be used."""

    empty: bool = False
    """Whether there is nothing in it now."""

    error: str = ""
    """Why it could not be looked at, or not be renamed."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Pulumi, for the stacks of one cohort."""

    settings: Settings
    reading: Reading
    workers: Workers
    progress: Progress
    journal: Journal | None = None

    @classmethod
    @contextmanager
    def open(
        cls, settings: Settings, reading: Reading, held: int, progress: Progress, *,
        needs_state: bool = True,
    ) -> Iterator[Engine]:  # fmt: skip
        """Find the tools and get the state backend ready; the workers end with the block.

        Args:
            settings: Folders and state backend.
            reading: The cohort.
            held: Descriptor of the cohort's lock, which the workers hold too.
            progress: Told what happens.
            needs_state: Whether nothing is begun where a bucket with the state is not there.

        Raises:
            MissingToolError: If Pulumi cannot be had.
            InputError: If the passphrase file or a folder cannot be used.
            ToolError: If the bucket with the state cannot be, and is needed.
        """
        tools = toolchain.find(*toolchain.PULUMI, say=progress.say)
        folders = [tool.path.parent for tool in tools.values()]
        cohort = reading.cohort.name
        with workers_of(settings, cohort, held, folders, needs_state=needs_state) as workers:
            yield cls(settings=settings, reading=reading, workers=workers, progress=progress)

    def stop(self) -> None:
        """Let what is in flight finish, and start nothing more."""
        self.workers.stop()

    def warm_up(self, stacks: int) -> None:
        """Start the workers that so many stacks will need."""
        self.workers.warm_up(self.reading.cohort.name, stacks)

    def run_guard(self, *, refresh: bool) -> str:
        """Bring the guard stack up; returns why it failed, if it did."""
        job = self._job("up", GUARD, refresh=refresh, fresh=not refresh)
        [outcome] = self._run([job])
        return outcome.error or "\n".join(outcome.failed.values())

    def run_waves(self, parts: Iterable[Part], *, leave_out: set[str]) -> dict[str, str]:
        """Bring up the waves of some students.

        Args:
            parts: The students who differ.
            leave_out: Those among them who are to stay as they are.

        Returns:
            Why students failed, by name.
        """
        waves: dict[int | str, list[Part]] = defaultdict(list)
        for part in parts:
            if part.wave is not None:
                waves[part.wave].append(part)
        jobs = {
            wave: self._wave_job(wave, members, leave_out)
            for wave, members in sorted(waves.items(), key=lambda item: self._stack(item[0]))
            if any(part.name not in leave_out for part in members)
        }
        if not jobs:
            return {}
        count = sum(len(waves[wave]) for wave in jobs)
        self.progress.step("Bringing up environments", count)
        members = {job.stack: waves[wave] for wave, job in jobs.items()}
        why: dict[str, str] = {}
        for outcome in self._run(jobs.values(), Count(waves, self.progress)):
            if outcome.error:
                why |= {part.name: outcome.error for part in members[outcome.stack]}
            why |= outcome.failed
        return why

    def settle(self, stacks: Iterable[str | int]) -> dict[str, str]:
        """Bring the state of stacks in line with what runs; returns why that failed, by stack."""
        why = {}
        for outcome in self._run([self._settling(part) for part in stacks]):
            if reason := outcome.error or "; ".join(outcome.failed.values()):
                why[outcome.stack] = reason
        return why

    def _settling(self, stack: str | int) -> Job:
        plan = self.reading.plan
        members = [part for part in (*plan.students, *plan.groups) if part.wave == stack]
        differ = {part.name for part in members if part.is_pulumis}
        return self._job("up", stack, refresh=True, exclude=tuple(sorted(differ)))

    def destroy(self, stacks: Iterable[str | int]) -> dict[str, str]:
        """Drop stacks and their state, and delete nothing; returns why that failed, by stack."""
        jobs = [self._job("destroy", part) for part in stacks]
        why = {}
        for outcome in self.workers.run(jobs):
            self._note(outcome)
            _refuse_locked(outcome)
            if reason := outcome.error or "; ".join(outcome.failed.values()):
                why[outcome.stack] = reason
        return why

    def set_aside_damaged(self, stacks: Iterable[str | int]) -> dict[str, Aside]:
        """Rename the saved states that cannot be used; returns what was found, by stack."""
        found: dict[str, Aside] = {}

        def hear(job: Job, event: dict[str, Any]) -> None:
            before = found.get(job.stack, Aside())
            if event["event"] == "aside":
                found[job.stack] = replace(before, kept=event["kept"])
            elif event["event"] == "state":
                found[job.stack] = replace(before, empty=not event["resources"])

        for outcome in self.workers.run([self._job("set aside", one) for one in stacks], hear):
            _refuse_locked(outcome)
            if outcome.error:
                before = found.get(outcome.stack, Aside())
                found[outcome.stack] = replace(before, error=outcome.error)
        return found

    def _run(self, jobs: Iterable[Job], tell: Tell = lambda *_: None) -> Iterator[Outcome]:
        """Run jobs, and yield how each ended.

        Raises:
            LockedError: If another run holds a stack.
            ToolError: If the passphrase does not open one.
        """
        outcomes = repeating.run(
            self.workers, jobs, client=self.reading.client, progress=self.progress, tell=tell
        )
        for outcome in outcomes:
            self._note(outcome)
            _refuse_locked(outcome)
            self._refuse_wrong_passphrase(outcome)
            yield outcome

    def _note(self, outcome: Outcome) -> None:
        if self.journal is None or outcome.lost:
            return
        if outcome.passing:
            self.journal.unanswered()
        else:
            self.journal.finished(outcome.stack, well=not (outcome.error or outcome.failed))

    def _refuse_wrong_passphrase(self, outcome: Outcome) -> None:
        if outcome.wrong_passphrase:
            file = self.workers.backend.passphrase
            raise ToolError(
                f"The passphrase in {file} is not the one that the state was made with;"
                " the state is as it was.",
                hint="Put the old file back from your backup of that folder.",
            )

    def _wave_job(self, wave: int | str, members: list[Part], leave_out: set[str]) -> Job:
        # The engine compares with its state, not with the cluster. Only where all that
        # differs is new to us can it be taken at its word.
        known = {record.name for record in self.reading.known.values()}
        known |= {group.name for group in self.reading.known_groups.values()}
        refresh = any(
            part.action == "change" or (part.action == "create" and part.name in known)
            for part in members
        )
        exclude = tuple(part.name for part in members if part.name in leave_out)
        exclude += self._untouched(wave)
        fresh = not any(record.wave == wave for record in self.reading.known.values())
        return self._job("up", wave, refresh=refresh, fresh=fresh, exclude=exclude)

    def _untouched(self, wave: int | str) -> tuple[str, ...]:
        """Return whom a run for some students leaves as they are, though they differ."""
        only = self.reading.only
        if only is None:
            return ()
        everybody = {**self.reading.kept, **self.reading.records}.values()
        names = {one.name for one in everybody if one.wave == wave and one.name not in only}
        mine = {part.name for part in self.reading.plan.groups}
        names |= {
            group.name
            for group in self.reading.groups_to_save.values()
            if groups_part(group.wave) == wave and group.name not in mine
        }
        return tuple(sorted(names))

    def _stack(self, part: str | int) -> str:
        return stack_name(self.reading.cohort.name, part)

    def _job(self, operation: Any, part: str | int, **options: Any) -> Job:  # noqa: ANN401
        return Job(
            operation=operation,
            stack=self._stack(part),
            cohort=self.reading.cohort.name,
            stacks=str(self.settings.stacks.resolve()),
            kubeconfig=str(self.reading.target.kubeconfig),
            context=self.reading.target.context,
            **options,
        )


def _refuse_locked(outcome: Outcome) -> None:
    if outcome.locked:
        raise LockedError(
            f"The Pulumi stack {outcome.stack} is {outcome.error}.",
            hint="If that run is dead, take its lock away with: pulumi cancel --stack "
            + outcome.stack,
        )
