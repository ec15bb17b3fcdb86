"""A course that has lab hosts beside its cluster: what the other commands make of them.

Here a host does not answer; that hosts are made right is shown in ``tests/hosts``.
"""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.cluster

HOSTS = [{"name": "lab1", "address": "127.0.0.1", "port": 1}]
PINNED = (
    "[127.0.0.1]:1 ssh-ed25519"
    " AAAAC3NzaC1lZDI1NTE5AAAAIJ1qzKX0gkY3Zn0qmCVWlHzZyk0aI8wMTJr6z5n0nJ7v\n"
)
IDS = ("20260001", "20260002")


@pytest.fixture(scope="module")
def course(new_course):
    course = new_course(IDS, hosts=HOSTS)
    for id in IDS:
        course.give_key(id)
    return course


@pytest.fixture(scope="module")
def unpinned(course):
    """What two commands say of the host before the first `up`."""
    findings = course.json("doctor", course.name)["findings"]
    return course.json("validate", course.name), [
        one for one in findings if one["about"] == "hosts"
    ]


@pytest.fixture(scope="module")
def up(course, unpinned):
    """The first `up`, to a host that does not answer."""
    (course.folder / "known_hosts").write_text(PINNED)
    return course.up(code=6), set(course.actions().values())


@pytest.fixture(scope="module")
def afterwards(course, up):
    """What other commands make of it: status, a change for one student, a suspension."""
    dry = course.json("up", course.name, "--dry-run")
    assert (dry["dry_run"], {one["action"] for one in dry["students"]}) == (True, {"same"})
    status = course.json("status", course.name), course.run("status", course.name).stdout
    one = course.json("up", course.name, IDS[0], "--yes")
    return status, one, course.json("suspend", course.name, IDS[0], "--yes")


@pytest.fixture(scope="module")
def refused(course, afterwards):
    """A `down` that is refused before any host is asked, and what the journal says then."""
    down = ("down", course.name, "--yes", course.name)
    done = [course.run(*down, "--force-finalize", "nobody", code=3)]
    with claimed(course):
        done.append(course.run(*down, code=9))
    return done, journal(course)


@pytest.fixture(scope="module")
def down(course, refused):
    """A `down` without the file that says who is where, as in another operator's clone."""
    (course.folder / "hosts.json").unlink()
    return course.down(code=8)


def test_before_the_first_up_the_host_is_known_to_validate_and_doctor(unpinned):
    valid, (hosts,) = unpinned

    assert valid["hosts"] == {"lab1": 2}
    assert hosts["verdict"] == "warning"
    assert "not pinned: lab1" in hosts["found"]


def test_a_host_that_fails_stops_no_student_on_the_cluster(up):
    done, actions = up

    assert (done["created"], done["failed"]) == (2, [])
    (host,) = done["hosts"]
    assert (host["name"], host["state"], host["students"]) == ("lab1", "unreachable", 2)
    assert host["why"] == "nothing answers at its SSH port"
    assert actions == {"same"}


def test_status_tells_how_the_last_run_went(afterwards):
    (document, text), _, _ = afterwards
    (host,) = document["hosts"]

    assert (host["name"], host["state"]) == ("lab1", "unreachable")
    assert "host lab1: unreachable" in text


def test_a_change_for_one_student_asks_no_host(afterwards):
    _, done, _ = afterwards

    assert done["hosts"] == []


def test_who_is_suspended_is_told_to_follow_on_the_hosts(course, afterwards):
    _, _, done = afterwards

    assert f"Accounts on lab hosts follow with: practicum hosts up {course.name}" in done["notes"]


def test_a_down_that_is_refused_asks_no_host(refused):
    done, said = refused

    assert not any("Removing accounts from hosts" in one.stderr for one in done)
    assert "hosts down" not in said


def test_down_does_not_prove_what_it_could_not_look_at(course, down):
    assert not down["proved"]
    assert down["remaining"] == []
    (host,) = down["hosts"]["hosts"]
    assert host["remaining"] == ["not searched: nothing answers at its SSH port"]
    assert course.admin("get", "namespaces", "-o", "name").count(f"/{course.name}--") == 0
    assert "hosts down" in journal(course)
    [kept] = course.home.glob(f"receipts/{course.name}-hosts-*.json")
    assert json.loads(kept.read_text()) == down["hosts"]


@contextmanager
def claimed(course):
    """Another operator's run holds the cohort."""
    theirs = {"run": "x", "host": "laptop", "pid": 7, "place": "elsewhere", "since": "ten"}
    annotate = ("annotate", "namespace", f"practicum-{course.name}",
                "--field-manager=practicum-claim")  # fmt: skip
    course.admin(*annotate, f"run.practicum.dev/claim={json.dumps(theirs)}")
    yield
    course.admin(*annotate, "run.practicum.dev/claim-")


def journal(course):
    return (course.home / "journal" / f"{course.name}.jsonl").read_text()


def test_without_a_course_key_nothing_is_taken_down(new_course):
    course = new_course(IDS, hosts=HOSTS, course_key=None)
    course.up("--no-archive", code=6)

    done = course.run("down", course.name, "--yes", course.name, code=3)

    assert "no course_key" in done.stderr


def test_hosts_need_no_cluster(tmp_path, new_course):
    course = new_course(IDS, hosts=HOSTS)
    course.home = tmp_path / "nothing-runs-here"

    done = course.json("hosts", "up", course.name, "--yes", code=5)
    for look in ("plan", "status"):
        (host,) = course.json("hosts", look, course.name, code=5)["hosts"]
        assert host["state"] == "not pinned"

    assert done["hosts"][0]["state"] == "never started"
    seats = json.loads((course.folder / "hosts.json").read_text())["students"]
    assert sorted(seats) == [f"s{id}" for id in IDS]
