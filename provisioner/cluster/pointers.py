"""Tell whether an object points to a cohort: to its accounts, its namespaces, its label."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..manifest import COHORT, Manifest

_ARMOUR = re.compile(rb"-----[^-]+-----")


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What of a cohort an object could point to."""

    cohort: str
    identity: str
    """The namespace of its accounts."""

    namespaces: frozenset[str]
    """All that it had, the identity namespace too."""


def why(item: Manifest, marks: Marks) -> str:
    """Say to what an object points; empty when to nothing of the cohort's.

    >>> claim = {"metadata": {"name": "v"}, "spec": {"claimRef": {"namespace": "c--s1"}}}
    >>> marks = Marks(cohort="c", identity="practicum-c", namespaces=frozenset({"c--s1"}))
    >>> why(claim, marks), why({"metadata": {"name": "c--s1"}}, marks)
    ('is claimed from c--s1', '')
    """
    inside = {key: value for key, value in item.items() if key not in ("metadata", "status")}
    return next(_found(inside, marks, ()), "")


def _found(value: Any, marks: Marks, path: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, dict):
        if _selects(value, marks):
            yield f"selects the cohort by its label, at {_at(path)}"
        for key, inner in value.items():
            yield from _found(inner, marks, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner, marks, path)
    elif isinstance(value, str):
        yield from _in_text(value, marks, path)


def _in_text(value: str, marks: Marks, path: tuple[str, ...]) -> Iterator[str]:
    if value in marks.namespaces:
        if path == ("subjects", "namespace"):
            yield f"gives rights to {value}"
        elif path[-2:] == ("claimRef", "namespace"):
            yield f"is claimed from {value}"
        else:
            yield f"points to {value}, at {_at(path)}"
    elif _names_account(value, marks):
        yield f"names accounts of {marks.identity}, at {_at(path)}"
    elif path[-1:] == ("request",) and _names_account(_certificate(value), marks):
        yield f"asks for a certificate of an account of {marks.identity}"


def _names_account(value: str, marks: Marks) -> bool:
    if f"system:serviceaccount:{marks.identity}:" in value:
        return True
    group = f"system:serviceaccounts:{marks.identity}"
    return value == group or f"{group}'" in value or f'{group}"' in value


def _selects(value: dict[str, Any], marks: Marks) -> bool:
    """Say whether a mapping is a label selector that picks the cohort, in either form."""
    if value.get(COHORT) == marks.cohort:
        return True
    values = value.get("values")
    return (
        value.get("key") == COHORT
        and value.get("operator") == "In"
        and isinstance(values, list)
        and marks.cohort in values
    )


def _certificate(request: str) -> str:
    """Return the readable part of a certificate signing request, as far as it has one."""
    try:
        body = _ARMOUR.sub(b"", base64.b64decode(request, validate=False))
        return base64.b64decode(body, validate=False).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""


def _at(path: tuple[str, ...]) -> str:
    return ".".join(path) or "its top"
