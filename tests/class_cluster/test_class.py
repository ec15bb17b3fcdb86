"""A class on real nodes: pods that run, a network that is fenced, and volumes."""

from __future__ import annotations

import json
import time

import pytest

from provisioner.lifecycle.reading import read
from provisioner.settings import Settings
from provisioner.verify import live, scene, traffic

from .class_course import await_that, pod

# One file: it runs in one process, so it makes one cluster.
pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]

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

    for line in (live.STUDENT, live.CLUSTER, live.DNS):
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
        student.kubectl("create", "--filename=-", stdin=DEPLOYMENT.replace("IMAGE", student.image))
        student.kubectl("rollout", "status", "deployment/web", "--timeout=50s")

    a_student_gets_into_their_pods(ada)
    another_students_pods_are_out_of_reach(ada, bo)

    course.run("suspend", course.name, "20260001", "--yes")
    await_that(lambda: pods(course, ada) == [], "a suspended student has no pod")
    assert len(pods(course, bo)) == 2
    assert ada.try_kubectl("get", "pods").returncode

    course.run("resume", course.name, "20260001", "--yes")
    await_that(lambda: ready(course, ada) == 2, "a resumed student's pods run again")

    course.run("drop", course.name, "20260002", "--yes", "--allow-drop", "1")
    course.up()
    assert course.namespace("20260002") not in course.admin("get", "namespaces", "--output=name")
    assert ready(course, ada) == 2

    assert course.down()["proved"]
    assert course.name not in course.admin("get", "namespaces", "--output=name")


def a_student_gets_into_their_pods(student):
    """The four commands with which every course begins."""
    student.kubectl("run", "mine", f"--image={student.image}", "--", "netexec", "--http-port=8080")
    student.kubectl("wait", "pod/mine", "--for=condition=Ready", "--timeout=50s")

    assert student.kubectl("exec", "mine", "--", "/probe", "version") == "probe 1.0.0\n"
    with student.forwarded("pod/mine", 8080) as ask:
        assert ask() == "mine"
    assert "GET /hello" in student.kubectl("logs", "mine")


def another_students_pods_are_out_of_reach(student, other):
    address = other.field("pods", ".items[0].status.podIP")
    time.sleep(3)  # what the network learns of a pod's address, nobody tells

    told = student.refused(
        "exec", "mine", "--", "/probe", "connect", f"{address}:8080", "-timeout=2s"
    )
    assert "TIMEOUT" in told
    student.kubectl("exec", "mine", "--", "/probe", "connect", "web:80", "-timeout=5s")
    assert "forbidden" in student.refused("get", "pods", "--namespace", other.namespace)


def pods(course, student):
    return course.cluster.json("pods", "--namespace", student.namespace)["items"]


def ready(course, student):
    statuses = [one["status"].get("containerStatuses") or [] for one in pods(course, student)]
    return sum(all(c["ready"] for c in one) and bool(one) for one in statuses)


def test_ceilings_hold_for_pods_that_run(new_class, tmp_path):
    course = new_class()
    [ada] = course.begin("20260001", folder=tmp_path)

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
    ended = ".status.containerStatuses[0].state.terminated.reason"
    await_that(lambda: ada.field("pod/greedy", ended) == "OOMKilled", "the limit is applied")

    root = {"securityContext": {"privileged": True}}
    told = ada.refused(
        "create", "--filename=-", stdin=pod("root", ada.image, ["sleep", "1"], main=root)
    )
    assert "violates PodSecurity" in told

    def counted():
        return json.loads(ada.field("resourcequota/practicum", ".status.used"))["pods"]

    await_that(lambda: counted() == "1", "what has ended takes no room")
