"""What can be said of access itself: how long it lasts, whose it is, and that it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from .. import cluster, names
from ..cluster import ApiError, Client
from ..errors import ClusterError
from ..manifest import student_binding
from .finding import Finding
from .scene import Scene

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
LATENCY = 15
"""Seconds within which access that was taken back must be dead."""

ADMINISTRATORS = ("system:masters", "system:nodes", "system:kube-controller-manager")


NO_END = Finding(
    about="the school's logins: when they end",
    requirements=("CRD-01",),
    verdict="unproven",
    why="students log in with the school's account, which outlives the term: here access ends"
    " with `down`, or with `revoke`",
    topic="access",
)
UNKNOWN_GROUPS = Finding(
    about="the school's logins: groups",
    requirements=("CRD-05",),
    verdict="unproven",
    why="students were impersonated: which groups the school's login brings along is for the"
    " cluster's AuthenticationConfiguration to say",
    topic="access",
)


def expiries(ends: Iterable[tuple[str, datetime]], latest: datetime) -> Finding:
    """Compare when credentials end with when they must.

    Args:
        ends: Student and end of every credential that was handed out.
        latest: The end of the term and its grace.
    """
    ends = list(ends)
    late = sorted(who for who, end in ends if end > latest + timedelta(minutes=2))
    return Finding(
        about="every credential that was handed out ends with the term",
        requirements=("CRD-01",),
        verdict="failed" if late else "passed" if ends else "unproven",
        why=f"access of {', '.join(late[:3])} lasts longer than {latest:%Y-%m-%d}"
        if late
        else ""
        if ends
        else "nothing has been handed out yet",
        cases=max(len(ends), 1),
        topic="access",
    )


def belongs_to_no_administrator(who: str, client: Client) -> Finding:
    """Ask the cluster whom it takes a student for."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        user = client.request("POST", WHO, body=body)["status"]["userInfo"]
    except ClusterError as error:
        return _finding("CRD-05", f"{who}: groups", f"failed to prove: {error}")
    odd = [group for group in user.get("groups") or [] if group in ADMINISTRATORS]
    return _finding("CRD-05", f"{who}: groups", f"{who} is in {', '.join(odd)}" if odd else "")


def take_back(scene: Scene) -> Client:
    """Mint a token for the scratch neighbour, take it back, and return who would use it.

    Raises:
        ClusterError: If the cluster refuses.
    """
    if scene.cohort.oidc:
        return _take_back_binding(scene)
    secret = scene.bind("revoked")
    client = scene.identities["anonymous"].bearing(scene.token(scene.neighbour.name, secret))
    scene.take_away(secret)
    return client


def _take_back_binding(scene: Scene) -> Client:
    """Let somebody in by a binding of their own, see that it does, and take it away."""
    user = names.scratch_user(scene.cohort.name, "revoked")
    record = replace(scene.neighbour, user=user)
    binding = student_binding(scene.cohort, record) or {}
    binding["metadata"] = {**binding["metadata"], "name": "practicum-revoked"}
    live = cluster.apply(scene.admin, binding)
    client = scene.admin.impersonating(user)
    deadline = time.monotonic() + LATENCY
    while _is_refused(client, _pods(scene)):
        if time.monotonic() > deadline:
            raise ClusterError("A binding that was just made lets nobody in.")
        time.sleep(0.05)  # the server learns of a binding a moment after it took it
    if why := cluster.delete(scene.admin, live):
        raise ClusterError(f"A binding cannot be taken back: {why}")
    return client


def _is_refused(client: Client, path: str) -> bool:
    try:
        client.request("GET", path, query={"limit": "1"})
    except ApiError as error:
        return error.status == 403
    return False


def _pods(scene: Scene) -> str:
    return f"/api/v1/namespaces/{scene.neighbour.namespace}/pods"


def is_dead(scene: Scene, taken: Client) -> Finding:
    """Try a token that was taken back until it is refused, or has lived too long.

    Args:
        scene: The scratch environments.
        taken: Who shows the token.
    """
    path = _pods(scene)
    deadline = time.monotonic() + LATENCY
    login = scene.cohort.oidc is not None
    about, why = (
        ("a login whose binding is deleted" if login else "a token whose Secret is deleted"),
        "",
    )
    try:
        while time.monotonic() < deadline:
            taken.request("GET", path, query={"limit": "1"})
            time.sleep(0.2)  # the cluster remembers a token for a while, and tells nobody
        why = f"a token that was taken back still opens the namespace after {LATENCY} s"
    except cluster.NotKnownError:
        pass
    except ApiError as error:
        why = "" if login and error.status == 403 else f"failed to prove: {error}"
    except ClusterError as error:
        why = f"failed to prove: {error}"
    return _finding("CRD-03", about, why)


def _finding(id: str, about: str, why: str) -> Finding:
    return Finding(
        about=about,
        requirements=(id,),
        verdict="failed" if why else "passed",
        why=why,
        standards=("CIS-5.1.7",) if id == "CRD-05" else (),
        topic="access",
    )
