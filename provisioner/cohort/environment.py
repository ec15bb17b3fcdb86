"""What one student's environment may use: ceilings, defaults, network, pod security."""

import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from .. import quantity
from .given import PullSecret, SharedVolume, apart, different
from .limits import RESOURCES, Limits
from .quota import COUNTED, GPU, Quota
from .strict import Strict
from .values import HostName, ImagePattern, Network, ObjectName, Whole, wrong

__all__ = ["Environment"]

MAX_GPUS = 64


def _which_egress(value: Any) -> str:  # noqa: ANN401  (Pydantic's signature)
    return "<networks>" if isinstance(value, list | tuple) else "<name>"


def _some_networks(value: object) -> object:
    return value if value else wrong("lists no network; write `egress: none`")


Egress = Annotated[
    Annotated[Literal["internet", "none"], Tag("<name>")]
    | Annotated[tuple[Network, ...], BeforeValidator(_some_networks), Tag("<networks>")],
    Discriminator(_which_egress),
]


class Ingress(Strict):
    """Hosts for students' web apps: ``<namespace>.<suffix>`` and below it."""

    suffix: HostName
    ingress_class: ObjectName = Field(alias="class")


class Environment(Strict):
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
            more[COUNTED["secrets"]] = str(quota.secrets + len(self.pull_secrets))
        if self.shared_volumes:
            more[COUNTED["volumes"]] = str(quota.volumes + len(self.shared_volumes))
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
    for thing in RESOURCES:
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
