"""Copies of the Secrets that pods pull images by, as far as they are rendered: without content.

No rendering, plan or Pulumi state ever holds what is in them. A copy notes which version of
which Secret it is of; that is all a comparison takes, and it says nothing of the content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import labels
from .objects import Manifest, ObjectKey, make

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

SOURCE = labels.PREFIX + "source"
"""An annotation: UID and version of the Secret that a copy is of."""

COPY_OF = "kubernetes.io/dockerconfigjson"
"""The type that a source must have, and that a copy has."""

NOT_READ = ""
"""The version of a source that could not be looked at: then a copy that is there is left."""

Versions = Mapping[str, str]
"""By a pull secret's name, which version of its source there is now."""


def copies(
    cohort: Cohort, owner: str, namespace: str, versions: Versions | None = None
) -> list[Manifest]:
    """Render the copies that one environment is to have, all but their content.

    Args:
        cohort: The cohort file.
        owner: Name of the student, or of the group.
        namespace: The environment's namespace.
        versions: What there is to copy.
    """
    rendered = []
    for secret in cohort.environment.pull_secrets:
        marks = {labels.COHORT: cohort.name, labels.STUDENT: owner}
        copy = make("v1", "Secret", secret.name, namespace=namespace, labels=marks, type=COPY_OF)
        version = (versions or {}).get(secret.name, NOT_READ)
        copy["metadata"]["annotations"] = {SOURCE: version}
        rendered.append(copy)
    return rendered


def names_for_pods(cohort: Cohort) -> dict[str, Any]:
    """Return the field of the default ServiceAccount that gives pods the copies."""
    named = [{"name": secret.name} for secret in cohort.environment.pull_secrets]
    return {"imagePullSecrets": named} if named else {}


def named_by(account: Manifest) -> list[ObjectKey]:
    """Return the keys of the Secrets that a live ServiceAccount gives to pods."""
    namespace = account["metadata"].get("namespace", "")
    return [
        ObjectKey("Secret", namespace, one["name"]) for one in account.get("imagePullSecrets") or []
    ]


def is_copy(item: Manifest) -> bool:
    """Say whether an object is a copy that Practicum made of a pull secret."""
    metadata = item["metadata"]
    ours = labels.COHORT in (metadata.get("labels") or {})
    return ours and SOURCE in (metadata.get("annotations") or {})
