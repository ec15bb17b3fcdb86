"""Objects as YAML that every reader takes for the same, whatever version of YAML it knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

_Safe: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Dumper(_Safe):  # type: ignore[misc]  # the C one where there is one
    """Quotes what another reader takes for a number or a truth, and points back to nothing."""

    def ignore_aliases(self, data: object) -> bool:
        """Write every value out."""
        return True


# PyYAML's own rules are those of YAML 1.1, where 08 and 1e5 are texts. To Go's readers, kubectl's
# among them, both are numbers; and y and n are truths to some.
Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|[-+]?0o[0-7]+$"),
    list("-+.0123456789"),
)
Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))


def as_yaml(objects: Iterable[Any]) -> str:
    """Return objects as documents of one file.

    >>> print(as_yaml([{"wave": "08", "count": 8}]), end="")
    wave: '08'
    count: 8
    """
    text: str = yaml.dump_all(objects, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return text
