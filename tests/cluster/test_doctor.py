"""ISO-09: ``doctor`` refuses a cluster that gives everybody what students must not have."""

from __future__ import annotations

import json

import pytest
import yaml

from provisioner import cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def course(new_course):
    return new_course(["20260001"])


@pytest.fixture
def given(course, wait_until):
    """Give everybody a role, for as long as the test runs."""
    made = []

    def give(kind, *place):
        name = f"everybody-{course.name}"
        course.admin("create", kind, name, "--clusterrole=edit", "--group=system:authenticated",
                     *place)  # fmt: skip
        made.append((kind, name, *place))
        wait_until(lambda: everybody_may(course, "get", "secrets", "-n", "default"))
        return name

    yield give
    for kind, name, *place in made:
        course.admin("delete", kind, name, *place)
    wait_until(lambda: not everybody_may(course, "get", "secrets", "-n", "default"))


def everybody_may(course, *what):
    """Ask as somebody whom nobody was thinking of; a server takes a moment to forget a right."""
    return course.may("anybody", *what, "--as-group=system:authenticated")


def findings(course, code=0):
    found = course.json("doctor", course.name, code=code)["findings"]
    return {one["about"]: one for one in found}


def test_a_right_that_everybody_is_given_is_refused_by_name(course, given):
    name = given("clusterrolebinding")

    found = findings(course, code=7)

    everybody, strangers = found["everybody"], found["strangers"]
    assert everybody["verdict"] == strangers["verdict"] == "failed"
    assert f"ClusterRoleBinding {name} gives edit to system:authenticated" in everybody["found"]
    assert "delete these ClusterRoleBindings" in everybody["fix"]
    assert "whoever can log in may get secrets" in strangers["found"]


def test_a_right_in_one_namespace_is_a_warning(course, given):
    name = given("rolebinding", "-n", "default")

    found = findings(course)

    assert found["everybody"]["verdict"] == "warning"
    assert f"RoleBinding default/{name} gives edit" in found["everybody"]["found"]
    assert found["strangers"]["verdict"] == "ok"


def test_a_cluster_that_gives_what_all_give_is_fine(course):
    found = findings(course)

    assert {found[about]["verdict"] for about in ("everybody", "strangers", "pod security")} == {
        "ok"
    }


def test_who_logs_in_by_a_plugin_goes_on_when_its_credential_has_ended(course, tmp_path):
    """A real server's 401 for a token that it does not take, and then one that it does."""
    token = course.admin("create", "token", "default", "-n", "default").strip()
    version = "client.authentication.k8s.io/v1"
    for number, one in enumerate(("has.ended.long-ago", token)):
        said = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": one}}
        (tmp_path / str(number)).write_text(json.dumps(said))
    script = tmp_path / "login"
    script.write_text(
        f"#!/bin/sh\ncd '{tmp_path}'\nif [ -e 0 ]; then cat 0; rm 0; else cat 1; fi\n"
    )
    script.chmod(0o755)
    config = yaml.safe_load(course.kubeconfig.read_text())
    [user] = config["users"]
    user["user"] = {"exec": {"apiVersion": version, "command": str(script)}}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))

    client = cluster.Client(cluster.load(path, "rehearsal"))

    assert client.access.token == "has.ended.long-ago"
    assert cluster.whoami(client) == "system:serviceaccount:default:default"
