"""A class on real nodes: pods that run, a network that is fenced, and volumes."""

from __future__ import annotations

import json

import pytest

from provisioner.lifecycle.reading import read
from provisioner.settings import Settings
from provisioner.verify import live, scene, traffic

from ..waiting import until
from .class_course import CLAIM, MOUNTED, SMALL, pod

# One file: it runs in one process, so it makes one cluster.
pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: web, image: IMAGE, args: [netexec, --http-port=8080]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""


def judged(course, without=()):
    """Let pods look at the network from scratch environments, of which some guard is missing."""
    reading = read(Settings(stacks=course.stacks, home=course.home), course.name)
    pair = scene.new_pair(reading.cohort)
    lacking = frozenset(without)
    with scene.standing(reading.client, reading.cohort, pair, without=lacking) as stage:
        found = live.judge(traffic.look(stage, course.cluster.probe_image))
        return {line: (one.verdict, one.why) for line, one in zip(live.LINES, found, strict=True)}


def test_pods_prove_that_the_network_is_fenced(new_class, tmp_path):
    course = new_class()
    course.begin("20260001", "20260002", folder=tmp_path)

    proof = course.json("verify", course.name, "--live")

    requirements = {one["id"]: one for one in proof["requirements"]}
    assert proof["verdict"] == "passed"
    assert requirements["ISO-25"]["verdict"] == "passed"
    assert requirements["ISO-25"]["cases"] >= 14  # seven ways that must be shut, on two nodes
    assert requirements["ISO-26"]["verdict"] == "waived"
    namespaces = course.admin("get", "namespaces", "--output=name")
    assert scene.PREFIX not in namespaces
    assert course.actions() == {"20260001": "same", "20260002": "same"}


@pytest.mark.soak
def test_a_policy_that_is_missing_is_noticed_from_inside_a_pod(new_class, tmp_path):
    course = new_class()
    course.begin("20260001", folder=tmp_path)

    found = judged(course, without=["NetworkPolicy"])

    for line in (live.STUDENT, live.API, live.NODE, live.DNS):
        verdict, why = found[line]
        assert verdict == "failed"
        assert live.REACHED in why
    assert "other-pod, other-service" in found[live.STUDENT][1]
    assert all(worker in found[live.STUDENT][1] for worker in course.cluster.workers)


@pytest.mark.soak
def test_a_term_with_pods_that_run_from_the_first_up_to_the_receipt(new_class, tmp_path):
    course = new_class()
    ada, bo = course.begin("20260001", "20260002", folder=tmp_path)
    for student in (ada, bo):
        student.deploy(DEPLOYMENT)

    a_student_gets_into_their_pods(ada)
    another_students_pods_are_out_of_reach(ada, bo)

    course.run("suspend", course.name, "20260001", "--yes")
    until(lambda: pods(course, ada) == [], "a suspended student has no pod")
    assert len(pods(course, bo)) == 2
    assert ada.try_kubectl("get", "pods").returncode

    course.run("resume", course.name, "20260001", "--yes")
    until(lambda: ready(course, ada) == 2, "a resumed student's pods run again")

    course.run("drop", course.name, "20260002", "--yes", "--allow-drop", "1")
    course.up()
    assert course.namespace("20260002") not in course.admin("get", "namespaces", "--output=name")
    assert ready(course, ada) == 2

    assert course.down()["proved"]
    assert course.name not in course.admin("get", "namespaces", "--output=name")


def a_student_gets_into_their_pods(student):
    """The four commands with which every course begins."""
    student.kubectl("run", "mine", f"--image={student.image}", "--", "netexec", "--http-port=8080")
    student.await_ready("mine")

    assert student.kubectl("exec", "mine", "--", "/probe", "version") == "probe 1.0.0\n"
    with student.forwarded("pod/mine", 8080) as ask:
        assert ask() == "mine"
    assert "GET /hello" in student.kubectl("logs", "mine")


def another_students_pods_are_out_of_reach(student, other):
    address = other.field("pods", ".items[0].status.podIP")
    towards = ("exec", "mine", "--", "/probe", "connect", f"{address}:8080", "-timeout=2s")

    # The network learns of a pod's address after the pod runs, and does not tell when.
    until(lambda: "TIMEOUT" in student.try_kubectl(*towards).stderr, "the other is fenced off")
    own = ("exec", "mine", "--", "/probe", "connect", "web:80", "-timeout=5s")
    until(lambda: student.try_kubectl(*own).returncode == 0, "the own Service answers")
    assert "forbidden" in student.refused("get", "pods", "--namespace", other.namespace)


def pods(course, student):
    return course.cluster.json("pods", "--namespace", student.namespace)["items"]


def ready(course, student):
    statuses = [one["status"].get("containerStatuses") or [] for one in pods(course, student)]
    return sum(all(c["ready"] for c in one) and bool(one) for one in statuses)


def test_ceilings_hold_for_pods_that_run(new_class, tmp_path):
    course = new_class()
    more = {"gpu": 1, "shared_volumes": [{"name": "datasets", "from": {"host_path": "/srv/rows"}}]}
    on_every_worker(course, "mkdir -p /srv/rows && echo 7,4 >/srv/rows/a.csv")
    [ada] = course.begin("20260001", folder=tmp_path, environment={**SMALL, **more})

    what_is_shared_is_read_and_not_written(ada)
    assert on_every_worker(course, "cat /srv/rows/*") == ["7,4\n", "7,4\n"]

    ada.start("small", "sleep", "600")
    limits = json.loads(ada.field("pod/small", ".spec.containers[0].resources.limits"))
    assert limits == {"cpu": "200m", "memory": "64Mi", "ephemeral-storage": "64Mi"}

    large = {"resources": {"limits": {"memory": "1000Mi"}}}
    told = ada.refused(
        "create", "--filename=-", stdin=pod("large", ada.image, ["sleep", "1"], main=large)
    )
    assert "exceeded quota: practicum" in told

    ada.kubectl(
        "create",
        "--filename=-",
        stdin=pod("greedy", ada.image, ["eat", "200"], restartPolicy="Never"),
    )
    ended = ".status.containerStatuses[0].state.terminated"
    until(lambda: ada.field("pod/greedy", ended), "the limit is applied")
    end = json.loads(ada.field("pod/greedy", ended))
    # Whether the runtime hears of the kernel's kill before it tells of the end is a race, in
    # which the reason may say no more than Error; a kill it is either way.
    assert (end["exitCode"], end["reason"] in {"OOMKilled", "Error"}) == (137, True), end

    def wanting(count):
        limits = {"memory": "16Mi", "nvidia.com/gpu": str(count)}
        described = pod("gpu", ada.image, ["sleep", "9"], main={"resources": {"limits": limits}})
        return ("create", "--dry-run=server", "--filename=-"), described

    command, two = wanting(2)
    assert "exceeded quota: practicum, requested: requests.nvidia.com/gpu=2" in ada.refused(
        *command, stdin=two
    )
    ada.kubectl(*command, stdin=wanting(1)[1])  # no node here has one

    root = {"securityContext": {"privileged": True}}
    told = ada.refused(
        "create", "--filename=-", stdin=pod("root", ada.image, ["sleep", "1"], main=root)
    )
    assert "violates PodSecurity" in told

    def counted():
        return json.loads(ada.field("resourcequota/practicum", ".status.used"))["pods"]

    until(lambda: counted() == "1", "what has ended takes no room")


SHARED = {"claimName": "datasets", "readOnly": True}


def on_every_worker(course, command):
    engine = course.cluster.engine
    return [engine.run("exec", node, "bash", "-c", command) for node in course.cluster.workers]


def what_is_shared_is_read_and_not_written(student):
    def mounting(claim):
        mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        return {"main": mount, "volumes": [{"name": "data", "persistentVolumeClaim": claim}]}

    writing = pod("writer", student.image, ["sleep", "9"], **mounting({"claimName": "datasets"}))
    assert "readOnly: true" in student.refused("create", "--filename=-", stdin=writing)
    student.start("reader", "sleep", "600", **mounting(SHARED))

    inside = ("exec", "--stdin", "reader", "--", "/probe")
    assert student.kubectl(*inside, "cat", "/data/a.csv") == "7,4\n"
    for path in ("/data/a.csv", "/data/new"):
        assert "read-only file system" in student.refused(*inside, "write", path, stdin="0")
    student.kubectl("delete", "pod/reader", "--wait")


MEBIBYTES = 40


@pytest.mark.soak
def test_what_a_volume_holds_is_archived_and_comes_back(new_class, tmp_path):
    course = new_class()
    [ada] = course.begin("20260001", folder=tmp_path)
    ada.kubectl("create", "--filename=-", stdin=CLAIM)
    ada.start("writer", "sleep", "600", **MOUNTED)
    written(ada, "/data/model.bin", MEBIBYTES << 20)
    ada.kubectl(
        "exec", "--stdin", "writer", "--", "/probe", "write", "/data/notes/ä.txt", stdin="week 1\n"
    )
    before = ada.kubectl("exec", "writer", "--", "/probe", "cat", "/data/notes/ä.txt")

    [kept] = course.json("archive", "make", course.name)["archives"]
    assert (kept["volumes"], kept["volumes_not_included"]) == (1, [])
    key = course_key(course, tmp_path)
    restore = ("archive", "restore", course.name, "20260001", kept["path"], "-i", str(key), "--yes")

    done = {one["type"]: one["state"] for one in course.json(*restore, code=0)["objects"]}
    assert done["volume"] == "same"

    ada.kubectl("delete", "pod/writer", "pvc/work", "--wait")
    found = {(one["type"], one["name"]): one["state"] for one in course.json(*restore)["objects"]}
    assert found["volume", "work"] == "restored"
    assert found["pods", "writer"] == "restored"
    ada.await_ready("writer")
    assert ada.kubectl("exec", "writer", "--", "/probe", "cat", "/data/notes/ä.txt") == before
    assert size(ada, "/data/model.bin") == MEBIBYTES << 20

    ada.kubectl(
        "exec", "--stdin", "writer", "--", "/probe", "write", "/data/notes/ä.txt", stdin="week 2\n"
    )
    other = {one["type"]: one["state"] for one in course.json(*restore, code=6)["objects"]}
    assert other["volume"] == "other"
    assert ada.kubectl("exec", "writer", "--", "/probe", "cat", "/data/notes/ä.txt") == "week 2\n"
    assert "practicum-copy" not in ada.kubectl("get", "pods")


def written(student, path, bytes):
    student.kubectl("exec", "writer", "--", "/probe", "write", path, str(bytes))


def size(student, path):
    return len(student.read("exec", "writer", "--", "/probe", "cat", path))


def course_key(course, folder):
    path = folder / "course.agekey"
    path.write_text(str(course.course_key))
    path.chmod(0o600)
    return path


@pytest.mark.soak
def test_without_the_daemon_that_enforces_nothing_is_proven(new_class, tmp_path):
    """Its rules alone close everything, which must not pass for a fence."""
    course = new_class()
    course.begin("20260001", folder=tmp_path)

    with course.cluster.without_daemon():
        closed = course.json("verify", course.name, "--live", code=8)
    with course.cluster.without_rules():
        open_to_all = course.json("verify", course.name, "--live", code=8)

    assert verdict(closed, "ISO-25") == "failed"
    assert live.DEAF in why(closed, "ISO-25")
    assert verdict(open_to_all, "ISO-25") == "unproven"
    assert live.NOT_ENFORCED in why(open_to_all, "ISO-25")


@pytest.mark.soak
def test_a_worker_that_restarts_in_class_takes_nothing_with_it(new_class, tmp_path):
    course = new_class()
    [ada] = course.begin("20260001", folder=tmp_path)
    ada.deploy(DEPLOYMENT)
    worker = next(one for one in course.cluster.workers if one in nodes_of(course, ada))

    course.cluster.engine.run("restart", worker)
    course.cluster.kubectl("wait", f"node/{worker}", "--for=condition=Ready", "--timeout=240s")
    until(lambda: restarts(course, ada) >= 1, "the node has noticed")
    until(lambda: ready(course, ada) == 2, "the pods are back")

    [student] = course.json("status", course.name)["students"]
    assert (student["phase"], student["changes"]) == ("ready", [])
    assert judged(course)[live.STUDENT] == ("passed", "")

    course.cluster.kubectl("drain", worker, "--ignore-daemonsets", "--delete-emptydir-data")
    try:
        until(lambda: ready(course, ada) == 2 and worker not in nodes_of(course, ada),
              "the pods run elsewhere")  # fmt: skip
    finally:
        course.cluster.kubectl("uncordon", worker)


def nodes_of(course, student):
    return {one["spec"].get("nodeName") for one in pods(course, student)}


def restarts(course, student):
    statuses = [one["status"].get("containerStatuses") or [] for one in pods(course, student)]
    return sum(container["restartCount"] for one in statuses for container in one)


def verdict(proof, id):
    return next(one["verdict"] for one in proof["requirements"] if one["id"] == id)


def why(proof, id):
    return next(one["why"] for one in proof["requirements"] if one["id"] == id)
