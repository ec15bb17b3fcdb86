"""The container engines of a cohort, and what each has of clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from ... import toolchain
from ...cohort import Cohort
from ...cohort.kind import LOOPBACK, Kind, KindEngine
from ...errors import MissingToolError, PracticumError
from ...kind import recipe
from ...kind.cluster import Clusters
from ...kind.docker import Engine
from ...kind.found import Found
from ...kind.looking import look_at_all

UPSTREAM = (
    "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
)
"""The node image that our kind was released with, for engines that reach an image registry."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Site:
    """One engine of a cohort."""

    spec: KindEngine
    kind: Kind
    engine: Engine

    @property
    def name(self) -> str:
        """What the cohort file calls it."""
        return self.spec.name

    @property
    def is_shared(self) -> bool:
        """Whether a cluster's admin could harm others than the operator."""
        return self.kind.is_shared(self.spec) or self.engine.is_remote

    def clusters(self, say: Say) -> Clusters:
        """Return what makes and removes clusters on it.

        Raises:
            MissingToolError: If kind cannot be had.
        """
        found = toolchain.find(toolchain.KIND, say=say)
        return Clusters(engine=self.engine, kind=found[toolchain.KIND].path, say=say)

    def image(self) -> str:
        """Return the node image of a new cluster, where the cohort file names none.

        Raises:
            ToolError: If the engine cannot be asked.
        """
        ours = recipe.image_name()
        return ours if self.engine.has_image(ours) else UPSTREAM

    def reach(self, found: Found) -> str:
        """Return the address of a cluster's API server as students reach it."""
        port = urlsplit(found.server).port
        return f"https://{self.kind.reach_of(self.spec)}:{port}"

    def __str__(self) -> str:
        return f"the engine {self.name}" + (f" ({self.spec.ssh})" if self.spec.ssh else "")


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What the engines of a cohort have, as far as they answered."""

    found: Mapping[str, Mapping[str, Found]]
    """Every cluster, ours or not, by name, by engine."""

    silent: Mapping[str, str]
    """Why an engine did not answer, by its name."""


def sites(cohort: Cohort) -> dict[str, Site]:
    """Return the engines of a cohort by name, in the order of its file; none is asked."""
    kind = cohort.kind
    assert kind is not None
    return {
        spec.name: Site(
            spec=spec, kind=kind, engine=Engine(f"ssh://{spec.ssh}" if spec.ssh else "")
        )
        for spec in kind.engines
    }


def look(all_: Mapping[str, Site], used: Iterable[str]) -> Sight:
    """Ask every engine what it has, all at a time.

    Args:
        all_: The engines.
        used: Names of those without which nothing can be said of the cohort.

    Raises:
        MissingToolError: If not one of them answers.
    """

    def one(site: Site) -> Mapping[str, Found] | PracticumError:
        try:
            site.engine.require()
            return look_at_all(site.engine)
        except PracticumError as error:
            return error

    with ThreadPoolExecutor(len(all_)) as pool:
        answers = dict(zip(all_, pool.map(one, all_.values()), strict=True))
    silent = {name: _why(all_[name], e) for name, e in answers.items()
              if isinstance(e, PracticumError)}  # fmt: skip
    if not answers.keys() - silent.keys():
        _refuse(answers, {*used} or {*all_})
    found = {name: one for name, one in answers.items() if not isinstance(one, PracticumError)}
    return Sight(found=found, silent=silent)


def _why(site: Site, error: PracticumError) -> str:
    return f"{site} does not answer: {error.message.rstrip('.')}"


def _refuse(answers: Mapping[str, object], names: set[str]) -> None:
    errors = [one for name, one in answers.items() if name in names]
    first = next(one for one in errors if isinstance(one, PracticumError))
    if isinstance(first, MissingToolError):
        raise first
    raise MissingToolError(first.message, hint=first.hint, details=first.details)


def is_loopback(site: Site) -> bool:
    """Say whether only the engine's own host reaches its clusters."""
    return site.kind.address_of(site.spec) == LOOPBACK
