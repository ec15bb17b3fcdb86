"""The corpus is read strictly, and covers what it must."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from provisioner.errors import InputError
from provisioner.verify import case
from provisioner.verify.attacks import rounds
from provisioner.verify.attempt import fill
from provisioner.verify.finding import load_catalogue

GOOD = {
    "requirement": "ISO-14",
    "standards": ["MTB-PL1-BC-HI-1"],
    "what": "A Service opens a port on every node.",
    "request": {"verb": "create", "resource": "services"},
    "object": {"spec": {"type": "NodePort"}},
    "expect": "only Services",
    "denied_by": "policy:services",
    "twin": {"object": {"spec": {}}},
}


def read(folder: Path, **changes):
    (folder / "topic").mkdir(exist_ok=True)
    document = {k: v for k, v in (GOOD | changes).items() if v is not None}
    (folder / "topic" / "one.yaml").write_text(yaml.safe_dump(document))
    return case.load_from(folder)


def test_a_twin_differs_from_its_case_in_what_it_says_and_in_nothing_else(tmp_path):
    (found,) = read(tmp_path)

    assert (found.id, found.topic, found.guard) == ("one", "topic", "policy:services")
    assert (found.attempt.who, found.attempt.where) == ("student", "own")
    assert found.attempt.body == {"spec": {"type": "NodePort"}}
    assert found.twin.body == {"spec": {}}
    assert found.twin.verb == found.attempt.verb == "create"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"expect": None}, "says no expect"),
        ({"twin": None}, "says no twin"),
        ({"requirement": None}, "says no requirement"),
        ({"expects": "a typo"}, "mean nothing: expects"),
        ({"as": "cluster-admin"}, "as is none of"),
        ({"where": "everywhere"}, "where is none of"),
        ({"denied_by": "luck"}, "denied_by is none of"),
        ({"denied_by": "policy:"}, "denied_by is none of"),
        ({"needs": "privileged"}, "needs is none of"),
        ({"request": {"verb": "steal", "resource": "pods"}}, "verb is none of"),
        ({"request": {"verb": "get"}}, "says no resource"),
        ({"request": {"verb": "get", "resource": "pods", "nam": "x"}}, "mean nothing: nam"),
        ({"twin": {"as": "assistant"}}, "the twin has keys that mean nothing: as"),
    ],
)
def test_a_damaged_case_is_named_with_what_is_wrong(tmp_path, changes, told):
    with pytest.raises(InputError) as refused:
        read(tmp_path, **changes)

    (problem,) = refused.value.problems
    assert problem.where == "topic/one.yaml"
    assert told in problem.what


def test_what_is_no_yaml_is_told_and_not_a_traceback(tmp_path):
    (tmp_path / "topic").mkdir()
    (tmp_path / "topic" / "one.yaml").write_text("a: [")

    with pytest.raises(InputError, match="damaged"):
        case.load_from(tmp_path)


def test_the_corpus_is_sound_and_large_enough():
    corpus = case.load()

    assert len(corpus) >= 150
    known = load_catalogue()
    assert {id for one in corpus for id in one.requirements} <= known.keys()
    assert {one.attempt.who for one in corpus} == set(case.IDENTITIES)


@pytest.mark.parametrize(
    "guard", ["managed", "finalizers", "services", "configmaps", "secrets", "pods", "volumes",
              "ingresses", "images", "bindings"],
)  # fmt: skip
def test_every_policy_has_cases_of_its_own(guard):
    assert [one.id for one in case.load() if one.guard == f"policy:{guard}"]


def test_words_are_replaced_wherever_they_stand():
    body = {"{cohort}": ["in {namespace}", {"deep": "{namespace}-x"}], "n": 3}

    found = fill(body, {"{namespace}": "ns", "{cohort}": "c1"})

    assert found == {"c1": ["in ns", {"deep": "ns-x"}], "n": 3}


def test_cases_that_want_one_object_in_two_forms_do_not_meet(tmp_path):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    cases = []
    for number, labels in enumerate(({}, {"a": "b"}, {})):
        setup = [{**pod, "metadata": {"name": "p", "labels": labels}}]
        cases += read(tmp_path, what=f"case {number}", setup=setup)
    cases += read(tmp_path, what="without", setup=None)

    found = [[one.what for one in some] for some in rounds(cases)]

    assert found == [["case 0", "case 2", "without"], ["case 1"]]
