"""REL-31: a term of joining and leaving leaves nothing that grows from week to week."""

from __future__ import annotations

from collections import Counter

import pytest

from provisioner.pulumi_stack.state_file import KEPT_RUNS

pytestmark = pytest.mark.cluster


def files(course) -> Counter[str]:
    """How many files of a cohort lie in each part of its home."""
    paths = (path.relative_to(course.home).parts for path in course.home.rglob("*")
             if path.is_file())  # fmt: skip
    return Counter(
        parts[0]
        for parts in paths
        if any(part == course.name or part.startswith(f"{course.name}.") for part in parts)
    )


def objects(course) -> dict[str, int]:
    """How many objects of each kind there are where a run could leave some."""
    kinds = {"secrets": ["-n", f"practicum-{course.name}"], "csr": [],
             "serviceaccounts": ["-n", f"practicum-{course.name}"],
             "rolebindings": ["-A", "-l", f"practicum.dev/cohort={course.name}"],
             "namespaces": ["-l", f"practicum.dev/cohort={course.name}"]}  # fmt: skip
    return {
        kind: course.admin("get", kind, *where, "-o", "name").count("\n")
        for kind, where in kinds.items()
    }


def weeks(course, numbers):
    """One joins and one leaves, everybody has access, and one gets it anew."""
    for week in numbers:
        course.roster(["0", f"w{week}"])
        course.give_key(f"w{week}")
        course.up("--no-archive")
        course.run("handout", course.name)
        course.run("rotate", course.name, "0", "--now")


@pytest.mark.parametrize(
    "count", [pytest.param(1, id="short"), pytest.param(20, id="long", marks=pytest.mark.soak)]
)
@pytest.mark.timeout(900)
def test_weeks_of_joining_and_leaving_leave_nothing_that_grows(new_course, count):
    course = new_course(["0"])
    course.give_key("0")
    weeks(course, range(2))  # from the second on, somebody leaves
    for pods in range(KEPT_RUNS - 2):  # so many runs are kept of a state: what comes displaces one
        course.write(["0", "w1"], environment={"quota": {"pods": f"{7 + pods}"}})
        course.up()
    before, made = files(course), objects(course)

    weeks(course, range(2, 2 + count))

    # Of who has left it is kept what they were handed, sealed, and for which key: who returns
    # with another one is asked about. `down` clears it.
    assert files(course) - before == {"handout": 2 * count}
    assert objects(course) == made
