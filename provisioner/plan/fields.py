"""Say what each field is that differs, and what it is to be; never what a secret holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..manifest import ObjectKey, key_of
from ..redaction import redact
from .compare import values
from .plan import Part

HIDDEN = "(hidden)"

SECRET = frozenset({"data", "stringdata", "token", "password", "dockerconfigjson", "dockercfg"})
"""What a field is called, in small letters and without a dot before it, that is never shown."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of an object that is there and is not as wanted."""

    key: ObjectKey
    name: str
    """The way to it: ``spec.hard.pods``."""

    before: Any
    """What it is on the cluster, as JSON has it; None where there is nothing."""

    after: Any
    """What it is to be."""

    @property
    def change(self) -> str:
        """The line of ``Part.changes`` that tells of it."""
        return f"{self.key} {self.name}"


def fields(part: Part) -> Iterator[Field]:
    """Yield the fields in which what is there differs, in the order of the part's changes.

    They are compared again here: a plan keeps no values, and most are never shown.
    """
    for wanted, live in part.differing:
        key = key_of(wanted)
        for name, before, after in values(wanted, live):
            hidden = key.kind == "Secret" or any(map(_is_secret, re.split("[./]", name)))
            yield Field(
                key=key,
                name=name,
                before=_shown(before, hidden=hidden),
                after=_shown(after, hidden=hidden),
            )


def _shown(value: Any, *, hidden: bool = False) -> Any:  # noqa: ANN401  (plain data)
    """Return a value without what opens something, wherever in it that stands."""
    if hidden:
        return HIDDEN
    if isinstance(value, dict):
        return {key: _shown(item, hidden=_is_secret(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return redact(value) if isinstance(value, str) else value


def _is_secret(name: str) -> bool:
    return name.lower().lstrip(".") in SECRET
