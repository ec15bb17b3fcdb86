"""What ``doctor`` says of a cluster whose own addresses students' pods could reach (ISO-25).

A network policy can leave out networks, and not *whatever is this cluster's*. The rendering
leaves out what is private; a cluster may have taken other addresses for its pods.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from ...cluster import ApiError, Client
from ...cohort import Cohort
from ...manifest import reaches
from .finding import Finding, Verdict, some

NODES = "/api/v1/nodes"
SERVICE_RANGES = "/apis/networking.k8s.io/v1/servicecidrs"

LEAVE_OUT = (
    "name under environment.egress the networks that students need, without these; or have the"
    " cluster's other namespaces let nobody in"
)


def network_ranges(cohort: Cohort, client: Client) -> Iterator[Finding]:
    """Compare what the cohort lets out with the ranges that the cluster tells.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    if cohort.environment.egress == "none":
        return
    told = {what: _read(read, client) for what, (_, read) in RANGES.items()}
    reached = {what: [one for one in told[what] if _is_reached(cohort, one)] for what in told}
    for what in (what for what in told if reached[what]):
        yield _reached(what, RANGES[what][0], reached[what])
    if any(told.values()) and not any(reached.values()):
        yield Finding(
            about="network",
            verdict="ok",
            found="no range that the cluster tells is reached by students' pods",
        )
    elif not any(told.values()) and not isinstance(cohort.cluster, str):
        yield Finding(
            about="network",
            verdict="warning",
            found="the cluster does not tell which addresses its pods and services have",
            fix="see that they are private ones, or leave them out of environment.egress",
        )


def _reached(what: str, verdict: Verdict, ranges: list[str]) -> Finding:
    return Finding(
        about="network",
        verdict=verdict,
        found=f"students' pods could reach the cluster's {what}, which have addresses that"
        f" environment.egress does not leave out: {some(ranges)}",
        fix=LEAVE_OUT,
    )


def _read(read: Callable[[Client], Iterator[str]], client: Client) -> list[str]:
    """Return the ranges that we may see; a cluster before 1.33 has no list of its services'."""
    try:
        return sorted(set(read(client)))
    except ApiError:
        return []


def _of_pods(client: Client) -> Iterator[str]:
    for node in client.pages(NODES):
        yield from (node.get("spec") or {}).get("podCIDRs") or []


def _of_services(client: Client) -> Iterator[str]:
    for live in client.pages(SERVICE_RANGES):
        yield from (live.get("spec") or {}).get("cidrs") or []


def _is_reached(cohort: Cohort, cidr: str) -> bool:
    return reaches(cohort.environment.egress, ipaddress.ip_network(cidr, strict=False))


RANGES: dict[str, tuple[Verdict, Callable[[Client], Iterator[str]]]] = {
    "pods": ("failed", _of_pods),
    # A Service's address is mostly exchanged for a pod's before a policy is looked at.
    "services": ("warning", _of_services),
}
"""What has ranges of its own, what it is when students reach it, and who tells."""
