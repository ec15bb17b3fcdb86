"""Is every guard in its place, in every student's real namespace, as it is rendered?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from .. import names
from ..cluster import Client
from ..cohort import Cohort
from ..errors import ClusterError
from ..manifest import Manifest, ObjectKey, belongs_to
from ..plan import Part, Plan
from .finding import Finding
from .scene import is_scratch

CONCERNS = {
    "Namespace": ("ISO-10", "ISO-16"),
    "ResourceQuota": ("ISO-30",),
    "LimitRange": ("ISO-31",),
    "NetworkPolicy": ("ISO-24",),
    "ServiceAccount": ("ISO-35",),
    "RoleBinding": ("ISO-01",),
    "ClusterRole": ("ISO-01", "ISO-08"),
    "ClusterRoleBinding": ("ISO-28",),
    "PriorityClass": ("ISO-19",),
    "ValidatingAdmissionPolicy": ("ISO-28",),
    "ValidatingAdmissionPolicyBinding": ("ISO-28",),
}
"""The requirements that a kind of object is there for."""

STANDARDS = {
    "Namespace": ("CIS-5.2.1", "CIS-5.6.1"),
    "ResourceQuota": ("MTB-PL1-CC-FNS-1", "MTB-PL1-CC-FNS-2"),
    "NetworkPolicy": ("CIS-5.3.2",),
    "ServiceAccount": ("CIS-5.1.5", "CIS-5.1.6"),
    "ClusterRole": ("CIS-5.1.3",),
}

POLICY = "ValidatingAdmissionPolicy"
BINDINGS = ("rolebindings", "clusterrolebindings")
BUILT_IN = ("admin", "cluster-admin", "edit")


def guards(plan: Plan, owned: Mapping[ObjectKey, Manifest]) -> Iterator[Finding]:
    """Compare what is rendered with what runs, part by part.

    Args:
        plan: The comparison of the whole cohort.
        owned: Every live object of it.
    """
    for part in (plan.guard, *plan.students, *plan.groups):
        if not is_scratch(part.name):
            yield from _part(part)
    yield from _policies(plan.guard, owned)


def _part(part: Part) -> Iterator[Finding]:
    its = (
        part.record.id if part.record else f"group {part.group.title}" if part.group else part.name
    )
    who = "shared by all" if part.name == "guard" else its
    broken: dict[str, list[str]] = defaultdict(list)
    kinds = dict.fromkeys(manifest["kind"] for manifest in part.wanted)
    for change in part.changes:
        broken[change.partition("/")[0]].append(change)
    for kind in kinds or broken:
        missing = part.action == "create"
        why = f"{kind}: the environment is not there" if missing else "; ".join(broken[kind])
        yield Finding(
            about=f"{who}: {kind} is as it was rendered",
            requirements=CONCERNS.get(kind, ("ISO-01",)),
            verdict="failed" if why else "passed",
            why=f"{who}: {why}" if why else "",
            standards=STANDARDS.get(kind, ()),
            topic="guards",
        )


def _policies(guard: Part, owned: Mapping[ObjectKey, Manifest]) -> Iterator[Finding]:
    for wanted in guard.wanted:
        if wanted["kind"] != POLICY:
            continue
        name = wanted["metadata"]["name"]
        live = owned.get(ObjectKey(POLICY, "", name))
        why = _unsound(live) if live else "is missing"
        yield Finding(
            about=f"policy {name}: no errors, refuses when in doubt",
            requirements=("ISO-28",),
            verdict="failed" if why else "passed",
            why=f"{POLICY}/{name} {why}" if why else "",
            topic="guards",
        )


def _unsound(live: Manifest) -> str:
    spec, status = live.get("spec") or {}, live.get("status") or {}
    if spec.get("failurePolicy") != "Fail":
        return "lets requests pass that it cannot judge"
    if "paramKind" in spec:
        return "takes its rules from an object that could be changed"
    warnings = (status.get("typeChecking") or {}).get("expressionWarnings")
    if warnings:
        return f"has errors in {warnings[0].get('fieldRef', 'an expression')}"
    if status.get("observedGeneration") != live["metadata"].get("generation"):
        return "failed to prove: its expressions have not been checked by the cluster yet"
    return ""


def bindings(client: Client, cohort: Cohort, plan: Plan) -> Iterator[Finding]:
    """Look through all bindings of the cluster for rights that we have not given."""
    identity = names.identity_namespace(cohort.name)
    homes = {part.record.namespace for part in plan.students if part.record}
    users = {part.record.user for part in plan.students if part.record and part.record.user}
    homes |= {part.group.namespace for part in plan.groups if part.group}
    for plural in BINDINGS:
        why = []
        cases = 0
        path = f"/apis/rbac.authorization.k8s.io/v1/{plural}"
        try:
            for live in client.pages(path):
                cases += 1
                if strange := _strange(live, cohort.name, homes, identity, users):
                    why.append(strange)
        except ClusterError as error:
            why = [f"failed to prove: {plural} cannot be listed: {error}"]
        yield Finding(
            about=f"all {plural} of the cluster: none gives rights that are not ours",
            requirements=("ISO-02",),
            verdict="failed" if why else "passed",
            why="; ".join(why),
            standards=("CIS-5.1.1", "CIS-5.1.3", "CIS-5.1.7"),
            cases=max(cases, 1),
            topic="guards",
        )


def _strange(
    live: Manifest, cohort: str, homes: Iterable[str], identity: str, users: Container[str] = ()
) -> str:
    metadata, role = live["metadata"], live["roleRef"]["name"]
    name = f"{metadata.get('namespace', 'cluster')}/{metadata['name']}"
    if belongs_to(cohort, live):
        return f"{name} gives the built-in role {role}" if role in BUILT_IN else ""
    inside = metadata.get("namespace") in homes
    ours = [s for s in live.get("subjects") or [] if _is_ours(s, homes, identity, users)]
    if inside:
        return f"RoleBinding {name} was made by somebody else and gives {role}"
    return f"binding {name} of somebody else gives {role} to the course's accounts" if ours else ""


def _is_ours(
    subject: Mapping[str, Any], homes: Iterable[str], identity: str, users: Container[str]
) -> bool:
    places = {*homes, identity}
    if subject.get("kind") == "User":
        return subject.get("name") in users
    if subject.get("kind") == "Group":
        return subject.get("name") in {f"system:serviceaccounts:{place}" for place in places}
    return subject.get("kind") == "ServiceAccount" and subject.get("namespace") in places
