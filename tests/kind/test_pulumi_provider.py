"""A cluster as a resource of the real Pulumi engine: made, seen, changed, and gone."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import psutil
import pytest
import yaml

from provisioner.errors import ToolError
from provisioner.kind import locks
from provisioner.kind.wanted import Wanted

from ..cluster.runs import kill_family
from ..waiting import until
from .stack import Stack

# The image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]


@pytest.fixture
def stack(engine, node_image, tmp_path) -> Iterator[Stack]:
    made = Stack(
        folder=tmp_path, engine=engine, name=f"test-{uuid.uuid4().hex[:8]}", image=node_image
    )
    yield made
    made.end()


@pytest.mark.soak  # without it: tests/both and tests/kind/test_kills.py
def test_a_cluster_is_made_once_stopped_seen_to_be_gone_and_removed_without_a_trace(stack):
    assert stack.up() == {"create": 2}  # the stack itself is one
    volumes = stack.volumes()
    assert volumes

    assert stack.up() == {"same": 2}
    no_credential_is_kept(stack)

    assert stack.up(running=False) == {"same": 1, "update": 1}
    assert not stack.found.running
    assert stack.up(running=True) == {"same": 1, "update": 1}
    assert stack.found.running
    assert "ok" in stack.kubectl("get", "--raw", "/readyz")
    assert stack.volumes() == volumes

    stack.engine.run("rm", "--force", "--volumes", *[node.name for node in stack.found.nodes])
    stack.engine.run("network", "rm", f"kind-{stack.name}")
    assert stack.refresh()["delete"] == 1
    assert stack.up()["create"] == 1
    assert "ok" in stack.kubectl("get", "--raw", "/readyz")

    volumes = stack.volumes()
    assert stack.destroy() == {"delete": 2}
    assert stack.left_over() == []
    assert not volumes & set(stack.engine.run("volume", "ls", "--quiet").split())


@pytest.mark.soak  # tests/unit/test_own_clusters.py shows that both see the difference
def test_a_cluster_of_which_some_nodes_run_is_put_right_either_way(stack):
    """As a `suspend` or a `resume` that was killed leaves it."""
    assert stack.up(workers=1) == {"create": 2}
    every_node_reaches_every_pod(stack)
    for wanted, by_hand in ((True, "stop"), (False, "start")):
        stack.up(workers=1, running=wanted)
        stack.engine.run(by_hand, f"{stack.name}-worker")
        assert stack.found.runs == "some"

        stack.refresh(workers=1, running=wanted)
        assert stack.up(workers=1, running=wanted) == {"same": 1, "update": 1}
        assert stack.found.runs is wanted
    stack.up(workers=1, running=True)
    every_node_reaches_every_pod(stack)


def every_node_reaches_every_pod(stack: Stack) -> None:
    """The image is ours, which brings no routes: also after a restart they are there."""
    path = "-o=jsonpath={.items[*].status.podIP}"
    dns = ("-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", path)
    for node in stack.found.nodes:
        for address in stack.kubectl(*dns).split():
            answers = f"until curl --silent --fail --max-time 2 http://{address}:8181/ready; do sleep 0.2; done"
            assert stack.engine.inside(
                node.name, "timeout", "60", "bash", "-c", answers, timeout=70
            )


def no_credential_is_kept(stack: Stack) -> None:
    kubeconfig = yaml.safe_load(stack.clusters.kubeconfig(stack.name))
    user = kubeconfig["users"][0]["user"]
    secrets = {user["client-key-data"], base64.b64decode(user["client-key-data"]).decode()}

    assert stack.name in stack.saved  # that is where it would be
    assert not [secret for secret in secrets if secret in stack.saved]
    assert not re.search("PRIVATE KEY|client-key", stack.saved)
    assert not (stack.folder / ".kube").exists()


def network_is_there(stack: Stack) -> bool:
    return stack.found.labels is not None


def node_is_there(stack: Stack) -> bool:
    return bool(stack.found.nodes)


def cluster_is_whole(stack: Stack) -> bool:
    return stack.found.complete


@pytest.mark.soak
@pytest.mark.parametrize("checkpoints", ["true", "false"], ids=["unsaved", "saved"])
@pytest.mark.parametrize("moment", [network_is_there, node_is_there, cluster_is_whole])
def test_a_run_that_was_killed_is_made_good_by_a_plain_one(
    stack: Stack, moment: Callable[[Stack], bool], checkpoints: str
):
    stack.more_env = {"PULUMI_SKIP_CHECKPOINTS": checkpoints}
    run = stack.start()
    until(lambda: moment(stack), moment.__name__, run=run)

    kill_family(run)
    before = {node.name for node in stack.found.nodes} if moment is cluster_is_whole else None
    stack.up()

    assert stack.found.complete
    assert stack.found.running
    assert "ok" in stack.kubectl("get", "--raw", "/readyz")
    assert before in (None, {node.name for node in stack.found.nodes})
    assert stack.up() == {"same": 2}
    stack.destroy()
    assert stack.left_over() == []


@pytest.mark.soak  # without it: tests/both and tests/kind/test_kills.py
def test_what_a_killed_engine_had_started_ends_with_it(stack):
    """Else kind would go on making what the next run is removing."""
    run = stack.start()
    until(lambda: node_is_there(stack), "it has a node", run=run)
    [pulumi] = [one for one in psutil.Process(run.pid).children() if called(one) == "pulumi"]
    below = pulumi.children(recursive=True)
    assert "kind" in {called(one) for one in below}

    pulumi.kill()
    run.communicate()

    _, alive = psutil.wait_procs(below, timeout=120)
    assert alive == []


def called(process: psutil.Process) -> str:
    """Return its name; of one that ended meanwhile, as many do within a moment, nothing."""
    with suppress(psutil.NoSuchProcess):
        return str(process.name())
    return ""


def test_a_cluster_of_the_same_name_that_is_not_ours_is_refused_and_stays(stack):
    label = f"io.x-k8s.kind.cluster={stack.name}"
    made = stack.engine.run("create", "--label", label, "--entrypoint", "true", stack.image).strip()
    try:
        assert "is not this student's; it was not touched" in stack.refused()
        assert stack.left_over() == [made[:12]]
    finally:
        stack.engine.run("rm", "--volumes", made)


def test_another_students_cluster_is_refused_and_stays(stack):
    stack.engine.run(
        *("network", "create", "--label", f"practicum.cluster={stack.name}"),
        *("--label", "practicum.cohort=course", "--label", "practicum.student=s2"),
        f"kind-{stack.name}",
    )
    wanted = Wanted(name=stack.name, cohort="course", student="s1", image=stack.image)
    try:
        with pytest.raises(ToolError, match="is not this student's; it was not touched"):
            stack.clusters.ensure(wanted)
        assert len(stack.left_over()) == 1
    finally:
        stack.engine.run("network", "rm", f"kind-{stack.name}")


def test_half_a_cluster_that_another_machine_may_be_making_stays_until_nobody_can(
    stack, monkeypatch
):
    about = {"cluster": stack.name, "cohort": "course", "student": "s1", "maker": "elsewhere"}
    labels = [f"--label=practicum.{name}={value}" for name, value in about.items()]
    stack.engine.run("network", "create", *labels, f"kind-{stack.name}")
    wanted = Wanted(name=stack.name, cohort="course", student="s1", image=stack.image)

    with pytest.raises(ToolError, match="just making"):
        stack.clusters.ensure(wanted)
    assert len(stack.left_over()) == 1

    monkeypatch.setattr(locks, "GIVEN_UP", timedelta(0))
    stack.clusters.remove(stack.name, "course", "s1")
    assert stack.left_over() == []


@pytest.mark.soak  # without it: tests/unit/test_kind_cluster.py
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"name": "a" * 51}, "at most 50"),
        ({"name": "Lab"}, "lower-case letters"),
        ({"workers": 10}, "from 0 to 9"),
        ({"address": "localhost"}, "must be an IP address"),
        ({"ports": [{"host": 80, "node": 80}]}, "host ports are from 1024"),
        ({"ports": [{"host": 2000, "node": 1}, {"host": 2000, "node": 2}]}, "is there 2 times"),
    ],
)
def test_what_kind_could_not_make_is_refused_before_anything_is_made(stack, changed, why):
    assert why in stack.refused(**changed)

    assert stack.left_over() == []


@pytest.mark.soak  # without it: tests/kind/test_course.py
def test_an_image_that_is_missing_leaves_nothing_behind(stack):
    stack.image = "practicum-test.invalid/none:1"

    assert "none:1" in stack.refused()

    assert stack.left_over() == []
