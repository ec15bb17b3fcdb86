"""``verify`` on a real control plane: it passes, it leaves nothing, and it is not fooled."""

from __future__ import annotations

import json
import subprocess

import pytest

from provisioner import cluster, manifest
from provisioner.verify import case, live, matrix, surroundings
from provisioner.verify.golden import Right

from .course import environment

pytestmark = pytest.mark.cluster

MUTATING = {"create", "update", "patch", "delete", "deletecollection"}
ANYTHING = {"openAPIV3Schema": {"type": "object"}}
V1 = {"name": "v1", "served": True, "storage": True, "schema": ANYTHING}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "probes.verify.example.org"},
    "spec": {
        "group": "verify.example.org",
        "scope": "Namespaced",
        "names": {"plural": "probes", "singular": "probe", "kind": "Probe"},
        "versions": [V1],
    },
}


def binding(name, namespace, role, subject):
    return json.dumps(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [subject],
        }
    )


def account(course, id):
    return {"kind": "ServiceAccount", "name": f"s{id}", "namespace": f"practicum-{course.name}"}


HOLES = {one.id for one in case.load() if one.topic == "holes"}
"""Cases for which the guard has yet to be mended: they fail, and nothing else may."""

WELL = 8 if HOLES else 0
"""The exit code for a cohort in which all is as it should be."""


def failures(document):
    """What failed beside the holes that are known."""
    return [one for one in document["failures"] if not any(f"({id})" in one["why"] for id in HOLES)]


def why(document, id):
    return next(one for one in document["requirements"] if one["id"] == id)


@pytest.fixture(scope="module")
def running(new_course):
    course = new_course(
        ["20260001", "20260002"], assistants=[{"name": "T A", "user": "ta@example.org"}]
    )
    course.up()
    another = new_course(["20260003"])
    rendered = another.run("render", another.name).stdout
    another.admin("apply", "--server-side", "--field-manager=practicum", "-f", "-", stdin=rendered)
    return course


@pytest.fixture(scope="module")
def client(running):
    return cluster.Client(cluster.load(running.kubeconfig, "rehearsal"))


@pytest.fixture(scope="module")
def abroad(running, client):
    """A namespace of another course: there may be more of them than ours."""
    return surroundings.look(client, running.name).foreign


@pytest.fixture(scope="module")
def with_a_new_type(running, client, wait_until):
    """The types that the cluster serves while there is one more, of which nobody thought."""
    running.admin("create", "-f", "-", stdin=json.dumps(CRD))
    wait_until(lambda: "probes" in running.admin("api-resources", "--api-group=verify.example.org"))
    return cluster.served(client)[0]


@pytest.fixture(scope="module")
def healthy(running, with_a_new_type, control_plane, tmp_path_factory, wait_until):
    """One verification of a healthy cohort, of all its students, and what it asked of the server."""
    page = tmp_path_factory.mktemp("page") / "isolation.html"
    mark = control_plane.mark()
    document = running.json("verify", running.name, "--all", "--html", str(page), code=WELL)
    events = control_plane.since(mark)
    running.admin("delete", "crd", "probes.verify.example.org")
    # Else whoever searches every type next finds this one silent.
    api = "--api-group=verify.example.org"
    wait_until(lambda: "probes" not in running.admin("api-resources", api))
    return document, events, page


def test_a_healthy_cohort_passes(healthy):
    document, _, _ = healthy

    assert failures(document) == []
    assert document["verdict"] == ("failed" if HOLES else "passed")
    assert why(document, "ISO-01")["cases"] > 1000
    assert why(document, "ISO-32")["verdict"] == "passed"
    assert document["cluster"]["version"].startswith("v1.")


def test_what_takes_a_network_is_unproven_and_never_isolated(healthy):
    """ISO-25: network policies are objects here; nothing enforces them."""
    document, _, page = healthy

    assert why(document, "ISO-25")["verdict"] == "unproven"
    assert "CNI" in why(document, "ISO-25")["why"]
    assert "is isolated" not in page.read_text()


def test_another_course_is_out_of_reach(healthy):
    document, _, _ = healthy

    assert why(document, "ISO-05")["verdict"] == why(document, "ISO-08")["verdict"] == "passed"
    assert not any("other course" in note for note in document["notes"]), "there is one"


def test_a_namespace_that_nobody_is_let_into_is_passed_over(running, client, abroad):
    """Such as that of a group whose members have all left."""
    empty = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "aaa-nobody",
            "labels": {manifest.COHORT: "elsewhere", manifest.STUDENT: "nobody"},
        },
    }
    running.admin("create", "-f", "-", stdin=json.dumps(empty))
    try:
        assert surroundings.look(client, running.name).foreign == abroad
        assert surroundings.look(client, "nowhere").foreign != "aaa-nobody"
    finally:
        running.admin("delete", "namespace", "aaa-nobody", "--wait=false")


def test_nothing_is_written_where_students_work(running, healthy, abroad):
    _, events, _ = healthy
    real = {running.namespace("20260001"), running.namespace("20260002"), abroad}

    writes = [
        event["requestURI"]
        for event in events
        if event["userAgent"] == "practicum"
        and event["verb"] in MUTATING
        and event.get("objectRef", {}).get("namespace") in real
        and "dryRun=All" not in event["requestURI"]
    ]

    assert writes == []


def test_nothing_is_left_behind(running, healthy, client):
    """By the search that proves a teardown: every type that the cluster can list."""
    found = cluster.search(client, running.name, [])

    assert found.unlisted == []
    assert any(running.namespace("20260001") in one for one in found.remaining)
    assert [one for one in found.remaining if "practicum-verify-" in one] == []
    assert set(running.actions().values()) == {"same"}


UNKNOWN = {
    "apiGroup": "rbac.authorization.k8s.io",
    "kind": "Group",
    "name": "system:unauthenticated",
}


def test_a_binding_that_somebody_adds_is_caught(running, abroad):
    """A student is let into another's namespace, and into one of another course; and others
    into kube-system: a student of that course, and whoever shows no credential."""
    places = (running.namespace("20260002"), abroad)
    theirs = json.loads(
        running.admin("get", "rolebinding", "-n", abroad, "practicum-student", "-o", "json")
    )
    added = [(where, "friends", account(running, "20260001")) for where in places]
    added += [("kube-system", "friends", theirs["subjects"][0]), ("kube-system", "open", UNKNOWN)]
    for where, name, subject in added:
        running.admin("create", "-f", "-", stdin=binding(name, where, "view", subject))
    try:
        document = running.json("verify", running.name, code=8)
    finally:
        for where, name, _ in added:
            running.admin("delete", "rolebinding", "-n", where, name)

    everything = [one["why"] for one in document["failures"]]
    for who in ("a student of another course", "nobody"):
        assert any(f"{who} may get " in one and "in kube-system" in one for one in everything)
    assert all(f"{where}/friends" in why(document, "ISO-02")["why"] for where in places)
    told = " ".join(one["why"] for one in document["failures"] if "ISO-04" in one["requirements"])
    assert "student 20260001" in told
    assert "in another student's namespace" in told
    assert "in another course's namespace" in told


def test_a_new_type_adds_nothing(healthy, with_a_new_type):
    """And is asked about, with every verb, of every student."""
    document, _, _ = healthy

    asked = {cell.right for cell in matrix.cells(with_a_new_type, every_verb=True)}
    assert Right("list", "verify.example.org", "probes") in asked
    assert failures(document) == []
    assert document["in_full"] == ["20260001", "20260002"]
    assert (
        "Rights were asked for with the verbs that the cluster serves, and all others."
        in (document["notes"])
    )


def left_by_a_killed_one(course, wait_until):
    """Kill a verification that has scratch namespaces; says whether it held the cohort then."""
    command = course.command("verify", course.name)
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
    )

    def scratch():
        return "practicum-verify-" in course.admin("get", "ns", "-o", "name")

    try:
        wait_until(lambda: scratch() or process.poll() is not None)
        claimed = json.loads(course.admin("get", "ns", f"practicum-{course.name}", "-o", "json"))
    finally:
        process.kill()
        process.wait()
    # Another operator's `up` is refused by its claim, and else would take them for leavers.
    claim = cluster.claim_of(claimed)
    return scratch() and claim is not None and claim.pid == process.pid


def test_the_leftovers_of_a_killed_verification_go_with_the_next_and_live_names_each_line(
    running, wait_until
):
    # One that ended by itself, before it could be killed, has left nothing: then once more.
    assert any(left_by_a_killed_one(running, wait_until) for _ in range(5))

    again = running.run("verify", running.name, "--live", "--student", "20260001", code=8)

    assert "An earlier verification was killed" in again.stderr
    assert "  ! " not in again.stdout, "nothing failed but what is unproven"
    for line in live.LINES:
        assert f"? {line.requirements[0]} {line.about}: unproven, {live.SIMULATED}" in again.stdout
    assert "? CRD-22" in again.stdout
    left = running.admin("get", "ns,sa,secrets", "-A", "-o", "name")
    assert "practicum-verify-" not in left


def test_who_is_unknown_and_what_is_not_up_are_told(running, new_course):
    unknown = running.run("verify", running.name, "--student", "nobody", code=3)
    nowhere = new_course(["20260001"])

    refused = nowhere.run("verify", nowhere.name, code=7)

    assert "nobody: is not in the roster" in unknown.stderr
    assert f"practicum up {nowhere.name}" in refused.stderr


def test_an_unreachable_cluster_is_no_verdict(running, tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    config = running.kubeconfig.read_text()
    document = json.loads(config)
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig.write_text(json.dumps(document))
    kubeconfig.chmod(0o600)
    running.folder.joinpath("cohort.yaml").rename(tmp_path / "cohort.yaml")
    try:
        running.write(
            ["20260001", "20260002"],
            cluster={"kubeconfig": str(kubeconfig), "context": "rehearsal"},
        )
        done = running.run("verify", running.name, "--json", code=7)
    finally:
        (tmp_path / "cohort.yaml").rename(running.folder / "cohort.yaml")

    assert done.stdout == ""
    assert "cannot be reached" in done.stderr
