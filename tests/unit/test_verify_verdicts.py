"""A verdict is earned: nothing passes for the wrong reason, or because nothing was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provisioner.manifest import role
from provisioner.report import verification, verify_page
from provisioner.verify import attacks, case, course, golden, matrix
from provisioner.verify.attempt import Answer
from provisioner.verify.concerns import Cell
from provisioner.verify.finding import Finding, Proof, judge_all
from provisioner.verify.golden import Right
from provisioner.verify.scene import Scene

from ..sample import cohort, record

DENIED = Answer(
    403,
    "services is forbidden: ValidatingAdmissionPolicy 'practicum-mls26-services' with binding"
    " 'practicum-mls26-services' denied request: only Services of type ClusterIP are offered",
)
TAKEN = Answer(201)


@pytest.fixture
def scene():
    return Scene(
        cohort=cohort(),
        admin=None,
        own=record(),
        neighbour=record("20260002"),
        identities={},
        secret={},
    )


@pytest.fixture
def nodeport():
    return next(one for one in case.load() if one.id == "nodeport")


def test_a_refusal_for_its_reason_with_an_accepted_twin_passes(scene, nodeport):
    assert attacks.judge(nodeport, scene, DENIED, TAKEN) == ""


@pytest.mark.parametrize(
    ("answer", "twin", "why"),
    [
        (TAKEN, TAKEN, "policy:services let it pass"),
        (Answer(403, 'cannot create resource "services"'), TAKEN, "something else did"),
        (Answer(404, "not found"), TAKEN, "something else did"),
        (Answer(503, "busy"), TAKEN, "failed to prove"),
        (Answer(0, "credential not accepted"), TAKEN, "failed to prove"),
        (DENIED, Answer(403, "exceeded quota: services"), "twin refused (nodeport): exceeded"),
        (DENIED, Answer(500, "etcdserver"), "twin refused"),
    ],
)
def test_whatever_else_happens_is_a_failure_that_says_so(scene, nodeport, answer, twin, why):
    assert why in attacks.judge(nodeport, scene, answer, twin)


def test_the_words_without_the_guards_name_are_no_proof(scene, nodeport):
    """Another policy with the same text would hide that ours is gone."""
    other = Answer(403, DENIED.message.replace("practicum-mls26", "somebody"))

    assert "something else did" in attacks.judge(nodeport, scene, other, TAKEN)


# Requirements


def finding(verdict, *ids, why="", **more):
    return Finding(about="tried", requirements=ids, verdict=verdict, why=why, **more)


CATALOGUE = {
    "ISO-01": {"what": "one"},
    "ISO-25": {"what": "net", "unproven": "no CNI"},
    "CRD-08": {"what": "keys", "waived": "elsewhere"},
}


@pytest.mark.parametrize(
    ("found", "id", "verdict"),
    [
        ([], "ISO-01", "unproven"),
        (["passed"], "ISO-01", "passed"),
        (["passed", "failed"], "ISO-01", "failed"),
        (["passed", "waived"], "ISO-01", "passed"),
        (["waived"], "ISO-01", "waived"),
        (["passed", "unproven"], "ISO-01", "unproven"),
        (["passed"], "ISO-25", "unproven"),
        (["failed"], "ISO-25", "failed"),
        ([], "CRD-08", "waived"),
    ],
)
def test_a_requirement_is_worth_its_worst_case(found, id, verdict):
    judged = judge_all([finding(each, id, why="because") for each in found], CATALOGUE)

    one = next(one for one in judged if one.id == id)
    assert one.verdict == verdict
    assert one.why or verdict == "passed"


def proof(*findings, live=False):
    return Proof(
        cohort="mls26",
        server="https://127.0.0.1:6443",
        cluster="uid",
        version="v1.34.9",
        time=datetime(2026, 11, 23, tzinfo=UTC),
        seconds=1.5,
        students=2,
        in_full=("20260001",),
        live=live,
        simulated=True,
        notes=("a <note>",),
        requirements=judge_all(findings, CATALOGUE),
        findings=findings,
    )


def test_unproven_fails_only_where_it_is_asked_to():
    assert proof(finding("passed", "ISO-01")).verdict == "passed"
    assert proof(finding("passed", "ISO-01"), live=True).verdict == "failed"


def test_the_document_has_the_keys_of_the_contract():
    found = verification.document(proof(finding("failed", "ISO-01", why="Role: x")))

    assert found.keys() >= {"cohort", "verdict", "requirements", "cluster", "time"}
    assert found["cluster"] == {"uid": "uid", "version": "v1.34.9"}
    assert found["requirements"][0].keys() >= {"id", "verdict", "cases", "why"}
    assert found["failures"][0]["why"] == "Role: x"


def test_the_table_leaves_waived_to_one_line():
    one = proof(finding("passed", "ISO-01"))

    assert [row[0] for row in verification.rows(one)] == ["ISO-01", "ISO-25"]
    assert any("CRD-08" in line for line in verification.lines(one))


def test_the_page_needs_nothing_else_and_escapes_what_it_is_given():
    evil = '<script src="https://x.example/x.js">'
    page = verify_page.page(proof(finding("failed", "ISO-01", why=evil)))

    assert "<script" not in page
    assert "&lt;script" in page
    assert "a &lt;note&gt;" in page
    assert "no CNI" in page
    for outside in ("http-equiv", "@import", "url(", "<img", "<link"):
        assert outside not in page


# The lists and the matrix


def expanded(rules):
    return {
        Right(verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_reviewed_lists_are_what_the_roles_say():
    assert golden.rights("student") == expanded(role.student_rules())
    assert golden.rights("assistant") == expanded(role.assistant_rules())


def student(**more):
    fields = {"who": "s", "client": None, "places": {}, "inside": {"own": "student"}}
    return matrix.Person(**{**fields, **more})


def test_a_right_belongs_to_the_place_that_the_list_gives_it_in():
    pods = Right("create", "", "pods")
    review = Right("create", "authorization.k8s.io", "selfsubjectaccessreviews")

    assert student().expected(Cell(pods, "own"))
    assert not student().expected(Cell(pods, "neighbour"))
    assert not student().expected(Cell(Right("escalate", "", "roles"), "own"))
    assert student().expected(Cell(review, "cluster"))
    assert not student(inside={}).expected(Cell(pods, "own"))


def test_one_right_too_many_and_one_too_few_are_both_told():
    answers = [
        (Cell(Right("create", "", "pods"), "neighbour"), True),
        (Cell(Right("create", "", "pods"), "own"), False),
        (Cell(Right("get", "", "nodes"), "cluster"), False),
    ]

    failed = [one for one in matrix._compare(student(), answers) if one.verdict == "failed"]

    told = " ".join(one.why for one in failed)
    assert "may create pods in another student's namespace" in told
    assert "may not create pods in their own namespace" in told
    assert "nodes" not in told


# What a course's settings mean


def attempt_of(**changes):
    return replace(case.load()[0], **changes)


def test_a_case_above_the_courses_level_is_waived_with_the_reason():
    strict = attempt_of(needs=("restricted",), setup=())

    restricted = cohort(environment={"pod_security": "restricted"})

    assert "baseline only" in course.waived(cohort(), strict)
    assert course.waived(restricted, strict) == ""


def test_twins_use_what_the_course_allows():
    own = cohort(environment={"images": ["registry.example/course/*"], "storage_classes": ["fast"]})
    claim = {"spec": {"accessModes": ["ReadWriteOnce"]}}
    chosen = {"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}}

    assert course.words(own)[course.IMAGE] == "registry.example/course/verify:1"
    assert course.adapted(own, claim)["spec"]["storageClassName"] == "fast"
    assert course.adapted(own, chosen) == chosen
    assert course.adapted(cohort(), claim) == claim
