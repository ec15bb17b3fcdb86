"""Clusters that cannot be used: said before anything changes, exit 7, state untouched."""

from __future__ import annotations

import socket

import pytest
import yaml

pytestmark = pytest.mark.cluster

READER = """
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: default}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}}}
rules:
- {{apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}
subjects: [{{kind: ServiceAccount, name: {name}, namespace: default}}]
"""


@pytest.fixture
def elsewhere(new_course, control_plane, tmp_path):
    """A cohort on a cluster of one's own: the same one, by a kubeconfig that a test bends."""

    def make(bend=lambda config: None, context="rehearsal"):
        config = yaml.safe_load(control_plane.kubeconfig.read_text())
        bend(config)
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return new_course(["1"], cluster={"kubeconfig": str(path), "context": context})

    return make


def use_token(config, token):
    config["users"][0]["user"] = {"token": token}


def refused(course, *expected):
    """Every command that needs the cluster says why, and nothing is written."""
    before = sorted(path.name for path in course.folder.iterdir())
    for command in (["plan"], ["up", "--yes"], ["status"], ["handout"]):
        done = course.run(command[0], course.name, *command[1:], code=7)
        for text in expected:
            assert text in done.stderr
    assert sorted(path.name for path in course.folder.iterdir()) == before


def test_a_cluster_of_ones_own_works_by_file_and_context(elsewhere):
    course = elsewhere()

    assert course.up()["created"] == 1
    assert course.down()["proved"]


def test_students_get_the_address_that_they_reach(elsewhere, control_plane, tmp_path):
    course = elsewhere()
    path = str(tmp_path / "kubeconfig")
    address = "https://lab.example.org:6443"
    course.write(["1"], cluster={"kubeconfig": path, "context": "rehearsal",
                                 "student_server": address})  # fmt: skip
    course.give_key("1")
    course.up()

    course.json("handout", course.name)

    opened = yaml.safe_load(course.open("1", tmp_path).read_text())
    assert [entry["cluster"]["server"] for entry in opened["clusters"]] == [address]
    assert control_plane.server not in str(opened)


def test_an_unreachable_cluster(elsewhere):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{free.getsockname()[1]}"
    course = elsewhere(lambda config: config["clusters"][0]["cluster"].update(server=server))

    refused(course, f"The cluster at {server} cannot be reached", "Hint:")


def test_a_context_that_does_not_exist(elsewhere):
    refused(elsewhere(context="prod"), "no context named 'prod'", "these contexts: rehearsal")


def test_a_credential_that_is_not_accepted(elsewhere):
    course = elsewhere(lambda config: use_token(config, "eyJhbGciOiJub25lIn0.e30."))

    refused(course, "does not accept our credential")


def test_an_authority_that_did_not_sign_the_server(elsewhere):
    def other_authority(config):
        config["clusters"][0]["cluster"].pop("certificate-authority-data")

    refused(elsewhere(other_authority), "cannot be reached", "certificate")


def test_rights_that_do_not_suffice_are_named_before_anything_changes(
    elsewhere, control_plane, kubectl
):
    kubectl(control_plane.kubeconfig, "apply", "-f", "-", stdin=READER.format(name="reader"))
    token = kubectl(control_plane.kubeconfig, "create", "token", "reader").strip()
    course = elsewhere(lambda config: use_token(config, token))
    course.await_right("system:serviceaccount:default:reader", "list", "*.*")
    mark = control_plane.mark()

    done = course.run("up", course.name, "--yes", code=7)

    assert "create namespaces" in done.stderr
    assert "bind clusterroles.rbac.authorization.k8s.io" in done.stderr
    assert course.actions() == {"1": "create"}, "reading is allowed, and nothing was made"
    writes = [
        event
        for event in control_plane.since(mark)
        if event["verb"] in ("create", "patch", "update", "delete")
        and event["user"]["username"].endswith(":reader")
        and "reviews" not in event["requestURI"]
    ]
    assert writes == []
    assert not (course.folder / "students.json").exists()


def test_a_student_cannot_use_the_operators_commands(new_course, elsewhere, tmp_path):
    one = new_course(["1"])
    one.give_key("1")
    one.up()
    one.json("handout", one.name)
    config = yaml.safe_load(one.open("1", tmp_path).read_text())
    token = config["users"][0]["user"]["token"]

    refused(elsewhere(lambda config: use_token(config, token)), "refuses to list")


def test_a_rehearsal_that_is_not_up(new_course, tmp_path):
    course = new_course(["1"])
    course.home = tmp_path / "other"

    refused(course, "none is up", "practicum rehearsal up")
