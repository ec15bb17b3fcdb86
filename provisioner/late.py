"""Import the parts of a package when they are first used: a command pays for no other's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def parts(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Return what a package is to have as its ``__getattr__``.

    Args:
        package: The package.
        places: The names that each of its modules has for others, ``name`` or ``name as other``.
            No module may have the name of a part: once imported it would stand in its place.
    """
    where = dict(
        _named(module, part) for module, parts in places.items() for part in parts.split(",")
    )

    def get(name: str) -> Any:  # noqa: ANN401  (whatever has the name)
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, inside = where[name]
        value = getattr(import_module(f"{package}.{module}"), inside)
        setattr(sys.modules[package], name, value)
        return value

    return get


def _named(module: str, part: str) -> tuple[str, tuple[str, str]]:
    inside, _, outside = part.strip().partition(" as ")
    return outside or inside, (module, inside)
