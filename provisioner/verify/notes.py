"""What whoever reads a proof is told of how it was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..cohort import Cohort
from . import identities
from .surroundings import NO_OTHER_COURSE, Surroundings

if TYPE_CHECKING:
    from .run import Request

MINTED = (
    "Requests were made with tokens of 600 seconds for the students' own accounts, bound to one"
    " Secret, which has been deleted."
)
IMPERSONATED = (
    "Students were impersonated: they log in with the school's account, and Practicum holds no"
    " credential of theirs. Whether the cluster takes those logins, and which groups they bring"
    " along, was not seen."
)


def of(request: Request, around: Surroundings) -> Iterator[str]:
    """Yield how it was done, and what could not be tried."""
    yield IMPERSONATED if request.cohort.oidc else MINTED
    yield "Whoever can merely log in was played by an account without rights of our own."
    assistant = identities.played(request.cohort)
    if assistant is None:
        yield "No assistant sees all students, and no Secrets; what concerns them was not tried."
    elif not assistant.key:
        yield "The assistant was impersonated: Practicum holds no credential of theirs."
    if not around.foreign:
        yield f"{NO_OTHER_COURSE[0].upper()}{NO_OTHER_COURSE[1:]}; its namespaces were not tried."
    yield "Rights were asked for with the verbs that the cluster serves" + (
        ", and all others." if request.every else "; --all asks for all others as well."
    )
    if is_simulated(request.cohort):
        yield "This is a rehearsal: the API server is real, pods are simulated."


def is_simulated(cohort: Cohort) -> bool:
    """Say whether its cluster is a rehearsal, in which pods are simulated."""
    return isinstance(cohort.cluster, str)
