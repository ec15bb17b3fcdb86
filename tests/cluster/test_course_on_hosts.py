"""A term of one student, on the cluster and on a real lab host, by `up` and `down` alone."""

from __future__ import annotations

import subprocess

import pytest

from tests.hosts.rig import engine, host_image, new_host, operator_key

__all__ = ["engine", "host_image", "new_host", "operator_key"]

pytestmark = [pytest.mark.cluster, pytest.mark.hosts]

IDS = ("20260001", "20260002")


@pytest.fixture(scope="module")
def host(new_host):
    return new_host("lab1")


@pytest.fixture(scope="module")
def course(new_course, host, tmp_path_factory):
    course = new_course(
        IDS,
        hosts=[{"name": "lab1", "address": host.address, "port": host.port,
                "user": "ops", "identity": str(host.identity)}],
        accounts={"tools": ["age", "git_server"]},
    )  # fmt: skip
    course.own = tmp_path_factory.mktemp("own")
    for id in IDS:
        key = course.own / id
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        (course.folder / "keys" / id).write_text(key.with_suffix(".pub").read_text())
    (course.folder / "known_hosts").write_text(host.known_hosts())
    return course


def namespaces(course):
    return course.admin("get", "namespaces", "-o", "name").count(f"/{course.name}--s")


@pytest.fixture(scope="module")
def first(course, host):
    """The first `up`, and what there is after it; every stage stands on the one before."""
    done = course.up()
    logins = [host.login(f"s{id}", course.own / id, "id -un").stdout for id in IDS]
    return done, namespaces(course), logins


@pytest.fixture(scope="module")
def again(course, first):
    return course.up()


@pytest.fixture(scope="module")
def down(course, host, again):
    host.login(f"s{IDS[0]}", course.own / IDS[0], "echo mine > work")
    return course.down()


def test_one_up_makes_namespaces_and_accounts(first):
    done, made, logins = first

    assert (done["created"], done["failed"]) == (len(IDS), [])
    (told,) = done["hosts"]
    assert (told["name"], told["state"], told["failed"], told["students"]) == (
        "lab1", "changed", 0, len(IDS),
    )  # fmt: skip
    assert made == len(IDS)
    assert logins == [f"s{id}\n" for id in IDS]


def test_a_second_up_changes_neither(again):
    assert (again["created"], again["same"], again["failed"]) == (0, len(IDS), [])
    (told,) = again["hosts"]
    assert (told["state"], told["changed"]) == ("ok", 0)


def test_one_down_ends_both_and_one_receipt_says_so(course, host, down):
    assert down["proved"]
    assert down["remaining"] == []
    assert down["hosts"]["proved"]
    (told,) = down["hosts"]["hosts"]
    assert sorted(told["removed"]) == sorted(IDS)
    assert {one["id"] for one in down["hosts"]["archives"]} == {*IDS, "repositories"}
    assert namespaces(course) == 0
    assert not host.succeeds(f"getent passwd | grep 'practicum {course.name}'")
