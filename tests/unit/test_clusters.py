"""Who gets which kind cluster, on which engine, with which ports: never twice, and never moved."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from provisioner import names
from provisioner.cohort import Record, clusters
from provisioner.cohort.clusters import Berth
from provisioner.cohort.kind import Kind
from provisioner.errors import InputError

from ..sample import cohort

DIGEST = "kindest/node@sha256:" + "a" * 64
LABS = [{"name": "lab1", "ssh": "ops@lab1"}, {"name": "lab2", "ssh": "ops@lab2"}]


def course(**kind):
    return cohort(backend="kind", cluster=None, kind=Kind.model_validate(kind))


def student(id, **more):
    name = names.student(id)
    return Record(id=id, name=name, namespace=name, wave=1, generation=1, **more)


def assign(known, ids, room=None, **kind):
    return clusters.assign(known, course(**kind), [student(id) for id in ids], room)


def test_everybody_gets_a_cluster_and_ports_of_their_own():
    berths = assign({}, ["1", "2"], ports=[30080, 30443], port_range={"first": 31000})

    assert [(one.cluster, one.engine, one.server_port, one.ports) for one in berths.values()] == [
        ("mls26--s1", "local", 31000, ((31001, 30080), (31002, 30443))),
        ("mls26--s2", "local", 31003, ((31004, 30080), (31005, 30443))),
    ]
    assert assign(berths, ["1", "2"], ports=[30080, 30443], port_range={"first": 31000}) == berths


def test_a_port_of_who_left_is_given_to_nobody_else():
    first = assign({}, ["1", "2"], ports=[30080])
    left = {name: replace(one, dropped=name == "s1") for name, one in first.items()}

    berths = clusters.assign(left, course(ports=[30080]), [student("2"), student("3")])

    hosts = [host for one in berths.values() for host in (one.server_port, one.ports[0][0])]
    assert len(set(hosts)) == 6
    assert berths["s2"] == first["s2"]
    assert berths["s1"].dropped


def test_who_comes_back_has_the_old_name_and_ports_and_an_image_of_now():
    old = Berth(name="s1", id="1", engine="local", cluster="mls26--s1", image="node:old", server_port=30001,
                ports=((30000, 30080),), dropped=True)  # fmt: skip

    berth = assign({"s1": old}, ["1"], ports=[30080])["s1"]

    assert berth == replace(old, dropped=False, image="")


def test_a_cluster_stays_with_its_image_until_the_cohort_file_names_one():
    made = {name: replace(one, image="node:1") for name, one in assign({}, ["1"]).items()}

    assert assign(made, ["1"])["s1"].image == "node:1"
    assert assign(made, ["1"], image=DIGEST)["s1"].image == DIGEST


def test_a_port_that_is_added_leaves_the_others_where_they_are():
    before = assign({}, ["1", "2"], ports=[30080])

    after = assign(before, ["1", "2"], ports=[30443, 30080])

    assert {node: host for host, node in after["s2"].ports}[30080] == before["s2"].ports[0][0]
    given = [host for one in after.values() for host, _ in one.ports]
    assert len(set(given)) == 4


def test_who_has_no_cluster_yet_follows_the_range_of_the_file_and_who_has_one_keeps_the_ports():
    first = assign({}, ["1", "2"], ports=[30080])
    wider = course(ports=[30080], port_range={"first": 31000})

    berths = clusters.assign(first, wider, [student("1"), student("2")], moored={"s2"})

    assert (berths["s1"].server_port, berths["s1"].ports) == (31000, ((31001, 30080),))
    assert berths["s2"] == first["s2"]


def test_a_port_that_another_container_of_the_engine_has_is_left_to_it():
    first = assign({}, ["1", "2"], ports=[30080])
    people = [student("1"), student("2"), student("3")]
    taken = {30000, 30003, 30004}

    berths = clusters.assign(
        first, course(ports=[30080]), people, moored={"s2"}, bound={"local": taken, "lab": {30005}}
    )

    assert (berths["s1"].server_port, berths["s1"].ports) == (30005, ((30001, 30080),))
    assert berths["s2"] == first["s2"]
    assert (berths["s3"].server_port, berths["s3"].ports) == (30006, ((30007, 30080),))


def test_when_the_ports_are_all_gone_the_next_one_is_refused():
    with pytest.raises(InputError, match="no ports left for 3"):
        assign({}, ["1", "2", "3"], ports=[30080], port_range={"first": 31000, "last": 31004})


def test_new_ones_go_where_most_room_is_and_nobody_is_moved():
    berths = assign({}, ["1", "2", "3"], {"lab1": 1, "lab2": 3}, engines=LABS)
    assert [one.engine for one in berths.values()] == ["lab2", "lab2", "lab1"]

    again = assign(berths, ["1", "2", "3", "4"], {"lab1": 9, "lab2": 0}, engines=LABS)
    assert [one.engine for one in again.values()] == ["lab2", "lab2", "lab1", "lab1"]


def test_without_figures_as_many_are_on_each():
    berths = assign({}, ["1", "2", "3", "4"], engines=LABS)

    assert sorted(one.engine for one in berths.values()) == ["lab1", "lab1", "lab2", "lab2"]


def test_an_engine_that_the_file_does_not_name_any_more_is_refused():
    berths = assign({}, ["1", "2"], engines=LABS)

    with pytest.raises(InputError, match="engines that its cohort file does not name"):
        assign(berths, ["1", "2"], engines=LABS[:1])


def test_so_is_that_of_who_left_until_the_cluster_is_gone():
    berths = assign({}, ["1", "2"], engines=LABS)
    [left] = [name for name, one in berths.items() if one.engine == "lab2"]
    stays = [one.id for one in berths.values() if one.engine == "lab1"]

    with pytest.raises(InputError, match="engines that its cohort file does not name"):
        assign(berths, stays, engines=LABS[:1])

    gone = {**berths, left: replace(berths[left], dropped=True)}
    assert assign(gone, stays, engines=LABS[:1])[left] == gone[left]


def test_who_comes_back_after_the_engine_went_gets_another_one():
    old = Berth(name="s1", id="1", engine="lab2", cluster="mls26--s1", dropped=True)

    berth = assign({"s1": old}, ["1"], engines=LABS[:1])["s1"]

    assert (berth.engine, berth.cluster, berth.dropped) == ("lab1", "mls26--s1", False)


@pytest.mark.parametrize("name", ["m" * 30, "mls26"])
def test_a_cluster_has_a_name_that_kind_takes_and_no_two_have_one(name):
    ids = ["s" * 31, "s" * 30 + "t", "1", "한글", "a" * 200, "mls26--s1"]
    made = [names.cluster(name, names.student(id)) for id in ids]

    assert all(names.is_cluster(one) for one in made)
    assert len(set(made)) == len(ids)


def test_what_was_saved_is_read_back(tmp_path):
    berths = assign({}, ["1", "2"], ports=[30080])
    path = tmp_path / "clusters.json"

    clusters.save(path, berths)

    assert clusters.load(path) == berths
    assert path.stat().st_mode & 0o077 == 0
    assert clusters.load(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    "change",
    [
        {"cluster": "../x"},
        {"cluster": "a" * 51},
        {"cluster": 1},
        {"engine": None},
        {"ports": [["a", 1]]},
        {"ports": 5},
        {"dropped": "no"},
        {"server_port": "1"},
        {"made": True},
        {"color": "red"},
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path, change):
    path = tmp_path / "clusters.json"
    one = {"id": "1", "engine": "local", "cluster": "a--s1", "image": "", "ports": []}
    path.write_text(json.dumps({"version": 1, "students": {"s1": one}}))
    assert clusters.load(path)

    path.write_text(json.dumps({"version": 1, "students": {"s1": {**one, **change}}}))
    with pytest.raises(InputError, match="is damaged"):
        clusters.load(path)


def test_two_students_with_one_cluster_are_refused(tmp_path):
    path = tmp_path / "clusters.json"
    one = {"id": "1", "engine": "local", "cluster": "a--s1"}
    path.write_text(json.dumps({"version": 1, "students": {"s1": one, "s2": one}}))

    with pytest.raises(InputError, match="is damaged"):
        clusters.load(path)


@pytest.mark.parametrize(
    ("engine", "kind", "reach", "names_", "shared"),
    [
        ("local", {}, "127.0.0.1", (), False),
        ("local", {"address": "192.0.2.1"}, "192.0.2.1", (), True),
        ("local", {"address": "0.0.0.0"}, "127.0.0.1", ("127.0.0.1",), True),
        (LABS[0], {}, "127.0.0.1", (), True),
        (LABS[0], {"address": "0.0.0.0"}, "lab1", ("lab1",), True),
        ({**LABS[0], "address": "192.0.2.7"}, {}, "192.0.2.7", (), True),
        ({**LABS[0], "address": "192.0.2.7", "reach": "l.example.org"}, {}, "l.example.org",
         ("l.example.org",), True),
    ],
)  # fmt: skip
def test_certificates_hold_the_name_by_which_students_reach_an_engine(
    engine, kind, reach, names_, shared
):
    said = Kind.model_validate({**kind, "engines": [engine]})
    [spec] = said.engines

    assert (said.reach_of(spec), said.names_of(spec), said.is_shared(spec)) == (
        reach,
        names_,
        shared,
    )
