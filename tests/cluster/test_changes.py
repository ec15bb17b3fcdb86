"""What changes for some is for them alone: joining, quotas, and who cannot be served."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from . import runs
from .audit import about, mutations
from .refusing import A_QUOTA, imposed, refusing_quotas
from .writes import writes

pytestmark = pytest.mark.cluster

PODS = itertools.count(7)
"""Pods that nobody may have yet: a change for everybody."""


class NoBucket(BaseHTTPRequestHandler):
    """What a store of objects says where there is no such bucket."""

    def do_GET(self) -> None:
        body = b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"
        self.send_response(404)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def no_bucket(monkeypatch) -> Iterator[str]:
    """Yield the address of a bucket that is not there."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "nobody's")
    with ThreadingHTTPServer(("127.0.0.1", 0), NoBucket) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"endpoint=http://127.0.0.1:{server.server_port}&region=us-east-1"
        yield f"s3://none?{place}&s3ForcePathStyle=true"
        server.shutdown()


@pytest.fixture(scope="module")
def begun(new_course):
    """Three students, of whom a cluster lets only two have a quota; then it lets all."""
    course = new_course(["1", "2", "3"])
    bad = course.namespace("2")
    with imposed(course, refusing_quotas(course, bad), *A_QUOTA):
        course.first_up = course.up(code=6)
        course.half_open = course.admin("get", "rolebindings", "-n", bad, "-o", "name")
    course.second_up = course.up()
    return course


@pytest.fixture
def changing(begun):
    """The same cohort, with everybody as they should be: every test changes something."""
    assert begun.up()["failed"] == []
    return begun


def test_one_student_who_fails_stops_no_other(begun):
    """REL-01: refused inside the wave, where nobody could ask beforehand."""
    done, again = begun.first_up, begun.second_up

    assert done["created"] == 2
    [failure] = done["failed"]
    assert failure["id"] == "2"
    assert "not on this cluster" in failure["error"]
    assert begun.half_open == "", "without its quota an environment must not be open"
    assert (again["same"], again["failed"]) == (2, [])


def test_joining_touches_nobody_else(changing, control_plane):
    """REL-22, by the audit log; and the state is written once, not at each of its steps: REL-26."""
    course = changing
    course.roster([*course.actions(), "4"])
    state = runs.state_of(course)
    mark = control_plane.mark()

    with writes(state.parent) as written:
        course.up()

    assert written[state.name] == 1
    touched = {
        about(event, "namespace") or about(event, "name")
        for event in mutations(control_plane.since(mark))
    }
    assert touched == {course.namespace("4"), f"practicum-{course.name}"}


def test_a_changed_quota_reaches_every_student(changing, monkeypatch):
    course, pods = changing, str(next(PODS))
    ids = list(course.actions())
    course.write(ids, environment={"quota": {"pods": pods}})

    assert course.changes()["1"] == ["ResourceQuota/practicum spec.hard.pods"]
    said = course.run("plan", course.name, "--detailed-exitcode", code=10).stdout
    assert f"  ~ {len(ids)} students: {', '.join(ids)}\n" in said
    assert re.search(rf"spec\.hard\.pods: \d+ → {pods}\n", said)
    assert "Say --yes" in course.run("up", course.name, code=3).stderr
    assert "Nothing was changed" in course.run("up", course.name, "--dry-run", "--yes").stderr
    dry = course.json("up", course.name, "--dry-run")
    assert (dry["dry_run"], {one["action"] for one in dry["students"]}) == (True, {"change"})
    assert {one["fields"][0]["after"] for one in dry["students"]} == {pods}
    goes = course.json("down", course.name, "--dry-run")
    assert {course.namespace(id) for id in ids} < set(goes["deletes"])
    named = course.run("up", course.name, "--force-finalize", "77", code=3)
    assert "77: is not in the roster, and never was" in named.stderr
    assert set(course.actions().values()) == {"change"}
    with no_bucket(monkeypatch) as state:
        refused = course.run("--state", state, "up", course.name, "--yes", code=5)
    assert f"Error: The state at {state} cannot be used; nothing was changed.\n" in refused.stderr
    assert refused.stderr.count("Error:") == refused.stderr.count("NoSuchBucket") == 1
    assert set(course.actions().values()) == {"change"}
    done = course.up()

    assert (done["changed"], done["same"]) == (len(ids), 0)
    quota = course.admin("get", "quota", "practicum", "-n", course.namespace("2"), "-o",
                         "jsonpath={.spec.hard.pods}")  # fmt: skip
    assert quota == pods


def test_state_in_a_bucket_that_cannot_be_cleared_is_no_proof(new_course, monkeypatch):
    """No file shows it, so nobody would look for it again."""
    course = new_course(["1"])
    ending = ("down", course.name, "--yes", course.name, "--no-archive")

    with no_bucket(monkeypatch) as state:
        receipt = course.json("--state", state, *ending, code=8)

    stacks = (f"{course.name}.guard", f"{course.name}.wave-01")
    assert receipt["remaining"] == [f"{state}: {one} could not be cleared" for one in stacks]
    assert course.json(*ending)["proved"]


def test_a_refused_change_is_seen_beforehand_and_excluded(changing):
    """The student stays in the program as they were: leaving them out would delete them."""
    course = changing
    ids, kept = list(course.actions()), course.namespace("1")
    uid = _uid(course, kept)
    course.write(ids, environment={"quota": {"pods": str(next(PODS))}})

    with imposed(course, refusing_quotas(course, kept), *A_QUOTA):
        done = course.up(code=6)

    assert (done["changed"], [f["id"] for f in done["failed"]]) == (len(ids) - 1, ["1"])
    assert "not on this cluster" in done["failed"][0]["error"]
    assert _uid(course, kept) == uid
    assert course.actions() == {id: "change" if id == "1" else "same" for id in ids}


def _uid(course, namespace):
    return course.admin("get", "namespace", namespace, "-o", "jsonpath={.metadata.uid}")
