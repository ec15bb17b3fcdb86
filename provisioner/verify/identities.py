"""Who acts in a verification: short tokens for accounts, all bound to one Secret."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .. import cluster, names
from ..cluster import ApiError, Client
from ..cohort import Assistant, Cohort, Record, sections
from ..errors import ClusterError
from ..manifest import COHORT, STUDENT, Manifest, ObjectKey

BEARS_ON = {"assistant": ("ISO-08",), "workload": ("ISO-35",), "others": ("ISO-04", "ISO-09")}
"""What stays unproven where somebody cannot be played; all else students show."""

LIFE = 600
"""Seconds that a token lives: the least that TokenRequest gives."""


def nobody(cohort: Cohort, record: Record, name: str) -> Manifest:
    """Render an account that may log in and has no rights; it goes with a scratch student."""
    metadata = {
        "name": name,
        "namespace": names.identity_namespace(cohort.name),
        "labels": {COHORT: cohort.name, STUDENT: record.name},
    }
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }


def refuse_without_rights(admin: Client, cohort: Cohort, records: Iterable[Record]) -> None:
    """Stop where we may not act as somebody who logs in at the school.

    Every attack of theirs would be refused, and none for the reason that counts.

    Raises:
        ClusterError: If that is so, or the cluster cannot be reached.
    """
    users = [record.user for record in records if record.user]
    users += [names.scratch_user(cohort.name, which) for which in names.SCRATCH_USERS]
    wanted = [cluster.Right("impersonate", "", "users", name=user) for user in users]
    if missing := cluster.missing_rights(admin, wanted):
        raise ClusterError(
            f"We may not act as {len(missing)} of {len(users)} users of {cohort.name}, whom"
            " nobody but the school has a login of.",
            hint="The cluster's administrator gives the right, each by name, and anew when somebody"
            f" joins: practicum role {cohort.name} --impersonate",
        )


def absent(admin: Client, cohort: Cohort, own: Record) -> dict[str, str]:
    """Return who cannot be played with the rights that we have, with the reason.

    Args:
        admin: The cluster, as ourselves.
        cohort: The cohort.
        own: The scratch student.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    found = {}
    mint = cluster.Right("create", "", "serviceaccounts", "token", namespace=own.namespace)
    if not cluster.may(admin, mint):
        found["workload"] = (
            "we may not mint a token of a pod's account in a student's namespace; who"
            " administers the cluster can"
        )
    if not cluster.may(admin, cluster.MAY_ASK):
        found["others"] = (
            "we may not ask what others may do (create subjectaccessreviews); the role proof-reader"
            " may (practicum role)"
        )
    one = played(cohort)
    user = one.user if one and not one.key else None
    if user and not cluster.may(admin, cluster.Right("impersonate", "", "users", name=user)):
        found["assistant"] = (
            "the assistant has no key, so no token could be made, and we may not impersonate them"
            f" (practicum role {cohort.name} --impersonate)"
        )
    return found


def identities(
    admin: Client,
    cohort: Cohort,
    pair: tuple[Record, Record],
    secret: Manifest,
    without: Collection[str] = (),
) -> dict[str, Client]:
    """Return who acts in the cases, by the words that they have for it.

    Args:
        admin: The cluster, as ourselves.
        cohort: The cohort.
        pair: The records of the scratch students.
        secret: What all tokens are bound to.
        without: Who is not to be played.

    Raises:
        ClusterError: If a token is not minted.
    """
    identity, (own, neighbour) = names.identity_namespace(cohort.name), pair
    stranger = admin.bearing("")
    found = {
        "student": student(admin, stranger, cohort, own, secret),
        "neighbour": student(admin, stranger, cohort, neighbour, secret),
        "authenticated": stranger.bearing(token(admin, identity, f"{own.name}-nobody", secret)),
        "anonymous": stranger,
        "operator": admin,
    }
    if "workload" not in without:
        # Bound to no Secret of ours: it ends with its namespace.
        found["workload"] = stranger.bearing(token(admin, own.namespace, "default", None))
    if "assistant" not in without and (played := _assistant(admin, cohort, secret)):
        found["assistant"] = played
    return found


def played(cohort: Cohort) -> Assistant | None:
    """Return the assistant who acts in the cases; best one with a key, whom we mint a token.

    It is one who can look at the scratch students, so is in no section, and reads no
    Secrets: the cases are about that kind.
    """
    fit = [one for one in cohort.assistants if sections.sees(cohort, one, "") and not one.secrets]
    return min(fit, key=lambda one: not one.key, default=None)


def _assistant(admin: Client, cohort: Cohort, secret: Manifest) -> Client | None:
    """Return that assistant: with a token where there is an account, else impersonated."""
    one = played(cohort)
    if one and one.key:
        account = names.assistant(one.name)
        shown = token(admin, names.identity_namespace(cohort.name), account, secret)
        return admin.bearing("").bearing(shown)
    return admin.impersonating(one.user) if one and one.user else None


def student(
    admin: Client, stranger: Client, cohort: Cohort, record: Record, secret: Manifest
) -> Client:
    """Return who acts as a student: with a token, or impersonated where we can mint none.

    Raises:
        ClusterError: If a token is not minted.
    """
    if cohort.oidc:
        return admin.impersonating(record.user)
    identity = names.identity_namespace(cohort.name)
    return stranger.bearing(token(admin, identity, record.name, secret))


def bound_secret(
    admin: Client, cohort: Cohort, owner: Record, made: list[Manifest], suffix: str = ""
) -> Manifest:
    """Make the Secret that all tokens are bound to; it goes with the scratch account.

    Raises:
        ClusterError: If the server refuses.
    """
    identity = names.identity_namespace(cohort.name)
    # Who logs in at the school has no account here; this one is there in any case.
    name = owner.name + ("-nobody" if cohort.oidc else "")
    account = cluster.read(admin, ObjectKey("ServiceAccount", identity, name))
    if account is None:
        raise ClusterError(f"The account {name} was taken away while we looked.")
    metadata = {
        "name": owner.name + suffix,
        "labels": {COHORT: cohort.name, STUDENT: owner.name},
        "ownerReferences": [
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "name": name,
                "uid": account["metadata"]["uid"],
            }
        ],
    }
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    secret = _ask(admin, "POST", f"/api/v1/namespaces/{identity}/secrets", body)
    made.append(secret | {"kind": "Secret"})
    return secret


def token(admin: Client, namespace: str, account: str, secret: Manifest | None) -> str:
    """Mint a token that ends in ten minutes, or with the Secret that it is bound to.

    Raises:
        ClusterError: If the server mints none.
    """
    spec: Manifest = {"expirationSeconds": LIFE}
    if secret:
        metadata = secret["metadata"]
        spec["boundObjectRef"] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    return str(_ask(admin, "POST", path, body)["status"]["token"])


def _ask(admin: Client, method: str, path: str, body: Manifest) -> Manifest:
    try:
        return admin.request(method, path, body=body)
    except ApiError as error:
        raise ClusterError(f"The verification cannot be set up: {error.message}") from None
