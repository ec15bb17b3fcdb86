"""Which requirements a right bears on, and which rights open doors without being requests."""

from __future__ import annotations

from typing import NamedTuple

from .golden import Right

SPECIAL = (
    *(
        Right(verb, "rbac.authorization.k8s.io", kind)
        for verb in ("escalate", "bind")
        for kind in ("roles", "clusterroles")
    ),
    *(Right("impersonate", "", kind) for kind in ("users", "groups", "serviceaccounts")),
    Right("impersonate", "authentication.k8s.io", "uids"),
    Right("impersonate", "authentication.k8s.io", "userextras/scopes"),
    Right("approve", "certificates.k8s.io", "signers"),
    Right("sign", "certificates.k8s.io", "signers"),
    Right("use", "policy", "podsecuritypolicies"),
    Right("use", "security.openshift.io", "securitycontextconstraints"),
    Right("manage", "practicum.dev", "cohorts"),
)
"""Verbs that no request has, and that open doors all the same."""

DANGEROUS = {
    "bindings", "certificatesigningrequests", "certificatesigningrequests/approval", "endpoints",
    "endpointslices", "ingresses/status", "limitranges", "mutatingwebhookconfigurations",
    "namespaces", "namespaces/finalize", "namespaces/status", "nodes", "nodes/proxy",
    "persistentvolumes", "pods/binding", "priorityclasses", "resourcequotas", "rolebindings",
    "roles", "clusterroles", "clusterrolebindings", "serviceaccounts/token", "services/status",
    "storageclasses", "validatingadmissionpolicies", "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
}  # fmt: skip
"""What ISO-03 names; SPECIAL belongs to it as well."""

INTO_PODS = {"pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"}


class Cell(NamedTuple):
    """One right in one place."""

    right: Right
    place: str
    """own, neighbour, foreign, other or cluster."""


def concerns(cell: Cell) -> tuple[str, ...]:
    """Return the requirements that a student's right bears on."""
    ids = ["ISO-01"]
    if cell.right in SPECIAL or cell.right.resource in DANGEROUS:
        ids.append("ISO-03")
    if cell.place in ("neighbour", "foreign"):
        ids.append("ISO-04")
    if cell.place in ("foreign", "other", "cluster"):
        ids.append("ISO-05")
    if cell.right.resource in INTO_PODS:
        ids.append("ISO-07")
    if cell.right.resource == "serviceaccounts/token":
        ids.append("CRD-04")
    return tuple(ids)


def standards(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of benchmarks that go with requirements."""
    known = {
        "ISO-01": ("CIS-5.1.3", "MTB-PL1-CC-CPI-1"),
        "ISO-03": ("CIS-5.1.8", "CIS-5.1.10", "CIS-5.1.11", "CIS-5.1.12", "CIS-5.1.13",
                   "MTB-PL2-CC-TI-1", "MTB-PL1-CC-TI-1"),
        "ISO-04": ("MTB-PL1-CC-TI-2",),
        "ISO-05": ("MTB-PL1-CC-CPI-1",),
        "ISO-35": ("CIS-5.1.5",),
    }  # fmt: skip
    return tuple(name for id in ids for name in known.get(id, ()))
