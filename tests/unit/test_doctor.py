"""ISO-09: what `doctor` says of clusters that no rehearsal can be, played by a client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from provisioner.cluster import ApiError, NotKnownError
from provisioner.lifecycle.checks import doctor
from provisioner.lifecycle.checks.openness import openness
from provisioner.settings import Settings

from ..sample import cohort
from .conftest import Answer

OWN = {"kubeconfig": "~/.kube/config", "context": "course"}
REFUSES = ApiError(
    422, "Invalid", "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value"
)


class Played:
    """Answers as an API server with some settings; nobody is bound to anything unusual."""

    def __init__(
        self, *, anonymous=401, allows=(), asks=True, pod_security=True, bindings=(), classes=None,
        default=None, pods=("10.244.0.0/24", "10.244.1.0/24"), services=("10.96.0.0/16",),
    ):  # fmt: skip
        self.anonymous, self.allows, self.asks = anonymous, allows, asks
        self.pod_security, self.bindings, self.known = pod_security, bindings, True
        self.classes = [
            {"metadata": {"name": name}, "reclaimPolicy": policy}
            for name, policy in (classes or {}).items()
        ]
        self.ranges = {
            "nodes": pods and [{"spec": {"podCIDRs": [one]} if one else {}} for one in pods],
            "servicecidrs": services and [{"spec": {"cidrs": list(services)}}],
            "priorityclasses": [
                {"metadata": {"name": "system-node-critical"}},
                *([{"metadata": {"name": default}, "globalDefault": True}] if default else []),
            ],
        }

    def bearing(self, _):
        stranger = Played(anonymous=self.anonymous)
        stranger.known = False
        return stranger

    def pages(self, path, **_):
        plural = path.rpartition("/")[2]
        if plural == "storageclasses":
            return iter(self.classes)
        if plural in self.ranges:
            if self.ranges[plural] is None:
                raise ApiError(404, "NotFound", "the server could not find the requested resource")
            return iter(self.ranges[plural])
        return iter([one for one in self.bindings if one["kind"].lower() + "s" == plural])

    def each(self, call, items):
        return [(item, call(item)) for item in items]

    def request(self, method, path, *, body=None, query=None):
        if not self.known:
            return self.answer_a_stranger()
        if path.endswith("/namespaces"):
            assert query == {"dryRun": "All"}
            if self.pod_security:
                raise REFUSES
            return {}
        spec = body["spec"]
        if body["kind"] == "SelfSubjectAccessReview":
            return {"status": {"allowed": self.asks}}
        return {"status": {"allowed": spec["user"] in self.allows}}

    def answer_a_stranger(self):
        if self.anonymous == 401:
            raise NotKnownError("The cluster does not accept our credential.")
        if self.anonymous == 403:
            raise ApiError(403, "Forbidden", 'User "system:anonymous" cannot list namespaces')
        return {"items": []}


def found(**settings):
    return {one.about: one for one in openness(cohort(), Played(**settings))}


@pytest.mark.parametrize("anonymous", [401, 403])
def test_a_cluster_that_is_as_it_should_be_is_fine(anonymous):
    checks = found(anonymous=anonymous)

    assert {about: one.verdict for about, one in checks.items()} == {
        "everybody": "ok",
        "strangers": "ok",
        "pod security": "ok",
        "network": "ok",
    }


@pytest.mark.parametrize(
    ("settings", "about", "told", "fix"),
    [
        ({"anonymous": 200}, "strangers", "no credential list namespaces", "--anonymous-auth"),
        (
            {"allows": ("practicum:stranger", "system:anonymous")},
            "strangers",
            "whoever can log in may get secrets",
            "AlwaysAllow",
        ),
        ({"allows": ("system:anonymous",)}, "strangers", "whoever shows no credential may", "RBAC"),
        ({"pod_security": False}, "pod security", "does not exist", "--disable-admission-plugins"),
    ],
    ids=["anonymous", "AlwaysAllow", "rights for nobody", "no PodSecurity"],
)
def test_a_cluster_that_asks_nobody_who_they_are_is_refused(settings, about, told, fix):
    one = found(**settings)[about]

    assert one.verdict == "failed"
    assert told in one.found
    assert fix in one.fix


def test_what_we_may_not_ask_is_a_warning_and_not_fine():
    one = found(asks=False)["strangers"]

    assert (one.verdict, "subjectaccessreviews" in one.found) == ("warning", True)


@pytest.mark.parametrize(
    ("named", "classes", "verdict", "told"),
    [
        ([], {"fast": "Delete"}, None, ""),
        (["fast"], {"fast": "Delete", "kept": "Retain"}, None, ""),
        ([], {"fast": "Delete", "kept": "Retain"}, "warning", "volumes of kept stay"),
        (["fsat"], {"fast": "Delete"}, "failed", "no storage class fsat"),
    ],
)
def test_volumes_that_outlive_a_student_are_told(named, classes, verdict, told):
    """ISO-23."""
    course = cohort(environment={"storage_classes": named})
    checks = {one.about: one for one in openness(course, Played(classes=classes))}

    one = checks.get("volumes")
    assert (one and one.verdict) == verdict
    assert told in (one.found if one else "")


def test_a_default_priority_class_is_refused_by_name():
    """The server writes it into pods that name none, and the policy refuses them."""
    one = found(default="standard")["priority"]

    assert one.verdict == "failed"
    assert "the PriorityClass standard is the cluster's default" in one.found
    assert "kubectl patch priorityclass standard" in one.fix
    assert "priorityClassName: practicum-mls26" in one.fix
    assert "priority" not in found()


INSIDE, PUBLIC = "10.244.0.0/24", "34.118.224.0/20"


@pytest.mark.parametrize(
    ("egress", "ranges", "told"),
    [
        ("internet", {"pods": [PUBLIC, INSIDE]}, [("failed", f"pods, which have addresses that"
         f" environment.egress does not leave out: {PUBLIC}")]),
        ("internet", {"services": [PUBLIC]}, [("warning", PUBLIC)]),
        ("internet", {"pods": ["fd00:10:244::/64"], "services": None}, [("ok", "")]),
        ("internet", {"pods": [f"8.{n}.0.0/24" for n in range(7)]}, [("failed", "and 2 more")]),
        ("internet", {"pods": [""], "services": None}, [("warning", "does not tell")]),
        ("internet", {"pods": None, "services": None}, [("warning", "does not tell")]),
        (["203.0.113.0/24"], {"pods": [PUBLIC]}, [("ok", "")]),
        (["10.0.0.0/8"], {"services": [PUBLIC]}, [("failed", INSIDE)]),
        ("none", {"pods": [PUBLIC]}, []),
    ],
)  # fmt: skip
def test_ranges_of_the_cluster_that_students_would_reach_are_told(egress, ranges, told):
    """ISO-25: the cluster of a large cloud has addresses that are no private ones."""
    course = cohort(cluster=OWN, environment={"egress": egress})

    checks = [one for one in openness(course, Played(**ranges)) if one.about == "network"]

    assert [one.verdict for one in checks] == [verdict for verdict, _ in told]
    assert all(said in one.found for one, (_, said) in zip(checks, told, strict=True))
    assert all(bool(one.fix) is (one.verdict != "ok") for one in checks)


def test_on_a_rehearsal_no_pod_reaches_anything():
    assert "network" not in found(pods=[], services=None)


def test_what_no_request_shows_is_said_of_a_cluster_that_stores_something():
    """CRD-22; a rehearsal stores nothing that is anybody's."""
    checks = {one.about: one for one in openness(cohort(cluster=OWN), Played())}

    assert checks["unseen"].verdict == "warning"
    assert "encrypted" in checks["unseen"].found
    assert "NodeRestriction" in checks["unseen"].found
    assert "unseen" not in found()


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("v1.29.14", "failed"), ("v1.30.0", "ok"), ("v1.34.9+k3s1", "ok"), ("v2.0.0", "ok")],
)
def test_a_cluster_without_admission_policies_is_refused_with_what_to_do(version, verdict):
    one = doctor._version(version, "https://127.0.0.1:6443")

    assert one.verdict == verdict
    assert ("upgrade" in one.fix) is (verdict == "failed")


@pytest.mark.parametrize(
    ("days", "verdict", "found", "fix"),
    [
        (90, "ok", "tokens can last", ""),
        (7, "warning", "cuts a token's life to 7 days", "handout mls26 --renew` every 7 days"),
    ],
)
def test_a_life_that_the_cluster_cuts_short_is_told_with_how_to_go_on(
    server, client, monkeypatch, days, verdict, found, fix
):
    """The server answers a TokenRequest with the end that it grants, whatever was asked for."""
    today = datetime.now(UTC).date()
    course = cohort(term={"starts": today, "ends": today + timedelta(days=60), "grace_days": 0})
    granted = datetime.now(UTC) + timedelta(days=days, minutes=1)
    nothing = SimpleNamespace(namespaces={})
    monkeypatch.setattr(doctor.cluster, "list_cohort", lambda *_: nothing)
    server.will(
        "POST",
        Answer(body={"status": {"allowed": True}}),
        Answer(body={"status": {"expirationTimestamp": granted.isoformat()}}),
    )

    one = doctor._token(course, client)

    assert (one.about, one.verdict) == ("token", verdict)
    assert found in one.found
    assert fix in one.fix
    assert server.asked[-1].body["spec"]["audiences"] == ["practicum-probe"], "it opens nothing"


def test_a_home_that_others_could_swap_is_told(tmp_path):
    home = tmp_path / "home"
    settings = Settings(stacks=tmp_path, home=home)
    assert doctor._state(settings).verdict == "ok"
    tmp_path.chmod(0o777)

    one = doctor._state(settings)

    assert (one.verdict, one.fix.startswith(f"Run: chmod go-w {tmp_path}")) == ("failed", True)
