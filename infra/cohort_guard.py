"""What the students of a cohort share: identity namespace, roles, priority class."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from provisioner.manifest import Manifest

from .kubernetes_objects import declare, resource_name


@dataclass(frozen=True, kw_only=True)
class CohortGuardArgs:
    """What a guard is made of."""

    manifests: tuple[Manifest, ...]
    """The rendered objects, the identity Namespace first."""


class CohortGuard(pulumi.ComponentResource):
    """Everything that stands once a cohort, before the first student."""

    TYPE = "practicum:kubernetes:CohortGuard"

    identity_namespace: pulumi.Output[str]
    """Name of the namespace that holds the students' accounts."""

    def __init__(
        self, name: str, args: CohortGuardArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(self.TYPE, name, None, opts)
        first, *rest = args.manifests
        namespace = declare(resource_name(name, first), first, pulumi.ResourceOptions(parent=self))
        identity = first["metadata"]["name"]
        for manifest in rest:
            inside = manifest["metadata"].get("namespace") == identity
            opts = pulumi.ResourceOptions(
                parent=self,
                depends_on=[namespace] if inside else None,
                deleted_with=namespace if inside else None,
            )
            declare(resource_name(name, manifest), manifest, opts)
        self.identity_namespace = pulumi.Output.from_input(identity)
        self.register_outputs({"identity_namespace": self.identity_namespace})
