"""What a cluster must be told so that students can log in with the school's account.

It is a file of the API server and no object, so the cluster's administrator puts it there:
`kube-apiserver --authentication-config`. Managed clusters have settings of the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .objects import Manifest

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Oidc

VERIFIED = "claims.?email_verified.orValue(false) == true"
"""Some issuers let people write any address in their profile, and say so by this claim."""

NOT_KUBERNETES = "!user.username.startsWith('system:')"


def authentication(oidc: Oidc, ca: str = "") -> Manifest:
    """Render the file for an API server that has none yet; else its `jwt` entry is added.

    Args:
        oidc: How students log in.
        ca: The issuer's authority, in PEM; those that every system knows when empty.
    """
    issuer: dict[str, Any] = {"url": oidc.issuer, "audiences": [oidc.client_id]}
    if ca:
        issuer["certificateAuthority"] = ca
    entry: dict[str, Any] = {"issuer": issuer}
    if oidc.claim == "email":
        message = "this address was not verified by the issuer"
        entry["claimValidationRules"] = [{"expression": VERIFIED, "message": message}]
    # No groups: nothing of ours is bound to one, and others may be.
    entry["claimMappings"] = {"username": {"claim": oidc.claim, "prefix": oidc.prefix}}
    entry["userValidationRules"] = [
        {"expression": NOT_KUBERNETES, "message": "system: belongs to Kubernetes"}
    ]
    return {
        "apiVersion": "apiserver.config.k8s.io/v1beta1",  # from 1.30 on
        "kind": "AuthenticationConfiguration",
        "jwt": [entry],
    }
