"""A namespace that does not go: what holds it is named, and nothing is forced unasked."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from provisioner import cluster
from provisioner.errors import ClusterError

from . import runs
from .refusing import POLICY, imposed

pytestmark = pytest.mark.cluster

HELD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: held, finalizers: [example.org/held]}
---
apiVersion: v1
kind: Service
metadata: {name: kept}
spec: {ports: [{port: 80}]}
"""

DEAD = """
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.dead.example.org}
spec:
  group: dead.example.org
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {namespace: default, name: nobody}
"""

IN_USE = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer, finalizers: [example.org/writing]}
spec:
  nodeName: nowhere
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: example.org/x, volumeMounts: [{name: d, mountPath: /d}]}]
  volumes: [{name: d, persistentVolumeClaim: {claimName: disk}}]
"""


def keeping(course, whole, services):
    """Somebody else's policy that keeps one namespace, and the services of another."""
    unless = (
        f"request.name != '{whole}' &&"
        f" !(request.resource.resource == 'services' && request.namespace == '{services}')"
    )
    return POLICY.format(
        name=course.name,
        group='""',
        operations="DELETE",
        resources="namespaces, services",
        unless=unless,
    )


def trouble(receipt, namespace):
    [found] = [line for line in receipt["troubles"] if line.startswith(f"{namespace}: ")]
    return found


def _gone(course, namespace):
    return course.admin("get", "ns", namespace, "--ignore-not-found") == ""


def _holds(course, namespace):
    """The conditions that are true of a namespace."""
    path = "jsonpath={.status.conditions[?(@.status=='True')].type}"
    return set(course.admin("get", "ns", namespace, "-o", path).split())


WAIT = ("--no-archive", "--wait", "1")
REFUSED = "NamespaceDeletionContentFailure"
UNHOLD = '{"metadata": {"finalizers": null}}'


@pytest.fixture(scope="module")
def stuck(new_course, wait_until):
    """One cohort for all that can hold something up: to end its namespaces takes the most time.

    What a policy keeps is student 5's, who has left, as 6 has, and a service of 1. Another
    object of 1, the namespace of 2 and a volume in use of 4 are held by finalizers. Nothing
    holds what is 3's.
    """
    course = new_course([str(number) for number in range(1, 7)])
    course.up()
    fifth = course.namespace("5")
    policy = keeping(course, whole=fifth, services=course.namespace("1"))
    with imposed(course, policy, "delete", "namespace", fifth, "--dry-run=server"):
        course.roster(["1", "2", "3", "4"])
        course.dropped = course.up(code=6)
        hold(course)
        course.down(*WAIT, code=8)
        await_held(course, wait_until)
        course.receipt = course.down(*WAIT, code=8)
    yield course
    let_go(course)
    assert course.down("--no-archive")["proved"]


def let_go(course):
    """Take the finalizers away; that of 2 may have been taken by force."""
    first, second, fourth = (course.namespace(id) for id in ("1", "2", "4"))
    held = [("configmap", "held", "-n", first), ("pod", "writer", "-n", fourth)]
    held += [] if _gone(course, second) else [("namespace", second)]
    for what in held:
        course.admin("patch", *what, "--type=merge", "-p", UNHOLD)
    ends = [f"namespace/{name}" for name in (first, fourth)]
    course.admin("wait", "--for=delete", *ends, "--timeout=110s")


def hold(course):
    course.admin("apply", "-n", course.namespace("1"), "-f", "-", stdin=HELD)
    finalizers = '{"metadata": {"finalizers": ["example.org/kept"]}}'
    course.admin("patch", "namespace", course.namespace("2"), "--type=merge", "-p", finalizers)
    course.admin("apply", "-n", course.namespace("4"), "-f", "-", stdin=IN_USE)


def await_held(course, wait_until):
    """Wait until the controller has tried, and says why it cannot; and the others have gone."""
    ends = ("get", "pod", "writer", "-n", course.namespace("4"), "-o",
            "jsonpath={.metadata.deletionTimestamp}")  # fmt: skip
    wait_until(lambda: _gone(course, course.namespace("3")))
    told = "NamespaceFinalizersRemaining"
    wait_until(lambda: {told, REFUSED} <= _holds(course, course.namespace("1")))
    wait_until(lambda: course.admin(*ends))  # the volume waits for the pod


def test_the_object_and_its_finalizer_are_named(stuck):
    line = trouble(stuck.receipt, stuck.namespace("1"))

    assert "configmaps held has the finalizer example.org/held" in line
    assert "NamespaceFinalizersRemaining" in line


def test_a_finalizer_of_the_namespace_itself_is_named(stuck):
    line = trouble(stuck.receipt, stuck.namespace("2"))

    assert "the namespace itself has the finalizer example.org/kept" in line


def test_the_other_students_went_and_no_proof_is_claimed(stuck):
    assert not stuck.receipt["proved"]
    assert not any(stuck.namespace("3") in line for line in stuck.receipt["remaining"])
    assert stuck.admin("get", "ns", stuck.namespace("2"), "-o", "name"), "nothing was forced"


def test_who_joins_again_meanwhile_is_told(stuck):
    plan = stuck.json("plan", stuck.name)["students"]

    first = next(student for student in plan if student["id"] == "1")
    assert first["action"] == "foreign"
    assert "is still being deleted" in first["changes"][0]


def test_a_dead_api_service_is_named(stuck, wait_until):
    client = cluster.Client(cluster.load(stuck.kubeconfig, "rehearsal"))
    stuck.admin("apply", "-f", "-", stdin=DEAD)
    dead = "NamespaceDeletionDiscoveryFailure"
    first = stuck.namespace("1")
    try:
        wait_until(lambda: dead in _holds(stuck, first))
        receipt = stuck.down(*WAIT, code=8)
        asked = stuck.run("archive", stuck.name, code=0)
        with pytest.raises(ClusterError, match=r"do not answer: dead\.example\.org/v1"):
            cluster.namespaced_types(client)
    finally:
        stuck.admin("delete", "-f", "-", stdin=DEAD)
        wait_until(lambda: dead not in _holds(stuck, first))

    line = trouble(receipt, stuck.namespace("1"))
    assert "APIService v1.dead.example.org is dead (service default/nobody)" in line
    assert "NamespaceDeletionDiscoveryFailure" in line
    assert any(
        line.startswith("not searched: dead.example.org/v1") for line in receipt["remaining"]
    )
    assert asked.stdout == "", "what is ending is no whole any more"


def test_force_is_refused_while_something_remains_and_done_when_nothing_does(stuck):
    first, second = stuck.namespace("1"), stuck.namespace("2")

    receipt = stuck.down(*WAIT, "--force-finalize", "1", "--force-finalize", "2", code=8)

    assert "not forced, for something remains: configmaps held" in trouble(receipt, first)
    assert stuck.admin("get", "ns", first, "-o", "name")
    assert stuck.admin("get", "ns", second, "--ignore-not-found") == ""


@pytest.mark.soak
def test_as_long_as_something_holds_it_up_nobody_else_begins_anew(new_course, tmp_path, wait_until):
    """The claim stands until all else has gone: else `down` would delete what the other makes."""
    course = new_course(["1", "2"])
    course.up()
    first = course.namespace("1")
    course.admin("apply", "-n", first, "-f", "-", stdin=HELD)
    other = replace(course, home=tmp_path / "home")
    (other.home / "rehearsal").mkdir(parents=True, mode=0o700)
    shutil.copy(course.kubeconfig, other.home / "rehearsal" / "kubeconfig")
    run = runs.start(course, "down", course.name, "--yes", course.name, "--no-archive")
    wait_until(lambda: _gone(course, course.namespace("2")) or run.poll() is not None)

    refused = other.run("up", course.name, "--yes", code=9)
    course.admin("patch", "configmap", "held", "-n", first, "--type=merge", "-p", UNHOLD)
    _, errors = run.communicate(timeout=90)

    assert f"process {run.pid} on" in refused.stderr
    assert run.returncode == 0, errors


def test_a_policy_that_refuses_the_deletion_is_told_and_the_others_go(stuck):
    [failed] = stuck.dropped["failed"]

    assert (stuck.dropped["removed"], failed["id"]) == (1, "5")
    assert "not on this cluster" in failed["error"]
    assert "not on this cluster" in trouble(stuck.receipt, stuck.namespace("5"))


def test_a_volume_in_use_is_named_with_what_holds_it(stuck):
    line = trouble(stuck.receipt, stuck.namespace("4"))

    assert "persistentvolumeclaims disk has the finalizer kubernetes.io/pvc-protection" in line
    assert "pods writer has the finalizer example.org/writing" in line


def test_content_whose_deletion_is_refused_is_named_with_who_refuses(stuck):
    line = trouble(stuck.receipt, stuck.namespace("1"))

    assert "services kept" in line
    assert REFUSED in line
    assert f"'refuse-{stuck.name}'" in line
