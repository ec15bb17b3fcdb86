"""Versions of programs: how they are read from what a program prints, and which ones fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"(?<![\w.])(?:v|go)?(\d+(?:\.\d+){1,2})((?:-[0-9A-Za-z.-]+)?)")
_UNFINISHED = re.compile(r"-(alpha|beta|rc|dev)", re.IGNORECASE)


def find_version(text: str) -> str | None:
    """Read the first version in what a program printed, without a leading ``v``.

    >>> find_version("kwok version v0.7.0 go1.26.8 (linux/amd64)")
    '0.7.0'
    >>> find_version("Kubernetes v1.35.0-rc.1")
    '1.35.0-rc.1'
    >>> find_version("command not found") is None
    True
    """
    match = _VERSION.search(text)
    return "".join(match.groups()) if match else None


def numbers(version: str) -> tuple[int, ...]:
    """Turn the numeric part of a version into something that sorts.

    >>> numbers("1.34.9-gke.100") < numbers("1.35")
    True
    """
    padded = [int(part) for part in version.split("-")[0].split(".")] + [0, 0]
    return tuple(padded[:3])


@dataclass(frozen=True)
class Range:
    """From one version up to, and without, another.

    >>> Range("3.250", "4").holds("3.251.1"), Range("3.250", "4").holds("4.0.0")
    (True, False)
    >>> Range("3.250", "4").holds("3.251.0-alpha.1")
    False
    """

    lowest: str
    below: str

    def holds(self, version: str) -> bool:
        """Say whether a version fits; one that was never released does not."""
        if _UNFINISHED.search(version):
            return False
        return numbers(self.lowest) <= numbers(version) < numbers(self.below)

    def __str__(self) -> str:
        return f">={self.lowest},<{self.below}"
