"""One admission policy, and how it is written for the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import labels
from .objects import Manifest, make

API = "admissionregistration.k8s.io/v1"
ALL = "*"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One policy, before it is spelled out for the API server."""

    name: str
    group: str
    resources: tuple[str, ...]
    """Subresources by name: a rule on ``pods`` does not see ``pods/ephemeralcontainers``."""

    validations: tuple[tuple[str, str], ...]
    """CEL that must hold, and what a student is told when it does not."""

    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    variables: tuple[tuple[str, str], ...] = ()
    only_if: tuple[str, str] | None = None
    """A name and CEL: what it is about in the whole cluster, whoever asks. Else it is about the
    students' namespaces, and does not bind the cohort's operators."""


def policy_name(cohort: str, policy: str) -> str:
    """Return the name of a policy, which also is its binding's."""
    return f"practicum-{cohort}-{policy}"


def spelled_out(cohort: str, policy: Policy) -> list[Manifest]:
    """Write out what the API server would default, so that a plan can compare it."""
    name, owned = policy_name(cohort, policy.name), labels.shared(cohort)
    condition, expression = policy.only_if or ("not-an-operator", _not_an_operator(cohort))
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": _matching({}) | {"resourceRules": _rules(policy)},
        "matchConditions": [{"name": condition, "expression": expression}],
        "validations": [
            {"expression": expression, "message": message}
            for expression, message in policy.validations
        ],
    }
    if policy.variables:
        spec["variables"] = [
            {"name": name, "expression": expression} for name, expression in policy.variables
        ]
    students = {
        "matchExpressions": [
            {"key": labels.COHORT, "operator": "In", "values": [cohort]},
            {"key": labels.STUDENT, "operator": "Exists"},
        ]
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": _matching({} if policy.only_if else students),
    }
    return [
        make(API, "ValidatingAdmissionPolicy", name, labels=owned, spec=spec),
        make(API, "ValidatingAdmissionPolicyBinding", name, labels=owned, spec=binding),
    ]


def _rules(policy: Policy) -> list[dict[str, Any]]:
    """Name what a policy looks at: never anything of the cluster as a whole.

    A selector of namespaces lets every object through that is in none, so a rule on all
    kinds would bind the whole cluster. Of these only the Namespace itself is ours to mind.
    """
    rule = {
        "apiGroups": [policy.group],
        "apiVersions": ["*" if policy.group == ALL else "v1"],
        "operations": list(policy.operations),
        "resources": list(policy.resources),
        "scope": "Namespaced",
    }
    if policy.group != ALL:
        return [rule]
    itself = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": list(policy.operations),
        "resources": ["namespaces", "namespaces/*"],
        "scope": "Cluster",
    }
    return [rule, itself]


def _matching(namespaces: Manifest) -> dict[str, Any]:
    return {"matchPolicy": "Equivalent", "namespaceSelector": namespaces, "objectSelector": {}}


def _not_an_operator(cohort: str) -> str:
    group, resource = labels.PREFIX.rstrip("/"), "cohorts"
    return (
        f"!authorizer.group('{group}').resource('{resource}').name('{cohort}')"
        ".check('manage').allowed()"
    )
