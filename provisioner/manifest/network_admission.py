"""What students may open to others: Services inside the cluster, and hosts of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import expressions
from .admission_policy import Policy

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

TYPE = (
    "!has(object.spec.type) || object.spec.type == 'ClusterIP'",
    "only Services of type ClusterIP are offered; reach yours with:"
    " kubectl port-forward service/NAME 8080:80",
)
EXTERNAL_ADDRESSES = (
    "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0",
    "externalIPs are not offered; leave spec.externalIPs out",
)
LOAD_BALANCER = (
    "!has(object.spec.loadBalancerIP) || object.spec.loadBalancerIP == ''",
    "load balancers are not offered; leave spec.loadBalancerIP out",
)
LOAD_BALANCER_STATUS = (
    "!has(object.status) || !has(object.status.loadBalancer) ||"
    " !has(object.status.loadBalancer.ingress) ||"
    " size(object.status.loadBalancer.ingress) == 0",
    "the address of a load balancer cannot be set by hand",
)
NO_INGRESS = (
    "false",
    "your course offers no Ingress; reach your Service with:"
    " kubectl port-forward service/NAME 8080:80",
)
INGRESS_ANNOTATIONS = (
    expressions.INGRESS_ANNOTATIONS,
    "snippets and server settings are not offered",
)


def services() -> Policy:
    """Keep Services inside the cluster (MTB HI-1, CVE-2020-8554)."""
    return Policy(
        name="services",
        group="",
        resources=("services", "services/status"),
        validations=(TYPE, EXTERNAL_ADDRESSES, LOAD_BALANCER, LOAD_BALANCER_STATUS),
    )


def ingresses(cohort: Cohort) -> Policy:
    """Give each student the hosts below their own namespace's name, and no other."""
    ingress = cohort.environment.ingress
    return Policy(
        name="ingresses",
        group="networking.k8s.io",
        resources=("ingresses", "ingresses/status"),
        validations=(
            (_hosts(ingress.suffix), _class(ingress.ingress_class), INGRESS_ANNOTATIONS)
            if ingress
            else (NO_INGRESS,)
        ),
    )


def _hosts(suffix: str) -> tuple[str, str]:
    return (
        expressions.ingress_hosts(suffix),
        f"the host must be YOUR-NAMESPACE.{suffix}, or end with it, in every rule and certificate",
    )


def _class(name: str) -> tuple[str, str]:
    return (
        f"has(object.spec.ingressClassName) &&"
        f" object.spec.ingressClassName == {expressions.quoted(name)}",
        f"set spec.ingressClassName to {name}",
    )
