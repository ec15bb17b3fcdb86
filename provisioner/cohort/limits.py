"""What one container may use: its defaults and its ceiling."""

import functools

from pydantic import BaseModel

from .strict import Strict
from .values import Cpu, Memory, Storage

__all__ = ["Limits"]

RESOURCES = {"cpu": "cpu", "memory": "memory", "ephemeral": "ephemeral-storage"}
"""What the cohort file calls each, and what Kubernetes does."""

_LEAST = {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"}
"""A limit of 0 would mean no limit, and count as nothing against the quota."""


class ContainerDefault(Strict):
    """What a container may use that says nothing of it."""

    cpu: Cpu = "500m"
    memory: Memory = "512Mi"
    ephemeral: Storage = "1Gi"


class ContainerRequest(Strict):
    """What is reserved for a container that says nothing of it."""

    cpu: Cpu = "50m"
    memory: Memory = "64Mi"
    ephemeral: Storage = "64Mi"


class ContainerMax(Strict):
    """The most that one container may ask for; the quota where None."""

    cpu: Cpu | None = None
    memory: Memory | None = None
    ephemeral: Storage | None = None


class Limits(Strict):
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
    return {RESOURCES[field]: amount for field, amount in amounts.items()}
