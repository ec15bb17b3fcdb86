"""One file of an archive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from ..errors import InputError
from ..manifest import Manifest
from .contents import VOLUMES

DEEPEST = 200
"""Levels of one object; the schema of a custom resource has some dozens."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Member:
    """One file of an archive, which agrees with the manifest."""

    path: str
    content: bytes = field(repr=False)

    @property
    def type(self) -> str:
        """Plural and group of the object, as in ``deployments.apps``."""
        return self.path.split("/")[2]

    @property
    def namespace(self) -> str:
        """The namespace of the object, or what stands for the whole cluster."""
        return self.path.split("/")[1]

    @property
    def is_object(self) -> bool:
        """Whether it is one, and no part of what a volume holds."""
        return not self.path.startswith(f"{VOLUMES}/")

    @property
    def object(self) -> Manifest:
        """The object that is written in it.

        Raises:
            InputError: If what is written is no object of Kubernetes.
        """
        try:
            _refuse_depth(self.content)
            found = yaml.load(self.content, Loader=_LOADER)
            found["metadata"]["name"]
        except (yaml.YAMLError, TypeError, KeyError, RecursionError, ValueError):
            raise InputError(f"{self.path} in the archive is no object.") from None
        return dict(found)


def _refuse_depth(content: bytes) -> None:
    """Stop before the reader does, which ends the whole process at some ten thousand levels.

    Raises:
        ValueError: If it is nested deeper than any object.
    """
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError
