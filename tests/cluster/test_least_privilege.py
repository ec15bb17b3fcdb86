"""`practicum role` grants what a whole lifecycle takes, and nothing that it does not use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import cluster
from provisioner.cluster.resources import VOLUMES

from .course import WORK, keep_pull_secret

pytestmark = pytest.mark.cluster

NEVER_SEEN = {
    "bind": "asked by the API server itself, while it takes a RoleBinding",
    "escalate": "asked by the API server itself, while it takes a ClusterRole",
    "manage": "asked by the admission policies; nobody serves the resource",
}
"""Verbs that no request has, so that no audit log shows them."""

SURPLUS = """
apiVersion: v1
kind: List
items:
- {{apiVersion: v1, kind: ResourceQuota, metadata: {meta}, spec: {{hard: {{pods: "9"}}}}}}
- {{apiVersion: v1, kind: LimitRange, metadata: {meta}, spec: {{limits: []}}}}
- {{apiVersion: v1, kind: ServiceAccount, metadata: {meta}}}
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {meta}
  spec: {{podSelector: {{}}, policyTypes: [Egress]}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {meta}
  spec:
    storageClassName: ""
    accessModes: [ReadOnlyMany]
    resources: {{requests: {{storage: 1Mi}}}}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata: {meta}
  roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
"""


@dataclass
class Operator:
    """A ServiceAccount that runs a course with the printed roles and nothing else."""

    user: str
    course: Any
    roles: list[dict[str, Any]]
    events: list[dict[str, Any]]
    receipt: dict[str, Any]
    findings: dict[str, str]
    proof: dict[str, Any]
    """What `verify` said, with the right to install a guard taken away."""

    def used(self) -> set[tuple[str, str, str]]:
        """Every verb, group and resource that was asked for."""
        found = set()
        for event in self.events:
            about = event.get("objectRef", {})
            below = f"/{about['subresource']}" if "subresource" in about else ""
            where = about.get("apiGroup", ""), about.get("resource", "") + below
            found.add((event["verb"], *where))
            if event["verb"] == "patch" and event["responseStatus"]["code"] == 201:
                found.add(("create", *where))  # an apply of what is not there
        return found


@pytest.fixture(scope="module")
def operator(new_course, control_plane, tmp_path_factory, wait_until) -> Operator:
    """The whole life of a cohort, run by one who holds exactly the three roles."""
    course = new_course()
    name = course.name
    user = f"system:serviceaccount:default:{name}"
    course.admin("create", "serviceaccount", name, "-n", "default")
    token = course.admin("create", "token", name, "-n", "default", "--duration=1h").strip()
    path = kubeconfig_of(token, control_plane.kubeconfig, tmp_path_factory.mktemp("operator"))
    cohort = {
        "cluster": {"kubeconfig": str(path), "context": "rehearsal"},
        "operators": [user],
        "assistants": [
            {"name": "Tabea", "user": "ta@example.org"},
            {"name": "Kim", "key": str(course.course_key.to_public()), "secrets": True},
        ],
        # Whoever is in a section sees that alone, so verify cannot have Kim play an assistant.
        "sections": [{"name": "A", "assistants": ["Kim"]}],
        "environment": {
            "pull_secrets": [{"name": "registry", "namespace": f"keep-{name}"}],
            "shared_volumes": [{"name": "datasets", "from": {"host_path": "/srv/datasets"}}],
        },
    }
    keep_pull_secret(course, f"keep-{name}", "before")
    course.write(["1", "2"], **cohort)
    course.give_key("1")
    printed = course.run("role", name).stdout
    course.admin("apply", "-f", "-", stdin=printed)
    roles = list(yaml.safe_load_all(printed))
    for role in roles:
        bind(course, role["metadata"]["name"], role["metadata"].get("namespace", ""))
    mark = control_plane.mark()
    receipt, findings, proof = live(course, control_plane, wait_until)
    events = [e for e in control_plane.since(mark) if e["user"].get("username") == user]
    found = {finding["about"]: finding["verdict"] for finding in findings}
    return Operator(user, course, roles, events, receipt, found, proof)


def live(
    course, control_plane, wait_until
) -> tuple[dict[str, Any], list[dict[str, str]], dict[str, Any]]:
    """Run every command; returns the receipt, what `doctor` found, and what `verify` said."""
    name = course.name
    course.json("doctor", name)
    before_class(course)
    course.up()
    a_new_password(course)
    course.json("status", name)
    course.json("handout", name)
    course.json("handout", name, "--renew")
    for command in ("rotate", "revoke", "reinstate"):
        course.json(command, name, "1")
    now_and_then(course)
    course.admin("apply", "-n", course.namespace("1"), "-f", "-", stdin=WORK)
    for command in ("suspend", "resume"):
        course.json(command, name, "1", "--yes")
    mark = control_plane.mark()
    with course.watching() as watched:
        drift(course)
        watched.until(lambda told: len(told) > 5, "differs")
        # Each has a thread of its own, and they have just begun.
        wanted = {*cluster.RESOURCES, *VOLUMES}
        wait_until(lambda: watched_kinds(control_plane.since(mark)) >= wanted)
    findings = course.json("doctor", name)["findings"]
    repaired = course.up()
    assert (repaired["changed"], repaired["failed"]) == (2, [])
    without_claims(course, "1").roster(["2"])
    installer = f"practicum-{name}-guard-installer"
    course.admin("delete", "clusterrolebinding", installer)  # nothing that all share differs
    assert course.up()["removed"] == 1
    assert set(course.actions().values()) == {"same"}
    proof = course.json("verify", name)
    bind(course, installer)
    return without_claims(course, "2").down(), findings, proof


def without_claims(course, id: str):
    """Take away what would hold a namespace up: to end one with claims, Kubernetes tries twice."""
    course.admin("delete", "statefulset,pvc", "--all", "-n", course.namespace(id))
    return course


def before_class(course) -> None:
    """Ask whether the class fits, without the role that may list whatever there is."""
    reader = f"practicum-{course.name}-proof-reader"
    course.admin("delete", "clusterrolebinding", reader)
    course.json("capacity", course.name)
    bind(course, reader)


def watched_kinds(events: list[dict[str, Any]]) -> set[str]:
    """Return the kinds that `plan --watch` follows by now; controllers watch with other names."""
    asked = {
        event["objectRef"]["resource"]
        for event in events
        if event["verb"] == "watch" and event.get("userAgent") == "practicum"
    }
    kinds = cluster.RESOURCES | VOLUMES
    return {kind for kind, resource in kinds.items() if resource.plural in asked}


def now_and_then(course) -> None:
    """Run what comes up in the middle of a term."""
    name = course.name
    course.json("access", "grant", name, "Kim", "--for", "1h")
    course.json("access", "list", name)
    course.json("access", "revoke", name, "Kim")
    course.json("keys", "audit", name)
    course.json("archive", "make", name, "1")
    course.json("resize", name, "1", "--quota", "pods=9", "--yes")
    course.json("rename", name, "1", "01", "--yes")
    course.json("rename", name, "01", "1", "--yes")


def bind(course, role: str, namespace: str = "") -> None:
    """Give a role to who runs the cohort, and wait until it counts."""
    kind, place = ("role", ("-n", namespace)) if namespace else ("clusterrole", ())
    account = f"default:{course.name}"
    course.admin("create", f"{kind}binding", role, f"--{kind}={role}",
                 f"--serviceaccount={account}", *place)  # fmt: skip
    rules = json.loads(course.admin("get", kind, role, "-o", "json", *place))["rules"]
    verb, what = next(map(a_right, rules))
    course.await_right(f"system:serviceaccount:{account}", verb, what, *place)


def a_right(rule: dict[str, Any]) -> tuple[str, str]:
    """Return one verb of a rule, and on what, in the words of `kubectl auth can-i`."""
    resource = ".".join(filter(None, (rule["resources"][0], rule["apiGroups"][0])))
    return rule["verbs"][0], "/".join([resource, *rule.get("resourceNames", ())[:1]])


def a_new_password(course) -> None:
    """The registry's login changes, and the next `up` brings it to everybody."""
    keep_pull_secret(course, f"keep-{course.name}", "after")
    assert set(course.actions().values()) == {"change"}
    assert course.up()["changed"] == 2
    assert set(course.actions().values()) == {"same"}


def kubeconfig_of(token: str, admin: Path, folder: Path) -> Path:
    config = yaml.safe_load(admin.read_text())
    config["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def drift(course) -> None:
    """Somebody deletes, changes and adds things that bear our mark."""
    first, second = course.namespace("1"), course.namespace("2")
    course.admin("delete", "quota,limits,netpol,rolebinding,sa", "--all", "-n", first)
    labels = {"practicum.dev/cohort": course.name, "practicum.dev/student": "s2"}
    meta = json.dumps({"name": "left", "namespace": second, "labels": labels})
    course.admin("apply", "-f", "-", stdin=SURPLUS.format(meta=meta))


def test_the_whole_lifecycle_is_never_refused(operator):
    refused = [
        (event["verb"], event["requestURI"])
        for event in operator.events
        if event["responseStatus"]["code"] == 403
    ]

    assert len(operator.events) > 100
    assert refused == []
    assert operator.findings.pop("unseen") == "warning"
    assert set(operator.findings.values()) == {"ok"}


def test_verify_proves_as_much_as_the_roles_allow_and_says_what_they_do_not(operator):
    """Pods' accounts and people without a key would take rights that open everything."""
    verdicts = {one["id"]: one["verdict"] for one in operator.proof["requirements"]}
    told = {id: one["why"] for one in operator.proof["unproven"] for id in one["requirements"]}

    assert (operator.proof["verdict"], operator.proof["failures"]) == ("passed", [])
    assert "may not mint a token of a pod's account" in told["ISO-35"]
    assert "may not impersonate" in told["ISO-08"]
    assert {id for id, verdict in verdicts.items() if verdict == "unproven"} == {
        *("ISO-08", "ISO-25", "ISO-26", "ISO-34", "ISO-35", "CRD-01", "CRD-22"),
        "ISO-22",  # there is a private image, and no AlwaysPullImages
    }


def test_no_rule_is_there_for_nothing(operator):
    planted = {"rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]}

    assert sorted(granted(operator.roles) - operator.used()) == []
    assert granted([planted]) - operator.used() == {("get", "apps", "deployments")}


def granted(roles: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for group, resource in product(rule["apiGroups"], rule["resources"])
        for verb in rule["verbs"]
        if verb not in NEVER_SEEN
    }


def test_the_receipt_says_where_secrets_were_looked_for(operator):
    searched = operator.receipt["searched"]

    assert operator.receipt["proved"]
    assert "secrets (the cohort's namespaces only)" in searched
    assert "secrets" not in searched


def test_the_three_roles_open_no_secret(operator):
    def may(*words: str) -> bool:
        as_operator = f"--as={operator.user}"
        try:
            operator.course.admin("auth", "can-i", *words, "-A", as_operator, "-q")
        except AssertionError:
            return False
        return True

    assert may("list", "configmaps")
    assert not any(may(verb, "secrets") for verb in ("get", "list", "watch", "create"))
    assert not may("create", "serviceaccounts", "--subresource=token")
