"""Look at the engines of a cohort before clusters are made, and say what to do about them."""

from __future__ import annotations

from collections.abc import Iterator

from ... import quantity
from ...cohort import Cohort, Student
from ...errors import PracticumError
from ...kind import machine
from ...kind.machine import Machine
from ...settings import Settings
from ..checks.doctor import failure
from ..checks.finding import Finding, Verdict
from ..checks.recovery_check import recovery_findings
from ..hosts.check import host_findings
from . import ends, room
from .engines import Site, is_loopback, sites
from .reading import NO_ISOLATION

GIBI = 1 << 30


def check(settings: Settings, cohort: Cohort, students: list[Student]) -> Iterator[Finding]:
    """Yield what was found of a cohort whose students have clusters."""
    yield Finding(about="cohort", verdict="ok", found=f"{len(students)} students in the roster")
    yield from recovery_findings(settings, cohort)
    yield from host_findings(cohort)
    for site in sites(cohort).values():
        yield from _engine(cohort, site)
    yield _isolation(cohort)
    yield from ends.findings(settings, cohort)


def _engine(cohort: Cohort, site: Site) -> Iterator[Finding]:
    about = f"engine {site.name}"
    try:
        site.engine.require()
        image = (cohort.kind.image if cohort.kind else None) or site.image()
        yield from _image(site, image)
        if not site.engine.has_image(image):
            return
        found = machine.look(site.engine, image)
    except PracticumError as error:
        yield failure(about, error)
        return
    said = f"Docker {found.version}, cgroup v{found.cgroup}, {found.architecture}"
    yield Finding(about=about, verdict="ok", found=said)
    yield from machine_findings(site.name, found, cohort)


def _image(site: Site, image: str) -> Iterator[Finding]:
    about = f"node image on {site.name}"
    there = machine.image_architecture(site.engine, image)
    if not there:
        yield Finding(
            about=about,
            verdict="warning",
            found=f"{image} is not there yet",
            fix="the engine pulls it with the first cluster, where it reaches an image registry;"
            " else: practicum kind image build, or load (docs/how-to/kind-image.md)",
        )
        return
    wanted = machine.architecture(str(machine.information(site.engine)["Architecture"]))
    verdict: Verdict = "ok" if there == wanted else "failed"
    fix = "" if there == wanted else f"load one that is made for {wanted}"
    found = f"{image}, for {there}" + ("" if there == wanted else f"; the machine is {wanted}")
    yield Finding(about=about, verdict=verdict, found=found, fix=fix)


def machine_findings(name: str, found: Machine, cohort: Cohort, more: int = 1) -> Iterator[Finding]:
    """Yield whether a machine has room for some more clusters of a cohort, thing by thing."""
    kind = cohort.kind
    assert kind is not None
    need = room.need_of(kind).amounts
    memory = int(quantity.parse(kind.memory))
    yield _enough(
        f"memory on {name}",
        fits=found.free >= memory * more,
        found=f"{found.free / GIBI:.1f} GiB free of {found.memory / GIBI:.1f}; a cluster takes"
        f" {memory / GIBI:.1f}",
        fix=room.WORDS.ways[room.MEMORY],
    )
    left = found.instances - found.held
    instances = int(need[room.INSTANCES])
    yield _enough(
        f"inotify on {name}",
        fits=left >= instances * more and found.watches >= need[room.WATCHES] * more,
        found=f"{left} of {found.instances} instances left, {found.watches} watches; a cluster"
        f" takes {instances} and {int(need[room.WATCHES])}",
        fix=room.WORDS.ways[room.INSTANCES],
    )
    yield _enough(
        f"disk on {name}",
        fits=found.disk_free >= need[room.DISK] * more,
        found=f"{found.disk_free / GIBI:.0f} GiB free of {found.disk / GIBI:.0f}",
        fix=room.WORDS.ways[room.DISK],
    )


def _enough(about: str, *, fits: bool, found: str, fix: str) -> Finding:
    if fits:
        return Finding(about=about, verdict="ok", found=found)
    return Finding(about=about, verdict="failed", found=found, fix=fix)


def _isolation(cohort: Cohort) -> Finding:
    kind = cohort.kind
    assert kind is not None
    about, there = "isolation", sites(cohort).values()
    if kind.access == "namespace":
        return Finding(about=about, verdict="ok", found="students get one namespace of a cluster")
    shared = [site.name for site in there if site.is_shared]
    if shared and not kind.accept_host_root:
        return Finding(
            about=about,
            verdict="warning",
            found=f"{NO_ISOLATION} Others use {', '.join(shared)}, so `handout` is refused",
            fix="say `accept_host_root: true` under kind if that is meant, or `access: namespace`",
        )
    alone = [site.name for site in there if site.spec.ssh and is_loopback(site)]
    if alone:
        return Finding(
            about=about,
            verdict="warning",
            found=f"clusters on {', '.join(alone)} listen on that machine's loopback alone",
            fix="set `address` under kind, or of the engine, where students are to reach them",
        )
    return Finding(about=about, verdict="ok", found=NO_ISOLATION)
