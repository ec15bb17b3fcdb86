"""The nodes of a cluster, as a whole: awaited, stopped, and started again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..errors import ToolError
from .docker import PATIENCE, Engine
from .found import Found

READY = 180.0
"""Seconds in which every node of a cluster that was just made must be ready."""

AWAKE = 180.0
"""Seconds in which a cluster that was started again must answer. It takes about five."""

PATIENCE_OF_A_NODE = 15.0
"""Seconds in which a node must do what it is told."""

GRACE = "30"
"""Seconds that pods get to end, as Kubernetes gives them by itself."""

KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")

LET_GO = "systemctl stop kubelet.service; pkill -KILL -x 'kube-apiserver|coredns'; true"
"""Ends what would keep a node from stopping, and loses nothing by it: the API server, which
waits for an etcd that has ended already, and the DNS server, which waits for questions. What
they have said is done lies in etcd, which is stopped in order. Both come with the next start."""

UNTIL_READY = f"""
pki=/etc/kubernetes/pki
ask="curl --silent --fail --max-time 5 --cacert $pki/ca.crt --cert $pki/apiserver-kubelet-client.crt
  --key $pki/apiserver-kubelet-client.key https://localhost:6443/readyz"
command -v curl >/dev/null || ask="{" ".join(KUBECTL)} get --raw=/readyz"
until $ask; do sleep 0.1; done
"""
"""To start kubectl takes longer than to be answered, and what is waited for wants the cores."""


def await_ready(engine: Engine, first: str) -> None:
    """Wait until every node of a cluster that was just made is ready.

    One question, which is answered then. kind would ask again and again without a pause, for
    which each cluster that is being made takes a core, and take one that never is for made.

    Args:
        engine: Where they are.
        first: The node with the API server.

    Raises:
        ToolError: If one does not come to be ready.
    """
    wanted = ("wait", "nodes", "--all", "--for=condition=Ready", f"--timeout={READY:.0f}s")
    engine.inside(first, *KUBECTL, *wanted, timeout=READY + PATIENCE)


def start(engine: Engine, found: Found, nodes: Sequence[str]) -> None:
    """Start nodes, and wait until the cluster answers.

    Args:
        engine: Where they are.
        found: The cluster.
        nodes: Those of its nodes that do not run.

    Raises:
        ToolError: If it does not come to answer.
    """
    engine.run("start", *nodes)
    if found.first:
        engine.inside(found.first.name, "bash", "-c", UNTIL_READY, timeout=AWAKE)


def stop(engine: Engine, nodes: Sequence[str]) -> None:
    """Stop nodes in order; everything in them stays.

    Raises:
        ToolError: If the engine fails.
    """
    for node in nodes:
        with suppress(ToolError):  # a node that is no longer well is stopped all the same
            engine.inside(node, "sh", "-c", LET_GO, timeout=PATIENCE_OF_A_NODE)
    engine.run("stop", "--time", GRACE, *nodes)
