"""A student's kubeconfig: minted, sealed to their own key, and never written in plain.

The token comes from TokenRequest and is bound to a Secret: deleting that Secret kills
the token. The Secret belongs to the student's ServiceAccount, so it goes with the
account, and its annotations tell every operator what was handed out and until when.
"""

from typing import TYPE_CHECKING

from .. import late

if TYPE_CHECKING:  # an `up` that has nothing to do looks at standings alone
    from .minting import SHORTEST, SKEW, Wanted, issue, short_token
    from .revocation import mark_revoked, unmark_revoked
    from .sealed import Address, admin_kubeconfig, end_of, kubeconfig, login_kubeconfig, seal
    from .standing import (
        ENDS,
        EXPIRES,
        ISSUED,
        RECIPIENT,
        Credential,
        Standing,
        replacing,
        settle,
        standings,
        withdraw,
    )

__all__ = [
    "ENDS",
    "EXPIRES",
    "ISSUED",
    "RECIPIENT",
    "SHORTEST",
    "SKEW",
    "Address",
    "Credential",
    "Standing",
    "Wanted",
    "admin_kubeconfig",
    "end_of",
    "issue",
    "kubeconfig",
    "login_kubeconfig",
    "mark_revoked",
    "replacing",
    "seal",
    "settle",
    "short_token",
    "standings",
    "unmark_revoked",
    "withdraw",
]

__getattr__ = late.parts(
    __name__,
    {
        "minting": "SHORTEST, SKEW, Wanted, issue, short_token",
        "revocation": "mark_revoked, unmark_revoked",
        "sealed": "Address, admin_kubeconfig, end_of, kubeconfig, login_kubeconfig, seal",
        "standing": "ENDS, EXPIRES, ISSUED, RECIPIENT, Credential, Standing, replacing, settle, "
        "standings, withdraw",
    },
)
