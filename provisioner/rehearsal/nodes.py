"""What the rehearsal itself asks of its API server: is it ready, and here are its nodes.

The only requests of Practicum that do not go through its door to Kubernetes: that one is
for clusters that are up.
"""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import ClusterError
from .layout import Layout
from .programs import NODE_ANNOTATION, Ports

NODES = ("rehearsal-1", "rehearsal-2", "rehearsal-3")
ROOM = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"}
"""What a simulated node has: without ephemeral storage no pod with limits fits it."""

KWOK = "practicum:rehearsal-kwok"
EVERYTHING_OF_KWOK = (
    (
        "",
        ("nodes", "nodes/status", "pods", "pods/status"),
        ("get", "list", "watch", "update", "patch"),
    ),
    ("", ("pods",), ("delete",)),
    ("", ("events",), ("create", "update", "patch")),
    ("events.k8s.io", ("events",), ("create", "update", "patch")),
    (
        "coordination.k8s.io",
        ("leases",),
        ("get", "list", "watch", "create", "update", "patch", "delete"),
    ),
)
"""API group, resources, verbs: what kwok needs to play the part of every kubelet."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """The API server of a rehearsal, as its administrator sees it."""

    layout: Layout
    ports: Ports

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        trust = ssl.create_default_context(cafile=self.layout.certificate("ca"))
        trust.load_cert_chain(self.layout.certificate("admin"), self.layout.key("admin"))
        return trust

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Send one request; the status is 0 when nobody answers."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.ports.apiserver, context=self._trust, timeout=10
        )
        content = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/apply-patch+yaml"}
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def is_up(self) -> bool:
        """Say whether the API server answers, and whether all of its own checks hold."""
        return self._ask("GET", "/readyz")[0] == http.HTTPStatus.OK

    def version(self) -> str:
        """Ask which Kubernetes it is; without a leading ``v``."""
        _, body = self._ask("GET", "/version")
        try:
            return str(json.loads(body)["gitVersion"]).removeprefix("v")
        except (ValueError, KeyError):
            return "unknown"

    def is_complete(self) -> bool:
        """Say whether the controllers have made what every namespace has, and nodes are Ready."""
        status, _ = self._ask("GET", "/api/v1/namespaces/default/serviceaccounts/default")
        return status == http.HTTPStatus.OK and self._ready_nodes() >= set(NODES)

    def _ready_nodes(self) -> set[str]:
        status, body = self._ask("GET", "/api/v1/nodes")
        nodes = json.loads(body)["items"] if status == http.HTTPStatus.OK else []
        return {node["metadata"]["name"] for node in nodes if _is_ready(node)}

    def furnish(self) -> None:
        """Put the simulated nodes in, and let kwok play them; safe to repeat.

        Raises:
            ClusterError: If the API server refuses.
        """
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        self._apply(f"{rbac}/clusterroles/{KWOK}", _role())
        self._apply(f"{rbac}/clusterrolebindings/{KWOK}", _binding())
        for name in NODES:
            self._apply(f"/api/v1/nodes/{name}", _node(name))

    def _apply(self, path: str, manifest: object) -> None:
        status, body = self._ask(
            "PATCH", f"{path}?fieldManager=practicum-rehearsal&force=true", manifest
        )
        if status not in {http.HTTPStatus.OK, http.HTTPStatus.CREATED}:
            raise ClusterError(
                f"The rehearsal's API server did not take {path} ({status or 'no answer'}).",
                details=body.decode(errors="replace")[:400],
                hint="Look at its log, or start afresh: practicum rehearsal down",
            )


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _node(name: str) -> dict[str, Any]:
    annotation, value = NODE_ANNOTATION.split("=")
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "type": "kwok",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {annotation: value}, "labels": labels},
        "status": {"capacity": ROOM, "allocatable": ROOM},
    }


def _role() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": KWOK},
        "rules": [
            {"apiGroups": [group], "resources": resources, "verbs": verbs}
            for group, resources, verbs in EVERYTHING_OF_KWOK
        ],
    }


def _binding() -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": KWOK},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": KWOK},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "rehearsal-kwok"}],
    }
