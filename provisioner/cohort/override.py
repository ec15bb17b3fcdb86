"""A quota of a student's own: the few lines in which it differs from the cohort's.

It is kept by the keys of the cohort file (``cpu``, ``pods``), so that a line means the same
in both, and what a student's quota does not say follows the cohort file when that changes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InputError, Problem

if TYPE_CHECKING:  # the schema takes long to import, and nearly nobody has a quota of their own
    from .quota import Quota
    from .schema import Cohort

Override = tuple[tuple[str, str], ...]
"""Key and amount, by key."""


def override_of(plain: Any) -> Override:  # noqa: ANN401  (whatever a file holds)
    """Read an override that was kept.

    Raises:
        TypeError: If it is no mapping of texts.
        ValueError: If a key is unknown, or an amount is none or absurd.
    """
    if not isinstance(plain, dict):
        raise TypeError("a quota is no mapping")
    if not plain:  # as nearly everybody's
        return ()
    if not all(type(value) is str for value in plain.values()):
        raise TypeError("an amount is no text")
    from .quota import Quota

    Quota.model_validate(plain)
    return tuple(sorted(plain.items()))


def written(override: Override) -> str:
    """Return an override as an annotation holds it.

    >>> written((("cpu", "4"), ("pods", "30")))
    'cpu=4,pods=30'
    """
    return ",".join(f"{key}={amount}" for key, amount in override)


def read_back(text: str) -> Override:
    """Read an override from an annotation; one that is damaged is none.

    >>> read_back("cpu=4,pods=30"), read_back("cpu=-4")
    ((('cpu', '4'), ('pods', '30')), ())
    """
    pairs = (part.partition("=") for part in text.split(",") if part)
    try:
        return override_of({key: amount for key, _, amount in pairs})
    except ValueError:
        return ()


def quota_of(cohort: Cohort, override: Override) -> Quota:
    """Return the quota of one student."""
    quota = cohort.environment.quota
    if not override:
        return quota
    from .quota import Quota

    said = Quota.model_validate(dict(override))
    return quota.model_copy(update={key: getattr(said, key) for key, _ in override})


def parse(cohort: Cohort, present: Override, pairs: Iterable[str]) -> Override:
    """Read what a person asks for, and add it to what a student has already.

    Args:
        cohort: The cohort.
        present: What the student's quota says already.
        pairs: ``KEY=QUANTITY`` each.

    Raises:
        InputError: If one of them cannot be, or no pod could keep to it; it lists them all.
    """
    from pydantic import ValidationError

    from .quota import Quota

    problems: list[Problem] = []
    asked = dict(_pairs(pairs, problems))
    try:
        Quota.model_validate(asked)
    except ValidationError as error:
        problems += [
            Problem(f"--quota {item['loc'][0]}", str(item["msg"]))
            for item in error.errors(include_url=False, include_input=False)
        ]
    if not problems:
        wanted = tuple(sorted({**dict(present), **asked}.items()))
        problems += _too_small(cohort, wanted)
        if not problems:
            return wanted
    raise InputError("This quota cannot be given.", problems=problems)


def _pairs(pairs: Iterable[str], problems: list[Problem]) -> Iterable[tuple[str, str]]:
    from .quota import Quota

    keys = tuple(Quota.model_fields)
    seen: set[str] = set()
    for pair in pairs:
        key, is_pair, amount = pair.partition("=")
        if not is_pair:
            problems.append(Problem("--quota", "this is no KEY=QUANTITY", "write it as cpu=4"))
        elif key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            fix = f"did you mean {near[0]}?" if near else f"there are {', '.join(keys)}"
            problems.append(Problem("--quota", "there is no such key", fix))
        elif key in seen:
            problems.append(Problem(f"--quota {key}", "is said twice", "keep one"))
        else:
            seen.add(key)
            yield key, amount


def _too_small(cohort: Cohort, wanted: Override) -> list[Problem]:
    """Hold an own quota to the rule of the cohort file: a pod that says nothing must fit."""
    from pydantic import ValidationError

    from .environment import Environment

    environment: Mapping[str, Any] = cohort.environment.model_dump(by_alias=True)
    quota = quota_of(cohort, wanted).model_dump()
    try:
        Environment.model_validate({**environment, "quota": quota})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [Problem("--quota", str(item["msg"])) for item in found]
    return []
