"""A policy of somebody else's, which refuses what a run is about to make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..waiting import until
from .course import Course

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: refuse-{name}}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - apiGroups: [{group}]
      apiVersions: [v1]
      operations: [{operations}]
      resources: [{resources}]
  validations:
  - {{expression: "{unless}", message: not on this cluster}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: refuse-{name}}}
spec: {{policyName: refuse-{name}, validationActions: [Deny]}}
"""


def refusing_bindings(name: str, unless: str) -> str:
    """Somebody else's policy that refuses RoleBindings, unless an expression holds."""
    return POLICY.format(
        name=name,
        group="rbac.authorization.k8s.io",
        operations="CREATE",
        resources="rolebindings",
        unless=unless,
    )


def refusing_quotas(course: Course, namespace: str) -> str:
    """The same for quotas in a namespace, and in `default`, where one can be tried beforehand."""
    return POLICY.format(
        name=course.name,
        group='""',
        operations="CREATE, UPDATE",
        resources="resourcequotas",
        unless=f"!(request.namespace in ['{namespace}', 'default'])",
    )


A_QUOTA = ("create", "quota", "probe", "-n", "default", "--dry-run=server")


@contextmanager
def imposed(course: Course, policy: str, *probe: str) -> Iterator[None]:
    """Have a policy in force while the block runs; a server takes a moment to heed and to forget.

    ``probe`` is what it refuses, for kubectl.
    """
    course.admin("apply", "-f", "-", stdin=policy)
    try:
        until(lambda: _is_denied(course, *probe))
        yield
    finally:
        course.admin("delete", "-f", "-", stdin=policy)
        until(lambda: not _is_denied(course, *probe))


def _is_denied(course: Course, *arguments: str) -> bool:
    try:
        course.admin(*arguments)
    except AssertionError as error:
        return "denied request" in str(error)
    return False
