"""A plan names what is not as wanted, field by field, and nothing else.

The cases are files in ``tests/compare``, one a kind; its README says how to read them.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from provisioner import manifest
from provisioner.plan import compare, differences, strangers
from provisioner.plan.compare import EXACT

from ..sample import ASSISTANT, cohort, record

FILES = sorted((Path(__file__).parents[1] / "compare").glob("*.yaml"))
DOCUMENTS = [yaml.load(path.read_text(), yaml.CSafeLoader) for path in FILES]
BY_KIND = {document["wanted"]["kind"]: document for document in DOCUMENTS}
CASES = [
    pytest.param(document, case, id=f"{kind}: {case['name']}")
    for kind, document in BY_KIND.items()
    for case in document["cases"]
]


def merge(target, patch):
    """Apply a JSON merge patch, RFC 7396, as the API server does."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def test_every_kind_has_a_file():
    assert set(BY_KIND) == set(EXACT)
    assert len(FILES) == len(EXACT)


@pytest.mark.parametrize("kind", EXACT)
def test_every_field_of_a_kind_has_a_case(kind):
    told = {
        path.partition(".")[0] for case in BY_KIND[kind]["cases"] for path in case.get("paths", [])
    }

    assert set(EXACT[kind]) <= told


@pytest.mark.parametrize("kind", EXACT)
def test_what_the_server_adds_is_no_difference(kind):
    document = BY_KIND[kind]
    live = merge(document["wanted"], document["server"])

    assert live != document["wanted"]
    assert differences(document["wanted"], live) == []
    assert strangers(document["wanted"], live) == {}


@pytest.mark.parametrize("kind", EXACT)
def test_what_an_up_has_written_is_seen_to_be_right_at_first_sight(kind, monkeypatch):
    """Pulumi leaves its notes on each object, and a plan has thousands of them to look at."""
    wanted = BY_KIND[kind]["wanted"]
    notes = {"pulumi.com/patchFieldManager": "practicum", "pulumi.com/patchForce": "true"}
    live = merge(wanted, {"metadata": {"uid": "6f1e", "annotations": notes}})
    monkeypatch.setattr(compare, "_owned_of_both", lambda *_: pytest.fail("looked at in full"))

    assert differences(wanted, live) == []


@pytest.mark.parametrize(("document", "case"), CASES)
def test_case(document, case):
    wanted = document["wanted"]
    live = merge(merge(wanted, document["server"]), case["change"])
    before = deepcopy((wanted, live))

    paths, patch = differences(wanted, live), strangers(wanted, live)

    assert paths == case.get("paths", [])
    assert patch == case.get("patch", lists_put_back(wanted, live, paths))
    assert (wanted, live) == before
    if case.get("deleted"):
        assert differences(wanted, merge(live, patch)) == []


def lists_put_back(wanted, live, paths):
    """The patch that makes every list that differs as wanted: whole, or an item at its end stays."""
    patch = {}
    for path in paths:
        *way, last = path.split(".")
        here, there = wanted, live
        for step in way:
            here, there = here.get(step, {}), there.get(step, {})
        if isinstance(here.get(last), list) and isinstance(there.get(last), list):
            inner = {last: here[last]}
            for step in reversed(way):
                inner = {step: inner}
            patch = merge(patch, inner)
    return patch


@pytest.mark.parametrize("part", ["finalizers", "ownerReferences"])
@pytest.mark.parametrize("kind", EXACT)
def test_what_could_keep_or_take_an_object_is_told_of_every_kind(kind, part):
    wanted = BY_KIND[kind]["wanted"]
    live = merge(wanted, {"metadata": {part: [{"uid": "x"}]}})

    assert differences(wanted, live) == [f"metadata.{part}"]
    assert strangers(wanted, live) == {"metadata": {part: None}}


@pytest.mark.parametrize(
    "item",
    [
        *manifest.guard(cohort()),
        *manifest.environment(cohort(assistants=[ASSISTANT]), record()),
    ],
    ids=lambda item: str(manifest.key_of(item)),
)
def test_what_is_rendered_is_compared_and_equals_itself(item):
    """And a changed value anywhere in it, outside the names, is told."""
    assert differences(item, item) == []
    for path in leaves({name: item[name] for name in EXACT[item["kind"]] if name in item}):
        live = deepcopy(item)
        *way, last = path
        place = live
        for step in way:
            place = place[step]
        place[last] = "x"
        told = ".".join(str(step) for step in path)

        [found] = differences(item, live)
        assert told == found or told.startswith(f"{found}.")


def leaves(value, path=()):
    """Yield the way to everything that is neither a map nor a list."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from leaves(inner, (*path, key))
        else:
            yield (*path, key)
