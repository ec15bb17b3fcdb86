"""The corpus of attacks is complete and well-formed: a damaged case would prove nothing."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import provisioner

CASES = Path(provisioner.__file__).parent / "verify" / "cases"
FILES = sorted(CASES.glob("*/*.yaml"))
FEWEST = 150

REQUIRED = {"requirement", "what", "request", "expect", "denied_by", "twin"}
ALLOWED = REQUIRED | {"standards", "as", "where", "needs", "since", "object", "setup"}
IN_REQUEST = {"verb", "resource", "group", "subresource", "name"}
IN_TWIN = {"where", "request", "object"}
READ = {"get", "list", "watch"}
WITH_OBJECT = {"create", "update", "patch", "jsonpatch", "strategic", "apply"}
VERBS = READ | WITH_OBJECT | {"delete", "deletecollection"}
IDENTITIES = {"student", "assistant", "workload", "authenticated", "operator"}
PLACES = {"own", "neighbour", "foreign", "other", "cluster"}
NEEDS = {"baseline", "restricted", "images", "ingress", "no-ingress", "storage-classes"} | {
    *("runtime-class", "gpu", "no-gpu")
}
POLICIES = {"managed", "finalizers", "services", "configmaps", "secrets", "pods"} | {
    *("images", "volumes", "ingresses", "bindings")
}
GUARDS = {"rbac", "pod-security", "quota", "limits", "api"} | {f"policy:{one}" for one in POLICIES}
WORDS = {"{namespace}", "{cohort}", "{student}", "{neighbour}", "{identity}"} | {
    *("{suffix}", "{ingress_class}", "{storage_class}", "{forbidden_image}", "{runtime_class}")
}

COVERED = [
    f"ISO-{number:02d}"
    for number in (*range(3, 9), 10, 11, *range(14, 22), 23, 24, 27, 28, 30, 31, 33, 35)
]
"""What a request shows; the others take a render, a controller, or a network to show."""

POD_SECURITY = [
    *("apparmor", "capabilities", "privileged", "proc-mount", "selinux-type"),
    *("seccomp-unconfined", "host-port", "host-probe", "windows-host-process"),
    *("escalation", "capabilities-kept", "run-as-root", "run-as-non-root-off"),
]
"""Checks on containers; each has a case a list of containers."""


def read(file: Path) -> dict[str, Any]:
    document = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    assert isinstance(document, dict)
    return document


CORPUS = {file.relative_to(CASES).as_posix(): read(file) for file in FILES}

TOPICS = sorted({name.partition("/")[0] for name in CORPUS})

every_topic = pytest.mark.parametrize("topic", TOPICS)


def strays(topic: str, right: Callable[[dict[str, Any]], bool]) -> list[str]:
    """Return the cases of a topic that are not right."""
    mine = ((name, case) for name, case in CORPUS.items() if name.startswith(f"{topic}/"))
    return [name for name, case in mine if not right(case)]


def several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def attempts(case: dict[str, Any]) -> list[dict[str, Any]]:
    return [case, {**case, **case["twin"]}]


@every_topic
def test_a_case_has_the_keys_of_a_case_and_no_other(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        requests = [set(one["request"]) for one in attempts(case)]
        return REQUIRED <= case.keys() <= ALLOWED and all(
            {"verb", "resource"} <= keys <= IN_REQUEST for keys in requests
        )

    assert strays(topic, right) == []


@every_topic
def test_a_case_says_which_text_and_which_guard_refuse_it(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        text = case["expect"]
        # So short a text would be in many an answer.
        return isinstance(text, str) and len(text) > 5 and case["denied_by"] in GUARDS

    assert strays(topic, right) == []


@every_topic
def test_a_case_names_known_verbs_identities_and_places(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        return (
            all(one["request"]["verb"] in VERBS for one in attempts(case))
            and all(one.get("where", "own") in PLACES for one in attempts(case))
            and case.get("as", "student") in IDENTITIES
            and set(several(case.get("needs"))) <= NEEDS
        )

    assert strays(topic, right) == []


@every_topic
def test_a_case_has_a_twin_that_differs_from_it(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        twin = case["twin"]
        return bool(twin) and set(twin) <= IN_TWIN and {**case, **twin} != case

    assert strays(topic, right) == []


@every_topic
def test_a_case_that_writes_says_what(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        writes = [one for one in attempts(case) if one["request"]["verb"] in WITH_OBJECT]
        return all("object" in one for one in writes)

    assert strays(topic, right) == []


@every_topic
def test_a_case_is_one_sentence_of_requirements_that_exist(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        named, standards = several(case["requirement"]), several(case.get("standards"))
        return (
            case["what"].endswith(".")
            and all(re.fullmatch(r"ISO-[0-3][0-9]", one) for one in named)
            and all(re.match(r"(MTB|CIS)-", one) for one in standards)
        )

    assert strays(topic, right) == []


@every_topic
def test_a_case_uses_only_words_that_are_replaced(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        return set(re.findall(r"\{[a-z_]+\}", json.dumps(case))) <= WORDS

    assert strays(topic, right) == []


@every_topic
def test_what_a_case_makes_beforehand_has_a_kind_and_a_name_of_ours(topic: str) -> None:
    def right(case: dict[str, Any]) -> bool:
        return all(
            made["apiVersion"] and made["kind"] and made["metadata"]["name"].startswith("verify-")
            for made in case.get("setup", [])
        )

    assert strays(topic, right) == []


def test_there_are_cases_enough_and_no_two_have_one_name() -> None:
    assert len(FILES) >= FEWEST
    assert [name for name, count in Counter(file.stem for file in FILES).items() if count > 1] == []


@pytest.mark.parametrize("requirement", COVERED)
def test_a_requirement_that_a_request_can_show_has_a_case(requirement: str) -> None:
    assert any(requirement in several(case["requirement"]) for case in CORPUS.values())


@pytest.mark.parametrize("listed", ["containers", "initcontainers", "ephemeral"])
@pytest.mark.parametrize("check", POD_SECURITY)
def test_each_pod_security_check_is_tried_in_each_list_of_containers(
    check: str, listed: str
) -> None:
    assert {f"{check}-{listed}"} <= {file.stem for file in FILES}


@pytest.mark.parametrize("policy", sorted(POLICIES - {"images"}))
def test_each_policy_that_every_cohort_has_refuses_something(policy: str) -> None:
    assert any(case["denied_by"] == f"policy:{policy}" for case in CORPUS.values())
