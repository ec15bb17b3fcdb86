"""Will clusters fit: what a machine has, less what others take of it, and whole ones alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from provisioner.capacity import Demand, Place, Room, weigh
from provisioner.cohort.kind import Kind
from provisioner.kind.machine import Machine
from provisioner.lifecycle.own_clusters import preflight, room

from ..sample import cohort

GIBI = 1 << 30
KIND = Kind(memory="1Gi")
MACHINE = Machine(
    version="20.10",
    architecture="amd64",
    cgroup="1",
    cores=2,
    memory=8 * GIBI,
    free=6 * GIBI,
    instances=128,
    watches=100_000,
    held=40,
    disk=100 * GIBI,
    disk_free=50 * GIBI,
)
NEED = room.need_of(KIND)


def answer(count: int, *machines: Machine, ours: int = 0):
    places = tuple(
        Place(name=f"lab{number}", has=room.has(one), used=room.used(one, ours, NEED))
        for number, one in enumerate(machines)
    )
    demand = Demand(students=(NEED,) * count, another=NEED)
    return weigh(demand, Room(places=places), count, whole=True)


def short(count: int, *machines: Machine) -> list[str]:
    return [line.key for line in answer(count, *machines).lines if line.short]


def test_the_fourth_cluster_fails_for_inotify_on_a_machine_as_it_comes():
    assert [answer(count, replace(MACHINE, held=20)).fits for count in (3, 4)] == [True, False]
    assert short(4, replace(MACHINE, held=20)) == [room.INSTANCES]


def test_memory_that_others_hold_is_not_ours():
    plenty = replace(MACHINE, instances=8192)

    assert [answer(count, plenty).fits for count in (6, 7)] == [True, False]
    assert short(7, plenty) == [room.MEMORY]


def test_what_our_own_clusters_take_is_not_others():
    full = replace(MACHINE, free=3 * GIBI, held=40 + 3 * 32, instances=8192)

    assert answer(6, full, ours=3).fits
    assert not answer(6, full).fits


def test_half_a_cluster_on_each_of_two_machines_is_none():
    small = replace(MACHINE, free=GIBI * 3 // 2, instances=8192)

    assert [answer(count, small, small).fits for count in (2, 3)] == [True, False]
    assert answer(3, small, small).most == 2


def test_workers_take_more():
    more = room.need_of(Kind(memory="1Gi", workers=2))

    assert more.amounts[room.INSTANCES] > NEED.amounts[room.INSTANCES]
    assert more.amounts[room.CPU] == 3 * NEED.amounts[room.CPU] == Decimal("0.3")


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({}, ""),
        ({"free": GIBI // 2}, "memory on lab1"),
        ({"held": 100}, "inotify on lab1"),
        ({"watches": 500}, "inotify on lab1"),
        ({"disk_free": 1000}, "disk on lab1"),
    ],
)
def test_doctor_says_what_a_machine_lacks_for_one_more(change, about):
    course = cohort(cluster=None, backend="kind", kind={"memory": "1Gi"})

    found = preflight.machine_findings("lab1", replace(MACHINE, **change), course)

    assert [one.about for one in found if one.verdict != "ok"] == [about] * bool(about)
