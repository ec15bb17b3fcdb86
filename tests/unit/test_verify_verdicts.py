"""A verdict is earned: nothing passes for the wrong reason, or because nothing was seen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from provisioner import cluster
from provisioner.cli import practicum
from provisioner.cluster import ApiError, Type
from provisioner.manifest import role
from provisioner.report import verification, verify_page
from provisioner.verify import (
    access,
    attacks,
    case,
    course,
    golden,
    identities,
    live,
    matrix,
    people,
    pulling,
    traffic,
)
from provisioner.verify.attempt import Answer
from provisioner.verify.concerns import Cell
from provisioner.verify.finding import Finding, Proof, judge_all
from provisioner.verify.golden import Right
from provisioner.verify.scene import Scene
from provisioner.verify.surroundings import Surroundings
from provisioner.verify.traffic import Seen

from ..sample import ASSISTANT, SECRETS_READER, cohort, record

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
    "ISO-26": {"what": "dns", "live": "pods alone"},
    "CRD-08": {"what": "keys", "waived": "elsewhere"},
    "CRD-14": {"what": "hosts", "left": "there are none"},
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
        ([], "CRD-14", "waived"),
        ([], "ISO-26", "unproven"),
        (["passed"], "ISO-26", "unproven"),
        (["failed"], "ISO-26", "failed"),
    ],
)
def test_a_requirement_is_worth_its_worst_case(found, id, verdict):
    judged = judge_all([finding(each, id, why="because") for each in found], CATALOGUE)

    one = next(one for one in judged if one.id == id)
    assert one.verdict == verdict
    assert one.why or verdict == "passed"


@pytest.mark.parametrize(
    ("seen", "verdict", "told"),
    [
        (["passed"], "passed", ""),
        (["passed", "unproven"], "unproven", "because"),
        (["unproven"], "unproven", "pods alone; because"),
        (["passed", "failed"], "failed", "because"),
        (["waived"], "waived", "because"),
    ],
)
def test_what_takes_pods_is_proven_from_inside_one_and_by_nothing_else(seen, verdict, told):
    """So that a probe needs no more than a finding that is marked."""
    found = [finding(each, "ISO-26", why="because", live=True) for each in seen]

    one = next(one for one in judge_all(found, CATALOGUE) if one.id == "ISO-26")

    assert (one.verdict, one.why) == (verdict, told)


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


@pytest.mark.parametrize(
    ("found", "asked", "verdict"),
    [
        ("passed", False, "passed"),
        ("passed", True, "unproven"),
        ("failed", False, "failed"),
        ("failed", True, "failed"),
    ],
)
def test_unproven_is_the_verdict_only_where_it_is_asked_for_and_nothing_failed(
    found, asked, verdict
):
    one = proof(finding(found, "ISO-01"), live=asked)

    assert one.verdict == verdict
    told = any("nothing failed" in line for line in verification.lines(one))
    assert told is (verdict == "unproven")


@pytest.mark.parametrize(("verdict", "code"), [("passed", 0), ("unproven", 8), ("failed", 8)])
def test_what_was_not_proven_has_the_exit_code_of_a_proof_that_did_not_hold(
    verdict, code, monkeypatch
):
    one = proof(finding("failed" if verdict == "failed" else "passed", "ISO-01"),
                live=verdict == "unproven")  # fmt: skip
    assert one.verdict == verdict
    monkeypatch.setattr("provisioner.lifecycle.verify.verify_cohort", lambda *_, **__: one)

    done = CliRunner().invoke(practicum, ["verify", "mls26", "--json"])

    assert done.exit_code == code
    assert json.loads(done.stdout)["verdict"] == verdict


def test_what_no_look_at_a_cluster_shows_does_not_count_against_live():
    catalogue = {"CRD-22": {"what": "store", "unproven": "nobody tells"}}

    [beyond] = judge_all([], catalogue)
    [line] = judge_all([], {"ISO-01": {"what": "one"}})

    assert (beyond.verdict, beyond.missing) == ("unproven", False)
    assert (line.verdict, line.missing) == ("unproven", True)


def test_live_names_each_line_that_is_unproven_with_its_reason():
    line = finding("unproven", "ISO-26", why="no pods run here")

    told = [one for one in verification.lines(proof(line, live=True)) if one.startswith("  ? ")]

    assert told == [
        "  ? ISO-26 tried: unproven, no pods run here",
        "  ? ISO-01 one: unproven, no case of this release looks at it on this cluster",
        "  ? ISO-25 net: unproven, no CNI",
    ]
    assert not any(one.startswith("  ? ") for one in verification.lines(proof(line)))
    listed = verification.document(proof(line, live=True))["unproven"]
    assert [one["requirements"] for one in listed] == [["ISO-26"], ["ISO-01"], ["ISO-25"]]


@pytest.mark.parametrize(
    ("asked", "simulated", "told"),
    [(False, False, live.NOT_ASKED), (True, True, live.SIMULATED)],
)
def test_a_line_that_no_pod_answers_says_why(asked, simulated, told):
    found = list(live.live(None, asked=asked, simulated=simulated, image=""))

    assert [one.about for one in found] == [line.about for line in live.LINES]
    assert {(one.verdict, one.why, one.live) for one in found} == {("unproven", told, False)}


SILENT = {
    **dict.fromkeys(("own-pod", "own-service", "own-name"), "open"),
    **dict.fromkeys(("other-pod", "other-service", "other-name", "metadata"), "silence"),
    **dict.fromkeys(("api-name", "api-address", "node", "dns-beside"), "silence"),
}
"""What a pod finds where all is as it should be."""


def looked(control="silence", neighbour="open", **answers):
    """Judge what two nodes found, the second of them with other answers."""
    changed = {name.replace("_", "-"): answer for name, answer in answers.items()}
    seen = Seen(
        control={"n1": "silence", "n2": control},
        answers={"n1": SILENT, "n2": SILENT | changed},
        neighbour={"own-pod": neighbour},
    )
    found = list(live.judge(seen))
    assert [one.about for one in found] == [line.about for line in live.LINES]
    return {line: (one.verdict, one.why) for line, one in zip(live.LINES, found, strict=True)}


def test_silence_towards_others_is_a_proof_where_the_own_namespace_answers():
    found = looked()

    waived = found.pop(live.NAMES)
    assert set(found.values()) == {("passed", "")}
    assert waived == ("waived", live.LISTED)


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        ({"other_pod": "open"}, live.STUDENT),
        ({"other_service": "open"}, live.STUDENT),
        ({"other_name": "open"}, live.STUDENT),
        ({"metadata": "open"}, live.METADATA),
        ({"api_name": "open"}, live.API),
        ({"api_address": "open"}, live.API),
        ({"node": "open"}, live.NODE),
        ({"dns_beside": "open"}, live.DNS),
    ],
)
def test_what_is_reached_from_one_node_alone_fails_its_line_and_names_the_node(answers, line):
    found = looked(**answers)

    verdict, why = found[line]
    assert verdict == "failed"
    assert "(on n2)" in why
    assert [one for one, (verdict, _) in found.items() if verdict == "failed"] == [line]


def test_where_a_policy_of_our_own_is_not_obeyed_every_line_is_unproven():
    found = looked(control="open", other_pod="open", metadata="open")

    assert set(found.values()) == {("unproven", f"{live.NOT_ENFORCED} (on n2)")}


def test_a_network_in_which_nothing_answers_is_no_proof():
    found = looked(own_pod="silence")

    assert set(found.values()) == {("failed", f"{live.DEAF} (on n2)")}


def test_a_neighbour_that_never_answered_anybody_proves_nothing():
    assert looked(neighbour="silence")[live.STUDENT][0] == "failed"


def test_a_refusal_may_come_from_who_was_reached():
    verdict, why = looked(api_address="refused")[live.API]

    assert (verdict, why) == ("unproven", "it was not met with silence: refused")


@pytest.mark.parametrize(
    ("target", "line", "nodes", "why"),
    [
        ("node", live.NODE, 0, live.UNSEEN),
        ("node", live.NODE, 1, live.ALONE),
        ("node", live.NODE, 2, live.NO_OTHER),
        ("dns-beside", live.DNS, 2, live.NO_OTHER_PORT),
    ],
)
def test_what_no_pod_could_try_is_unproven_and_all_else_is_not(target, line, nodes, why):
    there = {name: one for name, one in SILENT.items() if name != target}
    seen = Seen(
        control={"n1": "silence"}, answers={"n1": there}, neighbour={"own-pod": "open"}, nodes=nodes
    )

    found = dict(zip(live.LINES, live.judge(seen), strict=True))

    assert (found[line].verdict, found[line].why) == ("unproven", why)
    assert {one.about for one in found.values() if one.verdict == "unproven"} == {line.about}


def node(name, address="", ready="True", **spec):
    return {
        "metadata": {"labels": {"kubernetes.io/hostname": name}},
        "spec": spec,
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": address or f"192.0.2.{name[1:]}"}],
        },
    }


TAINTED = {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}


@pytest.mark.parametrize(
    ("nodes", "tried"),
    [
        ([node("n1")], {"n1": None}),
        ([node("n1", **TAINTED), node("n2")], {"n2": "192.0.2.1:10250"}),
        (
            [node("n1", **TAINTED), node("n2"), node("n3")],
            {"n2": "192.0.2.3:10250", "n3": "192.0.2.2:10250"},
        ),
        ([node("n1", ready="False"), node("n2")], {"n2": None}),
        ([node("n1", "2001:db8::1"), node("n2")], {"n1": "192.0.2.2:10250", "n2": None}),
        ([node("n1", **TAINTED)], {"": None}),
        ([], {"": None}),
    ],
)
def test_from_each_node_that_takes_pods_another_one_is_tried(scene, nodes, tried):
    admin = SimpleNamespace(pages=lambda _: iter(nodes))
    seen = traffic._nodes(replace(scene, admin=admin))

    places = traffic._places(scene, seen)

    assert {place: traffic._another_node(seen, place).get("node") for place in places} == tried


HOME = {"own-pod": "open", "other-pod": "silence", "other-name": "no name", "api-name": "silence"}


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ([HOME], [3]),
        ([HOME | {"own-pod": "silence"}, HOME], [3, 10]),
        ([HOME | {"other-pod": "open"}, HOME], [3, 10]),
        ([HOME | {"other-pod": "refused"}, HOME], [3, 10]),
        ([HOME | {"api-name": "no name"}, HOME], [3, 10]),
        ([{"control": "open"}, {"control": "silence"}], [3, 10]),
        ([HOME | {"other-pod": "open"}, HOME | {"own-pod": "silence"}], [3, 10]),
    ],
)
def test_a_busy_network_is_asked_again_with_more_patience(monkeypatch, said, asked):
    seconds, left = [], iter(said)

    def ask(ground, pod, targets, node, *, patience):
        seconds.append(patience)
        return next(left)

    monkeypatch.setattr(traffic, "ask", ask)

    found = traffic._ask_until_fenced(None, "verify-client", {}, "n1")

    assert (found, seconds) == (said[-1], asked)


def test_names_that_are_not_told_are_a_proof_and_names_that_never_are_a_fault():
    hidden = {name: SILENT | {"other-name": "no name"} for name in ("n1", "n2")}
    seen = Seen(control={"n1": "silence"}, answers=hidden, neighbour={"own-pod": "open"})

    assert list(live.judge(seen))[-1].verdict == "passed"
    assert looked(api_name="no name")[live.DNS] == ("failed", "names are not resolved")


def test_the_document_has_the_keys_of_the_contract():
    found = verification.document(proof(finding("failed", "ISO-01", why="Role: x")))

    assert found.keys() >= {"cohort", "verdict", "requirements", "cluster", "time"}
    assert found["cluster"] == {"uid": "uid", "version": "v1.34.9"}
    assert found["requirements"][0].keys() >= {"id", "verdict", "cases", "why"}
    assert found["failures"][0]["why"] == "Role: x"


def test_the_table_leaves_waived_to_one_line():
    one = proof(finding("passed", "ISO-01"))

    assert [row[0] for row in verification.rows(one)] == ["ISO-01", "ISO-25", "ISO-26"]
    assert any("CRD-08" in line for line in verification.lines(one))


def test_the_page_needs_nothing_else_and_escapes_what_it_is_given():
    evil = '<script src="https://x.example/x.js">'
    page = verify_page.page(proof(finding("failed", "ISO-01", why=evil)))

    assert "<script" not in page
    assert "&lt;script" in page
    assert "a &lt;note&gt;" in page
    assert "no CNI" in page
    assert "default-src 'none'" in page
    for outside in ('http-equiv="refresh"', "@import", "url(", "<img", "<link"):
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


def served(plural, group=""):
    return Type(
        group=group, version="v1", plural=plural, below="", kind="X", namespaced=True,
        verbs=("list",),
    )  # fmt: skip


class Asking:
    """Notes where rights are asked for, and grants none."""

    def __init__(self):
        self.namespaces = set()

    def ask(self, body):
        self.namespaces.add(body["spec"]["resourceAttributes"]["namespace"])
        return {"status": {"allowed": False}}


@pytest.fixture(autouse=True)
def _asked_one_by_one(monkeypatch):
    monkeypatch.setattr(cluster, "ask_many", lambda client, _, bodies: map(client.ask, bodies))


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


def test_rights_are_asked_for_in_the_places_that_there_are():
    """Where no other course runs, nobody can be asked about it."""
    asked = matrix.cells([served("pods")], every_verb=False)
    here = Asking()
    matrix.ask_all(student(client=here, places={"own": "a", "neighbour": "b"}), asked)
    there = Asking()
    places = {"own": "a", "neighbour": "b", "foreign": "c", "other": "kube-system"}
    matrix.ask_all(student(client=there, places=places), asked)

    assert here.namespaces == {"a", "b", ""}
    assert there.namespaces == {"a", "b", "c", "kube-system", ""}


def test_whoever_has_no_credential_of_ours_is_asked_about():
    bodies = []

    class Told:
        def ask(self, body):
            bodies.append(body)
            return {"status": {"allowed": True}}

    nobody = student(
        client=Told(), places={"own": "a"}, subject=people.ANONYMOUS, anonymous=True, inside={}
    )
    everybodys = Right("create", "authorization.k8s.io", "selfsubjectaccessreviews")
    [found] = matrix.ask_all(nobody, [Cell(everybodys, "own")])

    [asked] = bodies
    assert asked["kind"] == "SubjectAccessReview"
    assert asked["spec"]["user"] == "system:anonymous"
    assert asked["spec"]["groups"] == ["system:unauthenticated"]
    assert found.verdict == "failed", "what everybody has who can log in is too much for them"


def test_a_new_type_is_asked_about():
    new = matrix.cells([served("probes", "verify.example.org")], every_verb=False)

    assert Cell(Right("list", "verify.example.org", "probes"), "foreign") in new


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


# What the cluster has beside


def test_what_the_cluster_lacks_waives_a_case_with_the_reason():
    newer = attempt_of(since=(1, 34))
    abroad = attempt_of(attempt=replace(case.load()[0].attempt, where="foreign"))
    runtime = attempt_of(needs=("runtime-class",))
    bare = Surroundings(version=(1, 33))
    full = Surroundings(version=(1, 34), foreign="c2--s1", runtime_class="gvisor")

    assert "older than Kubernetes 1.34" in bare.lacks(newer)
    assert "no other course" in bare.lacks(abroad)
    assert "no runtime class" in bare.lacks(runtime)
    assert [full.lacks(one) for one in (newer, abroad, runtime)] == ["", "", ""]


class Pods:
    """A student of whose pods the server makes what it is told to."""

    def __init__(self, policy):
        self.policy = policy

    def request(self, *_, body, **__):
        if self.policy is None:
            raise ApiError(403, "Forbidden", "exceeded quota: practicum")
        made = {**body["spec"]["containers"][0], "imagePullPolicy": self.policy}
        return {"spec": {"containers": [made]}}


@pytest.mark.parametrize(
    ("policy", "verdict", "told"),
    [
        ("Always", "passed", ""),
        ("IfNotPresent", "waived", "AlwaysPullImages"),
        (None, "failed", "failed to prove"),
    ],
)
def test_images_that_lie_on_a_node_are_told(scene, policy, verdict, told):
    """Only a server with another admission plugin would show the first, so it is played."""
    scene.identities["student"] = Pods(policy)

    one = pulling.images_are_pulled_anew(scene)

    assert (one.verdict, told in one.why) == (verdict, True)


def test_a_credential_that_outlasts_the_term_is_told():
    latest = datetime(2026, 12, 19, tzinfo=UTC)
    ends = [("1", latest), ("2", latest + timedelta(days=1))]

    assert access.expiries(ends[:1], latest).verdict == "passed"
    assert access.expiries([], latest).verdict == "unproven"
    late = access.expiries(ends, latest)
    assert (late.verdict, "of 2 lasts longer" in late.why) == ("failed", True)


def test_whom_we_may_not_play_is_told_with_the_reason():
    class Refused:
        def request(self, *_, **__):
            return {"status": {"allowed": False}}

    def absent(*assistants):
        return identities.absent(Refused(), cohort(assistants=assistants), record("1"))

    user, keyed = ASSISTANT, SECRETS_READER | {"secrets": False}
    assert set(absent(user)) == set(identities.BEARS_ON)
    assert "create subjectaccessreviews" in absent(user)["others"]
    assert "assistant" not in absent(user, keyed), "the one with a key is played"
    assert "assistant" not in absent(keyed)


def test_the_assistant_who_is_played_sees_everybody_and_no_secrets():
    keyed = SECRETS_READER | {"secrets": False}
    section = {"name": "A", "assistants": [ASSISTANT["name"]]}

    assert identities.played(cohort()) is None
    assert identities.played(cohort(assistants=[SECRETS_READER])) is None
    assert identities.played(cohort(assistants=[ASSISTANT], sections=[section])) is None
    assert identities.played(cohort(assistants=[ASSISTANT])).user == ASSISTANT["user"]
    assert identities.played(cohort(assistants=[ASSISTANT, keyed])).name == keyed["name"]


def test_a_case_of_somebody_whom_we_may_not_play_is_unproven_for_them_alone(scene, nodeport):
    """What it also says of students, their own cases show."""
    pod = replace(nodeport, attempt=replace(nodeport.attempt, who="workload"))
    away = replace(scene, absent={"workload": "we may not mint a token"})

    one = attacks._try(away, {}, pod, {})

    assert (one.verdict, one.why) == ("unproven", "we may not mint a token")
    assert one.requirements == ("ISO-35",) != nodeport.requirements
