"""What kind or its engine complains of, in words that say whose turn it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ToolError
from .wanted import Wanted

_PORT = re.compile(r"(?:Bind for |bind: |listen tcp4? )\S*?:(\d+)\b")
LAST = 300
"""Characters of what is not understood that are told: the rest is in the log."""


@dataclass(frozen=True)
class _Mishap:
    signs: tuple[str, ...]
    """Parts of what is complained of, in lower case; one is enough."""

    message: str
    hint: str


_MISHAPS = (
    _Mishap(
        ("network with name kind-",),
        "Somebody else is just making the cluster {name}; it was not touched.",
        "Wait until they are done, and run the same command again.",
    ),
    _Mishap(
        ("port is already allocated", "address already in use"),
        "A port of the host that the cluster {name} is to have is taken: {port}.",
        "See who listens with: ss -ltnp. Or set kind.port_range in cohort.yaml elsewhere.",
    ),
    _Mishap(
        ("no space left on device", "disk quota exceeded"),
        "The disk of the engine is full; nothing of the cluster {name} was kept.",
        "Make room there: docker system df shows what takes it.",
    ),
    _Mishap(
        ("exec format error", "does not match the specified platform", "no matching manifest"),
        "The image {image} is made for another kind of processor than the engine has.",
        "Build one there with: practicum kind image build",
    ),
    _Mishap(
        ("no such image", "failed to pull", "pull access denied", "manifest unknown"),
        "The engine has no image {image}, and could not get it.",
        "Bring it there with practicum kind image load, or build it: practicum kind image build",
    ),
    _Mishap(
        ("cannot connect to the docker daemon", "error during connect", "is the docker daemon"),
        "The container engine does not answer any more.",
        "Start it, and run the same command again.",
    ),
    _Mishap(
        ("timed out waiting for the condition", "failed to init node", "too many open files"),
        "The nodes of the cluster {name} did not come up.",
        "Look at memory and inotify on the engine's host with: practicum doctor",
    ),
)


def explained(error: ToolError, wanted: Wanted) -> ToolError:
    """Return the error in our words, as far as it is known what it means."""
    text = f"{error.message}\n{error.details or ''}"
    low = text.lower()
    for one in _MISHAPS:
        if any(sign in low for sign in one.signs):
            port = _PORT.search(text)
            about = {"name": wanted.name, "image": wanted.image}
            told = one.message.format(port=port[1] if port else "see kind.ports", **about)
            return ToolError(told, hint=one.hint, details=error.details)
    return ToolError(
        f"kind could not make the cluster {wanted.name}: {_last(error.details or error.message)}",
        hint=error.hint,
        details=error.details,
    )


def of_architecture(image: str, its: str, engines: str) -> ToolError:
    """Return the error for an image that the engine's processor cannot run."""
    return ToolError(
        f"The image {image} is made for {its}, and the engine runs {engines}.",
        hint="Build one there with: practicum kind image build",
    )


def _last(text: str) -> str:
    """Return the last line that says something, for kind tells its stack after the error.

    >>> _last("ERROR: it broke\\n")
    'ERROR: it broke'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "Error"))]
    return ((errors or lines)[-1] if lines else "it did not say why")[:LAST]
