"""The ceiling of one environment, as the cohort file and as Kubernetes have it.

The numbers suit thirty students on one good machine and the heaviest week of a
machine-learning course: three replicas, a monitoring stack, a small model served.
"""

import functools

from pydantic import ValidationInfo, field_validator

from .strict import Strict
from .values import Cpu, Memory, Storage, Whole, wrong

__all__ = ["Quota"]

GPU = "nvidia.com/gpu"
"""The device that the NVIDIA plug-in of a cluster offers; the one that courses ask for."""

MAX_OBJECTS = 1000
"""Of one kind and student: 300 students with 1 MiB each would fill etcd long before."""

COUNTED = {
    "secrets": "count/secrets",
    "configmaps": "count/configmaps",
    "volumes": "count/persistentvolumeclaims",
    "deployments": "count/deployments.apps",
    "replicasets": "count/replicasets.apps",
    "statefulsets": "count/statefulsets.apps",
    "jobs": "count/jobs.batch",
    "cronjobs": "count/cronjobs.batch",
    "ingresses": "count/ingresses.networking.k8s.io",
    "autoscalers": "count/horizontalpodautoscalers.autoscaling",
    "disruption_budgets": "count/poddisruptionbudgets.policy",
}
_FORBIDDEN = (
    "services.nodeports",
    "services.loadbalancers",
    "count/daemonsets.apps",
    "count/leases.coordination.k8s.io",
    "count/replicationcontrollers",
    "count/resourceclaims.resource.k8s.io",
)
_BY_OTHERS = {
    "count/endpointslices.discovery.k8s.io": "60",  # a controller makes them for Services
    "count/networkpolicies.networking.k8s.io": "5",  # the first is ours
}
"""Kinds that no student creates: a ceiling all the same, should a right ever be added."""


class Quota(Strict):
    """Ceiling of one environment; a count of 0 forbids the kind."""

    cpu: Cpu = "2"
    """Of all containers together, requests and limits alike."""

    memory: Memory = "4Gi"
    """Of all containers together, requests and limits alike."""

    ephemeral: Storage = "10Gi"
    """Disk of all containers together that goes with the pod."""

    storage: Storage = "10Gi"
    """Of all volumes together."""

    pods: Whole = 20
    services: Whole = 10
    secrets: Whole = 30
    configmaps: Whole = 30
    volumes: Whole = 5
    """PersistentVolumeClaims."""

    deployments: Whole = 15
    replicasets: Whole = 60
    """Kubernetes keeps ten old ones a Deployment, so this is more than it looks."""

    statefulsets: Whole = 5
    jobs: Whole = 30
    cronjobs: Whole = 5
    ingresses: Whole = 5
    autoscalers: Whole = 5
    disruption_budgets: Whole = 5

    @field_validator(
        "pods", "services", "secrets", "configmaps", "volumes", "deployments",
        "replicasets", "statefulsets", "jobs", "cronjobs", "ingresses",
        "autoscalers", "disruption_budgets",
    )  # fmt: skip
    @classmethod
    def _countable(cls, count: int, info: ValidationInfo) -> int:
        least = 1 if info.field_name == "pods" else 0
        if not least <= count <= MAX_OBJECTS:
            wrong(f"must be {least} to {MAX_OBJECTS}")
        return count

    def hard(self) -> dict[str, str]:
        """Return the ceiling as a ResourceQuota writes it.

        What no student may have at all stands in it as 0: a door to the outside that
        we do not control, a pod on every node, a device.
        """
        return dict(_hard(self))


@functools.lru_cache(maxsize=8)
def _hard(quota: Quota) -> dict[str, str]:
    """Put it together once: it is the same for every student."""
    return {
        **{f"{side}.cpu": quota.cpu for side in ("requests", "limits")},
        **{f"{side}.memory": quota.memory for side in ("requests", "limits")},
        **{f"{side}.ephemeral-storage": quota.ephemeral for side in ("requests", "limits")},
        "requests.storage": quota.storage,
        f"requests.{GPU}": "0",
        "pods": str(quota.pods),
        "services": str(quota.services),
        **{name: str(getattr(quota, field)) for field, name in COUNTED.items()},
        **dict.fromkeys(_FORBIDDEN, "0"),
        **_BY_OTHERS,
    }
