"""One student's environment: a namespace, its fences, and the way in.

The order is the order of creation: the RoleBinding comes last, so that half an
environment is never open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from ..cohort import Record, override, sections
from . import egress as way_out
from . import guard, labels, pull_secrets
from . import shared_volumes as sharing
from .objects import Manifest, make
from .role import PULL_SECRETS, WITH_SECRETS, operators_subjects, role_name

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Assistant, Cohort

NAME = "practicum"
"""Name of the one quota, limit range and network policy of a namespace."""


def environment(cohort: Cohort, record: Record) -> list[Manifest]:
    """Render everything that one student gets, in order of creation."""
    objects = [
        _namespace(cohort, record),
        _quota(cohort, record),
        _limits(cohort, record),
        _network_policy(cohort, record),
        _default_account(cohort, record),
        *sharing.shared_volumes(cohort, record),
    ]
    if not cohort.oidc:
        objects.append(_identity(cohort, record))
    if cohort.operators_copy:
        users = operators_subjects(cohort.operators)
        objects.append(_binding(cohort, record, PULL_SECRETS, users))
    if binding := student_binding(cohort, record):
        objects.append(binding)
    if watching := _assistants(cohort, record):
        objects.append(_binding(cohort, record, "assistant", watching))
    if reading := _secret_readers(cohort, record):
        objects.append(_binding(cohort, record, WITH_SECRETS, reading))
    return objects


def _namespace(cohort: Cohort, record: Record) -> Manifest:
    level = cohort.environment.pod_security
    namespace = make(
        "v1",
        "Namespace",
        record.namespace,
        labels=labels.of_student(cohort.name, record)
        | labels.of_record(record)
        | labels.pod_security(level, guard.POD_SECURITY_VERSION),
    )
    namespace["metadata"]["annotations"] = labels.notes_of_record(record) | sharing.notes(cohort)
    return namespace


def _inside(
    cohort: Cohort,
    record: Record,
    api_version: str,
    kind: str,
    name: str = NAME,
    **fields: Any,  # noqa: ANN401  (the object's own fields)
) -> Manifest:
    return make(
        api_version,
        kind,
        name,
        namespace=record.namespace,
        labels=labels.of_student(cohort.name, record),
        **fields,
    )


def _quota(cohort: Cohort, record: Record) -> Manifest:
    """Return the ceiling; while suspended it has no room for a pod, whoever would make it."""
    hard = cohort.environment.hard(override.quota_of(cohort, record.quota))
    if record.suspended:
        hard["pods"] = "0"
    return _inside(cohort, record, "v1", "ResourceQuota", spec={"hard": hard})


def _limits(cohort: Cohort, record: Record) -> Manifest:
    container = {"type": "Container", **cohort.environment.limits.container()}
    return _inside(cohort, record, "v1", "LimitRange", spec={"limits": [container]})


def _network_policy(cohort: Cohort, record: Record) -> Manifest:
    """Deny by default; let in the own namespace; let out what the cohort says."""
    own: Manifest = {"podSelector": {}}
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [own]}],
        "egress": [{"to": [own]}, _dns(), *_beyond(cohort.environment.egress)],
    }
    return _inside(cohort, record, "networking.k8s.io/v1", "NetworkPolicy", spec=spec)


def _dns() -> Manifest:
    # The namespace's name as a label is set by the API server: nobody can forge it.
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    ports = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    return {"to": [peer], "ports": ports}


def _beyond(egress: str | tuple[str, ...]) -> list[Manifest]:
    blocks = [{"ipBlock": block} for block in way_out.blocks(egress)]
    return [{"to": blocks}] if blocks else []


def _default_account(cohort: Cohort, record: Record) -> Manifest:
    """Take over the account that Kubernetes makes, so that no pod gets its token."""
    return _inside(
        cohort,
        record,
        "v1",
        "ServiceAccount",
        "default",
        automountServiceAccountToken=False,
        **pull_secrets.names_for_pods(cohort),
    )


def _identity(cohort: Cohort, record: Record) -> Manifest:
    """Return the student's account, where no pod of theirs can mount it."""
    return make(
        "v1",
        "ServiceAccount",
        record.name,
        namespace=names.identity_namespace(cohort.name),
        labels=labels.of_student(cohort.name, record),
        automountServiceAccountToken=False,
    )


def _binding(cohort: Cohort, record: Record, who: str, subjects: list[Manifest]) -> Manifest:
    return _inside(
        cohort,
        record,
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        f"{NAME}-{who}",
        roleRef={
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role_name(cohort.name, who),
        },
        subjects=subjects,
    )


def student_binding(cohort: Cohort, record: Record) -> Manifest | None:
    """Render what lets a student in; None for who is to stay out."""
    if record.suspended or record.revoked:
        return None
    if not cohort.oidc:
        return _binding(cohort, record, "student", [_account(cohort, record.name)])
    return _binding(cohort, record, "student", [_user(record.user)]) if record.user else None


def _assistants(cohort: Cohort, record: Record) -> list[Manifest]:
    """Return the assistants who look after a student."""
    watching = _watching(cohort, record)
    users = [_user(assistant.user) for assistant in watching if assistant.user]
    # Bound all the time, and open to nobody: `access grant` mints a token that ends.
    return users + [_account_of(cohort, assistant) for assistant in watching if assistant.key]


def _secret_readers(cohort: Cohort, record: Record) -> list[Manifest]:
    """Return those of them who may read Secrets too: each has a key, so a token that ends."""
    return [_account_of(cohort, one) for one in _watching(cohort, record) if one.secrets]


def _watching(cohort: Cohort, record: Record) -> list[Assistant]:
    return [one for one in cohort.assistants if sections.sees(cohort, one, record.section)]


def _account_of(cohort: Cohort, assistant: Assistant) -> Manifest:
    return _account(cohort, names.assistant(assistant.name))


def _user(name: str) -> Manifest:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}


def _account(cohort: Cohort, name: str) -> Manifest:
    return {
        "kind": "ServiceAccount",
        "name": name,
        "namespace": names.identity_namespace(cohort.name),
    }
