"""A login at a private registry: copied, kept right, renewed, and taken back.

That no file, state, archive or output holds it is shown in ``test_no_leaks``; that an
operator needs no more rights than are printed, in ``test_least_privilege``.
"""

from __future__ import annotations

import base64
import json
from collections import Counter

import pytest

from .audit import KINDS, about, mutations, ours
from .course import as_student, keep_pull_secret

pytestmark = [pytest.mark.cluster, pytest.mark.soak]

IDS = ["1", "2"]


@pytest.fixture(scope="module")
def course(new_course):
    """A course whose two students have their copies."""
    course = new_course()
    course.keep = f"keep-{course.name}"
    course.content = keep_pull_secret(course, course.keep, "before")
    course.write(IDS, environment=wanted(course))
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
    return course


def wanted(course, name="registry"):
    return {"pull_secrets": [{"name": name, "namespace": course.keep}]}


def copy_of(course, id):
    found = course.admin("get", "secret", "registry", "-n", course.namespace(id), "-o", "json")
    return json.loads(found)


def content_of(course, id):
    return base64.b64decode(copy_of(course, id)["data"][".dockerconfigjson"])


def test_everybody_has_a_copy_that_pods_get(course):
    for id in IDS:
        account = json.loads(
            course.admin("get", "sa", "default", "-n", course.namespace(id), "-o", "json")
        )
        assert content_of(course, id) == course.content
        assert account["imagePullSecrets"] == [{"name": "registry"}]


def test_a_second_up_writes_nothing_and_reads_a_constant_more(course, control_plane):
    mark = control_plane.mark()

    again = course.up()

    events = ours(control_plane.since(mark))
    assert (again["processes"], again["same"]) == (0, 2)
    assert mutations(events) == []
    seen = [event for event in events if about(event, "resource") == "secrets"]
    assert Counter(event["verb"] for event in seen) == {"get": 1, "list": 2}
    assert len(events) == KINDS + 1 + 3, "the source, the copies, and whether they may be listed"


def test_a_student_reads_and_uses_it_and_can_neither_change_nor_delete_it(course, tmp_path):
    kubeconfig = course.open("1", tmp_path)
    patch = ("patch", "secret", "registry", "-p")

    assert as_student(kubeconfig, "get", "secret", "registry").returncode == 0
    for refused in (
        ("delete", "secret", "registry"),
        ("delete", "secrets", "--all"),
        (*patch, '{"data": {".dockerconfigjson": "e30="}}'),
        (*patch, '{"metadata": {"labels": {"practicum.dev/cohort": null}}}'),
    ):
        done = as_student(kubeconfig, *refused)
        assert done.returncode != 0
        assert "is kept by your course" in done.stderr
    assert content_of(course, "1") == course.content


def test_what_was_deleted_or_changed_by_hand_is_put_right_without_pulumi(course, control_plane):
    course.admin("delete", "secret", "registry", "-n", course.namespace("1"))
    course.admin("patch", "secret", "registry", "-n", course.namespace("2"),
                 "-p", '{"data": {".dockerconfigjson": "e30="}}')  # fmt: skip
    assert course.changes() == {
        "1": ["Secret/registry is missing"],
        "2": ["Secret/registry was changed by kubectl-patch"],
    }
    mark = control_plane.mark()

    assert course.up()["changed"] == 2

    written = mutations(control_plane.since(mark))
    assert {about(event, "resource") for event in written} == {"secrets"}
    assert set(course.actions().values()) == {"same"}
    assert {content_of(course, id) for id in IDS} == {course.content}


def test_a_new_password_reaches_everybody_and_is_shown_nowhere(course):
    course.content = keep_pull_secret(course, course.keep, "a-new-password")

    shown = course.run("plan", course.name, "--full").stdout
    assert "Secret/registry is of an earlier version of its source" in shown
    assert course.up()["changed"] == 2

    assert {content_of(course, id) for id in IDS} == {course.content}


def test_what_is_not_there_is_told_and_stops_only_who_needs_it(course):
    course.write(IDS, environment=wanted(course, "registri"))

    plan = course.json("plan", course.name)
    refused = course.run("up", course.name, "--yes", code=7)
    course.write(IDS, environment=wanted(course))

    assert plan["notes"] == [f"the pull secret registri in {course.keep} is not there"]
    assert f"registri in {course.keep} is not there" in refused.stderr
    assert course.up()["same"] == 2


def test_who_has_a_secret_of_that_name_keeps_it_and_is_told(course):
    course.write([*IDS, "3"], environment={})
    course.up()
    where = course.namespace("3")
    course.admin("create", "secret", "generic", "registry", "-n", where, "--from-literal=own=1")
    course.write([*IDS, "3"], environment=wanted(course))

    done = course.up(code=6)

    assert "Secret/registry was made by kubectl-create" in json.dumps(done["failed"])
    assert list(copy_of(course, "3")["data"]) == ["own"]
    assert {content_of(course, id) for id in IDS} == {course.content}
    course.admin("delete", "secret", "registry", "-n", where)
    assert course.up()["changed"] == 1


def test_without_the_key_the_copies_go(course):
    course.write(IDS, environment={})
    course.up("--allow-drop", "1")

    for id in IDS:
        account = course.admin("get", "sa", "default", "-n", course.namespace(id), "-o", "json")
        assert "imagePullSecrets" not in json.loads(account)
    named = "--field-selector=metadata.name=registry"
    there = course.admin("get", "secrets", "-A", named, "-o", "name")
    assert there.count("secret/registry") >= 1, "the source stays"
    assert set(course.actions().values()) == {"same"}
    course.write(IDS, environment=wanted(course))
    course.up()


def test_down_takes_the_copies_and_leaves_the_source(course, new_course):
    other = new_course()
    other.keep = f"keep-{other.name}"
    keep_pull_secret(other, other.keep, "x")
    other.write(["1"], environment=wanted(other))
    other.up()

    receipt = other.down()

    assert (receipt["proved"], receipt["remaining"]) == (True, [])
    assert other.admin("get", "secret", "registry", "-n", other.keep, "-o", "name")
