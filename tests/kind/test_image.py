"""The node image: kind makes a cluster of it that runs pods, and it can be carried along."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import uuid
from pathlib import Path

import pytest

from provisioner import toolchain
from provisioner.errors import InputError
from provisioner.kind import image
from provisioner.kind.docker import Engine

# For the soak: the image takes 13 minutes to make where it is not cached.
pytestmark = [pytest.mark.kind, pytest.mark.soak, pytest.mark.timeout(1800)]

WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
    - name: web
      image: ETCD
      imagePullPolicy: Never
      args: [--listen-client-urls=http://0.0.0.0:2379, --advertise-client-urls=http://web:2379]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 2379}]}
---
apiVersion: v1
kind: Pod
metadata: {name: visitor}
spec:
  containers:
    - name: visitor
      image: ETCD
      imagePullPolicy: Never
      args: [gateway, start, --endpoints=web.default.svc.cluster.local:80, --listen-addr=0.0.0.0:8080]
"""
"""A pod that answers, its Service, and a pod that passes on to the Service's name what it is asked."""


@pytest.fixture
def cluster(engine, node_image, tmp_path):
    """A cluster of plain `kind create cluster`, with nothing of ours but the image."""
    name = f"practicum-test-{uuid.uuid4().hex[:8]}"
    kind = toolchain.find("kind")["kind"].path
    kubeconfig = tmp_path / "kubeconfig"
    common = ["--name", name, "--kubeconfig", kubeconfig]
    try:
        subprocess.run(
            [kind, "create", "cluster", "--image", node_image, "--wait", "3m", *common], check=True
        )
        yield f"{name}-control-plane"
    finally:
        subprocess.run([kind, "delete", "cluster", *common], check=True)


def on_node(engine: Engine, node: str, *command: str, stdin: str = "") -> str:
    return subprocess.run(
        ["docker", "exec", "-i", node, *command],
        input=stdin, text=True, check=True, capture_output=True,
    ).stdout  # fmt: skip


def await_answer(engine: Engine, node: str, address: str) -> object:
    script = f"until curl -sSm2 {address} && exit; do sleep 0.2; done 2>/tmp/why"
    return json.loads(on_node(engine, node, "timeout", "90", "bash", "-c", script))


def test_a_cluster_of_the_image_runs_a_pod_whose_service_answers_another(engine, cluster):
    etcd = on_node(engine, cluster, "ctr", "-n", "k8s.io", "images", "list", "-q")
    [name] = [line for line in etcd.split() if "/etcd:" in line]

    on_node(engine, cluster, "kubectl", "create", "-f", "-", stdin=WEB.replace("ETCD", name))
    on_node(
        engine, cluster, "kubectl", "wait", "pod/visitor", "--for=condition=Ready", "--timeout=90s"
    )
    visitor = on_node(
        engine, cluster, "kubectl", "get", "pod/visitor", "-o=jsonpath={.status.podIP}"
    )

    answer = await_answer(engine, cluster, f"http://{visitor}:8080/health")
    assert answer == {"health": "true", "reason": ""}


def test_a_second_build_says_nothing_and_finds_the_image(engine, node_image):
    said: list[str] = []

    again = image.build(engine, said.append)

    assert (again.name, said) == (node_image, [])


@pytest.fixture
def small_image(engine, tmp_path) -> str:
    """An image of a few bytes: to save and load the node image takes a minute."""
    name = f"practicum-test/{uuid.uuid4().hex[:8]}:1"
    with tarfile.open(tmp_path / "small.tar", "w") as packed:
        entry = tarfile.TarInfo("note")
        entry.size = 5
        packed.addfile(entry, io.BytesIO(b"hello"))
    engine.run("import", tmp_path / "small.tar", name)
    yield name
    engine.run("rmi", "--force", name)


def test_what_was_saved_can_be_loaded_where_it_is_missing(engine, small_image, tmp_path):
    file = tmp_path / "saved.tar"

    image.save(engine, file, small_image, print)
    engine.run("rmi", small_image)
    assert not engine.has_image(small_image)

    assert image.load(engine, file, print) == small_image
    assert engine.has_image(small_image)


def test_a_file_that_is_no_image_is_refused(engine, tmp_path):
    (tmp_path / "note.tar").write_text("no image")

    with pytest.raises(InputError, match="holds no image"):
        image.load(engine, tmp_path / "note.tar", print)


def test_an_image_that_is_missing_cannot_be_saved(engine, tmp_path):
    with pytest.raises(InputError, match="has no image practicum-test/none:1"):
        image.save(engine, tmp_path / "saved.tar", "practicum-test/none:1", print)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_nothing(engine, small_image, tmp_path):
    folder = tmp_path / "saved.tar"
    folder.mkdir()

    with pytest.raises(InputError, match="cannot be written"):
        image.save(engine, folder, small_image, print)

    assert list(Path(tmp_path).glob(".saved*")) == []
