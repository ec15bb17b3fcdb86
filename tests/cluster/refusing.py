"""A policy of somebody else's on the cluster, which refuses what a run wants to make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .course import Course

REASON = "not on this cluster"

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: refuse-{cohort}}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - apiGroups: [rbac.authorization.k8s.io]
      apiVersions: [v1]
      operations: [CREATE]
      resources: [rolebindings]
  validations:
  - {{expression: "!({where}) && request.name != 'probe-{cohort}'", message: "{reason}"}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: refuse-{cohort}}}
spec: {{policyName: refuse-{cohort}, validationActions: [Deny]}}
"""


@contextmanager
def refusing_bindings(
    course: Course, namespace: str, wait_until: Callable[..., None], name: str = ""
) -> Iterator[None]:
    """Have the server refuse every RoleBinding in a namespace, or that of one name.

    The namespace may be yet to come. What holds is waited for, before and after.
    """
    where = f"request.namespace == '{namespace}'"
    where += f" && request.name == '{name}'" if name else ""
    policy = POLICY.format(cohort=course.name, where=where, reason=REASON)
    course.admin("apply", "-f", "-", stdin=policy)
    wait_until(lambda: _refuses(course))
    try:
        yield
    finally:
        course.admin("delete", "-f", "-", stdin=policy)
        wait_until(lambda: not _refuses(course))


def _refuses(course: Course) -> bool:
    try:
        course.admin("create", "rolebinding", f"probe-{course.name}", "--clusterrole=view",
                     "--user=x", "-n", "default", "--dry-run=server")  # fmt: skip
    except AssertionError as error:
        return REASON in str(error)
    return False
