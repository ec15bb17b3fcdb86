"""Who reaches whom on the network: asked by pods of scratch students, on each of some nodes.

Silence proves nothing by itself: a network that is down is silent too. So in the same run a
pod must reach its own namespace, and the neighbour's server must answer the neighbour. And
an open way is no fault of the cohort's where nothing enforces policies at all: so there is
a third namespace, in which a policy of ours denies everything. If even that one is not
obeyed, nothing is said of the rest.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..cluster import ApiError, Client
from ..cohort import Record
from ..manifest import Manifest
from . import scene as stage
from . import scratch
from .pods import NO_NAME, OPEN, SILENCE, Ground, Server, ask, serve
from .scene import Scene

MOST_NODES = 4
"""Nodes that are looked from; each takes two pods for some seconds."""

PATIENCE = (3, 10)
"""Seconds that a pod waits, each time it is asked; the last answer counts.

A Service that was just made refuses for a moment, and who enforces policies hears late of a
pod, where a cluster is busy.
"""

METADATA = "169.254.169.254:80"
API_BY_NAME = "kubernetes.default.svc:443"
DNS = "/api/v1/namespaces/kube-system/services/kube-dns"
ANYWHERE = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What pods found, by the node that they ran on."""

    control: Mapping[str, str]
    """What came of reaching a pod where all is denied."""

    answers: Mapping[str, Mapping[str, str]]
    """By node: what came of each target."""

    neighbour: Mapping[str, str] = field(default_factory=dict)
    """How the neighbour reaches its own server."""

    nodes: int = 0
    """How many nodes there are, as far as we may see them."""

    def of(self, *targets: str) -> Iterator[tuple[str, str, str]]:
        """Yield node, target and answer of what begins with one of some words."""
        for node, answers in self.answers.items():
            for target, answer in answers.items():
                if target.startswith(targets):
                    yield node, target, answer


def look(scene: Scene, image: str) -> Seen:
    """Start pods, and return what they found.

    Raises:
        NotRunError: If a pod does not run.
        ClusterError: If the cluster cannot be reached, or refuses to set it up.
    """
    offers = scene.cohort.environment.quota.services > 0
    own = _ground(scene, scene.identities["student"], scene.own, image)
    other = _ground(scene, scene.identities["neighbour"], scene.neighbour, image)
    shut_away = _shut_away(scene, image)
    grounds = [own, other, shut_away]
    servers = dict(scene.admin.each(lambda one: serve(one, service=offers), grounds))
    nodes = _nodes(scene)
    places = _places(scene, nodes)
    targets = _targets(scene, servers[own], servers[other])

    asked = {
        (whose, node): (ground, f"verify-client-{place}", mine, node)
        for place, node in enumerate(places)
        for whose, ground, mine in (
            ("own", own, targets | _another_node(nodes, node)),
            ("control", shut_away, {"control": servers[shut_away].pod}),
        )
    }
    asked["neighbour", ANYWHERE] = (other, "verify-client", servers[other].ways("own"), ANYWHERE)
    found = dict(scene.admin.each(lambda key: _ask_until_fenced(*asked[key]), asked))
    return Seen(
        control={node: found["control", node]["control"] for node in places},
        answers={node: found["own", node] for node in places},
        neighbour=found["neighbour", ANYWHERE],
        nodes=len(nodes),
    )


def _ask_until_fenced(
    ground: Ground, pod: str, targets: Mapping[str, str], node: str
) -> dict[str, str]:
    """Ask all at once, and all once more where not all is as it should be."""
    answers: dict[str, str] = {}
    for attempt, patience in enumerate(PATIENCE):
        answers = ask(ground, f"{pod}-{attempt}", targets, node, patience=patience)
        if all(_is_as_it_should(target, answer) for target, answer in answers.items()):
            break
    return answers


def _is_as_it_should(target: str, answer: str) -> bool:
    """Say whether the own namespace answered, and nothing else did; names are always told."""
    if target.startswith("own-"):
        return answer == OPEN
    return answer == SILENCE or (answer == NO_NAME and target != "api-name")


def _targets(scene: Scene, own: Server, other: Server) -> dict[str, str]:
    targets = own.ways("own") | other.ways("other")
    targets |= {"metadata": METADATA, "api-name": API_BY_NAME}
    if address := _api_address(scene.admin):
        targets["api-address"] = address
    if beside := _beside_dns(scene.admin):
        targets["dns-beside"] = beside
    return targets


def _ground(scene: Scene, client: Client, record: Record, image: str) -> Ground:
    return Ground(client=client, namespace=record.namespace, image=image)


def _shut_away(scene: Scene, image: str) -> Ground:
    """Make a third scratch environment, with a policy that denies everything."""
    record = stage.new_record(scene.cohort, "neighbour", secrets.token_hex(3))
    stage.add(scene, record, _denying_all(scratch.environment(scene.cohort, record)))
    return _ground(scene, scene.student(record), record, image)


def _denying_all(rendered: list[Manifest]) -> list[Manifest]:
    nothing = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return [one | {"spec": nothing} if one["kind"] == "NetworkPolicy" else one for one in rendered]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of the cluster."""

    name: str
    address: str
    ready: bool
    takes_pods: bool
    """Whether a student's pod may run there."""


def _nodes(scene: Scene) -> list[Node]:
    """Return every node, those that take pods first; none where we may not see them."""
    try:
        found = [_node(node) for node in scene.admin.pages("/api/v1/nodes")]
    except (ApiError, KeyError):
        return []
    return sorted(found, key=lambda node: not node.takes_pods)


def _node(live: Manifest) -> Node:
    spec, conditions = live.get("spec") or {}, live["status"].get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return Node(
        name=live["metadata"]["labels"]["kubernetes.io/hostname"],
        address=_address(live),
        ready=ready,
        takes_pods=ready and not spec.get("unschedulable") and not spec.get("taints"),
    )


def _address(node: Manifest) -> str:
    addresses = node["status"].get("addresses") or []
    return next((one["address"] for one in addresses if one["type"] == "InternalIP"), "")


def _places(scene: Scene, nodes: list[Node]) -> list[str]:
    """Return the nodes from which is looked."""
    most = max(1, min(MOST_NODES, scene.cohort.environment.quota.pods - 1))
    return [node.name for node in nodes if node.takes_pods][:most] or [ANYWHERE]


def _another_node(nodes: list[Node], place: str) -> dict[str, str]:
    """Return the kubelet of another node: to its own one a pod may always talk.

    That of a node which takes no pods of students will do; one that is not ready is silent anyway.
    """
    others = (one.address for one in nodes if one.ready and one.name != place != ANYWHERE)
    address = next((one for one in others if one and ":" not in one), "")
    return {"node": f"{address}:10250"} if address else {}


def _api_address(admin: Client) -> str:
    """Return where the API server itself listens, behind its Service."""
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
    try:
        found = admin.request("GET", path)
        return f"{found['endpoints'][0]['addresses'][0]}:{found['ports'][0]['port']}"
    except (ApiError, KeyError, IndexError, TypeError):
        return ""


def _beside_dns(admin: Client) -> str:
    """Return a port of the cluster's DNS that is not for names; empty where it has none."""
    try:
        ports = admin.request("GET", DNS)["spec"]["ports"]
    except (ApiError, KeyError):
        return ""
    others = (p["port"] for p in ports if p["port"] != 53 and p.get("protocol") != "UDP")
    port = next(others, None)
    return f"kube-dns.kube-system.svc:{port}" if port else ""
