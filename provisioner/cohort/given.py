"""What a course gives to every environment beside room: a way to its registry, and its data."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from .strict import Strict
from .values import ClaimName, HostName, NamespaceName, ObjectName, Storage, Text, wrong

__all__ = ["PullSecret", "SharedVolume"]

MAX_PULL_SECRETS = 5
MAX_SHARED_VOLUMES = 10

SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/run"),
    *("/sbin", "/sys", "/usr", "/var/lib", "/var/log", "/var/run"),
)
"""Folders of a node that hold what it lives by, or its credentials."""


class PullSecret(Strict):
    """A Secret of the cluster that is copied into every environment; its content stands nowhere."""

    name: ObjectName
    """Of the Secret, and of each copy."""

    namespace: NamespaceName
    """Where the operator keeps it, out of students' reach."""


def different(secrets: tuple[PullSecret, ...]) -> tuple[PullSecret, ...]:
    """Refuse two copies of one name, and more than a ServiceAccount should name."""
    if len({secret.name for secret in secrets}) < len(secrets):
        wrong("names a Secret twice")
    if len(secrets) > MAX_PULL_SECRETS:
        wrong(f"has more than {MAX_PULL_SECRETS} entries")
    return secrets


def _absolute(path: str) -> str:
    parts = path.split("/")
    if not path.startswith("/") or {".", ".."} & set(parts) or "" in parts[1:]:
        wrong("is no path such as /srv/datasets")
    return path


def _harmless(path: str) -> str:
    for own in SYSTEM:
        if f"{path}/".startswith(f"{own}/") or own.startswith(f"{path}/"):
            wrong(f"meets {own}, which is the node's own; keep data for students apart")
    return path


NodePath = Annotated[Text, AfterValidator(_absolute), AfterValidator(_harmless)]


class Nfs(Strict):
    """A folder that an NFS server exports."""

    server: Text
    path: Annotated[Text, AfterValidator(_absolute)]


class Csi(Strict):
    """A volume of a driver that the cluster has."""

    driver: HostName
    volume_handle: Text
    attributes: Mapping[str, Text] = {}
    """As the driver names them; no place for a secret, for the rendering shows them."""


class VolumeSource(Strict):
    """Where the data lies: one of these."""

    nfs: Nfs | None = None
    csi: Csi | None = None
    host_path: NodePath | None = None
    """A folder that every node has."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.nfs, self.csi, self.host_path)) != 1:
            wrong("must have one of nfs, csi and host_path")
        return self


class SharedVolume(Strict):
    """Data that every student can read, and nobody write."""

    name: ClaimName
    """Of the claim that pods mount."""

    source: VolumeSource = Field(alias="from")
    size: Storage = "1Gi"
    """What the volume and its claim say; nothing holds the data to it."""


def apart(volumes: tuple[SharedVolume, ...]) -> tuple[SharedVolume, ...]:
    """Refuse two claims of one name, and more than a namespace should have."""
    if len({volume.name for volume in volumes}) < len(volumes):
        wrong("names a volume twice")
    if len(volumes) > MAX_SHARED_VOLUMES:
        wrong(f"has more than {MAX_SHARED_VOLUMES} entries")
    return volumes
