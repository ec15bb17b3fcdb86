"""What is not deleted, and not taken for empty: clusters of which something cannot be known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.cohort import clusters
from provisioner.errors import ToolError
from provisioner.kind import locks
from provisioner.kind.cluster import Clusters
from provisioner.kind.docker import Engine
from provisioner.kind.found import CLUSTER, COHORT, MAKER, STUDENT, Found, Node
from provisioner.kind.looking import _has_mark
from provisioner.kind.wanted import Wanted
from provisioner.lifecycle.own_clusters import down, engines, keeping, up
from provisioner.lifecycle.own_clusters.engines import Sight
from provisioner.lifecycle.own_clusters.stacks import NOWHERE, Stacks
from provisioner.lifecycle.progress import Silent
from provisioner.settings import Settings

from .test_own_clusters import DIGEST, KIND, LABS, course, people, read, sight, there

NODE = Node(name="n", image="node:1", role="control-plane", running=True, bindings={})
SETTINGS = Settings(stacks=Path("stacks"), home=Path("home"))


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Have a docker that does what a script says, and writes down what it was told."""
    path, told = tmp_path / "docker", tmp_path / "told"
    told.touch()

    def says(script: str) -> Path:
        path.write_text(f'#!/bin/sh\necho "$@" >> {told}\n{script}\n')
        path.chmod(0o755)
        return told

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return says


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: Could not find the file /kind/x in container n",
        "Error response from daemon: No such container: n",
        "Error response from daemon: lstat /merged/kind/x: not a directory",
        "Error response from daemon: evalSymlinksInScope: too many links in /kind",
    ],
)
def test_a_mark_is_missing_where_the_engine_has_looked(docker, said):
    docker(f"echo '{said}' >&2; exit 1")

    assert not _has_mark(Engine(), NODE)


@pytest.mark.parametrize(
    "said",
    [
        "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
        "dial unix /run/docker.sock: connect: no such file or directory",
        "ssh: Could not resolve hostname lab1: No such host is known",
        "Error response from daemon: open /x: too many open files",
        "",
    ],
)
def test_an_engine_that_does_not_answer_says_nothing_of_a_mark(docker, said):
    docker(f"echo '{said}' >&2; exit 1")

    with pytest.raises(ToolError):
        _has_mark(Engine(), NODE)


def test_an_engine_that_hangs_says_nothing_of_a_mark(docker, monkeypatch):
    monkeypatch.setattr("provisioner.kind.looking.PATIENCE", 0.2)
    docker("exec sleep 60")

    with pytest.raises(ToolError):
        _has_mark(Engine(), NODE)


def test_of_a_mark_without_end_one_piece_is_read(docker):
    docker("exec cat /dev/zero")

    assert _has_mark(Engine(), NODE)


def berth(id: str, engine: str = "local", **more) -> clusters.Berth:
    about = {"cluster": f"mls26--s{id}", "image": DIGEST, "server_port": 35000}
    return clusters.Berth(name=f"s{id}", id=id, engine=engine, **{**about, **more})


def made(id: str, node: str, *, whole: bool) -> Found:
    found = there(None, id, whole=whole)
    return replace(found, nodes=(replace(found.nodes[0], id=node),))


def test_a_cluster_that_was_whole_once_holds_work_whatever_its_node_says_now():
    cohort = course(**KIND)
    seen = read(cohort, people("1"), sight(made("1", "first", whole=True)))
    assert seen.berths_to_save["s1"].made == "first"

    later = read(cohort, people("1"), sight(made("1", "first", whole=False)), seen.berths)
    assert keeping._has_work(later, "s1")
    assert later.berths["s1"].made == "first"
    # Another one in its place, which a killed run left half, was never worked in.
    anew = read(cohort, people("1"), sight(made("1", "second", whole=False)), seen.berths)
    assert not keeping._has_work(anew, "s1")


def test_after_a_run_the_file_says_which_clusters_are_whole(tmp_path):
    cohort = course(**KIND).model_copy(update={"folder": tmp_path})
    before = read(cohort, people("1"), sight())
    after = read(cohort, people("1"), sight(made("1", "first", whole=True)),
                 berths=before.berths_to_save)  # fmt: skip

    up.note(after, before)

    assert clusters.load(cohort.clusters_file)["s1"].made == "first"


def on(**found: list[Found]) -> Sight:
    by_name = {name: {one.name: one for one in some} for name, some in found.items()}
    return Sight(found=by_name, silent={})


@pytest.mark.parametrize(
    ("seen", "where"),
    [
        (on(lab1=[there(None, "1")], lab2=[there(None, "1")]), "mls26--s1 on lab2"),
        (on(lab1=[], lab2=[there(None, "1")]), "mls26--s1 on lab2"),
        (on(lab1=[], lab2=[there(None, "1", whole=False)]), "mls26--s1 on lab2"),
    ],
)
def test_a_cluster_that_deletion_would_find_and_an_archive_would_not_is_spared(seen, where):
    reading = read(course(engines=LABS, **KIND), people(), seen, {"s1": berth("1", "lab1")})
    assert reading.places("s1")

    kept = keeping.keep(SETTINGS, reading, ["s1"], Silent())

    assert where in kept.failed["s1"]
    assert kept.failed_ids == kept.failed | {"s1": kept.failed["s1"]}


def test_a_cluster_of_a_leaver_of_whom_the_file_knows_nothing_is_spared():
    reading = read(course(**KIND), people(), sight(there(None, "1")))

    assert "s1" in keeping.keep(SETTINGS, reading, ["s1"], Silent()).failed


def test_an_own_network_or_half_a_cluster_holds_nothing_and_is_no_reason():
    half = sight(there(None, "1", whole=False))
    network = on(lab1=[], lab2=[there(None, "1", nodes=0)])
    one = read(course(**KIND), people(), half, {"s1": berth("1")})
    other = read(course(engines=LABS, **KIND), people(), network, {"s1": berth("1", "lab1")})

    for reading in (one, other):
        assert keeping.keep(SETTINGS, reading, ["s1"], Silent()).failed == {}


def a_kind_that_only_deletes(told: Path) -> Path:
    kind = told.with_name("kind")
    kind.write_text(f'#!/bin/sh\necho "kind $@" >> {told}\n[ "$1" = delete ]\n')
    kind.chmod(0o755)
    return kind


WANTED = Wanted(name="a", cohort="c", student="s", image="node:1")
DELETED = "kind delete cluster --name a"


def test_what_another_machine_is_making_is_not_removed(docker):
    there_already = "Error response from daemon: network with name kind-a already exists"
    told = docker(f"""case "$*" in network\\ create*) echo '{there_already}' >&2; exit 1;; esac""")
    of_engine = Clusters(engine=Engine(), kind=a_kind_that_only_deletes(told), say=lambda _: None)

    with pytest.raises(ToolError, match="Somebody else is just making the cluster a"):
        of_engine._make_or_clear(WANTED, 2)

    assert DELETED not in told.read_text()


NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def half_made(docker, tmp_path, monkeypatch):
    """Have an engine on which there is the network of a cluster and nothing else of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def half_made(maker: str, ago: timedelta) -> tuple[Clusters, Path]:
        labels = {CLUSTER: "a", COHORT: "c", STUDENT: "s", **({MAKER: maker} if maker else {})}
        created = f"{NOW - ago:%Y-%m-%dT%H:%M:%S}.123456789Z"
        network = json.dumps([{"Name": "kind-a", "Labels": labels, "Created": created}])
        # Once it was taken away, it is not there any more.
        told = docker(f"""
            case "$*" in
              "network ls"*) [ -e {tmp_path}/gone ] || echo 1;;
              "network inspect"*) echo '{network}';;
              "network rm"*) touch {tmp_path}/gone;;
              info*) echo {NOW:%Y-%m-%dT%H:%M:%SZ};;
            esac""")
        kind = a_kind_that_only_deletes(told)
        return Clusters(engine=Engine(), kind=kind, say=lambda _: None), told

    return half_made


@pytest.mark.parametrize("maker", ["elsewhere", ""])
def test_what_another_machine_may_be_making_now_is_not_removed(half_made, maker):
    of_engine, told = half_made(maker, timedelta(minutes=5))

    for work in (
        lambda: of_engine.ensure(WANTED),
        lambda: of_engine.set_running(WANTED),
        lambda: of_engine.remove("a", "c", "s"),
    ):
        with pytest.raises(ToolError, match="just making the cluster a") as error:
            work()
        assert "in 8 minutes" in str(error.value.hint)

    assert DELETED not in told.read_text()


@pytest.mark.parametrize(
    ("here", "ago"), [(True, timedelta(0)), (False, locks.GIVEN_UP + timedelta(seconds=1))]
)
def test_what_nobody_can_be_making_any_more_is_removed(half_made, here, ago):
    of_engine, told = half_made(locks.whose(Engine()) if here else "elsewhere", ago)

    of_engine.remove("a", "c", "s")

    assert DELETED in told.read_text()


def test_the_locks_of_a_machine_keep_their_name(tmp_path, monkeypatch):
    names = []
    for machine in ("a", "a", "b"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / machine))
        names.append(locks.whose(Engine()))

    assert names[0] == names[1] != names[2]
    assert names[0]
    # By another address another file is locked: there, who makes it would not be seen.
    assert locks.whose(Engine("ssh://lab1")) != names[2]


def test_what_is_made_here_says_so(docker, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = docker("")

    Clusters(engine=Engine(), kind=told, say=lambda _: None)._claim(WANTED)

    assert f"--label {MAKER}={locks.whose(Engine())}" in told.read_text()


def test_what_was_begun_here_is_cleared_up(docker):
    told = docker("")
    of_engine = Clusters(engine=Engine(), kind=a_kind_that_only_deletes(told), say=lambda _: None)

    with pytest.raises(ToolError):
        of_engine._make_or_clear(WANTED, 2)

    assert DELETED in told.read_text()


@pytest.mark.parametrize(
    ("engine", "address"),
    [("lab1", "ssh://ops@lab1"), ("gone", NOWHERE), ("local", "")],
)
def test_what_is_on_an_engine_that_is_not_named_any_more_is_not_destroyed_on_ours(engine, address):
    left = {"s1": berth("1", engine, dropped=True)}
    reading = read(course(engines=LABS, **KIND), people(), on(lab1=[]), left)
    mine = Stacks(settings=SETTINGS, reading=reading, workers=None, progress=Silent())

    assert mine._job("destroy", "s1").docker_host == address


def test_a_cluster_that_is_being_made_is_not_given_up_by_whoever_waits_for_it():
    """Pulumi tells nothing meanwhile, and an image may have to be fetched."""
    reading = read(course(**KIND), people("1"), sight())
    mine = Stacks(settings=SETTINGS, reading=reading, workers=None, progress=Silent())

    assert mine._job("up", "s1").silence > locks.GIVEN_UP.total_seconds() > locks.LONGEST


def test_an_engine_that_vanishes_during_a_down_keeps_the_others_from_nothing(docker):
    docker("""case "$1" in inspect) exit 1;; esac""")
    reading = read(course(**KIND), people(), sight(there(None, "1")), {"s1": berth("1")})
    [site] = reading.sites.values()

    volumes = {"local": down._volumes_or_why(reading, site)}
    receipt = down._prove(SETTINGS, reading, volumes, keeping.Archived(cohort="mls26"), ())

    assert not receipt.proved
    assert "the engine local" in receipt.unlisted[0]
    assert receipt.remaining == ()


@pytest.mark.parametrize(
    ("state", "left"),
    [("s3://b", ("s3://b: mls26.cluster-s1 could not be cleared",)), ("", ())],
)
def test_state_that_could_not_be_cleared_is_left_where_no_file_shows_it(state, left):
    reading = replace(read(course(**KIND), people(), sight(), {"s1": berth("1")}), sites={})
    kept = keeping.Archived(cohort="mls26")

    receipt = down._prove(replace(SETTINGS, state=state), reading, {}, kept, ["s1"])

    assert (receipt.remaining, receipt.proved) == (left, not left)


@pytest.mark.parametrize(
    ("host", "shared"),
    [("ssh://ops@lab1", True), ("tcp://192.0.2.1:2376", True), ("unix:///run/x.sock", False),
     ("", False)],
)  # fmt: skip
def test_an_engine_elsewhere_is_shared_also_where_only_the_environment_says_so(
    monkeypatch, host, shared
):
    monkeypatch.setenv("DOCKER_HOST", host)
    [site] = engines.sites(course()).values()

    assert site.is_shared is shared
