"""A cluster made ahead of class, and a volume in it that a provisioner makes for its first pod.

The volume is kept, lost, and brought back.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import yaml

from ..both.life import OnKind
from ..class_cluster import node_image as class_image
from ..class_cluster import rig
from ..class_cluster.class_course import pod
from ..class_cluster.test_class import CLAIM, MOUNTED
from .test_work import ONE, restore, student, until

# The image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]

STORAGE = "class-storage"


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


@pytest.mark.soak  # without it: tests/unit/test_own_clusters.py
def test_a_volume_that_waits_for_its_first_pod_is_kept_and_comes_back(life: OnKind, tmp_path):
    course = life.course
    course.write([ONE], **{**life.settings, "kind": {**life.settings["kind"], "workers": 1}})
    course.give_key(ONE)
    made_ahead_of_class(course)
    course.json("handout", course.name)
    theirs = course.open(ONE, tmp_path)
    student(theirs, "apply", "-f", "-", stdin=provisioner())
    student(theirs, "rollout", "status", "-n", STORAGE, "deployment/storage", "--timeout=110s")

    student(theirs, "apply", "-f", "-", stdin=CLAIM)
    assert student(theirs, "get", "pvc", "work", "-o=jsonpath={.status.phase}") == "Pending"
    writer = pod("writer", class_image.PROBE, ["sleep", "600"], **MOUNTED)
    student(theirs, "apply", "-f", "-", stdin=writer)
    runs(theirs)
    inside = ("exec", "--stdin", "writer", "--", "/probe")
    student(theirs, *inside, "write", "/data/notes/week.txt", stdin="week 1\n")

    [kept] = course.json("archive", "make", course.name)["archives"]
    assert (kept["volumes"], kept["volumes_not_included"]) == (1, [])

    student(theirs, "delete", "pod/writer", "pvc/work", "--wait")
    until(lambda: not student(theirs, "get", "pv", "-o", "name"))
    assert restore(course, kept["path"], tmp_path) >= {
        ("persistentvolumeclaims", "default/work", "restored"),
        ("volume", "default/work", "restored"),
        ("pods", "default/writer", "restored"),
    }
    runs(theirs)
    assert student(theirs, *inside, "cat", "/data/notes/week.txt") == "week 1\n"
    again = {
        state for type, _, state in restore(course, kept["path"], tmp_path) if type == "volume"
    }
    assert again == {"same"}


def made_ahead_of_class(course) -> None:
    soon = datetime.now().astimezone() + timedelta(minutes=1)
    done = course.json("prewarm", course.name, "--at", soon.isoformat())
    assert (done["missing"], done["up"]["created"], done["up"]["failed"]) == ([ONE], 1, [])


def runs(theirs) -> None:
    student(theirs, "wait", "pod/writer", "--for=condition=Ready", "--timeout=110s")


def provisioner() -> str:
    """What the class cluster has of storage, without its network."""
    all_ = yaml.safe_load_all(rig.system())
    mine = [one for one in all_ if STORAGE in str(one) or one["kind"] == "StorageClass"]
    return yaml.safe_dump_all(mine)
