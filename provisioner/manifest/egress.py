"""What pods reach beside their own namespace and DNS, as blocks of a network policy."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from .objects import Manifest

PRIVATE_IPV4 = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "240.0.0.0/4",
]
"""RFC 1918, 6598, 1122, 3927, 6890, 2544 and 1112, and Azure's address for its machines: clusters
have their ranges in these, and clouds their metadata. A cluster may have others (`doctor`)."""

NAT64 = int(ipaddress.IPv6Address("64:ff9b::"))
"""RFC 6052: at its end stands an IPv4 address, to which a gateway leads."""

_TRANSLATED = [
    str(IPv6Network((NAT64 | int(network.network_address), 96 + network.prefixlen)))
    for network in map(IPv4Network, PRIVATE_IPV4)
]
PRIVATE_IPV6 = ["fc00::/7", "fe80::/10", *_TRANSLATED]
"""RFC 4193 and 4291, and the above as a cluster without IPv4 reaches them."""

Network = IPv4Network | IPv6Network


def blocks(egress: str | tuple[str, ...]) -> list[Manifest]:
    """Render what a cohort says of its students' way out."""
    if egress == "none":
        return []
    if egress == "internet":
        return [
            {"cidr": "0.0.0.0/0", "except": PRIVATE_IPV4},
            {"cidr": "::/0", "except": PRIVATE_IPV6},
        ]
    return [{"cidr": cidr} for cidr in egress]


def reaches(egress: str | tuple[str, ...], network: Network) -> bool:
    """Say whether pods could reach some of a network.

    >>> reaches("internet", IPv4Network("10.244.0.0/16"))
    False
    >>> reaches("internet", IPv4Network("34.118.224.0/20"))
    True
    """
    return any(
        network.overlaps(open_to) and not any(_holds(shut, network) for shut in shuts)
        for open_to, shuts in _told(egress, network.version)
    )


def _holds(outer: Network, inner: Network) -> bool:
    return outer.prefixlen <= inner.prefixlen and outer.overlaps(inner)


def _told(egress: str | tuple[str, ...], version: int) -> Iterator[tuple[Network, list[Network]]]:
    """Yield each block of one version of IP, with what it leaves out."""
    for block in blocks(egress):
        whole = ipaddress.ip_network(block["cidr"])
        if whole.version == version:
            yield whole, [ipaddress.ip_network(cidr) for cidr in block.get("except", [])]
