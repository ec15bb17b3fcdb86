"""Does the cluster take the school's logins? No API tells; somebody's token does."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Literal, NamedTuple

from ... import cluster
from ...cluster import Client, NotKnownError
from ...cohort import Oidc
from ...errors import ClusterError, InputError

TOKEN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
HOW = "its administrator adds what this prints: practicum render {} --authentication-config"
TRY = (
    "get an ID token of anybody at the school, and try it:"
    " kubectl oidc-login get-token … | jq -r .status.token | practicum doctor {} --id-token -"
)


class Answer(NamedTuple):
    """What can be said of the school's login."""

    verdict: Literal["ok", "warning", "failed"]
    found: str
    fix: str = ""


def check(client: Client, cohort: str, oidc: Oidc, users: Container[str], token: str) -> Answer:
    """Say whether the cluster takes the logins of a cohort, as far as that can be known.

    Args:
        client: The cluster.
        cohort: The cohort's name.
        oidc: How its students log in.
        users: Who they are to the cluster.
        token: An ID token of the issuer; nothing can be known without one.

    Raises:
        InputError: If what is given is no token.
        ClusterError: If the cluster cannot be reached, or tells nobody who they are.
    """
    if not token:
        known = f"not known: a cluster does not tell whether it takes logins of {oidc.issuer}"
        return Answer("warning", known, f"{HOW}; then {TRY}".format(cohort, cohort))
    if not TOKEN.fullmatch(token):
        raise InputError("--id-token: this is no token; the file must hold one and nothing else.")
    try:
        user = cluster.whoami(client.bearing(token))
    except NotKnownError:
        refused = (
            "the cluster refuses this token: it does not know the issuer or the client_id,"
            " or the token is over, or its address is not verified"
        )
        return Answer("failed", refused, HOW.format(cohort))
    if not user:
        raise ClusterError("The cluster takes the token and keeps from us whom it is for.")
    if user in users:
        return Answer("ok", "the cluster takes the school's logins; this one is a student's")
    if user.startswith(oidc.prefix):
        return Answer("ok", "the cluster takes the school's logins; this one is no student's")
    other = f"the cluster takes this token, but not as a user whose name starts with {oidc.prefix}"
    return Answer(
        "failed", other, f"set auth.oidc.prefix to the cluster's own, or {HOW}".format(cohort)
    )
