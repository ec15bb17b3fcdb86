"""A cluster made ahead of class, and a volume in it that a provisioner makes for its first pod.

The volume is kept, lost, and brought back. Without the soak, test_own_clusters.py of the unit
tests sees that a claim asks for its volume at once.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from ..both.life import OnKind
from ..both.work import ONE, restore, student
from ..class_cluster import node_image as class_image
from ..class_cluster import rig
from ..class_cluster.class_course import CLAIM, MOUNTED, pod
from ..cluster.course import Course
from ..waiting import until

# The image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.soak, pytest.mark.timeout(1800)]

STORAGE = "class-storage"
PATIENCE = "--timeout=240s"


@pytest.fixture
def life(engine, node_image, tmp_path) -> Iterator[OnKind]:
    """A course on the class cluster's image, which holds a provisioner and a program to write with."""
    theirs = class_image.ensure(engine, node_image, lambda line: sys.stderr.write(f"{line}\n"))
    name = f"kv{uuid.uuid4().hex[:6]}"
    ours = f"practicum/kind-node:{name}"  # a cohort file takes no other by its tag alone
    engine.run("tag", theirs, ours)
    made = OnKind.make(name, tmp_path, engine, ours)
    yield made
    made.end()
    engine.run("rmi", ours)


def test_a_volume_that_waits_for_its_first_pod_is_kept_and_comes_back(life: OnKind, tmp_path):
    theirs = with_a_provisioner(life, tmp_path)
    student(theirs, "apply", "-f", "-", stdin=CLAIM)
    assert student(theirs, "get", "pvc", "work", "-o=jsonpath={.status.phase}") == "Pending"
    writer = pod("writer", class_image.PROBE, ["sleep", "600"], **MOUNTED)
    student(theirs, "apply", "-f", "-", stdin=writer)
    runs(theirs)
    inside = ("exec", "--stdin", "writer", "--", "/probe")
    student(theirs, *inside, "write", "/data/notes/week.txt", stdin="week 1\n")

    [kept] = life.course.json("archive", "make", life.course.name)["archives"]
    assert (kept["volumes"], kept["volumes_not_included"]) == (1, [])

    student(theirs, "delete", "pod/writer", "pvc/work", "--wait")
    until(lambda: not student(theirs, "get", "pv", "-o", "name"))
    comes_back(life, kept["path"], tmp_path)
    runs(theirs)
    assert student(theirs, *inside, "cat", "/data/notes/week.txt") == "week 1\n"
    again = restore(life.course, kept["path"], tmp_path)
    assert {state for type, _, state in again if type == "volume"} == {"same"}


def with_a_provisioner(life: OnKind, folder: Path) -> Path:
    """Have a cluster of two nodes with the class cluster's storage; return the student's kubeconfig."""
    course = life.course
    course.write([ONE], **{**life.settings, "kind": {**life.settings["kind"], "workers": 1}})
    course.give_key(ONE)
    made_ahead_of_class(course)
    course.json("handout", course.name)
    theirs = course.open(ONE, folder)
    student(theirs, "apply", "-f", "-", stdin=provisioner())
    student(theirs, "rollout", "status", "-n", STORAGE, "deployment/storage", PATIENCE)
    return theirs


def comes_back(life: OnKind, kept: str, folder: Path) -> None:
    assert restore(life.course, kept, folder) >= {
        ("persistentvolumeclaims", "default/work", "restored"),
        ("volume", "default/work", "restored"),
        ("pods", "default/writer", "restored"),
    }


def made_ahead_of_class(course: Course) -> None:
    soon = datetime.now().astimezone() + timedelta(minutes=1)
    done = course.json("prewarm", course.name, "--at", soon.isoformat())
    assert (done["missing"], done["up"]["created"], done["up"]["failed"]) == ([ONE], 1, [])


def runs(theirs: Path) -> None:
    student(theirs, "wait", "pod/writer", "--for=condition=Ready", PATIENCE)


def provisioner() -> str:
    """What the class cluster has of storage, without its network."""
    all_ = yaml.safe_load_all(rig.system())
    mine = [one for one in all_ if STORAGE in str(one) or one["kind"] == "StorageClass"]
    return yaml.safe_dump_all(mine)
