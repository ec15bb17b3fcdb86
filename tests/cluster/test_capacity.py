"""`capacity` on real nodes and pods of a rehearsal: what is counted, left out and taken."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.cluster

NODE = """
apiVersion: v1
kind: Node
metadata: {{name: {name}, annotations: {{kwok.x-k8s.io/node: fake}}, labels: {{only: {name}}}}}
spec: {{taints: {taints}}}
status:
  capacity: &room {{cpu: "{cpu}", memory: 64Gi, ephemeral-storage: 1Ti, pods: "100"}}
  allocatable: *room
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  terminationGracePeriodSeconds: 0
  nodeSelector: {where}
  containers:
  - name: c
    image: example.org/x
    resources: {{requests: {{cpu: "{cpu}"}}, limits: {{cpu: "{cpu}"}}}}
"""


@pytest.fixture
def course(new_course):
    return new_course(["1", "2", "3"])


@pytest.fixture
def elsewhere(course):
    """A namespace that has nothing to do with the course."""
    name = f"else-{course.name}"
    course.admin("create", "namespace", name)
    yield name
    # The room is free when the pods have gone; a namespace takes longer.
    course.admin("delete", "pods", "--all", "-n", name)
    course.admin("delete", "namespace", name, "--wait=false")


@pytest.fixture
def new_node(course, wait_until):
    """Add nodes, which are ready, and take them away again."""
    made = []

    def make(cpu="8", taints="[]"):
        name = f"node-{course.name}-{len(made)}"
        made.append(name)
        text = NODE.format(name=name, cpu=cpu, taints=taints)
        course.admin("apply", "-f", "-", stdin=text)
        course.admin("apply", "--server-side", "--subresource=status", "-f", "-", stdin=text)
        course.admin("wait", f"node/{name}", "--for=condition=Ready", "--timeout=110s")
        wait_until(lambda: "node.kubernetes.io/" not in taints_of(course, name))
        wait_until(lambda: name in {one["name"] for one in asked(course)["nodes"]})
        return name

    yield make
    for name in made:
        course.admin("delete", "node", name)


def taints_of(course, node):
    """A node that is ready is tainted as not ready for a moment more."""
    return course.admin("get", "node", node, "-o=jsonpath={.spec.taints[*].key}")


def asked(course, *options, code=0):
    return course.json("capacity", course.name, *options, code=code)


def cpu(found):
    return next(one for one in found["resources"] if one["resource"] == "requests.cpu")


def start(course, namespace, name, cpu, where="{}"):
    course.admin("apply", "-f", "-", stdin=POD.format(
        name=name, namespace=namespace, cpu=cpu, where=where))  # fmt: skip


def test_it_works_before_the_first_up_and_only_reads(course, control_plane):
    mark = control_plane.mark()

    found = asked(course)

    events = [e for e in control_plane.since(mark) if e.get("userAgent") == "practicum"]
    lists = {e["objectRef"]["resource"]: e["requestURI"] for e in events if e["verb"] == "list"}
    assert (found["fits"], found["students"], found["at_once"]) == (True, 3, 3)
    assert cpu(found)["need"] == 6
    assert {event["verb"] for event in events} <= {"get", "list"}
    assert "limit=500" in lists["nodes"]
    assert "limit=500" in lists["pods"]
    assert not (course.folder / "students.json").exists()


def test_what_there_is_equals_what_kubectl_says(course):
    nodes = json.loads(course.admin("get", "nodes", "-o", "json"))["items"]

    found = asked(course)

    assert cpu(found)["has"] == sum(int(node["status"]["allocatable"]["cpu"]) for node in nodes)
    assert {one["name"] for one in found["nodes"]} == {one["metadata"]["name"] for one in nodes}
    assert found["simulated"]


def test_the_answer_turns_at_the_number_that_it_tells(course):
    most = asked(course)["most_at_once"]

    assert asked(course, "--at-once", str(most))["fits"]
    refused = asked(course, "--at-once", str(most + 1), code=8)

    assert not refused["fits"]
    assert {one["resource"] for one in refused["resources"] if one["verdict"] == "short"} == {
        "requests.cpu"
    }
    assert refused["advice"][0].startswith(f"fewer at once: {most}")


def test_others_pods_take_room_and_the_classes_own_do_not(course, elsewhere, wait_until):
    assert course.up()["created"] == 3
    before = asked(course)

    start(course, course.namespace("1"), "mine", "1500m")
    mine = asked(course)
    start(course, elsewhere, "theirs", "10")
    start(course, elsewhere, "waiting", "6", "{no: such}")
    wait_until(lambda: "rehearsal" in course.admin("get", "pod", "theirs", "-n", elsewhere, "-o",
                                                   "jsonpath={.spec.nodeName}"))  # fmt: skip
    theirs = asked(course)

    assert cpu(mine) == cpu(before)
    assert cpu(theirs)["others"] == cpu(before)["others"] + 16
    assert cpu(theirs)["free"] == cpu(before)["free"] - 16
    assert theirs["most_at_once"] == before["most_at_once"] - 8


def test_nodes_that_take_no_student_are_left_out_and_named(course, new_node):
    before = asked(course)
    tainted = new_node(taints="[{key: teacher, effect: NoSchedule}]")
    cordoned = new_node()
    assert cpu(asked(course))["has"] == cpu(before)["has"] + 8

    course.admin("cordon", cordoned)
    after = asked(course)

    told = {one["name"]: one["why"] for one in after["nodes"] if not one["counted"]}
    assert told == {cordoned: "is cordoned", tainted: "has the taint teacher"}
    assert cpu(after) == cpu(before)
    shown = course.run("capacity", course.name).stdout
    assert f"left out: {tainted} has the taint teacher, {cordoned} is cordoned" in shown


def test_nodes_that_are_too_small_for_one_pod_are_a_no(course, new_node):
    """Enough cores in all, and none of the nodes has room for a pod that the quota allows."""
    new_node("8")
    new_node("8")
    quota = {"cpu": "10", "memory": "4Gi"}
    course.write(["1"], environment={"quota": quota})
    names = [n for n in course.admin("get", "nodes", "-o", "name").split() if "rehearsal" in n]
    course.admin("cordon", *names)
    try:
        refused = asked(course, code=8)
        course.write(["1"], environment={"quota": quota, "limits": {"max": {"cpu": "4"}}})
        accepted = asked(course)
    finally:
        course.admin("uncordon", *names)

    assert cpu(refused)["verdict"] == "enough"
    assert refused["largest_pod"]["nodes"] == 0
    assert any("environment.limits.max" in line for line in refused["advice"])
    assert (accepted["fits"], accepted["largest_pod"]["times"]) == (True, 4)


def test_groups_and_own_quotas_count_and_suspended_students_do_not(course, new_course):
    course.write([], groups={"namespace": True})
    (course.folder / "roster.csv").write_text("id,name,group\n1,A,red\n2,B,red\n3,C,blue\n")
    assert course.up()["created"] == 3
    course.json("resize", course.name, "3", "--quota", "cpu=5", "--yes")
    course.json("suspend", course.name, "1", "--yes")

    all_of_them, one = asked(course), asked(course, "--at-once", "1")

    assert (all_of_them["students"], all_of_them["suspended"]) == (2, 1)
    assert (all_of_them["groups"], cpu(all_of_them)["need"]) == (2, 2 + 5 + 2 * 2)
    assert (one["groups"], cpu(one)["need"]) == (1, 5 + 2)
    course.json("suspend", course.name, "2", "3", "--yes")
    nobody = course.run("capacity", course.name, code=3)
    assert f"practicum capacity {course.name} --at-once 30" in nobody.stderr
    assert asked(course, "--at-once", "30")["fits"]
