"""What one look at the cluster showed, and what all looks say of a requirement.

Nothing counts as passed because nothing was seen: a requirement without a single case is
*unproven*, and a case that could not be run is *failed*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any, Literal

import yaml

Verdict = Literal["passed", "failed", "waived", "unproven"]

FEW = 3
"""Reasons that are told of one requirement; the findings hold all of them."""

NO_CASE = "no case of this release looks at it on this cluster"
ORDER: tuple[Verdict, ...] = ("failed", "unproven", "passed", "waived")
"""The worst first."""

UNSEEN: tuple[Verdict, str] = ("unproven", NO_CASE)

Entry = Mapping[str, Any]
"""What the catalogue says of a requirement."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The verdict of one case, or of many that were put the same question."""

    about: str
    """What was tried, in plain words, with the identity that tried it."""

    requirements: tuple[str, ...]
    verdict: Verdict
    why: str = ""
    """Why it is not passed; names the guard that should have held."""

    standards: tuple[str, ...] = ()
    """Ids of the Multi-Tenancy Benchmarks (MTB) and of CIS."""

    cases: int = 1
    topic: str = ""
    """The part of the verification that it belongs to."""

    live: bool = False
    """Whether it was seen from inside a pod that runs: all that counts for some requirements."""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One requirement, with what all findings say of it."""

    id: str
    what: str
    verdict: Verdict
    cases: int
    """How many cases passed or failed."""

    why: str = ""
    standards: tuple[str, ...] = ()
    beyond: bool = False
    """Whether no look at a running cluster shows it: the catalogue says why."""

    @property
    def missing(self) -> bool:
        """Whether it was not proven, and could have been."""
        return self.verdict == "unproven" and not self.beyond


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What ``verify`` found of a cohort at one moment."""

    cohort: str
    server: str
    cluster: str
    """UID of the cluster's kube-system namespace."""

    version: str
    time: datetime
    seconds: float
    students: int
    in_full: tuple[str, ...]
    """Ids of the students whose rights were asked for one by one."""

    live: bool
    """Whether all was to be shown that pods can show."""

    simulated: bool
    """Whether pods never run here: a rehearsal."""

    notes: tuple[str, ...]
    """How the identities were had, and what else a reader must know."""

    requirements: tuple[Requirement, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The verdict on the cohort: failed as soon as one requirement is.

        Unproven where all was to be shown, and something that could have been was not.
        """
        verdicts = {requirement.verdict for requirement in self.requirements}
        if "failed" in verdicts:
            return "failed"
        missing = self.live and any(one.missing for one in self.requirements)
        return "unproven" if missing else "passed"

    @property
    def unproven(self) -> tuple[Finding, ...]:
        """What was not proven, line by line; what no line tells is told as a whole."""
        lines = [one for one in self.findings if one.verdict == "unproven"]
        told = {id for one in lines for id in one.requirements}
        whole = [
            Finding(about=one.what, requirements=(one.id,), verdict="unproven", why=one.why)
            for one in self.requirements
            if one.verdict == "unproven" and one.id not in told
        ]
        return (*lines, *whole)


def judge_all(
    findings: Iterable[Finding], catalogue: Mapping[str, Entry] | None = None
) -> tuple[Requirement, ...]:
    """Say for every requirement what the findings come to.

    Args:
        findings: All that was found.
        catalogue: The requirements, by id; those of the package when None.
    """
    known = load_catalogue() if catalogue is None else catalogue
    findings = list(findings)
    return tuple(
        _judge(id, entry, [one for one in findings if id in one.requirements])
        for id, entry in known.items()
    )


def load_catalogue() -> dict[str, Entry]:
    """Read what every requirement says, and which a running cluster cannot show."""
    text = (resources.files(__package__) / "requirements.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Entry] = yaml.safe_load(text)
    return loaded


def _judge(id: str, entry: Entry, found: list[Finding]) -> Requirement:
    verdict, why = _verdict(entry, found)
    done = [one for one in found if one.verdict in ("passed", "failed")]
    return Requirement(
        id=id,
        what=entry["what"],
        verdict=verdict,
        cases=sum(one.cases for one in done),
        why=why,
        standards=tuple(sorted({name for one in found for name in one.standards})),
        beyond="unproven" in entry,
    )


def _verdict(entry: Entry, found: list[Finding]) -> tuple[Verdict, str]:
    """Let the worst decide; what is only waived comes last, and nothing at all is unproven."""
    takes_pods = entry.get("live", "")
    seen = any(one.live and one.verdict != "unproven" for one in found)
    if takes_pods:  # no object, and no answer of the API server, shows these
        found = [one for one in found if one.live or one.verdict != "passed"]
    told = {"unproven": entry.get("unproven"), "waived": entry.get("waived") or entry.get("left")}
    for verdict in ORDER:
        mine = [one for one in found if one.verdict == verdict]
        if mine:
            told[verdict] = entry.get("note", "") if verdict == "passed" else _reasons(mine)
    if takes_pods and not seen:
        told["unproven"] = "; ".join(filter(None, (takes_pods, told["unproven"])))
    return next(
        ((verdict, why) for verdict in ORDER if (why := told.get(verdict)) is not None), UNSEEN
    )


def _reasons(found: list[Finding]) -> str:
    reasons = list(dict.fromkeys(one.why for one in found))
    more = f"; and {len(reasons) - FEW} more" if len(reasons) > FEW else ""
    return "; ".join(reasons[:FEW]) + more


def plain(proof: Proof) -> dict[str, Any]:
    """Return a proof as JSON data; other programs rely on every key."""
    return {
        "cohort": proof.cohort,
        "verdict": proof.verdict,
        "requirements": [
            {
                "id": one.id,
                "verdict": one.verdict,
                "cases": one.cases,
                "why": one.why,
                "standards": list(one.standards),
            }
            for one in proof.requirements
        ],
        "failures": _told(one for one in proof.findings if one.verdict == "failed"),
        "cluster": {"uid": proof.cluster, "version": proof.version},
        "unproven": _told(proof.unproven),
        "server": proof.server,
        "simulated": proof.simulated,
        "live": proof.live,
        "students": proof.students,
        "in_full": list(proof.in_full),
        "notes": list(proof.notes),
        "time": proof.time.isoformat(timespec="seconds"),
        "seconds": proof.seconds,
    }


def _told(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [
        {"about": one.about, "requirements": list(one.requirements), "why": one.why}
        for one in findings
    ]
