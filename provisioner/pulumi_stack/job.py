"""What a worker is told, and what it tells: one stack brought up or taken down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Operation = Literal["up", "destroy", "set aside"]

SILENCE = 120.0
"""Seconds without a word after which an operation hangs. A request has one minute, a connection
that is dead a third of one, and what changes an object first reads it."""

MAKING = 840.0
"""The same where the engine makes a cluster, of which it tells nothing until it is there: as long
as that may take, with an image that has to be fetched first."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One operation on one stack. Holds no secret: it crosses a pipe as JSON."""

    operation: Operation
    stack: str
    cohort: str
    stacks: str
    """Folder of the cohorts, from which the worker reads the cohort again."""

    kubeconfig: str = ""
    context: str = ""
    docker_host: str = ""
    """The container engine of a kind cluster; docker's own choice when empty."""

    refresh: bool = False
    """Whether the engine first compares its state with the cluster."""

    fresh: bool = False
    """Whether the stack is most likely new, so that it is made first."""

    exclude: tuple[str, ...] = ()
    """Students who stay as they are. They stay in the program: leaving one out of it
    would mean to delete them."""

    @property
    def silence(self) -> float:
        """Seconds after which a worker that tells nothing hangs."""
        return SILENCE if self.kubeconfig else MAKING

    def to_json(self) -> dict[str, Any]:
        """Return the job as JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Job:
        """Rebuild a job from JSON data."""
        return cls(**{**data, "exclude": tuple(data["exclude"])})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job ended."""

    stack: str
    error: str = ""
    """Why the stack as a whole failed; empty when it did not."""

    lost: bool = False
    """Whether the worker ended in the middle, so that what was made is in no state; or never began."""

    passing: bool = False
    """Whether it hung, or lost a connection: to run it once more may be all it takes."""

    locked: bool = False
    """Whether another run holds the stack."""

    wrong_passphrase: bool = False
    """Whether the passphrase does not open the stack's state."""

    failed: Mapping[str, str] = field(default_factory=dict)
    """Why single students failed, by name."""
