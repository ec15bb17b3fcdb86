"""What a plan says of kind clusters, given what engines have. No engine is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner import archive, cluster
from provisioner.cohort import Student, clusters
from provisioner.cohort import records as record_file
from provisioner.cohort.kind import Kind
from provisioner.errors import ClusterError, InputError, MissingToolError
from provisioner.kind import mishap
from provisioner.kind.found import Found, Node
from provisioner.kind.wanted import Wanted
from provisioner.lifecycle import backend
from provisioner.lifecycle.leaving import refuse_mass_drop
from provisioner.lifecycle.namespaces import Namespaces
from provisioner.lifecycle.own_clusters import OwnClusters, engines, keeping, restoring, up, waking
from provisioner.lifecycle.own_clusters import reading as readings
from provisioner.lifecycle.own_clusters.engines import Sight
from provisioner.lifecycle.own_clusters.filling import Filling
from provisioner.lifecycle.own_clusters.planning import ANEW
from provisioner.lifecycle.own_clusters.reading import NO_ISOLATION
from provisioner.lifecycle.reading import narrowed, of_cohort
from provisioner.pulumi_provider import servicer
from provisioner.settings import Settings

from ..sample import cohort as sample
from ..sample import record

DIGEST = "kindest/node@sha256:" + "a" * 64
LABS = [{"name": "lab1", "ssh": "ops@lab1"}, {"name": "lab2", "ssh": "ops@lab2"}]


def course(**kind):
    return sample(backend="kind", cluster=None, kind=Kind.model_validate({"image": DIGEST, **kind}))


def people(*ids):
    return {id: Student(id=id, name=f"Student {id}") for id in ids}


def there(cohort, id, *, whole=True, running=True, image=DIGEST, labels=None, nodes=1, host=30000):
    """A cluster as an engine has it."""
    name = f"mls26--s{id}"
    bindings = {
        "6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(host + 5000)}],
        "30080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(host)}],
    }
    node = Node(name=f"{name}-control-plane", image=image, role="control-plane",
                running=running, bindings=bindings)  # fmt: skip
    mine = {"practicum.cluster": name, "practicum.cohort": "mls26", "practicum.student": f"s{id}"}
    labels = mine if labels is None else labels
    return Found(name=name, nodes=(node,) * nodes, labels=labels, complete=whole)


def sight(*found, silent=(), engine="local"):
    return Sight(
        found={engine: {one.name: one for one in found}},
        silent={name: f"the engine {name} does not answer" for name in silent},
    )


def read(cohort, students, seen, berths=None, known=None):
    sites = engines.sites(cohort)
    files = readings.Files(
        cohort=cohort, students=students, records=known or {}, berths=berths or {}
    )
    return readings.compared(files, sites, seen)


KIND = {"ports": [30080]}


def plan_of(seen, *ids, **kind):
    cohort = course(**{**KIND, **kind})
    return read(cohort, people(*ids), seen).plan


def actions(plan):
    return {part.name: (part.action, part.changes) for part in plan.students}


def test_an_empty_engine_gets_everybodys_cluster_and_a_plan_says_what_kind_is():
    reading = read(course(**KIND), people("1", "2"), sight())

    assert actions(reading.plan) == {"s1": ("create", ()), "s2": ("create", ())}
    assert reading.notes == (NO_ISOLATION,)
    assert reading.records["1"].namespace == "mls26--s1"
    assert reading.plan.guard.action == "same"


def test_what_is_as_wanted_is_the_same():
    assert actions(plan_of(sight(there(None, "1")), "1")) == {"s1": ("same", ())}


@pytest.mark.parametrize(
    ("changed", "path", "anew"),
    [
        ({"running": False}, "running", False),
        ({"image": "node:2"}, "image", True),
        ({"whole": False}, "complete", True),
    ],
)
def test_what_differs_is_named_and_whether_it_takes_a_new_cluster(changed, path, anew):
    cohort = course(**KIND)
    [(action, changes)] = actions(
        read(cohort, people("1"), sight(there(None, "1", **changed))).plan
    ).values()

    assert action == "change"
    assert changes == (f"KindCluster/mls26--s1 spec.{path}", *((ANEW,) if anew else ()))


@pytest.mark.parametrize("suspended", [False, True])
def test_a_cluster_of_which_some_nodes_run_is_neither_running_nor_suspended(suspended):
    whole = there(None, "1", nodes=2)
    half = replace(whole, nodes=(whole.nodes[0], replace(whole.nodes[1], running=False)))
    known = {"1": replace(record("1"), suspended=suspended)}

    reading = read(course(**KIND), people("1"), sight(half), known=known)

    assert actions(reading.plan)["s1"] == ("change", ("KindCluster/mls26--s1 spec.running",))
    assert servicer._outputs(half)["running"] == "some"  # so that Pulumi, too, sees a difference
    assert not half.running


def test_ports_of_whoever_is_on_an_engine_are_given_to_nobody_there():
    stranger = there(None, "9", host=30000, labels={})
    port = "30001"
    bound = {"1/tcp": [{"HostPort": port}], "2/tcp": [{"HostPort": ""}], "3/tcp": None}
    odd = replace(stranger, name="odd", nodes=(replace(stranger.nodes[0], bindings=bound),))

    reading = read(course(**KIND), people("1"), sight(stranger, odd))

    assert (reading.berths["s1"].server_port, reading.berths["s1"].ports) == (
        30002, ((30003, 30080),))  # fmt: skip


def test_a_cluster_that_is_there_and_one_that_cannot_be_seen_keep_ports_outside_of_the_range():
    cohort = course(engines=LABS, port_range={"first": 31000}, **KIND)
    berths = {
        f"s{id}": clusters.Berth(name=f"s{id}", id=id, engine=engine, cluster=f"mls26--s{id}",
                                 image=DIGEST, server_port=port, ports=((port + 1, 30080),))
        for id, engine, port in (("1", "lab1", 30010), ("2", "lab2", 30020), ("3", "lab1", 30030))
    }  # fmt: skip
    seen = sight(there(None, "1"), silent=["lab2"], engine="lab1")

    reading = read(cohort, people("1", "2", "3"), seen, berths)

    ports = {name: one.server_port for name, one in reading.berths.items()}
    assert ports == {"s1": 30010, "s2": 30020, "s3": 31000}


class Nodes:
    """Stands in for what starts and stops nodes; notes what it is told."""

    def __init__(self):
        self.told = []

    def set_running(self, wanted):
        self.told.append(wanted.running)


@pytest.mark.parametrize(
    ("ran", "suspended", "told"),
    [
        ((False, False), True, [True, False]),
        ((False, False), False, [True, False]),
        ((True, False), False, [True]),
        ((True, False), True, [True, False]),
        ((True, True), True, []),
    ],
)
def test_after_a_look_a_cluster_is_as_it_was_or_as_its_record_wants_it(
    monkeypatch, ran, suspended, told
):
    whole = there(None, "1", nodes=2)
    nodes = tuple(replace(one, running=up) for one, up in zip(whole.nodes, ran, strict=True))
    known = {"1": replace(record("1"), suspended=suspended)}
    reading = read(course(**KIND), people("1"), sight(replace(whole, nodes=nodes)), known=known)
    doing = Nodes()
    monkeypatch.setattr(engines.Site, "clusters", lambda *_: doing)
    monkeypatch.setattr(waking, "_seen_again", lambda reading, _: reading)

    with waking.awake(reading, "s1"):
        pass

    assert doing.told == told


def test_a_cluster_that_was_just_started_is_asked_again_until_its_groups_answer(monkeypatch):
    answers = [ClusterError("metrics.k8s.io does not answer"), "seen"]

    def look_around(*_):
        answer = answers.pop(0)
        if isinstance(answer, ClusterError):
            raise answer
        return answer

    monkeypatch.setattr(keeping, "POLL", 0)
    monkeypatch.setattr(keeping.cluster, "look_around", look_around)

    assert keeping._look_around(None, {}, woken=True) == "seen"
    answers[:] = [ClusterError("no")]
    with pytest.raises(ClusterError):
        keeping._look_around(None, {}, woken=False)


@pytest.mark.parametrize(
    ("roles", "chosen"), [(["control-plane"], 0), (["control-plane", "worker", "worker"], 1)]
)
def test_a_claim_gets_its_volume_on_a_node_that_takes_pods(roles, chosen):
    """Else the pod that mounts it would wait for ever."""
    nodes = [
        Node(name=str(n), image="", role=role, running=True, bindings={})
        for n, role in enumerate(roles)
    ]
    work = object.__new__(restoring.Restore)
    work._nodes = nodes
    claim = {"metadata": {"name": "work", "annotations": {"mine": "1"}}}

    asked = work._asking_for_a_volume(claim)["metadata"]["annotations"]

    assert asked == {"mine": "1", restoring.SELECTED: str(chosen)}


class Server:
    """Takes what is restored, and says of a volume at the third look that it was seen."""

    def __init__(self):
        self.said = []

    def request(self, method, path, **_):
        self.said.append((method, path))
        seen = self.said.count((method, path)) >= 3
        return {"metadata": {}, "status": {"phase": "Available" if seen else "Pending"}}


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_claim_is_restored_once_its_volume_is_known_to_who_binds_it(monkeypatch, dry_run):
    """Else it would wait for its next look, a quarter of a minute later."""
    server = Server()
    types = {
        name: cluster.Type(
            group="", version="v1", plural=name, namespaced=name == "persistentvolumeclaims"
        )
        for name in ("persistentvolumes", "persistentvolumeclaims")
    }
    work = object.__new__(restoring.Restore)
    work._new = []
    work._filling = Filling(engine=None, nodes=(), admin=server, types=types)
    work._one = lambda member, _, **__: (server.said.append(member.type), ("restored", ""))[1]
    monkeypatch.setattr("provisioner.lifecycle.own_clusters.filling.POLL", 0)

    for type, place, name in (
        ("persistentvolumes", archive.WHOLE_CLUSTER, "disk"),
        ("persistentvolumeclaims", "shop", "disk"),
        ("persistentvolumeclaims", "shop", "other"),
    ):
        member = SimpleNamespace(type=type, namespace=place)
        work._object(member, {"metadata": {"name": name}}, dry_run=dry_run)

    claims = ["persistentvolumeclaims"] * 2
    looks = [] if dry_run else [("GET", "/api/v1/persistentvolumes/disk")] * 3
    assert server.said == ["persistentvolumes", *looks, *claims]


def test_a_new_cluster_in_the_place_of_one_counts_as_work_that_goes():
    reading = read(course(**KIND), people("1", "2"), sight(
        there(None, "1", image="node:2"), there(None, "2", running=False, host=30001)))  # fmt: skip

    assert up.going(reading) == ["s1"]


@pytest.mark.parametrize(
    "labels", [{}, {"practicum.cohort": "other", "practicum.cluster": "mls26--s1"}]
)
def test_a_strangers_cluster_of_that_name_is_in_other_hands(labels):
    [(action, changes)] = actions(plan_of(sight(there(None, "1", labels=labels)), "1")).values()

    assert action == "foreign"
    assert "somebody else's cluster" in changes[0]


def test_a_leaver_is_removed_wherever_the_cluster_is():
    plan = plan_of(sight(there(None, "1"), there(None, "2", host=30001)), "1")

    assert actions(plan)["s2"][0] == "remove"


def test_a_network_without_nodes_is_a_cluster_that_is_missing_and_of_a_leaver_something_left():
    left = there(None, "1", nodes=0)

    assert actions(plan_of(sight(left), "1"))["s1"][0] == "create"
    assert actions(plan_of(sight(left), "2"))["s1"][0] == "remove"


def test_who_is_on_an_engine_that_does_not_answer_is_told_and_the_others_are_planned():
    cohort = course(engines=LABS, **KIND)
    berths = {
        "s1": clusters.Berth(name="s1", id="1", engine="lab1", cluster="mls26--s1", image=DIGEST),
        "s2": clusters.Berth(name="s2", id="2", engine="lab2", cluster="mls26--s2", image=DIGEST),
        "s3": clusters.Berth(name="s3", id="3", engine="lab2", cluster="mls26--s3", image=DIGEST),
    }
    reading = read(cohort, people("1", "2"), sight(silent=["lab2"], engine="lab1"), berths)

    told = actions(reading.plan)
    assert told["s1"][0] == "create"
    assert [told[name][0] for name in ("s2", "s3")] == ["foreign", "foreign"]
    assert "lab2 does not answer" in told["s2"][1][0]
    # A leaver who is gone for good is asked about no more.
    gone = {**berths, "s3": replace(berths["s3"], dropped=True)}
    then = read(cohort, people("1", "2"), sight(silent=["lab2"], engine="lab1"), gone)
    assert then.plan.students[-1].name == "s2"


def test_what_is_lost_of_the_file_is_read_off_the_engines():
    cohort = course(engines=["local", *LABS], **KIND)
    seen = sight(there(None, "1", host=30777), engine="lab2")

    reading = read(cohort, people("1", "2"), seen)

    assert reading.berths["s1"].engine == "lab2"
    assert reading.berths["s1"].ports == ((30777, 30080),)
    assert reading.plan.students[0].action == "same"


def test_a_run_for_some_writes_nothing_new_of_the_others():
    reading = read(course(**KIND), people("1", "2"), sight())

    some = narrowed(reading, ["s1"])

    assert some.berths_to_save.keys() == {"s1"}
    assert some.to_save.keys() == {"1"}


def test_more_than_fits_is_refused_with_figures():
    reading = read(course(memory="1Gi", **KIND), people("1", "2", "3"), sight())

    with pytest.raises(InputError) as error:
        up.refuse_without_room(replace(reading, room={"local": 2 * 2**30 + 5}))

    assert "3 cluster(s) of 1.0 GiB need 3.0 GiB, and 2.0 GiB are free: room for 2" in str(
        error.value.problems[0]
    )
    up.refuse_without_room(replace(reading, room={"local": 3 * 2**30}))
    up.refuse_without_room(replace(reading, room={}))  # an engine that tells nothing


def test_a_class_that_leaves_at_once_is_not_dropped_by_a_wrong_roster():
    seen = sight(*(there(None, str(number), host=30000 + number) for number in range(8)))
    everybody = read(course(**KIND), people(*map(str, range(8))), seen)
    known = everybody.records
    left = read(course(**KIND), people("0"), seen, everybody.berths, known)

    with pytest.raises(InputError):
        refuse_mass_drop(left, None)
    refuse_mass_drop(left, 7)


def test_without_any_engine_nothing_is_planned():
    sites = engines.sites(course(engines=[{"name": "lab1", "ssh": "nobody@127.0.0.1:1"}]))

    with pytest.raises(MissingToolError):
        engines.look(sites, [])


def test_students_who_still_have_the_other_thing_are_not_given_this(tmp_path):
    """Else what they have would be forgotten, and stay for ever."""
    records = {"1": record("1")}
    then_kind = course(**KIND).model_copy(update={"folder": tmp_path})
    then_namespaces = sample(folder=tmp_path)
    (tmp_path / "roster.csv").write_text("id,name\n1,Ada\n")
    record_file.save(tmp_path / "students.json", records, cluster="a-uid")

    with pytest.raises(InputError, match="have namespaces, and the cohort file says kind"):
        readings.read(then_kind)

    berth = clusters.Berth(name="s1", id="1", engine="local", cluster="mls26--s1")
    clusters.save(tmp_path / "clusters.json", {"s1": berth})
    settings = Settings(stacks=tmp_path, home=tmp_path)
    with pytest.raises(InputError, match="have kind clusters, and the cohort file says namespace"):
        of_cohort(settings, then_namespaces)


def test_a_namespace_is_not_reset_and_it_is_said_what_to_do():
    reading = SimpleNamespace(cohort=sample())

    with pytest.raises(InputError) as error:
        Namespaces().reset(reading, backend.Again(id="1"))

    assert error.value.hint == ("For a new one: practicum drop mls26 1, then practicum add mls26 1")


@pytest.mark.parametrize(
    ("seen", "archive", "action", "changes", "said"),
    [
        (sight(there(None, "1")), False, "change", (ANEW,), "is not archived, and is lost"),
        (
            sight(there(None, "1", image="node:2")), False,
            "change", ("KindCluster/mls26--s1 spec.image", ANEW), "is lost",
        ),
        (sight(), True, "create", (), "There is no cluster"),
        (
            sight(silent=["local"]), True, "foreign",
            ("KindCluster/mls26--s1 cannot be seen: the engine local does not answer",), "",
        ),
    ],
    ids=["whole", "differs", "none", "silent"],
)  # fmt: skip
def test_before_a_reset_it_is_told_what_goes_and_of_nobody_else(
    seen, archive, action, changes, said
):
    reading = read(course(**KIND), people("1", "2"), seen)

    told = OwnClusters().reset(reading, backend.Again(id="1", archive=archive))

    assert actions(told.reading.plan) == {"s1": (action, changes)}
    assert said in "".join(told.notes)
    assert bool(said) is bool(told.notes)


def test_a_reset_that_would_archive_says_so_and_takes_a_key():
    """Also in a dry run, which would otherwise promise what cannot be."""
    again = backend.Again(id="1")
    reading = read(course(**KIND), people("1"), sight(there(None, "1")))
    keyed = reading.cohort.model_copy(update={"course_key": "age1x"})

    with pytest.raises(InputError, match="has no course_key"):
        OwnClusters().reset(reading, again)
    [note] = OwnClusters().reset(replace(reading, cohort=keyed), again).notes
    assert "is archived first, encrypted" in note


def test_no_other_module_asks_which_backend_it_is():
    """The seam: who asks in a second place has gone around it."""
    root = Path(backend.__file__).parents[1]
    asking = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if path.is_relative_to(root / "cli") or path.is_relative_to(root / "lifecycle")
        for line in path.read_text().splitlines()
        if "cohort.backend" in line or "if cohort.kind:" in line
    }

    assert asking == {"lifecycle/backend.py", "lifecycle/target.py"}


WANTED = Wanted(name="mls26--s1", cohort="mls26", student="s1", image="node:1")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Bind for 127.0.0.1:30001 failed: port is already allocated", "is taken: 30001."),
        ("listen tcp 127.0.0.1:41000: bind: address already in use", "is taken: 41000."),
        ("write /var/lib/x: no space left on device", "disk of the engine is full"),
        ("exec /usr/local/bin/entrypoint: exec format error", "another kind of processor"),
        ("Error response from daemon: No such image: node:1", "has no image node:1"),
        ("Cannot connect to the Docker daemon at unix:///x", "does not answer any more"),
        ("timed out waiting for the condition", "did not come up"),
        ("ERROR: something else\nStack Trace: 1", "mls26--s1: ERROR: something else"),
    ],
)
def test_what_kind_complains_of_is_told_in_plain_words(said, told):
    from provisioner.errors import ToolError

    error = mishap.explained(ToolError("kind failed.", details=said), WANTED)

    assert told in error.message
