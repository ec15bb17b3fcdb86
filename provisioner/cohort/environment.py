"""What one student's environment may use: ceilings, defaults, network, pod security.

The numbers suit thirty students on one good machine and the heaviest week of a
machine-learning course: three replicas, a monitoring stack, a small model served.
"""

import functools
import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from .. import quantity
from .given import PullSecret, SharedVolume, apart, different
from .values import (
    Cpu,
    HostName,
    ImagePattern,
    Memory,
    Network,
    ObjectName,
    Storage,
    Whole,
    wrong,
)

__all__ = ["Environment", "Limits", "Quota"]

GPU = "nvidia.com/gpu"
"""The device that the NVIDIA plug-in of a cluster offers; the one that courses ask for."""

MAX_GPUS = 64
MAX_OBJECTS = 1000
"""Of one kind and student: 300 students with 1 MiB each would fill etcd long before."""


_COUNTED = {
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
_LEAST = {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"}
"""A limit of 0 would mean no limit, and count as nothing against the quota."""

_RESOURCES = {"cpu": "cpu", "memory": "memory", "ephemeral": "ephemeral-storage"}
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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quota(_Strict):
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
        **{name: str(getattr(quota, field)) for field, name in _COUNTED.items()},
        **dict.fromkeys(_FORBIDDEN, "0"),
        **_BY_OTHERS,
    }


class ContainerDefault(_Strict):
    """What a container may use that says nothing of it."""

    cpu: Cpu = "500m"
    memory: Memory = "512Mi"
    ephemeral: Storage = "1Gi"


class ContainerRequest(_Strict):
    """What is reserved for a container that says nothing of it."""

    cpu: Cpu = "50m"
    memory: Memory = "64Mi"
    ephemeral: Storage = "64Mi"


class ContainerMax(_Strict):
    """The most that one container may ask for; the quota where None."""

    cpu: Cpu | None = None
    memory: Memory | None = None
    ephemeral: Storage | None = None


class Limits(_Strict):
    """Defaults and ceiling of one container."""

    default: ContainerDefault = ContainerDefault()
    request: ContainerRequest = ContainerRequest()
    max: ContainerMax = ContainerMax()

    def container(self) -> dict[str, dict[str, str]]:
        """Return the limits of a container as a LimitRange writes them."""
        return {side: dict(amounts) for side, amounts in _container(self).items()}


@functools.lru_cache(maxsize=8)
def _container(limits: Limits) -> dict[str, dict[str, str]]:
    """Put it together once: it is the same for every student."""
    sides = {"default": limits.default, "defaultRequest": limits.request, "max": limits.max}
    said = {side: amounts for side, model in sides.items() if (amounts := _amounts(model))}
    return said | {"min": _LEAST}


def _amounts(model: BaseModel) -> dict[str, str]:
    """Return what is set, under the names that Kubernetes has for it."""
    amounts = model.model_dump(exclude_none=True)
    return {_RESOURCES[field]: amount for field, amount in amounts.items()}


def _which_egress(value: Any) -> str:  # noqa: ANN401  (Pydantic's signature)
    return "<networks>" if isinstance(value, list | tuple) else "<name>"


def _some_networks(value: object) -> object:
    return value if value else wrong("lists no network; write `egress: none`")


Egress = Annotated[
    Annotated[Literal["internet", "none"], Tag("<name>")]
    | Annotated[tuple[Network, ...], BeforeValidator(_some_networks), Tag("<networks>")],
    Discriminator(_which_egress),
]


class Ingress(_Strict):
    """Hosts for students' web apps: ``<namespace>.<suffix>`` and below it."""

    suffix: HostName
    ingress_class: ObjectName = Field(alias="class")


class Environment(_Strict):
    """What every student of the cohort gets."""

    pod_security: Literal["baseline", "restricted"] = "baseline"
    """What pods must keep to; baseline warns of what restricted would refuse."""

    quota: Quota = Quota()
    limits: Limits = Limits()

    egress: Egress = "internet"
    """``internet`` (all but private, link-local and reserved networks), ``none``, or a list
    of networks. The own namespace and DNS are always reached."""

    images: tuple[ImagePattern, ...] = ()
    """Images that pods may use, by full name without tag; ``*`` stands for names below
    it. Any image when empty."""

    storage_classes: tuple[ObjectName, ...] = ()
    """Classes that volumes may be of; the cluster's own choice when empty."""

    ingress: Ingress | None = None
    """Which hosts students may show a web app under; no Ingress at all when None."""

    shared_volumes: Annotated[tuple[SharedVolume, ...], AfterValidator(apart)] = ()
    """Data that every student can read."""

    gpu: Whole = 0
    """Graphics processors (``nvidia.com/gpu``) that all of a student's pods may hold together."""

    pull_secrets: Annotated[tuple[PullSecret, ...], AfterValidator(different)] = ()
    """Secrets with a login at a private registry, which pods pull images by."""

    def hard(self, quota: Quota | None = None) -> dict[str, str]:
        """Return the ceiling as a ResourceQuota writes it, with what the course itself gives.

        Args:
            quota: Another one than the cohort's.
        """
        quota = quota or self.quota
        more = {f"requests.{GPU}": str(self.gpu)}
        if self.pull_secrets:
            more[_COUNTED["secrets"]] = str(quota.secrets + len(self.pull_secrets))
        if self.shared_volumes:
            more[_COUNTED["volumes"]] = str(quota.volumes + len(self.shared_volumes))
            sizes = [quantity.parse(one.size) for one in self.shared_volumes]
            more["requests.storage"] = str(int(quantity.parse(quota.storage) + sum(sizes)))
        return quota.hard() | more

    @property
    def devices(self) -> tuple[str, ...]:
        """What containers may ask for beside processor, memory and disk."""
        return (GPU,) if self.gpu else ()

    @field_validator("gpu")
    @classmethod
    def _some_gpus(cls, count: int) -> int:
        if not 0 <= count <= MAX_GPUS:
            wrong(f"must be 0 to {MAX_GPUS}")
        return count

    def holding(self, quota: Quota) -> Self:
        """Return the same with another ceiling.

        Raises:
            PydanticCustomError: If the limits of a container do not fit below it.
        """
        other = self.model_copy(update={"quota": quota})
        _refuse_what_never_fits(other)
        return other

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse limits that no pod could keep: Kubernetes says so only to the student."""
        _refuse_what_never_fits(self)
        return self


def _refuse_what_never_fits(environment: Environment) -> None:
    limits, quota = environment.limits, environment.quota
    for thing in _RESOURCES:
        steps = [
            (f"limits.request.{thing}", getattr(limits.request, thing)),
            (f"limits.default.{thing}", getattr(limits.default, thing)),
            (f"limits.max.{thing}", getattr(limits.max, thing)),
            (f"quota.{thing}", getattr(quota, thing)),
        ]
        _refuse_a_step_down([(name, amount) for name, amount in steps if amount])


def _refuse_a_step_down(steps: list[tuple[str, str]]) -> None:
    for (low, less), (high, more) in itertools.pairwise(steps):
        if quantity.parse(less) > quantity.parse(more):
            wrong(f"sets {low} above {high}")
