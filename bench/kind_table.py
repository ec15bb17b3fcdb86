"""What kind clusters cost, for the report: each figure, and which was to be reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from .kind import DOWN, LOOP, PRACTICUM, RESUME, SUSPEND, UP
from .results import Results
from .targets import Verdict

INTRODUCTION = """\
`practicum up` of a course with a kind cluster a student, on the local container engine, beside
`kind create cluster --wait 3m` in a loop, both with the same node image, which is there. *times the
loop* is Practicum's time as a multiple of the loop's. *MiB* is what the engine counts for one idle
node right after `up`. `down` ends with the search for what is left; the loop only deletes."""

HEAD = ("by", "clusters", "n", UP, "times the loop", "MiB", SUSPEND, RESUME, DOWN)
MUST = {1: 1.1, 6: round(1 / 1.3, 2)}
"""What a course may take at most, as a multiple of the loop, by the number of clusters."""


def seconds(results: Results, subject: str, case: str, clusters: int) -> float | None:
    """Return the median of a case; None where it was not measured."""
    found = [
        one.seconds
        for one in results.kind
        if (one.subject, one.case, one.clusters) == (subject, case, clusters)
    ]
    return median(found) if found else None


def rows(results: Results) -> Iterable[tuple[str, ...]]:
    """Return a row a size and subject."""
    for clusters in sorted({one.clusters for one in results.kind}):
        for subject in (LOOP, PRACTICUM):
            ups = [one for one in results.kind
                   if (one.subject, one.case, one.clusters) == (subject, UP, clusters)]  # fmt: skip
            if not ups:
                continue
            ratio = _ratio(results, clusters) if subject == PRACTICUM else None
            mib = median(one.mib for one in ups)
            times = [_shown(seconds(results, subject, case, clusters))
                     for case in (UP, SUSPEND, RESUME, DOWN)]  # fmt: skip
            yield (
                *(subject, str(clusters), str(len(ups)), times[0]),
                *(f"{ratio:.2f}" if ratio else "", f"{mib:.0f}", *times[1:]),
            )


def verdicts(results: Results) -> Iterator[Verdict]:
    """Judge what Practicum takes beside a plain loop; only where that was measured."""
    for clusters, must in MUST.items():
        ratio = _ratio(results, clusters)
        if ratio is not None:
            yield Verdict(
                figure=f"{clusters} kind cluster(s), times a plain loop",
                must=f"≤ {must:g}",
                found=f"{ratio:.2f}",
                reached=ratio <= must,
            )


def _ratio(results: Results, clusters: int) -> float | None:
    own = seconds(results, PRACTICUM, UP, clusters)
    loop = seconds(results, LOOP, UP, clusters)
    return own / loop if own and loop else None


def _shown(time: float | None) -> str:
    return f"{time:.1f}" if time is not None else ""
