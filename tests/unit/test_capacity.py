"""Will the class fit: what is needed, what there is, and what the answer is."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner import cluster
from provisioner.capacity import MOST, Demand, Need, Place, Room, need_of, weigh
from provisioner.cluster.footprint import footprint
from provisioner.errors import ClusterError
from provisioner.lifecycle.capacity import Capacity
from provisioner.quantity import parse
from provisioner.report import capacity as report

from ..sample import cohort
from .conftest import Answer

GIB = 2**30


def amounts(**texts):
    """``requests_cpu="2"`` as a quota key and its amount."""
    keys = {"cpu": "requests.cpu", "memory": "requests.memory", "limit": "limits.memory",
            "gpu": "requests.example.org/gpu", "storage": "requests.storage"}  # fmt: skip
    return {keys.get(key, key): parse(text) for key, text in texts.items()}


def need(largest=None, **texts):
    return Need(amounts=amounts(**texts), largest=amounts(**(largest or texts)))


def place(name="n1", left_out="", used=None, **texts):
    return Place(name=name, has=amounts(**texts), used=amounts(**(used or {})), left_out=left_out)


def answer(room, at_once, *, each=None, students=(), groups=()):
    demand = Demand(students=tuple(students), groups=tuple(groups), another=each or need(cpu="2"))
    return weigh(demand, room, at_once)


# What an environment may use


def test_what_a_cohort_gives_is_read_from_its_quota():
    environment = cohort().environment

    found = need_of(environment.quota.hard(), {})

    assert found.amounts == {
        **{f"{side}.cpu": 2 for side in ("requests", "limits")},
        **{f"{side}.memory": 4 * GIB for side in ("requests", "limits")},
        **{f"{side}.ephemeral-storage": 10 * GIB for side in ("requests", "limits")},
        "requests.storage": 10 * GIB,
        "pods": 20,
    }
    assert found.largest == {
        "requests.cpu": 2,
        "requests.memory": 4 * GIB,
        "requests.ephemeral-storage": 10 * GIB,
        "pods": 1,
    }


def test_a_device_that_the_quota_has_is_needed_too():
    found = need_of({"requests.nvidia.com/gpu": "1", "count/jobs.batch": "9", "pods": "3"}, {})

    assert found.amounts == {"requests.nvidia.com/gpu": 1, "pods": 3}
    assert found.largest == {"requests.nvidia.com/gpu": 1, "pods": 1}


def test_the_largest_pod_is_what_one_container_may_have():
    hard = {"requests.cpu": "8", "requests.memory": "16Gi", "pods": "5"}

    found = need_of(hard, {"cpu": "2", "memory": "1Ti"})

    assert found.largest == {"requests.cpu": 2, "requests.memory": 16 * GIB, "pods": 1}


# What a pod takes


def container(requests=None, limits=None, **more):
    return {"resources": {"requests": requests or {}, "limits": limits or {}}, **more}


ONE = container({"cpu": "1", "memory": "1Gi"})
FOOTPRINTS = {
    "no request at all": ({"containers": [{}]}, {}),
    "containers add up": ({"containers": [ONE, ONE]}, {"cpu": "2", "memory": "2Gi"}),
    "the largest init container counts": (
        {"containers": [ONE], "initContainers": [container({"cpu": "3"}), container({"cpu": "2"})]},
        {"cpu": "3", "memory": "1Gi"},
    ),
    "a smaller init container does not": (
        {"containers": [ONE], "initContainers": [container({"cpu": "500m"})]},
        {"cpu": "1", "memory": "1Gi"},
    ),
    "a sidecar adds up": (
        {"containers": [ONE], "initContainers": [container({"cpu": "2"}, restartPolicy="Always")]},
        {"cpu": "3", "memory": "1Gi"},
    ),
    "an init container runs beside the sidecars before it": (
        {
            "containers": [ONE],
            "initContainers": [
                container({"cpu": "4"}),
                container({"cpu": "2"}, restartPolicy="Always"),
                container({"cpu": "3"}),
            ],
        },
        {"cpu": "5", "memory": "1Gi"},
    ),
    "what the pod asks for stands above its containers": (
        {"containers": [ONE], **container({"cpu": "6"})},
        {"cpu": "6", "memory": "1Gi"},
    ),
    "a runtime's overhead comes on top": (
        {"containers": [ONE], "overhead": {"cpu": "250m"}},
        {"cpu": "1250m", "memory": "1Gi"},
    ),
    "devices": (
        {"containers": [container({"nvidia.com/gpu": "2"})]},
        {"nvidia.com/gpu": "2"},
    ),
}


@pytest.mark.parametrize(("spec", "requests"), FOOTPRINTS.values(), ids=FOOTPRINTS)
def test_a_pod_takes_what_the_scheduler_counts(spec, requests):
    found = footprint({"spec": spec})

    taken = {key: amount for key, amount in found.items() if not key.startswith("limits.")}
    assert taken == {"pods": 1, **{f"requests.{k}": parse(text) for k, text in requests.items()}}


def test_what_has_no_limit_counts_with_its_request():
    limited = container({"cpu": "1", "memory": "1Gi"}, {"cpu": "4"})

    found = footprint({"spec": {"containers": [limited]}})

    assert (found["limits.cpu"], found["limits.memory"]) == (4, GIB)


# What there is


def node(name="n1", *, ready="True", taints=(), cordoned=False, going=False, **allocatable):
    has = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"}
    return {
        "metadata": {"name": name, **({"deletionTimestamp": "2026-09-01"} if going else {})},
        "spec": {
            "taints": [{"key": key, "effect": effect} for key, effect in taints],
            "unschedulable": cordoned,
        },
        "status": {
            "allocatable": has | allocatable,
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready},
            ],
        },
    }


def pod(node="n1", namespace="other", phase="Running", cpu="2"):
    spec = {"containers": [container({"cpu": cpu})], **({"nodeName": node} if node else {})}
    return {"metadata": {"namespace": namespace}, "spec": spec, "status": {"phase": phase}}


class Cluster:
    """Answers the two lists of a room."""

    def __init__(self, nodes, pods=()):
        self.lists = {"/api/v1/nodes": nodes, "/api/v1/pods": pods}

    def pages(self, path):
        yield from self.lists[path]


LEFT_OUT = {
    "": node(),
    "is being deleted": node(going=True),
    "is cordoned": node(cordoned=True, taints=[("node.kubernetes.io/x", "NoSchedule")]),
    "is not ready": node(ready="Unknown", taints=[("node.kubernetes.io/x", "NoExecute")]),
    "has the taint gpu": node(taints=[("soft", "PreferNoSchedule"), ("gpu", "NoSchedule")]),
    "has the taint out": node(taints=[("out", "NoExecute")]),
    "has no cpu left": node(cpu="0"),
    "has no ephemeral storage left": node(**{"ephemeral-storage": "0"}),
    "has no room for pods left": node(pods="0"),
}


@pytest.mark.parametrize("why", LEFT_OUT)
def test_a_node_that_takes_no_pod_of_a_student_is_left_out_and_why(why):
    room = cluster.read_room(Cluster([LEFT_OUT[why]]), "mls26", set())

    assert [place.left_out for place in room.places] == [why]
    assert room.has("requests.cpu") == (0 if why else 8)


def test_a_soft_taint_keeps_nobody_out():
    room = cluster.read_room(Cluster([node(taints=[("soft", "PreferNoSchedule")])]), "mls26", set())

    assert len(room.counted) == 1


PODS = {
    "others' pods take room": (pod(), "6"),
    "those of the class do not: they are what it needs": (pod(namespace="mls26--s1"), "8"),
    "nor does one that is over": (pod(phase="Succeeded"), "8"),
    "nor one that failed": (pod(phase="Failed"), "8"),
    "one that waits for a node takes room somewhere": (pod(node=None, phase="Pending"), "6"),
    "one on a node that is gone takes none": (pod(node="gone"), "8"),
    "one on a node that is left out takes none of the others": (pod(node="n2"), "8"),
    "a node has nothing below zero": (pod(cpu="50"), "0"),
}


@pytest.mark.parametrize(("other", "free"), PODS.values(), ids=PODS)
def test_what_is_free_is_what_others_leave(other, free):
    nodes = [node(), node("n2", cordoned=True)]

    room = cluster.read_room(Cluster(nodes, [other]), "mls26", {"mls26--s1"})

    assert room.free("requests.cpu") == parse(free)


def test_devices_of_a_node_are_found():
    room = cluster.read_room(Cluster([node(**{"nvidia.com/gpu": "4"})]), "mls26", set())

    assert room.free("requests.nvidia.com/gpu") == 4
    assert room.untold == {"requests.storage"}


def test_both_lists_come_page_by_page(server, client):
    server.will(
        "GET",
        Answer(body={"metadata": {"continue": "more"}, "items": [pod()]}),
        Answer(body={"metadata": {}, "items": [pod()]}),
        Answer(body={"metadata": {"continue": "more"}, "items": [node()]}),
        Answer(body={"metadata": {}, "items": [node("n2")]}),
    )

    room = cluster.read_room(client, "mls26", set())

    assert (room.has("requests.cpu"), room.free("requests.cpu")) == (16, 12)
    assert [asked.path.partition("?")[0] for asked in server.asked] == [
        *["/api/v1/pods"] * 2,
        *["/api/v1/nodes"] * 2,
    ]


def test_who_may_not_list_is_told_which_command_prints_the_right(server, client):
    server.will("GET", Answer(status=403, body={"reason": "Forbidden", "message": "no pods"}))

    with pytest.raises(ClusterError, match="refuses to list pods: no pods") as refused:
        cluster.read_room(client, "mls26", set())

    assert (refused.value.hint or "").endswith("practicum role mls26")


# The answer


TEN = Room(places=(place(cpu="10", memory="10Gi"), place("n2", cpu="10", memory="10Gi")))
CASES = {
    # room, students at once, then: fits, most
    "it fits to the last core": (TEN, 10, True, 10),
    "one student too many": (TEN, 11, False, 10),
    "no node at all": (Room(places=()), 1, False, 0),
    "a node that is left out does not count": (
        Room(places=(*TEN.places, place("n3", left_out="is cordoned", cpu="99"))), 11, False, 10,
    ),
    "what others take does not count": (
        Room(places=(*TEN.places, place("n3", cpu="9", used={"cpu": "8"}))), 11, False, 10,
    ),
    "what others wait for is taken": (
        Room(places=TEN.places, waiting=amounts(cpu="3")), 9, False, 8,
    ),
    "others that wait for more than there is": (
        Room(places=TEN.places, waiting=amounts(cpu="99")), 1, False, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("room", "at_once", "fits", "most"), CASES.values(), ids=CASES)
def test_the_answer(room, at_once, fits, most):
    found = answer(room, at_once)

    assert (found.fits, found.most) == (fits, most)


def test_a_sum_that_fits_is_no_yes_where_the_largest_pod_finds_no_node():
    small = Room(places=tuple(place(f"n{i}", cpu="1") for i in range(100)))

    found = answer(small, 3)

    assert found.most == 50
    assert (found.homes, found.times, found.fits) == (0, 0, False)
    assert found.more == 0  # more of these help nobody


def test_one_container_that_fits_is_enough():
    small = Room(places=tuple(place(f"n{i}", cpu="1") for i in range(100)))

    found = answer(small, 3, each=need(cpu="2", largest={"cpu": "500m"}))

    assert (found.homes, found.times, found.fits) == (100, 200, True)


def test_the_largest_pod_of_anybody_counts():
    ordinary, own = need(cpu="1"), need(cpu="12")

    found = answer(TEN, 1, each=ordinary, students=[ordinary, own])

    assert (found.homes, found.fits) == (0, False)


def test_nobodys_pod_counts_who_will_not_come():
    """The cohort's own quota is for newcomers: where there are none it asks for nothing."""
    found = answer(TEN, 1, each=need(cpu="12"), students=[need(cpu="1")])

    assert (found.homes, found.fits) == (2, True)


def test_limits_above_what_there_is_are_told_and_are_no_no():
    room = Room(places=(place(memory="10Gi", limit="10Gi", used={"limit": "9Gi"}),))

    found = answer(room, 2, each=need(memory="4Gi", limit="4Gi", largest={"memory": "4Gi"}))

    [_, limit] = found.lines
    assert found.fits
    assert (limit.short, limit.counts, limit.enough_for) == (True, False, 0)


def test_what_nobody_tells_is_neither_enough_nor_short():
    room = Room(places=TEN.places, untold=frozenset({"requests.storage"}))

    found = answer(room, 5, each=need(cpu="2", storage="10Gi", largest={"cpu": "2"}))

    volumes = found.lines[-1]
    assert found.fits
    assert (volumes.need, volumes.has, volumes.short) == (50 * GIB, None, False)


def test_a_device_that_no_node_has_is_a_no():
    found = answer(TEN, 1, each=need(cpu="1", gpu="1"))

    assert (found.fits, found.most, found.more) == (False, 0, 0)


def test_whoever_comes_those_with_most_are_counted():
    students = [need(cpu="1"), need(cpu="9"), need(cpu="1"), need(cpu="8")]

    needed = [answer(TEN, n, students=students).lines[0].need for n in (1, 2, 3, 4, 5)]

    assert needed == [9, 17, 18, 19, 21]


def test_as_many_groups_are_at_work_as_there_can_be():
    students, groups = [need(cpu="1")] * 4, [need(cpu="3"), need(cpu="5")]

    found = [answer(TEN, n, students=students, groups=groups) for n in (1, 2, 4)]

    assert [(one.groups, one.lines[0].need) for one in found] == [(1, 6), (2, 10), (2, 12)]


def test_a_smaller_quota_and_more_nodes_are_told_so_that_it_would_fit():
    room = Room(places=(place(cpu="10", memory="64Gi"), place("big", "is cordoned", cpu="40",
                                                              memory="64Gi")))  # fmt: skip

    found = answer(room, 20, each=need(cpu="2", memory="1Gi"))

    assert found.smaller == {"requests.cpu": Decimal("0.5")}
    assert (found.more, found.like) == (1, "big")
    assert answer(room, 20, each=need(cpu="500m", memory="1Gi")).fits


# What a person is told


def told(room, at_once, **more):
    found = Capacity(cohort="mls26", students=9, suspended=0, simulated=False, room=room,
                     answer=answer(room, at_once, **more))  # fmt: skip
    return "\n".join(report.lines(found)), report.document(found), list(report.rows(found))


def test_a_yes_asks_for_nothing():
    text, document, _ = told(TEN, 10)

    assert text.endswith("mls26, 10 student(s) at once: yes, it fits; there is room for 10 at once")
    assert (document["fits"], document["advice"]) == (True, [])


def test_a_no_says_what_to_do():
    text, document, [row] = told(TEN, 16)

    assert "no, it does not fit; there is room for 10 at once" in text
    assert document["advice"] == [
        "fewer at once: 10, with nothing left running by the others"
        " (practicum suspend mls26 STUDENT…)",
        "a smaller quota for everybody: environment.quota.cpu 1.25 at most",
        "more nodes: 2 like n1, empty",
    ]
    assert row == ("requests.cpu", "2", "32", "20", "0", "20", "10  too few")


def test_no_quota_of_no_pod_at_all_is_proposed():
    _, document, _ = told(Room(places=(place(pods="8"),)), 16, each=need(pods="1"))

    assert not any("smaller quota" in line for line in document["advice"])


def test_many_nodes_that_are_left_out_are_not_all_named():
    out = tuple(place(f"n{i}", "is cordoned", cpu="1") for i in range(12))

    text, document, _ = told(Room(places=(*out, *TEN.places)), 1)

    assert "2 node(s) counted; left out: n0 is cordoned," in text
    assert "n9 is cordoned, and 2 more" in text
    assert len(document["nodes"]) == 14


def test_what_is_not_known_is_told_as_that():
    room = Room(places=TEN.places, untold=frozenset({"requests.storage"}))

    text, document, rows = told(room, 1, each=need(cpu="2", storage="10Gi", largest={"cpu": "2"}))

    assert "the cluster does not say how much there is" in text
    assert rows[-1] == ("requests.storage", "10Gi", "10Gi", "not known", "", "", "")
    assert document["resources"][-1] == {
        "resource": "requests.storage",
        "one_student": 10 * GIB,
        "need": 10 * GIB,
        "has": None,
        "others": None,
        "free": None,
        "enough_for": None,
        "verdict": "unknown",
    }


def test_limits_that_are_too_high_are_a_note():
    room = Room(places=(place(memory="10Gi", limit="10Gi", used={"limit": "9Gi"}),))
    each = need(memory="4Gi", limit="4Gi", largest={"memory": "4Gi"})

    text, document, _ = told(room, 1, each=each)

    assert "limits.memory: pods start, but" in text
    assert [one["verdict"] for one in document["resources"]] == ["enough", "over"]


CORES = st.integers(0, 12).map(Decimal)
NEEDS = st.builds(
    lambda cpu, memory: Need(
        amounts={"requests.cpu": cpu, "requests.memory": memory},
        largest={"requests.cpu": Decimal("0.1")},
    ),
    CORES.map(lambda n: n + 1),
    CORES,
)
PLACES = st.builds(
    lambda name, cpu, memory, used, out: Place(
        name=name,
        has={"requests.cpu": cpu, "requests.memory": memory},
        used={"requests.cpu": used},
        left_out=out,
    ),
    st.sampled_from("abc"),
    CORES,
    CORES,
    CORES,
    st.sampled_from(["", "", "is cordoned"]),
)


def together(needs, key):
    return sum((one.amounts[key] for one in needs), Decimal(0))


@settings(max_examples=200)
@given(st.lists(NEEDS, min_size=1, max_size=6), NEEDS, st.lists(PLACES, max_size=3), CORES)
@example([], Need(amounts={"requests.cpu": Decimal(1), "requests.memory": Decimal(0)},
                  largest={"requests.cpu": Decimal(1)}), [], Decimal(0))  # fmt: skip
def test_that_many_fit_whoever_they_are_and_not_one_more(students, another, places, waiting):
    room = Room(places=tuple(places), waiting={"requests.cpu": waiting})
    keys = ("requests.cpu", "requests.memory")

    def fit(needs):
        return all(together(needs, key) <= room.free(key) for key in keys)

    def all_fit(count):
        """Try every choice of so many students, one by one."""
        newcomers = [another] * max(0, count - len(students))
        chosen = combinations(students, min(count, len(students)))
        return all(fit([*some, *newcomers]) for some in chosen)

    found = answer(room, 1, each=another, students=students)

    assert found.most < MOST
    assert found.most == 0 or all_fit(found.most)
    assert not all_fit(found.most + 1)
