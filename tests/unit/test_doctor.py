"""ISO-09: what `doctor` says of clusters that no rehearsal can be, played by a client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from provisioner.cluster import ApiError, NotKnownError
from provisioner.lifecycle import doctor
from provisioner.lifecycle.openness import openness
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
        self, *, anonymous=401, allows=(), asks=True, pod_security=True, bindings=(), classes=None
    ):
        self.anonymous, self.allows, self.asks = anonymous, allows, asks
        self.pod_security, self.bindings, self.known = pod_security, bindings, True
        self.classes = [
            {"metadata": {"name": name}, "reclaimPolicy": policy}
            for name, policy in (classes or {}).items()
        ]

    def bearing(self, _):
        stranger = Played(anonymous=self.anonymous)
        stranger.known = False
        return stranger

    def pages(self, path, **_):
        plural = path.rpartition("/")[2]
        if plural == "storageclasses":
            return iter(self.classes)
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
