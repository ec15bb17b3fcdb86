"""A policy of somebody else's, which refuses what a run is about to make."""

from __future__ import annotations

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: refuse-{name}}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - apiGroups: [rbac.authorization.k8s.io]
      apiVersions: [v1]
      operations: [CREATE]
      resources: [rolebindings]
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
    return POLICY.format(name=name, unless=unless)
