"""The proof fails on each kind of thing that a cohort could leave, and names it.

The cohort was taken down with proof. Then one thing after the other is planted, and the
very search of `down` is run: it finds that thing, and nothing else.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from provisioner import cluster
from provisioner.lifecycle import down, leftovers, lock
from provisioner.lifecycle.reading import read
from provisioner.pulumi_stack import RUN_MARK
from provisioner.settings import Settings

pytestmark = pytest.mark.cluster


class Scene:
    """A cohort that is gone, and the search for what is left of it."""

    def __init__(self, course) -> None:
        self.course, self.name = course, course.name
        self.namespace, self.identity = course.namespace("1"), f"practicum-{course.name}"
        self.account = f"system:serviceaccount:{self.identity}:s1"
        self.settings = Settings(stacks=course.stacks, home=course.home)
        self.reading = read(self.settings, course.name)
        self.tokens: dict[str, str] = {}

    def search(self) -> list[str]:
        found = down.search(self.settings, self.reading, self.tokens)
        assert found.unlisted == []
        return found.remaining

    @contextmanager
    def file(self, path: Path, content: str):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        try:
            yield
        finally:
            path.unlink()


@pytest.fixture(scope="module")
def scene(new_course):
    course = new_course(["1"])
    course.give_key("1")
    course.up()
    course.json("handout", course.name)
    receipt = course.down("--no-archive")
    assert receipt["proved"]
    assert receipt["tokens_tried"] == 1
    return Scene(course)


def test_the_proof_holds_where_nothing_was_left(scene):
    assert scene.search() == []


def rules(scene):
    return [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]


def binding(kind, subject, **metadata):
    return lambda scene: {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": f"left-{scene.name}", **metadata},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [subject(scene)],
    }


def account(scene):
    return {"kind": "ServiceAccount", "name": "s1", "namespace": scene.identity}


def user(scene):
    return {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": scene.account}


def request_of(scene) -> str:
    """A certificate request in the name of a student's account, made by somebody else."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, scene.account)])
    key = ed25519.Ed25519PrivateKey.generate()
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, None)
    return base64.b64encode(made.public_bytes(Encoding.PEM)).decode()


ADMISSION = "admissionregistration.k8s.io/v1"

PLANTED = {
    "a marked object": (
        lambda s: {
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": f"left-{s.name}", "namespace": "default",
                         "labels": {"practicum.dev/cohort": s.name}},
        },
        "configmaps default/left-{name} carries the cohort's mark",
    ),
    "a binding of a student's account": (
        binding("ClusterRoleBinding", account),
        "clusterrolebindings.rbac.authorization.k8s.io left-{name} gives rights to {identity}",
    ),
    "a binding of an account by its user name, in another namespace": (
        binding("RoleBinding", user, namespace="default"),
        "rolebindings.rbac.authorization.k8s.io default/left-{name} names accounts of {identity},"
        " at subjects.name",
    ),
    "a volume": (
        lambda s: {
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": f"left-{s.name}"},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                     "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/nowhere"},
                     "claimRef": {"namespace": s.namespace, "name": "work"}},
        },
        "persistentvolumes left-{name} is claimed from {namespace}",
    ),
    "a certificate request": (
        lambda s: {
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": f"left-{s.name}"},
            "spec": {"request": request_of(s), "signerName": "example.org/nobody",
                     "usages": ["client auth"]},
        },
        "certificatesigningrequests.certificates.k8s.io left-{name}"
        " asks for a certificate of an account of {identity}",
    ),
    "an admission policy": (
        lambda s: {
            "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": f"practicum-{s.name}-pods"},
            "spec": {"validations": [{"expression": "true"}], "matchConstraints": {
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                                   "operations": ["CREATE"], "resources": ["widgets"]}]}},
        },
        "validatingadmissionpolicies.admissionregistration.k8s.io practicum-{name}-pods"
        " has the name of what the cohort shared",
    ),
    "a binding of a policy": (
        lambda s: {
            "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": f"left-{s.name}"},
            "spec": {"policyName": "nobodys", "validationActions": ["Audit"], "matchResources": {
                "namespaceSelector": {"matchLabels": {"practicum.dev/cohort": s.name}}}},
        },
        "validatingadmissionpolicybindings.admissionregistration.k8s.io left-{name}"
        " selects the cohort by its label, at spec.matchResources.namespaceSelector.matchLabels",
    ),
    "a priority class": (
        lambda s: {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1,
                   "metadata": {"name": f"practicum-{s.name}"}},
        "priorityclasses.scheduling.k8s.io practicum-{name} has the name of what the cohort shared",
    ),
    "a flow schema": (
        lambda s: {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
            "metadata": {"name": f"left-{s.name}"},
            "spec": {"priorityLevelConfiguration": {"name": "catch-all"}, "rules": [{
                "subjects": [{"kind": "ServiceAccount",
                              "serviceAccount": {"namespace": s.identity, "name": "*"}}],
                "nonResourceRules": [{"nonResourceURLs": ["*"], "verbs": ["get"]}]}]},
        },
        "flowschemas.flowcontrol.apiserver.k8s.io left-{name} points to {identity},"
        " at spec.rules.subjects.serviceAccount.namespace",
    ),
    "a cluster role": (
        lambda s: {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                   "metadata": {"name": f"practicum-{s.name}-student"}, "rules": rules(s)},
        "clusterroles.rbac.authorization.k8s.io practicum-{name}-student"
        " has the name of what the cohort shared",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "line"), PLANTED.values(), ids=PLANTED)
def test_the_proof_fails_on_an_object(scene, make, line):
    planted = json.dumps(make(scene))
    scene.course.admin("apply", "--server-side", "-f", "-", stdin=planted)
    try:
        found = scene.search()
    finally:
        scene.course.admin("delete", "-f", "-", stdin=planted)

    names = {"name": scene.name, "identity": scene.identity, "namespace": scene.namespace}
    assert found == [line.format(**names)]


def defined(plural, *versions):
    """A type of the group left.example.org; the first of its versions is the stored one."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.left.example.org"},
        "spec": {
            "group": "left.example.org",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural[:-1], "kind": plural[:-1].title()},
            "versions": [
                {"name": one, "served": True, "storage": one == versions[0], "schema": schema}
                for one in versions
            ],
        },
    }


def test_the_proof_fails_on_an_object_of_a_type_that_its_groups_first_version_lacks(
    scene, wait_until
):
    """As Istio's EnvoyFilter, which is v1alpha3 in a group that prefers v1."""
    types = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [defined("gates", "v1", "v1alpha1"), defined("filters", "v1alpha1")],
        }
    )
    planted = {
        "apiVersion": "left.example.org/v1alpha1",
        "kind": "Filter",
        "metadata": {"name": "one", "labels": {"practicum.dev/cohort": scene.name}},
    }
    kubectl = scene.course.admin
    kubectl("create", "-f", "-", stdin=types)
    try:
        kubectl("wait", "--for=condition=Established", "crd/filters.left.example.org",
                "crd/gates.left.example.org")  # fmt: skip
        wait_until(lambda: served_of(scene) == ["filters/v1alpha1", "gates/v1"])
        kubectl("create", "-n", "default", "-f", "-", stdin=json.dumps(planted))
        found = scene.search()
    finally:
        kubectl("delete", "-f", "-", stdin=types)
        wait_until(lambda: served_of(scene) == [])  # else the next search finds them silent

    assert found == ["filters.left.example.org default/one carries the cohort's mark"]


def served_of(scene):
    types, _ = cluster.listable(scene.reading.client)
    return sorted(f"{one.plural}/{one.version}" for one in types if "left.example" in one.group)


def test_the_proof_fails_on_a_namespace_that_lost_its_label_and_on_all_in_it(scene):
    scene.course.admin("create", "namespace", scene.namespace)
    scene.course.admin("create", "configmap", "work", "-n", scene.namespace)
    try:
        found = scene.search()
    finally:
        scene.course.admin("delete", "namespace", scene.namespace)

    assert f"namespaces {scene.namespace} was the cohort's" in found
    place = f"configmaps {scene.namespace}/work is in a namespace that was the cohort's"
    assert place in found


def test_the_proof_fails_on_a_token_that_still_opens(scene, monkeypatch):
    """Its account is a stranger's, which lives; those of the cohort are shown to be dead."""
    monkeypatch.setattr(leftovers, "SECONDS", 0.0)
    scene.tokens = {"s1": scene.course.admin("create", "token", "default", "-n", "default").strip()}
    try:
        found = scene.search()
    finally:
        scene.tokens = {}

    assert found == ["a token of the account s1 is still good"]


KUBECONFIG = (
    "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: 0123456789abcdef\n"
)
FILES = {
    "a kubeconfig in plain": (
        lambda home, name: home / "handout" / name / "1.kubeconfig",
        KUBECONFIG, "is not encrypted and holds a credential",
    ),
    "a kubeconfig in plain, called encrypted": (
        lambda home, name: home / "access" / name / "lee.kubeconfig.age",
        KUBECONFIG, "is not encrypted and holds a credential",
    ),
    "a private key beside the archives": (
        lambda home, name: home / "archive" / name / "key.txt",
        "AGE-SECRET-KEY-1XYZ\n", "is not encrypted and holds a credential",
    ),
    "a lock of Pulumi's": (
        lambda home, name: home / "state" / ".pulumi" / "locks" / "organization" / "practicum"
        / f"{name}.wave-01" / "0.json",
        "{}", "is a lock of Pulumi's",
    ),
    "a stack's state": (
        lambda home, name: home / "state" / ".pulumi" / "stacks" / "practicum"
        / f"{name}.wave-01.json",
        "{}", "is a stack's state",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("where", "content", "why"), FILES.values(), ids=FILES)
def test_the_proof_fails_on_a_file(scene, where, content, why):
    path = where(scene.course.home, scene.name)

    with scene.file(path, content):
        here = leftovers.on_this_machine(scene.settings, scene.name)

    assert len(here) == 1
    assert here[0].endswith(why)
    assert str(path.name) in here[0]


def test_the_proof_fails_on_an_archive_in_plain(scene):
    folder = scene.course.home / "archive" / scene.name / "opened"
    (folder / "objects").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    try:
        here = leftovers.on_this_machine(scene.settings, scene.name)
    finally:
        shutil.rmtree(folder)

    assert here == [f"{folder} is an archive that lies there in plain"]


def test_the_proof_fails_on_a_process_of_a_run(scene):
    mark = lock.run_name(scene.course.home, scene.name)
    left = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"],
        env={**os.environ, RUN_MARK: mark}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        left.stdout.read(1)
        here = leftovers.on_this_machine(scene.settings, scene.name)
    finally:
        left.communicate()

    assert len(here) == 1
    assert here[0].startswith(f"process {left.pid} ")
