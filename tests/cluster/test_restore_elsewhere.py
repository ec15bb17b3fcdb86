"""REL-19: what was archived on one cluster comes back on another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner import rehearsal

from .test_archive import MADE, WORK, key_file, restore, work_of

pytestmark = [pytest.mark.cluster, pytest.mark.soak]


def test_the_same_objects_come_back_on_another_cluster(new_course, tmp_path_factory, tmp_path):
    course = new_course(["1"])
    course.up()
    course.admin("apply", "-n", course.namespace("1"), "-f", "-", stdin=WORK)
    [kept] = course.json("archive", "make", course.name)["archives"]
    assert course.down()["proved"]
    home = tmp_path_factory.mktemp("elsewhere")
    found = rehearsal.up(home)
    try:
        other = replace(course, home=home, kubeconfig=found.kubeconfig)
        assert other.up()["created"] == 1
        other.key_file = key_file(other, tmp_path)

        restored = restore(other, kept["path"], "--yes")

        states = {(one["type"], one["name"]): one["state"] for one in restored["objects"]}
        assert {state for what, state in states.items() if what in MADE} == {"restored"}
        [again] = other.json("archive", "make", other.name)["archives"]
        before, after = (work_of(Path(one["path"]), course.course_key) for one in (kept, again))
        assert before.keys() == after.keys() == MADE
        assert before == after
        assert other.down()["proved"]
    finally:
        rehearsal.down(home)
