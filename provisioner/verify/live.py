"""What takes pods that run: lines that only a look from inside a pod can prove.

Each line is one question about traffic. A probe answers it with findings that are marked
``live``: nothing else can make its requirement *passed*. This release starts no pods, so
every line is *unproven*, with the reason. To add a probe, give its line one: it gets the
scratch environments, and its findings take the place of the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .finding import Finding
from .scene import Scene

NOT_ASKED = "it takes pods that run, which --live is for"
SIMULATED = "pods are simulated on this cluster, so nothing in them can look"
NO_PROBE = "this release starts no pods to look from"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One question that only a pod can answer."""

    about: str
    requirements: tuple[str, ...]
    probe: Callable[[Scene], list[Finding]] | None = None


LINES = (
    Line(about="a pod reaches a pod of another student", requirements=("ISO-25",)),
    Line(about="a pod reaches the address of cloud metadata", requirements=("ISO-25",)),
    Line(about="a pod reaches the API server or a node", requirements=("ISO-25",)),
    Line(about="a pod resolves names through DNS, and sends nothing else there",
         requirements=("ISO-25",)),
    Line(about="a pod learns names of another student's Services from DNS",
         requirements=("ISO-26",)),
)  # fmt: skip


def live(scene: Scene, *, asked: bool, simulated: bool) -> Iterator[Finding]:
    """Answer every line, or say why it cannot be answered.

    Args:
        scene: The scratch environments, standing.
        asked: Whether pods may be started (``--live``).
        simulated: Whether pods never run here: a rehearsal.
    """
    for line in LINES:
        if asked and not simulated and line.probe:
            yield from line.probe(scene)
        else:
            why = NOT_ASKED if not asked else SIMULATED if simulated else NO_PROBE
            yield Finding(
                about=line.about,
                requirements=line.requirements,
                verdict="unproven",
                why=why,
                topic="live",
            )
