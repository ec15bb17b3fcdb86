"""What whoever runs Practicum must be allowed to do, as three ClusterRoles a cohort.

| role | what for | a person who holds it |
| --- | --- | --- |
| guard installer | what all students share, each object by its name | can become anybody: `escalate` |
| environment operator | namespaces, what is in them, accounts, and binding the cohort's roles | runs the course |
| proof reader | to list every type but Secrets, and to ask what others may do | sees everything but Secrets |

Secrets and tokens are in none of them: RBAC cannot say *in this namespace* in a role for
the whole cluster. The guard binds them to the cohort's operators, in the identity
namespace alone (`manifest.role.credentials_rules`).

The roles carry no mark of the cohort: `down` must not take away what it works with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import manifest
from ..manifest import Manifest
from .resources import RBAC, RESOURCES, VOLUMES, Resource

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

RBAC_GROUP = RBAC.split("/")[2]
CHANGES = ["create", "patch", "delete"]
SECRETS = ("", "secrets")

Type = tuple[str, str]
"""API group and plural of a type."""


def roles(cohort: Cohort, types: Iterable[Type]) -> list[Manifest]:
    """Render the three ClusterRoles.

    Args:
        cohort: The cohort that they are for.
        types: Every type that the cluster can list.
    """
    parts = {
        "guard-installer": guard_installer(cohort),
        "environment-operator": [*operator(cohort), *suspension(), room()],
        "proof-reader": proof_reader(types),
    }
    return [_role(cohort, who, rules) for who, rules in parts.items()] + sources(cohort)


def sources(cohort: Cohort) -> list[Manifest]:
    """Render the Roles to read the pull secrets that are copied, each by its name."""
    places: dict[str, list[str]] = defaultdict(list)
    for secret in cohort.environment.pull_secrets:
        places[secret.namespace].append(secret.name)
    name = manifest.role_name(cohort.name, "pull-secrets-reader")
    return [
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "Role",
            "metadata": {"name": name, "namespace": place},
            "rules": [_plain("", ["secrets"], ["get"]) | {"resourceNames": secrets}],
        }
        for place, secrets in places.items()
    ]


def _role(cohort: Cohort, who: str, rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": manifest.role_name(cohort.name, who)},
        "rules": rules,
    }


def impersonator(cohort: Cohort, users: Iterable[str]) -> Manifest:
    """Render the ClusterRole to act as some users, as `verify` does where it has no token.

    RBAC knows no prefix of names: without the names, whoever holds it could act as any
    administrator. So it lists everybody, and is printed anew when somebody joins.
    """
    rule = _plain("", ["users"], ["impersonate"]) | {"resourceNames": sorted(set(users))}
    return _role(cohort, "impersonator", [rule])


def guard_installer(cohort: Cohort) -> list[Manifest]:
    """Return the rules for what all students share and stands in no namespace."""
    named = _named(cohort)
    bound = [
        one["roleRef"]["name"]
        for one in manifest.guard(cohort)
        if one["kind"].endswith("Binding") and "roleRef" in one
    ]
    return [
        *(_rule(RESOURCES[kind], ["get", *CHANGES], names) for kind, names in named.items()),
        # The roles hold more than we do, so the API server asks for this by name.
        _rule(RESOURCES["ClusterRole"], ["escalate"], named["ClusterRole"]),
        *([_rule(RESOURCES["ClusterRole"], ["bind"], sorted(set(bound)))] if bound else []),
    ]


def operator(cohort: Cohort) -> list[Manifest]:
    """Return the rules for namespaces, what is in them, and seeing what all share."""
    shared = [kind for kind, resource in RESOURCES.items() if not resource.namespaced]
    bound = ["student", "assistant", *([manifest.ARCHIVE] if cohort.operators else [])]
    bound += [manifest.WITH_SECRETS] if cohort.shows_secrets else []
    bound += [manifest.PULL_SECRETS] if cohort.operators_copy else []
    roles = [manifest.role_name(cohort.name, who) for who in bound]
    return [
        _rule(RESOURCES["Namespace"], ["get", "list", "watch", *CHANGES]),
        *(
            _rule(resource, ["get", "list", "watch", *CHANGES])
            for resource in RESOURCES.values()
            if resource.namespaced
        ),
        # Whoever makes volumes can reach files of nodes: so only where the cohort has any.
        *(
            _rule(resource, ["get", "list", "watch", *CHANGES])
            for resource in (VOLUMES.values() if cohort.environment.shared_volumes else ())
        ),
        *(_rule(RESOURCES[kind], ["list", "watch"]) for kind in shared if kind != "Namespace"),
        *(_rule(RESOURCES[kind], ["get"], names) for kind, names in _named(cohort).items()),
        _rule(RESOURCES["ClusterRole"], ["bind"], roles),
        # Pulumi's provider follows them, to tell why something does not come up.
        _plain("", ["events"], ["list", "watch"]),
        _plain("authorization.k8s.io", ["selfsubjectaccessreviews"], ["create"]),
        _plain("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
        # Nobody serves this: it is what the admission policies ask for.
        manifest.manage_rule(cohort.name),
    ]


def suspension() -> list[Manifest]:
    """Return the rules to bring to rest what students run, and to wake it."""
    return [
        _plain("", ["pods"], ["list", "delete"]),
        _plain("apps", ["deployments", "replicasets", "statefulsets"], ["list", "patch"]),
        _plain("batch", ["cronjobs", "jobs"], ["list", "patch"]),
    ]


def room() -> Manifest:
    """Return the rule to see what nodes have, and what pods take of it, for `capacity`."""
    return _plain("", ["nodes", "pods"], ["list"])


def proof_reader(types: Iterable[Type]) -> list[Manifest]:
    """Return the rules to list every type that there is, Secrets excepted, and to ask.

    One by one, since RBAC has no *all but*: a type that is added to the cluster later is
    told by `down` as one that could not be searched.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for group, plural in types:
        if (group, plural) != SECRETS:
            groups[group].add(plural)
    return [
        *(_plain(group, sorted(plurals), ["list"]) for group, plurals in sorted(groups.items())),
        # `verify` waits until a quota is counted; `doctor` asks what strangers may do.
        _plain("", ["resourcequotas"], ["watch"]),
        _plain("authorization.k8s.io", ["subjectaccessreviews"], ["create"]),
    ]


def _named(cohort: Cohort) -> dict[str, list[str]]:
    """Return what the guard has outside namespaces: names by kind."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in manifest.guard(cohort):
        if one["kind"] != "Namespace" and not RESOURCES[one["kind"]].namespaced:
            found[one["kind"]].append(one["metadata"]["name"])
    return dict(found)


def _rule(resource: Resource, verbs: list[str], names: Iterable[str] = ()) -> Manifest:
    rule = _plain(resource.group, [resource.plural], verbs)
    return rule | ({"resourceNames": list(names)} if names else {})


def _plain(group: str, plurals: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": plurals, "verbs": verbs}
