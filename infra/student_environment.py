"""One student's namespace, the fences around it, and the way in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pulumi

from provisioner.manifest import Manifest

from .kubernetes_objects import declare, resource_name


@dataclass(frozen=True, kw_only=True)
class StudentEnvironmentArgs:
    """What an environment is made of."""

    manifests: tuple[Manifest, ...]
    """The rendered objects, the Namespace first and the RoleBindings last."""


class StudentEnvironment(pulumi.ComponentResource):
    """A namespace with quota, limits, network policy, accounts and role bindings."""

    TYPE = "practicum:kubernetes:StudentEnvironment"

    namespace: pulumi.Output[str]
    """Name of the student's namespace."""

    def __init__(
        self,
        name: str,
        args: StudentEnvironmentArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(self.TYPE, name, None, opts)
        first, *rest = args.manifests
        namespace = declare(resource_name(name, first), first, pulumi.ResourceOptions(parent=self))
        inside = first["metadata"]["name"]
        within = partial(self._declare, name, namespace=namespace, inside=inside)
        claims = [one for one in rest if one["kind"] == "PersistentVolumeClaim"]
        ways_in = [one for one in rest if one["kind"] == "RoleBinding"]
        fences = [
            within(manifest, after=[namespace], counted=_counts(manifest, claims))
            for manifest in rest
            if manifest["kind"] not in ("PersistentVolumeClaim", "RoleBinding")
        ]
        # A quota that nobody has counted yet lets none in; nor does one that is to grow.
        fences += [within(claim, after=[namespace, *fences]) for claim in claims]
        # Half an environment is never open: the way in comes after the fences.
        for way_in in ways_in:
            within(way_in, after=[namespace, *fences])
        self.namespace = pulumi.Output.from_input(inside)
        self.register_outputs({"namespace": self.namespace})

    def _declare(
        self,
        name: str,
        manifest: Manifest,
        namespace: pulumi.Resource,
        inside: str,
        *,
        after: list[pulumi.CustomResource],
        counted: bool = False,
    ) -> pulumi.CustomResource:
        # What lies in the namespace goes with it; the identity lies elsewhere and is
        # deleted by name, so that a dropped student's credential dies.
        goes_along = manifest["metadata"].get("namespace") == inside
        opts = pulumi.ResourceOptions(
            parent=self, depends_on=after, deleted_with=namespace if goes_along else None
        )
        return declare(resource_name(name, manifest), manifest, opts, counted=counted)


def _counts(manifest: Manifest, claims: list[Manifest]) -> bool:
    return bool(claims) and manifest["kind"] == "ResourceQuota"
