"""Does the cluster pull an image anew for every pod, or is a private one there for all?"""

from __future__ import annotations

from typing import Any

from ..errors import ClusterError
from .attempt import fill
from .course import IMAGE
from .finding import Finding, Verdict
from .scene import Scene

ABOUT = "an image that is on a node already is not there for whoever could not pull it"
NOT_FORCED = (
    "the API server does not force images to be pulled anew (admission plugin AlwaysPullImages),"
    " so a private image that one student has pulled can be used by others on the same node"
)
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "verify-pulled"},
    "spec": {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65535,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "main",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    },
}


def images_are_pulled_anew(scene: Scene) -> Finding:
    """Ask for a pod with an image as it lies on the node, and look what comes of it.

    No policy of ours could do this: it would have to refuse every pod that does not spell
    ``Always`` out, which nearly none does. Only the API server can change them.
    """
    path = f"/api/v1/namespaces/{scene.own.namespace}/pods"
    try:
        pod = scene.identities["student"].request(
            "POST", path, body=fill(POD, scene.words), query={"dryRun": "All"}
        )
        kept = pod["spec"]["containers"][0]["imagePullPolicy"] != "Always"
    except ClusterError as error:
        return _finding("failed", f"failed to prove: {error}")
    if not kept:
        return _finding("passed")
    if scene.cohort.environment.pull_secrets:
        return _finding("unproven", NOT_FORCED)
    return _finding("waived", f"{NOT_FORCED}; the course gives no access to private images")


def _finding(verdict: Verdict, why: str = "") -> Finding:
    return Finding(
        about=ABOUT,
        requirements=("ISO-22",),
        verdict=verdict,
        why=why,
        standards=("MTB-PL1-CC-DI-1",),
        topic="images",
    )
