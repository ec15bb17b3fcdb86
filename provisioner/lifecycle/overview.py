"""A cohort as it is wanted and as it runs, whatever its environments are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ..cohort import Cohort, Group, Record, Student
from ..plan import Plan

if TYPE_CHECKING:
    from .hosts.reading import Labs

WAVE_SIZE = 50
"""Students a Pulumi stack: of 25, 50 and 100, the quickest cold `up` of 300."""


@dataclass(frozen=True, kw_only=True)
class Overview(ABC):
    """All that a command knows of a cohort, at one moment."""

    cohort: Cohort
    students: Mapping[str, Student] = field(repr=False)
    """Those in the roster, by id."""

    known: Mapping[str, Record] = field(repr=False)
    """The records on file."""

    records: Mapping[str, Record] = field(repr=False)
    """The records as they are to be: joiners placed, leavers marked."""

    plan: Plan
    kept: Mapping[str, Record] = field(default_factory=dict, repr=False)
    """What was decided before this moment, on file or on the cluster."""

    only: frozenset[str] | None = None
    """Names of the students whom a run may touch; all when None."""

    left: int = 0
    """Students who differ, and are left for a later run."""

    known_groups: Mapping[str, Group] = field(default_factory=dict, repr=False)
    """The groups on file, by what the roster calls them."""

    groups: Mapping[str, Group] = field(default_factory=dict, repr=False)
    """The groups as they are to be."""

    labs: Labs | None = None
    """The lab hosts, where a run is about these too."""

    notes: tuple[str, ...] = ()
    """What a person should know who reads the plan."""

    @property
    def is_up(self) -> bool:
        """Whether what all students share is there, and ours: before it nobody has anything."""
        return self.plan.guard.action not in ("create", "foreign")

    @property
    def to_save(self) -> Mapping[str, Record]:
        """The records as a run may write them.

        Of whom it must not touch it writes nothing new: a leaver who was noted as dropped
        would be missing in the Pulumi program of the wave, and so be deleted by it.
        """
        if self.only is None:
            return self.records
        mine = {id: record for id, record in self.records.items() if record.name in self.only}
        others = {id: record for id, record in self.kept.items() if record.name not in self.only}
        return others | mine

    def title_of(self, name: str) -> str:
        """Return what the roster calls a group; the name when it is unknown."""
        return next((g.title for g in self.groups.values() if g.name == name), name)

    def id_of(self, name: str) -> str:
        """Return the roster's id of a student's name; the name when it is unknown."""
        return next((r.id for r in self.records.values() if r.name == name), name)

    def is_half(self, _name: str) -> bool:
        """Say whether a killed run left half an environment, in which nobody can have worked."""
        return False

    @abstractmethod
    def whoami(self) -> str:
        """Return who we are to what holds the environments."""


Some = TypeVar("Some", bound=Overview)
"""What a backend reads."""
