"""The lists, kept by hand, of what each identity may do; independent of how roles are rendered."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

import yaml

Who = Literal["student", "assistant", "everybody"]


class Right(NamedTuple):
    """One verb on one resource, or on one of its subresources."""

    verb: str
    group: str
    resource: str
    """With the subresource after a slash, as RBAC writes it."""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


@cache
def rights(who: Who) -> frozenset[Right]:
    """Read a list: of a student or assistant in a namespace, or of everybody everywhere."""
    text = (resources.files(__package__) / "golden" / f"{who}.yaml").read_text(encoding="utf-8")
    return frozenset(
        Right(verb, group, resource)
        for group, resources_of in yaml.safe_load(text).items()
        for resource, verbs in resources_of.items()
        for verb in verbs
    )
