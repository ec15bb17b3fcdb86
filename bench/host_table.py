"""The part of the report about lab hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .results import Results
from .targets import Verdict

INTRODUCTION = """\
`practicum hosts up` on one host (systemd and sshd in a container, Debian, packages at hand) that
nobody has prepared, over SSH, and the same again. *plain playbook* (`bench/plain_loop.yml`) makes the
same accounts, keys and folders with a task a thing and a loop over students. *a student more* is what
each student adds between the two sizes, and *host's part* the seconds of the tasks that look at no
student: packages, services, programs."""

HEAD = (
    *("by", "students", "first run", "second run", "a student more, first", "second"),
    *("host's part, first", "second"),
)
CASES = ("first run", "second run")
SUBJECT = "practicum"
LEAST, MOST = 10, 100
"""Students on a host, whose figures are compared."""


def rows(results: Results) -> Iterable[tuple[str, ...]]:
    """Return a row a size, with what each student adds since the size before."""
    subjects = dict.fromkeys(one.subject for one in results.hosts)
    for subject in subjects:
        sizes = sorted({one.students for one in results.hosts if one.subject == subject})
        for before, students in zip([0, *sizes], sizes, strict=False):
            found = [results.host_seconds(subject, case, students) for case in CASES]
            least = [results.host_seconds(subject, case, before) for case in CASES]
            more = [
                f"{(now - then) / (students - before):.2f}" if now and then else ""
                for now, then in zip(found, least, strict=True)
            ]
            parts = [results.host_part(subject, case, students) for case in CASES]
            told = [[f"{one:.1f}" if one else "" for one in some] for some in (found, parts)]
            yield subject, str(students), *told[0], *more, *told[1]


def verdicts(results: Results) -> Iterator[Verdict]:
    """Judge what a student more costs, and that the host's own part does not grow with them."""
    for case in CASES:
        less, more = (results.host_seconds(SUBJECT, case, size) for size in (LEAST, MOST))
        each = (more - less) / (MOST - LEAST) if less and more else None
        yield _at_most(f"a student more on a host, {case}", each, 1.0, "s")
        low, high = (results.host_part(SUBJECT, case, size) for size in (LEAST, MOST))
        grown = high / low if low and high else None
        yield _at_most(f"host's part of {MOST} by that of {LEAST}, {case}", grown, 1.2, "times")


def _at_most(figure: str, value: float | None, must: float, unit: str) -> Verdict:
    if value is None:
        return Verdict(figure=figure, must=f"≤ {must:g} {unit}")
    reached = value <= must
    return Verdict(
        figure=figure, must=f"≤ {must:g} {unit}", found=f"{value:.2f} {unit}", reached=reached
    )
