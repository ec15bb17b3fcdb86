"""Say in which fields a live object differs from the one we want.

The comparison is exact where Practicum owns a field and silent everywhere else:
labels and annotations of others, status and server bookkeeping do not count.
Quantities compare by value (``1000m`` is ``1``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import quantity
from ..manifest import PREFIX, TIE, Manifest

EXACT: dict[str, tuple[str, ...]] = {
    "ClusterRole": ("rules", "aggregationRule"),
    "ClusterRoleBinding": ("roleRef", "subjects"),
    "KindCluster": ("spec",),
    "LimitRange": ("spec",),
    "Namespace": (),
    "NetworkPolicy": ("spec",),
    "PersistentVolume": ("spec",),
    "PersistentVolumeClaim": ("spec",),
    "PriorityClass": ("value", "globalDefault", "preemptionPolicy", "description"),
    "ResourceQuota": ("spec",),
    "RoleBinding": ("roleRef", "subjects"),
    "Secret": (),
    "ServiceAccount": ("automountServiceAccountToken", "imagePullSecrets"),
    "ValidatingAdmissionPolicy": ("spec",),
    "ValidatingAdmissionPolicyBinding": ("spec",),
}
"""The fields of each kind that are ours from end to end, beside our metadata."""

IF_WANTED = {"ServiceAccount": "imagePullSecrets"}
"""A field that is ours where the cohort file says something of it, else whoever's it is."""

OURS = (PREFIX, "pod-security.kubernetes.io/")
"""Labels and annotations with these prefixes are ours, also when we did not set them."""

FOREIGN_METADATA = ("finalizers", "ownerReferences")
"""We set none of these; whoever adds one can keep the object from being deleted."""

PROTECTION = {
    "Namespace": [TIE],
    "PersistentVolume": ["kubernetes.io/pv-protection"],
    "PersistentVolumeClaim": ["kubernetes.io/pvc-protection"],
}
"""Kubernetes' own finalizers, which it takes away again when nobody uses the object, and the one
that a run keeps its claim by, which it takes away at its end."""

AMOUNTS = ("LimitRange", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota")
BINDING = ("resourceVersion", "uid")
"""What the cluster notes of the claim that a volume is bound to."""

Steps = tuple[str, ...]
"""The way to a field. Its last step may hold dots, as the name of a label does."""

_NOTHING = object()


def differences(wanted: Manifest, live: Manifest) -> list[str]:
    """List the fields in which a live object is not as wanted, as dotted paths.

    >>> want = {"kind": "ServiceAccount", "metadata": {}, "automountServiceAccountToken": False}
    >>> differences(want, {"metadata": {}})
    ['automountServiceAccountToken']
    """
    if _is_as_wanted(wanted, live):
        return []
    ours, theirs = _owned_of_both(wanted, live)
    return [] if ours == theirs else [".".join(steps) for steps in _paths(ours, theirs)]


def values(wanted: Manifest, live: Manifest) -> Iterator[tuple[str, Any, Any]]:
    """Yield each of these fields with what it is and what it is to be, spelled as they are.

    None stands for nothing. It takes longer than ``differences``, so it is for what differs.
    """
    ours, theirs = _owned(wanted, wanted["kind"]), _owned(live, wanted["kind"])
    for steps in _paths(*_owned_of_both(wanted, live)):
        yield ".".join(steps), _at(theirs, steps), _at(ours, steps)


def inner_values(before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401  (plain data)
    """Yield the same of two values, as ``values`` does of two objects.

    >>> list(inner_values({"max": {"cpu": "1", "pods": "2"}}, {"max": {"cpu": "1000m"}}))
    [('max.pods', '2', None)]
    """
    for steps in _paths(in_one_form(after), in_one_form(before)):
        yield ".".join(steps), _at(before, steps), _at(after, steps)


def _at(owned: Any, steps: Steps) -> Any:  # noqa: ANN401  (plain data)
    for step in steps:
        owned = owned.get(step) if isinstance(owned, dict) else None
    return owned


def _is_as_wanted(wanted: Manifest, live: Manifest) -> bool:
    """Say whether nothing of ours differs at first sight, with quantities as they are written.

    So it is with nearly all objects; to cut both down to what we own takes six times longer.
    """
    for name in EXACT[wanted["kind"]]:
        if wanted.get(name, _NOTHING) != live.get(name, _NOTHING):
            return False
    ours, theirs = wanted["metadata"], live["metadata"]
    for part in FOREIGN_METADATA:
        if theirs.get(part):
            return False
    return _holds(theirs.get("labels"), ours.get("labels")) and _holds(
        theirs.get("annotations"), ours.get("annotations")
    )


def _holds(theirs: dict[str, str] | None, ours: dict[str, str] | None) -> bool:
    """Say whether all of ours is there, and nothing beside it that would be ours too.

    What is beside it is Pulumi's notes on everything, and on a Namespace its name.
    """
    if theirs == ours:
        return True
    theirs, ours = theirs or {}, ours or {}
    for key in theirs:
        if key not in ours and key.startswith(OURS):
            return False
    return ours.items() <= theirs.items()


def strangers(wanted: Manifest, live: Manifest) -> dict[str, Any]:
    """Return the JSON merge patch that takes away what others added to our fields.

    Server-side apply sets our fields but leaves a key that another manager added to
    a map (a quota line, say), so these must be taken away by name. A list is put back
    whole: the provider's refresh sees no item that was added at its end (another subject,
    another way out), and would take the object for right. Empty when there is nothing to
    take away.
    """
    return _patch(*_owned_of_both(wanted, live), _owned(wanted, wanted["kind"]))


def _owned_of_both(wanted: Manifest, live: Manifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cut two objects down to what we own of them, with quantities in one form."""
    kind = wanted["kind"]
    ours, theirs = _owned(wanted, kind), _owned(live, kind)
    if kind in IF_WANTED and IF_WANTED[kind] not in ours:
        theirs.pop(IF_WANTED[kind], None)
    # Nearly always the two are the same to the letter; parsing them takes ten times longer.
    if ours == theirs or kind not in AMOUNTS:
        return ours, theirs
    return _with_amounts(ours), _with_amounts(theirs)


def _with_amounts(owned: dict[str, Any]) -> dict[str, Any]:
    return {name: in_one_form(part) if name == "spec" else part for name, part in owned.items()}


def _owned(manifest: Manifest, kind: str) -> dict[str, Any]:
    fields = {name: manifest[name] for name in EXACT[kind] if name in manifest}
    metadata = manifest["metadata"]
    kept: dict[str, Any] = {}
    for part in ("labels", "annotations"):
        kept[part] = {
            key: value for key, value in (metadata.get(part) or {}).items() if key.startswith(OURS)
        }
    kept |= {part: metadata[part] for part in FOREIGN_METADATA if metadata.get(part)}
    if kept.get("finalizers") == PROTECTION.get(kind):
        kept.pop("finalizers", None)
    if kind == "PersistentVolume":
        fields = _with_its_claim(fields, manifest)
    return fields | {"metadata": kept}


def _with_its_claim(fields: dict[str, Any], volume: Manifest) -> dict[str, Any]:
    """Pass over which claim it was bound to, unless that is gone: then the next cannot have it."""
    spec = fields.get("spec") or {}
    if (volume.get("status") or {}).get("phase") == "Released" or "claimRef" not in spec:
        return fields
    claim = {key: value for key, value in spec["claimRef"].items() if key not in BINDING}
    return {**fields, "spec": {**spec, "claimRef": claim}}


def in_one_form(value: Any) -> Any:  # noqa: ANN401  (plain data)
    """Return a value with every quantity in it as an amount: ``1000m`` is ``1``."""
    if isinstance(value, dict):
        return {key: in_one_form(item) for key, item in value.items()}
    if isinstance(value, list):
        return [in_one_form(item) for item in value]
    try:
        return quantity.parse(str(value))
    except ValueError:
        return value  # the type of a limit, for one


def _paths(wanted: Any, live: Any, at: Steps = ()) -> Iterator[Steps]:  # noqa: ANN401  (plain data)
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key in sorted(wanted.keys() | live.keys()):
            yield from _paths(wanted.get(key), live.get(key), (*at, key))
    elif wanted != live:
        yield at


def _patch(wanted: dict[str, Any], live: dict[str, Any], spelled: dict[str, Any]) -> dict[str, Any]:
    """Compare in one form; what is put back is spelled as it was rendered."""
    patch: dict[str, Any] = {}
    for key, value in live.items():
        if key not in wanted:
            patch[key] = None
        elif isinstance(value, list) and value != wanted[key]:
            patch[key] = spelled[key]
        elif isinstance(value, dict) and (inner := _patch(wanted[key], value, spelled[key])):
            patch[key] = inner
    return patch
