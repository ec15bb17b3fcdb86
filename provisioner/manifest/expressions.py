"""The CEL of the admission policies, where it is more than a line.

CEL fails closed here: an expression that cannot be evaluated is a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .. import names
from . import labels

CONTROLLERS = "system:serviceaccount:kube-system:"
KCM = "system:kube-controller-manager"
"""Who the controllers are where they share one identity."""

LARGEST_DATA = 64 * 1024


def quoted(text: str) -> str:
    r"""Write a text as a CEL string, whatever is in it.

    >>> quoted("it's")
    "'it\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _one_of(*users: str) -> str:
    return "[" + ", ".join(quoted(user) for user in (*users, KCM)) + "]"


WAS_OURS = (
    "oldObject != null && has(oldObject.metadata) && has(oldObject.metadata.labels) &&"
    f" {quoted(labels.COHORT)} in oldObject.metadata.labels"
)

_OUR_KEYS = f".exists(key, key.startsWith({quoted(labels.PREFIX)}))"
LOOKS_LIKE_OURS = (
    "object != null && has(object.metadata) && ("
    f"(has(object.metadata.labels) && object.metadata.labels{_OUR_KEYS}) ||"
    f" (has(object.metadata.annotations) && object.metadata.annotations{_OUR_KEYS}))"
)

_SUBRESOURCE = "has(request.subResource) && request.subResource"
BY_SYSTEM = (
    "(request.operation == 'DELETE' && request.userInfo.username in "
    + _one_of(CONTROLLERS + "namespace-controller", CONTROLLERS + "generic-garbage-collector")
    + ") || (request.resource.resource == 'namespaces' &&"
    + f" {_SUBRESOURCE} in ['status', 'finalize'] && request.userInfo.username in "
    + _one_of(CONTROLLERS + "namespace-controller")
    + ") || (request.resource.resource == 'resourcequotas' &&"
    + f" {_SUBRESOURCE} == 'status' && request.userInfo.username in "
    + _one_of(CONTROLLERS + "resourcequota-controller", "system:apiserver")
    + ") || (request.resource.resource == 'persistentvolumeclaims' &&"
    + " request.operation == 'UPDATE' && request.userInfo.username in "
    + _one_of(CONTROLLERS + "persistent-volume-binder", CONTROLLERS + "pvc-protection-controller")
    + ")"
)
"""Namespaces end, quotas fill, garbage goes, and claims on what is shared are bound and let go of;
each by the one identity that does it."""

FINALIZERS = (
    "!has(object.metadata.finalizers) || object.metadata.finalizers.all(f,"
    " f in ['foregroundDeletion', 'orphan'] ||"
    # Only where there is a controller that takes them away again.
    " (f == 'kubernetes.io/pvc-protection' &&"
    " request.resource.resource == 'persistentvolumeclaims') ||"
    " (f == 'batch.kubernetes.io/job-tracking' && request.resource.resource == 'pods') ||"
    " (oldObject != null && has(oldObject.metadata.finalizers) &&"
    " f in oldObject.metadata.finalizers))"
)

# Keys count too, and bytes: a key may be long, and a letter four bytes.
_SIZE = (
    "(has(object.{0}) ? object.{0}.map(key,"
    " size(bytes(key)) + size(bytes(object.{0}[key]))).sum() : 0)"
)
CONFIGMAP_SIZE = f"{_SIZE.format('data')} + {_SIZE.format('binaryData')} <= {LARGEST_DATA}"
SECRET_SIZE = f"{_SIZE.format('data')} <= {LARGEST_DATA}"

_CONDITIONS = [
    f"node.kubernetes.io/{condition}"
    for condition in (
        "not-ready",
        "unreachable",
        "memory-pressure",
        "disk-pressure",
        "pid-pressure",
    )
]


def tolerations(devices: Iterable[str] = ()) -> str:
    """Return CEL that holds when a pod tolerates nothing but the standard node conditions.

    Args:
        devices: What the course offers beside: a node that has one may be kept for such pods,
            and the API server itself then adds the toleration.
    """
    keys = ", ".join(quoted(key) for key in (*_CONDITIONS, *devices))
    return (
        "!has(object.spec.tolerations) || object.spec.tolerations.all(t, has(t.key) && t.key in"
        f" [{keys}])"
    )


_TERM = "!has({0}.namespaces) && !has({0}.namespaceSelector)"


def _own_namespace(kind: str) -> str:
    at = f"object.spec.affinity.{kind}"
    required = f"{at}.requiredDuringSchedulingIgnoredDuringExecution"
    preferred = f"{at}.preferredDuringSchedulingIgnoredDuringExecution"
    return (
        f"(!has({at}) || ("
        f"(!has({required}) || {required}.all(t, {_TERM.format('t')})) &&"
        f" (!has({preferred}) ||"
        f" {preferred}.all(w, {_TERM.format('w.podAffinityTerm')}))))"
    )


AFFINITY = (
    "!has(object.spec.affinity) || ("
    f"{_own_namespace('podAffinity')} && {_own_namespace('podAntiAffinity')})"
)

_COUNTED = ("cpu", "memory", "ephemeral-storage")
_AMOUNTS = "(!has({0}.resources.{1}) || {0}.resources.{1}.all(name, name in [{2}]))"

ALL_IMAGES = (
    "object.spec.containers.map(c, has(c.image) ? c.image : '') +"
    " (has(object.spec.initContainers) ?"
    " object.spec.initContainers.map(c, has(c.image) ? c.image : '') : []) +"
    " (has(object.spec.ephemeralContainers) ?"
    " object.spec.ephemeralContainers.map(c, has(c.image) ? c.image : '') : []) +"
    " (has(object.spec.volumes) ? object.spec.volumes.filter(v, has(v.image) &&"
    " has(v.image.reference)).map(v, v.image.reference) : [])"
)

STORAGE_ANNOTATION = (
    "!has(object.metadata.annotations) ||"
    " !('volume.beta.kubernetes.io/storage-class' in object.metadata.annotations)"
)
"""The annotation of old wins over the field, and may be empty."""

KEPT_BY_COURSE = f"({WAS_OURS})"
"""A claim of ours, which by another policy nobody changes but who binds it."""

VOLUME_NAME = (
    "!has(object.spec.volumeName) || object.spec.volumeName == '' ||"
    " (request.operation == 'UPDATE' && ((has(oldObject.spec.volumeName) &&"
    " oldObject.spec.volumeName == object.spec.volumeName) || request.userInfo.username in "
    + _one_of(CONTROLLERS + "persistent-volume-binder")
    + "))"
)

INGRESS_ANNOTATIONS = (
    "!has(object.metadata.annotations) || object.metadata.annotations.all(key,"
    " !key.contains('snippet') && !key.contains('/server-'))"
)


def mounted_read_only(claims: Iterable[str]) -> str:
    """Return CEL that holds when a pod mounts what is shared so that it cannot write.

    Said by the pod, for a volume's own word is obeyed for few kinds.

    Args:
        claims: Names of the claims on what is shared.
    """
    names = ", ".join(quoted(claim) for claim in claims)
    return (
        "!has(object.spec.volumes) || object.spec.volumes.all(v,"
        f" !has(v.persistentVolumeClaim) || !(v.persistentVolumeClaim.claimName in [{names}]) ||"
        " (has(v.persistentVolumeClaim.readOnly) && v.persistentVolumeClaim.readOnly))"
    )


def resources(devices: Iterable[str] = ()) -> str:
    """Return CEL that holds when a pod asks for nothing but what the quota has a line for.

    Of huge pages, and of each device that a node offers, a quota only counts what it names.

    Args:
        devices: What may be asked for beside processor, memory and disk.
    """
    names = ", ".join(quoted(name) for name in (*_COUNTED, *devices))

    def fair(what: str) -> str:
        sides = (_AMOUNTS.format(what, side, names) for side in ("requests", "limits"))
        return f"(!has({what}.resources) || ({' && '.join(sides)}))"

    # dyn, or the server's check of types warns: it knows no map of quantities, and in older
    # clusters no resources of the whole pod.
    return (
        f"object.spec.containers.all(c, {fair('dyn(c)')}) && (!has(object.spec.initContainers) ||"
        f" object.spec.initContainers.all(c, {fair('dyn(c)')})) && {fair('dyn(object.spec)')}"
    )


def images_match(patterns: Iterable[str]) -> str:
    """Return CEL that holds when every image fits a pattern, from its first letter to its last.

    A pattern is an image's full name without tag; ``*`` stands for names below it.
    """
    patterns = list(patterns)
    if not patterns:
        return "true"
    regex = "^(" + "|".join(_image_regex(pattern) for pattern in patterns) + ")(:[^/]+|@[^/]+)*$"
    return f"variables.images.all(i, i.matches({quoted(regex)}) && !i.contains('..'))"


def _image_regex(pattern: str) -> str:
    return "[a-z0-9._/-]+".join(re.escape(part) for part in pattern.split("*"))


def storage_class(allowed: Iterable[str]) -> str:
    """Return CEL for a claim's class: one of those allowed, or any but none."""
    names = ", ".join(quoted(name) for name in allowed)
    if names:
        return f"has(object.spec.storageClassName) && object.spec.storageClassName in [{names}]"
    # An empty class asks for a volume that somebody has left behind.
    return "!has(object.spec.storageClassName) || object.spec.storageClassName != ''"


def own_namespace(cohort: str) -> str:
    """Return CEL that holds in a namespace of the cohort: by its name, which nobody can change."""
    identity, students = names.identity_namespace(cohort), f"{cohort}--"
    return (
        f"request.namespace == {quoted(identity)} ||"
        f" request.namespace.startsWith({quoted(students)})"
    )


def ingress_hosts(suffix: str) -> str:
    """Return CEL that holds when every host is the namespace's own, or below it."""
    own = f"(request.namespace + '.' + {quoted(suffix)})"
    mine = f"(h == {own} || h.endsWith('.' + {own})) && !h.contains('*')"
    return (
        "!has(object.spec.defaultBackend) && has(object.spec.rules) &&"
        f" object.spec.rules.all(r, has(r.host) && [r.host].all(h, {mine})) &&"
        f" (!has(object.spec.tls) || object.spec.tls.all(t, !has(t.hosts) || t.hosts.all(h, {mine})))"
    )
