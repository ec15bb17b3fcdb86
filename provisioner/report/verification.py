"""What a verification found, for a terminal and for other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..verify import Proof, plain

COLUMNS = ("requirement", "verdict", "cases", "what, and why", "standards")
SHOWN = 20
"""Failures that are told one by one; the JSON document has all."""


def document(proof: Proof) -> dict[str, Any]:
    """Return what ``verify --json`` prints."""
    return plain(proof)


def rows(proof: Proof) -> Iterator[tuple[str, ...]]:
    """Yield a row for each requirement; what is waived comes in one line at the end."""
    for one in proof.requirements:
        if one.verdict == "waived":
            continue
        failed = one.verdict != "passed"
        why = f"{one.what} {_short(one.why)}" if failed else one.what
        yield one.id, one.verdict, str(one.cases), why.strip(), " ".join(one.standards)


def lines(proof: Proof) -> Iterator[str]:
    """Yield failures, what was waived, the notes, and the verdict."""
    failed = [one for one in proof.findings if one.verdict == "failed"]
    for one in failed[:SHOWN]:
        yield f"  ! {'/'.join(one.requirements)} {one.about}: {_short(one.why)}"
    if len(failed) > SHOWN:
        yield f"  … and {len(failed) - SHOWN} more; see them with --json"
    if proof.live:
        for one in proof.unproven:
            yield f"  ? {'/'.join(one.requirements)} {one.about}: unproven, {_short(one.why)}"
    waived = [one.id for one in proof.requirements if one.verdict == "waived"]
    if waived:
        yield f"waived (not a property of this cluster): {', '.join(waived)}"
    yield from proof.notes
    counts = Counter(one.verdict for one in proof.requirements)
    if proof.verdict == "unproven":
        yield "nothing failed; what is marked with ? was not shown, and counts as not proven"
    yield (
        f"{proof.cohort}: {proof.verdict}; {counts['passed']} requirements passed,"
        f" {counts['failed']} failed, {counts['unproven']} unproven, {counts['waived']} waived"
        f" ({proof.seconds:g} s)"
    )
    yield f"{proof.students} students, cluster {proof.cluster} ({proof.version}), {proof.time:%F %T} UTC"


def _short(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
