"""What only a cluster of one's own has: its admin, its volumes, its ports, and a scoped role."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from provisioner.kind import volumes
from provisioner.kind.looking import look
from provisioner.kind.volumes import Place

from ..both.life import OnKind
from ..both.work import ONE, PARTIAL, restore, student
from ..cluster import runs
from ..cluster.course import as_student
from ..waiting import until

# The image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]

WRONG = 3
TOO_MANY = 8

GROUND = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: toys, singular: toy, kind: Toy}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  hostPath: {path: /var/disk, type: DirectoryOrCreate}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: gone}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  hostPath: {path: /var/gone}
"""
"""A type, a volume, and one whose folder is not there."""

WORK = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk, namespace: shop}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeName: disk
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: gone, namespace: shop}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeName: gone
  resources: {requests: {storage: 1Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: ETCD
          imagePullPolicy: Never
          args: [--listen-client-urls=http://0.0.0.0:2379, --advertise-client-urls=http://web:2379]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 2379, nodePort: 30080}]
"""
"""Claims on the volumes, and a deployment whose Service answers on the student's own host port."""

TOY = """
apiVersion: example.org/v1
kind: Toy
metadata: {name: bear, namespace: shop}
"""


@pytest.fixture
def life(engine, node_image, tmp_path) -> Iterator[OnKind]:
    made = OnKind.make(f"kw{uuid.uuid4().hex[:6]}", tmp_path, engine, node_image)
    yield made
    made.end()


def written(life: OnKind, **kind: object) -> None:
    settings = {**life.settings, "kind": {**life.settings["kind"], **kind}}
    life.course.write([ONE], **settings)
    life.course.give_key(ONE)


def brought_up_after_a_kill(life: OnKind) -> None:
    """Kill a run that is making the cluster, with all that it started; a plain one is through."""
    run = runs.start_up(life.course)
    until(lambda: life.found(ONE).nodes, "it has a node", run=run)
    runs.kill_all(life.course, run)
    run.communicate()
    assert not life.found(ONE).complete

    assert life.course.up()["failed"] == []
    assert life.found(ONE).complete


def test_a_cluster_of_ones_own_is_used_rests_is_kept_and_comes_back_whole(life: OnKind, tmp_path):
    course = life.course
    written(life)
    brought_up_after_a_kill(life)
    place = Place(node=f"{course.namespace(ONE)}-control-plane", path="/var/disk")
    before = work_in(life, place, tmp_path)

    kept = rest_keep_and_wake(life)
    assert digest(life, place) == before

    lose_all(life, place, tmp_path)
    come_back(life, kept, tmp_path)
    assert digest(life, place) == before
    leave_alone_what_is_there(life, kept, place, tmp_path)

    for what in ("rotate", "revoke", "reinstate"):
        refused = course.run(what, course.name, ONE, code=WRONG).stderr
        assert "taken back by deleting the cluster" in refused

    written(life, access="namespace")
    assert course.up()["same"] == 1  # whatever students are given, the cluster is the same
    is_given_rotated_and_taken_back(life, tmp_path)
    assert course.down()["proved"]
    assert look(life.engine, course.namespace(ONE)).nodes == ()


def work_in(life: OnKind, place: Place, folder) -> str:
    """Work as the student; return what the volume holds then."""
    life.course.json("handout", life.course.name)
    theirs = life.course.open(ONE, folder)
    leases = student(theirs, "get", "leases", "--namespace=kube-system", "--output=name")
    assert "kube-scheduler" not in leases  # of which there is one: nobody is elected
    student(theirs, "apply", "-f", "-", stdin=GROUND)
    # A claim that comes before its volume was seen is bound with the next look, 15 s later.
    until(lambda: phases(theirs) == ["Available"] * 2)
    student(theirs, "apply", "-f", "-", stdin=WORK.replace("ETCD", etcd(theirs)))
    until(lambda: as_student(theirs, "apply", "-f", "-", stdin=TOY).returncode == 0)
    until(lambda: answers(life))
    until(lambda: phases(theirs) == ["Bound"] * 2)
    write_into(life, place)
    return digest(life, place)


def digest(life: OnKind, place: Place) -> str:
    return hashlib.sha256(b"".join(volumes.content(life.engine, place))).hexdigest()


def rest_keep_and_wake(life: OnKind) -> str:
    """Archive while all rests; return where the archive is."""
    course = life.course
    course.json("suspend", course.name, ONE, "--yes")
    assert not answers(life)
    [kept] = course.json("archive", "make", course.name)["archives"]
    [gone] = kept["volumes_not_included"]
    assert kept["volumes"] == 1
    assert "shop/gone: " in gone
    assert "could not be read" in gone
    assert not life.is_running(ONE)  # it was started for it, and rests again
    course.json("resume", course.name, ONE, "--yes")
    until(lambda: answers(life))
    return str(kept["path"])


def lose_all(life: OnKind, place: Place, folder) -> None:
    """Have the cluster made anew: what was in it is gone, and so is the kubeconfig of before."""
    course, before, old = life.course, life.identity(ONE), life.course.open(ONE, folder)
    dry = course.json("reset", course.name, ONE, "--dry-run", "--no-archive")
    assert ([one["action"] for one in dry["students"]], dry["dry_run"]) == (["change"], True)
    assert life.identity(ONE) == before
    done = course.json("reset", course.name, ONE, "--yes", "--no-archive")
    assert (done["changed"], done["failed"]) == (1, [])

    assert life.identity(ONE) not in ("", before)
    assert course.changes()[ONE] == []
    assert volumes.is_empty(life.engine, place)
    assert as_student(old, "get", "namespace", "shop").returncode
    [given] = course.json("handout", course.name)["issued"]
    assert given["id"] == ONE
    assert "NotFound" in as_student(course.open(ONE, folder), "get", "namespace", "shop").stderr


def come_back(life: OnKind, kept: str, folder) -> None:
    theirs = life.course.open(ONE, folder)
    assert restore(life.course, kept, folder) >= {
        ("persistentvolumeclaims", "shop/disk", "restored"),
        ("volume", "shop/disk", "restored"),
        ("toys.example.org", "shop/bear", "restored"),
        ("deployments.apps", "shop/web", "restored"),
    }
    until(lambda: answers(life))
    until(lambda: phases(theirs) == ["Bound"] * 2)


def phases(theirs) -> list[str]:
    """What the volumes say of themselves: whether each is its claim's."""
    return student(theirs, "get", "pv", "-o=jsonpath={.items[*].status.phase}").split()


def leave_alone_what_is_there(life: OnKind, kept: str, place: Place, folder) -> None:
    states = {state for _, _, state in restore(life.course, kept, folder)}
    assert states <= {"same", "skipped"}
    life.engine.run("exec", place.node, "sh", "-c", "echo new > /var/disk/sub/note")
    again = restore(life.course, kept, folder, code=PARTIAL)
    assert ("volume", "shop/disk", "other") in again


@pytest.mark.soak  # without it: the test above
def test_a_scoped_role_is_given_on_a_shared_host_rotated_and_taken_back(life: OnKind, tmp_path):
    written(life, access="namespace", address="0.0.0.0")  # a shared host is no matter here
    assert life.course.up()["failed"] == []
    is_given_rotated_and_taken_back(life, tmp_path)


def is_given_rotated_and_taken_back(life: OnKind, tmp_path) -> None:
    """What students have of a cluster of which they get a namespace."""
    course = life.course
    course.json("handout", course.name)
    theirs = course.open(ONE, tmp_path)

    assert course.json("handout", course.name)["kept"] == [ONE]
    assert student(theirs, "create", "configmap", "notes", "--from-literal=week=1")
    assert "Forbidden" in as_student(theirs, "get", "nodes").stderr
    assert "Forbidden" in as_student(theirs, "get", "secrets", "-n", "kube-system").stderr
    quota = life.engine.run(
        *("exec", f"{course.namespace(ONE)}-control-plane", "kubectl", "get", "resourcequota"),
        *("-n", course.namespace(ONE), "-o", "name"),
    )
    assert "resourcequota/practicum" in quota

    before = theirs.rename(theirs.with_name("before"))
    assert [
        one["id"] for one in course.json("rotate", course.name, "--now", "--yes")["issued"]
    ] == [ONE]
    theirs = course.open(ONE, tmp_path)
    assert student(theirs, "get", "configmap", "notes", "-o", "name")
    room_is_weighed(life)  # an API server remembers a token for ten seconds
    until(lambda: "Unauthorized" in as_student(before, "get", "configmaps").stderr)

    assert course.json("revoke", course.name, ONE)["revoked"] == [ONE]
    until(lambda: "Unauthorized" in as_student(theirs, "get", "configmaps").stderr)
    assert course.json("handout", course.name)["revoked"] == [ONE]
    assert [one["id"] for one in course.json("reinstate", course.name, ONE)["issued"]] == [ONE]
    theirs = course.open(ONE, tmp_path)
    assert student(theirs, "get", "configmap", "notes", "-o", "name")


def test_a_shared_host_is_given_away_only_where_that_is_said(life: OnKind):
    course = life.course
    kind = {**life.settings["kind"], "address": "0.0.0.0"}
    course.write([ONE], **{**life.settings, "kind": kind})
    course.give_key(ONE)

    refused = course.run("handout", course.name, code=WRONG).stderr
    assert "accept_host_root: true" in refused

    course.write([ONE], **{**life.settings, "kind": {**kind, "accept_host_root": True}})
    course.give_key(ONE)
    told = course.json("handout", course.name, code=PARTIAL)
    assert "has no cluster yet" in told["failed"][0]["error"]


def room_is_weighed(life: OnKind) -> None:
    """For one student more and for far too many; doctor looks at the same machine."""
    course = life.course
    done = course.run_any("capacity", course.name, "--at-once", "1", "--json")
    told = json.loads(done.stdout)
    # Others may use the machine at the same time: the answer is what follows from the figures.
    fits = all(one["need"] <= one["free"] for one in told["resources"])
    assert (told["fits"], done.returncode) == (fits, 0 if fits else TOO_MANY)
    assert {one["resource"] for one in told["resources"]} >= {
        "requests.memory", "inotify instances", "inotify watches",
    }  # fmt: skip
    too_many = course.json("capacity", course.name, "--at-once", "5000", code=TOO_MANY)
    assert not too_many["fits"]
    assert too_many["most_at_once"] < 5000

    found = json.loads(course.run_any("doctor", course.name, "--json").stdout)
    said = {one["about"]: one["verdict"] for one in found["findings"]}
    assert said["node image on local"] == "ok"
    assert said["engine local"] == "ok"


def test_nothing_is_made_more_than_a_day_ahead_of_its_time(life: OnKind):
    course = life.course
    course.write([ONE], **life.settings)

    far = course.run("prewarm", course.name, "--at", "2099-01-01T08:00", code=WRONG).stderr

    assert "more than a day ahead" in far
    assert life.left() == []


def etcd(kubeconfig) -> str:
    """An image that every node has, and that answers HTTP."""
    path = "-o=jsonpath={.items[0].spec.containers[0].image}"
    return student(kubeconfig, "-n", "kube-system", "get", "pod", "-l", "component=etcd", path)


def answers(life: OnKind) -> bool:
    """Whether the student's Service answers on the host port that is the student's own."""
    berths = json.loads((life.course.folder / "clusters.json").read_text())["students"]
    [(host, _)] = berths["s1"]["ports"]
    try:
        with urlopen(f"http://127.0.0.1:{host}/version", timeout=3) as answer:
            return "etcdserver" in json.load(answer)
    except (URLError, OSError):
        return False


def write_into(life: OnKind, place: Place) -> None:
    script = (
        f"mkdir -p {place.path}/sub; head -c 3000000 /dev/urandom > {place.path}/sub/blob;"
        f" echo old > {place.path}/sub/note; chown 1000:2000 {place.path}/sub/note;"
        f" ln -s note {place.path}/sub/link; chmod 750 {place.path}/sub"
    )
    life.engine.run("exec", place.node, "sh", "-c", script)
