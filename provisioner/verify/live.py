"""What takes pods that run: lines that only a look from inside a pod can prove.

Each line is one question about traffic. Its finding is marked ``live`` where pods answered:
nothing else can make its requirement *passed*. Where no pod may or can run, or nothing
enforces policies, a line is *unproven* with the reason, and never said to hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..cluster import NotRunError
from ..errors import ClusterError
from . import traffic
from .finding import Finding, Verdict
from .pods import NO_NAME, OPEN, SILENCE
from .scene import Scene
from .traffic import Seen

NOT_ASKED = "it takes pods that run, which --live is for"
SIMULATED = "pods are simulated on this cluster, so nothing in them can look"
NOT_ENFORCED = (
    "nothing enforces network policies here: a pod reached another although a policy of ours"
    " denies both of them all traffic"
)
DEAF = (
    "failed to prove: a pod does not reach its own namespace, so silence says nothing of anybody"
    " else's; does the network work, and whatever enforces policies in it?"
)
REACHED = "look at the NetworkPolicy practicum in the students' namespaces, and what enforces it"
NO_OTHER_PORT = "the cluster's DNS has no other port that is known, so there was none to try"
UNSEEN = "we may not see the cluster's nodes, so no pod could try one"
ALONE = (
    "the cluster has one node, so traffic between nodes was not shown; once there is another,"
    " verify again"
)
NO_OTHER = "no other node is ready with an address that a pod could try, so traffic between nodes was not shown"
"""Why there is no such target: what nobody tried does not hold."""

LISTED = (
    "names of other students' Services can be asked for: a risk that is left, which takes a"
    " plug-in of CoreDNS that it does not come with (policy); no traffic follows from a name"
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One question that only a pod can answer."""

    about: str
    requirements: tuple[str, ...]
    targets: tuple[str, ...]
    """How those targets are called that must not be reached."""


STUDENT = Line(
    about="a pod reaches a pod of another student",
    requirements=("ISO-25",),
    targets=("other-",),
)
METADATA = Line(
    about="a pod reaches the address of cloud metadata",
    requirements=("ISO-25",),
    targets=("metadata",),
)
API = Line(
    about="a pod reaches the API server",
    requirements=("ISO-25",),
    targets=("api-",),
)
NODE = Line(
    about="a pod reaches a node other than its own",
    requirements=("ISO-25",),
    targets=("node",),
)
DNS = Line(
    about="a pod resolves names through DNS, and sends nothing else there",
    requirements=("ISO-25",),
    targets=("dns-",),
)
NAMES = Line(
    about="a pod learns names of another student's Services from DNS",
    requirements=("ISO-26",),
    targets=("other-name",),
)
LINES = (STUDENT, METADATA, API, NODE, DNS, NAMES)


def live(scene: Scene, *, asked: bool, simulated: bool, image: str) -> Iterator[Finding]:
    """Answer every line, or say why it cannot be answered.

    Args:
        scene: The scratch environments, standing.
        asked: Whether pods may be started (``--live``).
        simulated: Whether pods never run here: a rehearsal.
        image: What the pods are made of.
    """
    if not asked or simulated:
        yield from _all("unproven", SIMULATED if asked else NOT_ASKED)
        return
    try:
        seen = traffic.look(scene, image)
    except (NotRunError, ClusterError) as error:
        yield from _all("unproven", f"no pod could look: {error}")
        return
    yield from judge(seen)


def judge(seen: Seen) -> Iterator[Finding]:
    """Say what came of each line."""
    ignored = [node for node, answer in seen.control.items() if answer == OPEN]
    if ignored:
        yield from _all("unproven", f"{NOT_ENFORCED}{_where(ignored)}")
        return
    deaf = [node for node, _, answer in seen.of("own-") if answer != OPEN]
    if deaf:
        yield from _all("failed", f"{DEAF}{_where(deaf)}")
        return
    for line in LINES:
        yield _judge_names(seen) if line is NAMES else _judge(line, seen)


def _judge(line: Line, seen: Seen) -> Finding:
    tried = list(seen.of(*line.targets))
    if any(answer != OPEN for answer in seen.neighbour.values()) and line is STUDENT:
        return _finding(line, "failed", "failed to prove: the other student's server never ran")
    if line is DNS and any(answer == NO_NAME for _, _, answer in seen.of("api-name")):
        return _finding(line, "failed", "names are not resolved")
    reached = [(node, target) for node, target, answer in tried if answer == OPEN]
    if reached:
        ways = ", ".join(dict.fromkeys(target for _, target in reached))
        why = f"it does, by {ways}{_where(node for node, _ in reached)}; {REACHED}"
        return _finding(line, "failed", why)
    odd = sorted({answer for _, _, answer in tried if answer not in (SILENCE, NO_NAME)})
    if odd:
        why = f"it was not met with silence: {'; '.join(odd)}"
        return _finding(line, "unproven", why)
    if not tried:
        return _finding(line, "unproven", _why_untried(line, seen))
    return _finding(line, "passed", cases=len(tried))


def _why_untried(line: Line, seen: Seen) -> str:
    if line is DNS:
        return NO_OTHER_PORT
    return {0: UNSEEN, 1: ALONE}.get(seen.nodes, NO_OTHER)


def _judge_names(seen: Seen) -> Finding:
    answers = [answer for _, _, answer in seen.of(*NAMES.targets)]
    if not answers:
        return _finding(NAMES, "unproven", "the course offers no Services, so there was no name")
    if all(answer == NO_NAME for answer in answers):
        return _finding(NAMES, "passed", cases=len(answers))
    return _finding(NAMES, "waived", LISTED)


def _all(verdict: Verdict, why: str) -> Iterator[Finding]:
    for line in LINES:
        yield _finding(line, verdict, why, seen=verdict != "unproven")


def _finding(
    line: Line, verdict: Verdict, why: str = "", *, cases: int = 1, seen: bool = True
) -> Finding:
    return Finding(
        about=line.about,
        requirements=line.requirements,
        verdict=verdict,
        why=why,
        cases=cases,
        topic="live",
        live=seen,
    )


def _where(nodes: Iterable[str]) -> str:
    named = ", ".join(dict.fromkeys(node for node in nodes if node != traffic.ANYWHERE))
    return f" (on {named})" if named else ""
