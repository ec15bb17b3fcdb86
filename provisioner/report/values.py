"""What changes in a part of a plan, in lines for people: the field, what it is, what it is to be."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

from ..plan import Field, Part, fields, in_one_form, inner_values

LONGEST = 60
"""Characters of a value that are shown; ``--json`` has all of it."""

BEFORE = 15
"""Of these, those before the place where two long values part."""

MOST = 4
"""Members of a list that are shown."""

OWN = "…"
"""Stands for a student's own name where several are told together."""


def changes(part: Part) -> Iterator[str]:
    """Yield the changes of a part, each with its values where it is a field's."""
    known: dict[str, deque[Field]] = defaultdict(deque)
    for field in fields(part):
        known[field.change].append(field)
    for change in part.changes:
        found = known.get(change)
        yield f"{change}: {told(found.popleft())}" if found else change


def alike(part: Part) -> Iterator[str]:
    """Yield the same without the student's own names, so that students can be compared."""
    its = part.record or part.group
    own = "|".join(map(re.escape, (its.namespace, part.name) if its else (part.name,)))
    for change in changes(part):
        yield re.sub(rf"(?<![\w-])(?:{own})(?![\w-])", OWN, change)


def document(part: Part) -> list[dict[str, Any]]:
    """Return the same as data, nothing shortened."""
    return [
        {
            "object": str(field.key),
            "namespace": field.key.namespace,
            "field": field.name,
            "before": field.before,
            "after": field.after,
        }
        for field in fields(part)
    ]


def told(field: Field) -> str:
    """Return what a field is and what it is to be; of a list, what goes and what comes."""
    return _told(field.before, field.after)


def _told(before: Any, after: Any) -> str:  # noqa: ANN401  (plain data)
    if isinstance(before, list) and isinstance(after, list | None):
        return _few(_members(before, after or []))
    if isinstance(after, list) and before is None:
        return _few(_members([], after))
    return _arrow(before, after)


def _members(before: list[Any], after: list[Any]) -> list[str]:
    """Say what goes from a list and what comes; of a lone item that changes, in what."""
    was, is_to_be = in_one_form(before), in_one_form(after)
    gone = [item for item, form in zip(before, was, strict=True) if form not in is_to_be]
    new = [item for item, form in zip(after, is_to_be, strict=True) if form not in was]
    if not gone and not new:
        return ["other in order or number"]
    if len(gone) == len(new) == 1 and _is_changed(gone[0], new[0]):
        return [f"{name} {_told(*two)}" for name, *two in inner_values(gone[0], new[0])]
    return [*(f"- {_item(one)}" for one in gone), *(f"+ {_item(one)}" for one in new)]


def _is_changed(gone: Any, new: Any) -> bool:  # noqa: ANN401  (plain data)
    """Say whether two items are one that changed: a person who goes is not one who comes."""
    both = isinstance(gone, dict) and isinstance(new, dict)
    return both and gone.get("name") == new.get("name")


def _few(members: list[str]) -> str:
    more = [f"and {len(members) - MOST} more"] if len(members) > MOST else []
    return ", ".join((*members[:MOST], *more))


def _item(item: Any) -> str:  # noqa: ANN401  (plain data)
    """Name a member of a list as people name it, where it has a name."""
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        return _spelled(item)
    place = f"{item['namespace']}/" if item.get("namespace") else ""
    return _window(f"{item.get('kind', '')} {place}{item['name']}".strip())


def _arrow(before: Any, after: Any) -> str:  # noqa: ANN401  (plain data)
    texts = _text(before), _text(after)
    pairs = enumerate(zip(*texts, strict=False))
    at = next((place for place, (one, other) in pairs if one != other), min(map(len, texts)))
    return " → ".join(_window(text, at) for text in texts)


def _spelled(value: Any) -> str:  # noqa: ANN401  (plain data)
    return _window(_text(value))


def _text(value: Any) -> str:  # noqa: ANN401  (plain data)
    if value is None:
        return "(none)"
    if isinstance(value, str) and value and not value.isspace():
        return value.replace("\n", "\\n").replace("\t", "\\t")
    return json.dumps(value, ensure_ascii=False)


def _window(text: str, at: int = 0) -> str:
    """Return a long text shortened to what stands around a place in it."""
    if len(text) <= LONGEST:
        return text
    begin = max(0, at - BEFORE)
    end = begin + LONGEST
    return f"{'…' * (begin > 0)}{text[begin:end]}{'…' * (end < len(text))}"
