"""The end of a term: what was used, and cohorts that go by themselves, after a warning."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyrage
import pytest
import yaml

from provisioner.lifecycle import usage
from provisioner.lifecycle.reading import read
from provisioner.settings import Settings

from .audit import mutations

pytestmark = pytest.mark.cluster

PAST = {"starts": "2025-09-01", "ends": "2025-12-19"}

POD = """
apiVersion: v1
kind: Pod
metadata: {name: work}
spec:
  containers:
  - {name: c, image: example.org/x, resources: {requests: {cpu: 500m, memory: 1Gi},
     limits: {cpu: 500m, memory: 1Gi}}}
"""

PRICES = "currency: EUR\ncpu_hour: 0.10\nmemory_gib_hour: 0.01\n"


def test_the_use_of_a_term_is_told_from_what_the_cluster_counts(
    new_course, control_plane, wait_until, tmp_path
):
    course = new_course(["1", "2"])
    course.up()
    course.admin("apply", "-n", course.namespace("1"), "-f", "-", stdin=POD)
    settings = Settings(stacks=course.stacks, home=course.home)
    wait_until(lambda: used(course, "1") == "500m")
    samples = course.home / "usage" / f"{course.name}.sqlite"
    samples.unlink(missing_ok=True)  # `up` may have begun it, or not
    yesterday = datetime.now(UTC).replace(hour=9, minute=0) - timedelta(days=1)
    for hour in (0, 1, 4):  # hours of the timer; two were missed
        usage.keep(settings, read(settings, course.name), yesterday + timedelta(hours=hour))
    (tmp_path / "prices.yaml").write_text(PRICES)
    files = ["--csv", str(tmp_path / "use.csv"), "--html", str(tmp_path / "use.html")]
    mark = control_plane.mark()

    found = course.json("report", course.name, "--prices", str(tmp_path / "prices.yaml"), *files)

    assert [e for e in control_plane.since(mark) if e["userAgent"] == "practicum"] == []
    one, two = found["students"]
    assert (found["samples"], found["known_hours"], found["hours"]) == (3, 3, 5)
    assert one["cpu_hours"] == 1.5
    assert float(one["cost"]) == pytest.approx(0.18)  # 1.5 core-hours, 3 GiB-hours
    assert (two["cpu_hours"], two["idle"], one["idle"]) == (0, True, False)
    rows = list(csv.DictReader((tmp_path / "use.csv").read_text().splitlines()))
    assert [(row["id"], row["cpu_hours"], row["cpu_peak"]) for row in rows] == [
        ("1", str(round(one["cpu_hours"], 3)), "0.5"), ("2", "0.0", "0.0"),
    ]  # fmt: skip
    assert "<svg" in (tmp_path / "use.html").read_text()
    taken = course.json("report", course.name, "--sample")
    assert (taken["students"], taken["taken"]) == (2, True)

    course.roster([])
    everybody_left = course.json("report", course.name)["students"]
    assert [(one["id"], one["in_roster"]) for one in everybody_left] == [("1", False), ("2", False)]
    assert [one["in_roster"] for one in found["students"]] == [True, True]


def used(course, id) -> str:
    return course.admin("get", "quota", "practicum", "-n", course.namespace(id), "-o",
                        "jsonpath={.status.used.requests\\.cpu}")  # fmt: skip


@pytest.fixture
def past(new_course, control_plane):
    """In one folder: a cohort that is over, one that is protected, one out of reach, one that runs."""
    key = str(pyrage.x25519.Identity.generate().to_public())
    course = new_course(["1"], term=PAST, course_key=key)
    course.up()
    elsewhere = json.loads(control_plane.kubeconfig.read_text())
    elsewhere["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (course.stacks / "kubeconfig").write_text(json.dumps(elsewhere))
    away = {"kubeconfig": str(course.stacks / "kubeconfig"), "context": "rehearsal"}
    others = {
        "kept": {"protect": "true"},
        "away": {"cluster": away},
        "now": {"term": {"starts": "2026-09-01", "ends": "2099-12-19"}},
    }
    for name, document in others.items():
        folder = course.stacks / f"{course.name}-{name}"
        folder.mkdir()
        base = {"course": "C", "term": PAST, "cluster": "rehearsal"}
        (folder / "cohort.yaml").write_text(yaml.safe_dump(base | document))
        (folder / "roster.csv").write_text("id,name\n1,Ada\n")
    namespace = f"{course.name}-kept--s1"
    course.admin("create", "namespace", namespace)
    course.admin("label", "namespace", namespace, f"practicum.dev/cohort={course.name}-kept")
    yield course
    course.admin("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")


def verdicts(course, *options) -> dict[str, str]:
    found = course.json("reap", "--yes", *options, code=6)["cohorts"]
    return {case["cohort"].removeprefix(course.name) or "it": case["verdict"] for case in found}


def test_what_is_protected_is_not_taken_down_until_it_is_no_more(past):
    kept = f"{past.name}-kept"
    file = past.stacks / kept / "cohort.yaml"
    ending = ("down", kept, "--yes", kept, "--no-archive")

    assert f"{kept} is protected." in past.run(*ending, code=3).stderr
    file.write_text(file.read_text().replace("protect: 'true'", "protect: false"))
    past.run(*ending)


def test_reap_warns_waits_and_takes_down_and_holds_nothing_up(past, control_plane):
    others = {"-kept": "protected", "-away": "unreadable", "-now": "running"}
    note = past.home / "reap" / f"{past.name}.json"
    mark = control_plane.mark()

    dry = verdicts(past, "--dry-run")
    assert (dry, note.exists()) == (others | {"it": "warn"}, False)
    warned = past.run("reap", "--yes", code=6)
    waits = verdicts(past)

    assert f"{past.name}: over since 2026-01-02" in warned.stdout
    assert f"{past.name}-kept: over since 2026-01-02, and refused" in warned.stdout
    assert f"{past.name}-away: cannot be looked at: The cluster at https" in warned.stdout
    assert waits == others | {"it": "waiting"}
    assert mutations(control_plane.since(mark)) == []

    plain = json.loads(note.read_text())
    week_ago = date.fromisoformat(plain["warned"]) - timedelta(days=7)
    note.write_text(json.dumps(plain | {"warned": str(week_ago)}))
    nobody = past.run("reap", code=3)
    (past.folder / "roster.csv").unlink()  # the end of a term asks nobody for the roster
    done = past.json("reap", "--yes", code=6)["cohorts"]

    assert "nobody to ask" in nobody.stderr
    case = next(case for case in done if case["cohort"] == past.name)
    assert case["verdict"] == "down"
    assert json.loads(Path(case["receipt"]).read_text())["proved"]
    assert past.namespace("1") not in past.admin("get", "namespaces", "-o", "name")
    assert f"{past.name}-kept--s1" in past.admin("get", "namespaces", "-o", "name")
    assert verdicts(past) == others | {"it": "gone"}
