"""What ``doctor`` says of a cluster that would make the guard pointless (ISO-09)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ... import cluster
from ...cluster import ApiError, Client
from ...cohort import Cohort
from .finding import Finding, some
from .network_ranges import network_ranges

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
UNSEEN = (
    "the API server does not tell whether Secrets are encrypted where it stores them, nor whether"
    " nodes are held to their own pods (admission plugin NodeRestriction)"
)


def openness(cohort: Cohort, client: Client) -> Iterator[Finding]:
    """Look at what everybody may do, and at what a guard relies on.

    Args:
        cohort: The cohort that is to stand there.
        client: The cluster, as ourselves.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    for about, check in (
        ("everybody", _bindings),
        ("strangers", _strangers),
        ("pod security", _pod_security),
        ("volumes", lambda client: _volumes(cohort, client)),
        ("priority", lambda client: _priority(cohort, client)),
        ("network", lambda client: network_ranges(cohort, client)),
    ):
        yield from _told(about, check, client)
    if not isinstance(cohort.cluster, str):  # a rehearsal stores nothing that is anybody's
        yield Finding(
            about="unseen",
            verdict="warning",
            found=UNSEEN,
            fix="ask whoever runs the cluster for --encryption-provider-config and"
            " --enable-admission-plugins",
        )


def _told(
    about: str, check: Callable[[Client], Iterator[Finding]], client: Client
) -> Iterator[Finding]:
    try:
        yield from check(client)
    except ApiError as error:
        yield Finding(
            about=about,
            verdict="failed",
            found=f"this could not be looked at: {error.message}",
            fix="see which rights are needed: practicum role",
        )


def _bindings(client: Client) -> Iterator[Finding]:
    wide, narrow = cluster.given_to_everybody(client)
    if wide:
        yield Finding(
            about="everybody",
            verdict="failed",
            found=f"students would have what everybody has: {some(wide)}",
            fix="delete these ClusterRoleBindings, or name in them who needs that",
        )
    if narrow:
        yield Finding(
            about="everybody",
            verdict="warning",
            found=f"students would have what everybody has: {some(narrow)}",
            fix="see whether that is meant for students too",
        )
    if not (wide or narrow):
        yield Finding(
            about="everybody",
            verdict="ok",
            found="whoever can log in has no rights beyond the usual",
        )


def _strangers(client: Client) -> Iterator[Finding]:
    if cluster.answers_the_unknown(client):
        yield Finding(
            about="strangers",
            verdict="failed",
            found="the API server lets whoever shows no credential list namespaces",
            fix="set --anonymous-auth=false, or take the rights of system:unauthenticated away",
        )
        return
    if not cluster.may(client, cluster.MAY_ASK):
        yield Finding(
            about="strangers",
            verdict="warning",
            found="we may not ask what strangers may do (create subjectaccessreviews)",
            fix="the role proof-reader has it: practicum role",
        )
        return
    may = cluster.strangers_may(client)
    yield Finding(
        about="strangers",
        verdict="failed" if may else "ok",
        found=some(may) or "who is given nothing may do nothing",
        fix="see who authorizes that: --authorization-mode must have RBAC and not AlwaysAllow"
        if may
        else "",
    )


def _pod_security(client: Client) -> Iterator[Finding]:
    on = cluster.minds_pod_security(client)
    yield Finding(
        about="pod security",
        verdict="ok" if on else "failed",
        found="Pod Security is on"
        if on
        else "the API server took a namespace with a Pod Security level that does not exist",
        fix="" if on else "take PodSecurity out of --disable-admission-plugins",
    )


def _volumes(cohort: Cohort, client: Client) -> Iterator[Finding]:
    """Look at the classes that students' volumes are of (ISO-23); a rehearsal has none."""
    served = {one["metadata"]["name"]: one for one in client.pages(CLASSES)}
    named = cohort.environment.storage_classes
    missing = [name for name in named if name not in served]
    if missing:
        yield Finding(
            about="volumes",
            verdict="failed",
            found=f"the cluster has no storage class {some(missing)}",
            fix="see which there are: kubectl get storageclasses",
        )
    offered = [served[name] for name in named or served if name in served]
    kept = [
        one["metadata"]["name"] for one in offered if one.get("reclaimPolicy", "Delete") != "Delete"
    ]
    if kept:
        yield Finding(
            about="volumes",
            verdict="warning",
            found=f"volumes of {some(kept)} stay, with what is in them, when a student has left",
            fix="name classes with reclaimPolicy Delete under storage_classes, or delete them by hand",
        )


def _priority(cohort: Cohort, client: Client) -> Iterator[Finding]:
    """Look for a class that the server writes into every pod before a policy looks at it."""
    for live in client.pages(cluster.RESOURCES["PriorityClass"].path()):
        if live.get("globalDefault"):
            name, ours = live["metadata"]["name"], f"practicum-{cohort.name}"
            yield Finding(
                about="priority",
                verdict="failed",
                found=f"the PriorityClass {name} is the cluster's default, so pods that name none"
                f" get it; the cohort's policy admits {ours} alone, and students could run none",
                fix="take the default away: kubectl patch priorityclass"
                f" {name} -p '{{\"globalDefault\": false}}'; or let students write"
                f" priorityClassName: {ours} into every pod",
            )
