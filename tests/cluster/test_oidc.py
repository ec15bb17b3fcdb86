"""Students log in with the school's account: a real API server, a real issuer, the real kubectl."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from provisioner import cluster, toolchain
from provisioner.errors import ClusterError
from provisioner.lifecycle.progress import Silent
from provisioner.lifecycle.reading import read
from provisioner.lifecycle.up import up
from provisioner.manifest import admission
from provisioner.settings import Settings
from provisioner.verify import attacks, case, identities, scene

from ..waiting import until
from .course import Course
from .issuer import CLIENT, Issuer

pytestmark = pytest.mark.cluster

ONE, TWO, THREE = "20260001", "20260002", "20260003"
ADA, BOGI, KIM = "ada@example.org", "bogi@example.org", "kim@example.org"
EMAILS = {ONE: ADA, TWO: BOGI, THREE: KIM}
ASSISTANT = "ta@example.org"

# Stands in for kubelogin, which opens a browser; kubectl finds it and asks it as it would that.
PLUGIN = """\
#!/bin/sh
printf '%s\\n' "$@" > "$0.asked"
cat "$LOGIN"
"""


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    issuer = Issuer(tmp_path_factory.mktemp("school"))
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def course(school, kubectl, tmp_path_factory):
    """A cohort on a control plane of its own, which takes the school's logins."""
    home = tmp_path_factory.mktemp("home")
    course = Course(
        name="school", stacks=tmp_path_factory.mktemp("stacks"), home=home,
        kubeconfig=home / "rehearsal" / "kubeconfig", kubectl=kubectl,
    )  # fmt: skip
    oidc = {"issuer": school.url, "client_id": CLIENT, "ca": str(school.ca)}
    assistants = [{"name": "Tabea Tutorin", "user": f"oidc:{ASSISTANT}"}]
    course.write((), auth={"oidc": oidc}, assistants=assistants)
    roster(course, EMAILS)
    course.give_key(TWO)
    config = home / "school.yaml"
    config.write_text(course.run("render", course.name, "--authentication-config").stdout)
    try:
        course.run("rehearsal", "up", "--authentication-config", str(config))
        course.up()
        yield course
    finally:
        course.run("rehearsal", "down")


def roster(course, emails):
    rows = "".join(f"{id},Student {id},{email}\n" for id, email in emails.items())
    (course.folder / "roster.csv").write_text("id,name,email\n" + rows)


@dataclass
class Somebody:
    """Runs kubectl with what was handed out, and logs in as the school lets them."""

    kubeconfig: Path
    programs: Path

    def kubectl(self, token, *arguments, stdin=None):
        login = self.programs / "login.json"
        login.write_text(
            json.dumps(
                {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "kind": "ExecCredential",
                    "status": {"token": token},
                }
            )
        )
        return subprocess.run(
            [self.programs / "kubectl", "--kubeconfig", self.kubeconfig, *arguments],
            input=stdin, capture_output=True, text=True, check=False, timeout=120,
            env={"PATH": f"{self.programs}:/usr/bin:/bin", "HOME": str(self.programs),
                 "LOGIN": str(login)},
        )  # fmt: skip

    @property
    def asked(self):
        """What kubectl asked the plugin."""
        return (self.programs / "kubectl-oidc_login.asked").read_text().splitlines()


@pytest.fixture(scope="module")
def somebody(course, school, tmp_path_factory):
    """The first student, with the kubeconfig that was handed out."""
    given = course.json("handout", course.name)
    [path] = [Path(one["path"]) for one in given["issued"] if one["id"] == ONE]
    programs = tmp_path_factory.mktemp("programs")
    found = toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path
    (programs / "kubectl").symlink_to(found)
    (programs / "kubectl-oidc_login").write_text(PLUGIN)
    (programs / "kubectl-oidc_login").chmod(0o755)
    kubeconfig = programs / "kubeconfig"
    kubeconfig.write_bytes(path.read_bytes())
    given = Somebody(kubeconfig, programs)
    # The API server fetches the issuer's keys by itself, a moment after it has started.
    until(lambda: given.kubectl(school.token(ADA), "get", "pods").returncode == 0)
    return given


def log_of(course):
    return (course.home / "rehearsal" / "logs" / "kube-apiserver.log").read_text(errors="replace")


def state(course, id):
    found = course.json("status", course.name)["students"]
    return next(one["credential"]["state"] for one in found if one["id"] == id)


def test_a_login_opens_the_own_namespace_and_no_other(course, school, somebody):
    mine = somebody.kubectl(school.token(ADA), "create", "configmap", "mine")
    theirs = somebody.kubectl(school.token(ADA), "get", "pods", "-n", course.namespace(TWO))
    other = somebody.kubectl(school.token(BOGI), "get", "pods", "-n", course.namespace(TWO))

    assert mine.returncode == 0, mine.stderr
    assert other.returncode == 0, other.stderr
    assert f'User "oidc:{ADA}" cannot list resource "pods" in API group ""' in theirs.stderr
    assert f'in the namespace "{course.namespace(TWO)}"' in theirs.stderr


def test_what_is_handed_out_holds_no_secret_and_asks_the_schools_login(course, school, somebody):
    document = yaml.safe_load(somebody.kubeconfig.read_text())
    sealed = course.home / "handout" / course.name / f"{TWO}.kubeconfig.age"
    theirs = yaml.safe_load(pyrage.decrypt(sealed.read_bytes(), [course.keys[TWO]]))

    for one in (document, theirs):
        [user] = one["users"]
        assert set(user["user"]) == {"exec"}
        assert user["user"]["exec"]["command"] == "kubectl"
    assert somebody.kubectl(school.token(ADA), "get", "pods").returncode == 0
    asked = dict(line.removeprefix("--").split("=", 1) for line in somebody.asked if "=" in line)
    assert asked["oidc-issuer-url"] == school.url
    assert (asked["oidc-client-id"], asked["oidc-extra-scope"]) == (CLIENT, "email")
    assert "certificate-authority-data" in asked
    again = course.json("handout", course.name)
    assert (again["issued"], again["kept"]) == ([], [ONE, TWO, THREE])
    assert state(course, ONE) == "oidc"
    secrets = course.admin("get", "secrets,serviceaccounts", "-n", f"practicum-{course.name}")
    assert ONE not in secrets, "nothing of ours stands for them"


STRANGER = ec.generate_private_key(ec.SECP256R1())
BAD = {
    "another audience": ({"aud": "another"}, "expected audience"),
    "over": ({"iat": 1, "exp": 2}, "token is expired"),
    "another issuer": ({"iss": "https://127.0.0.1:1/other"}, "invalid bearer token"),
    "an unknown key": ({"key": STRANGER}, "failed to verify"),
    "an address that is not verified": ({"email_verified": False}, "email not verified"),
    "an address that nothing is said of": ({"email_verified": None}, "was not verified"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_token_that_is_not_right_in_everything_is_no_login(
    course, school, somebody, wait_until, what
):
    claims, reason = BAD[what]
    before = len(log_of(course))

    refused = somebody.kubectl(school.token(ADA, **claims), "get", "pods")

    assert refused.returncode == 1
    assert "You must be logged in to the server (Unauthorized)" in refused.stderr
    wait_until(lambda: reason in log_of(course)[before:])


def test_who_is_revoked_can_log_in_and_opens_nothing_until_reinstated(
    course, school, somebody, wait_until
):
    token = school.token(ADA)
    revoked = course.json("revoke", course.name, ONE)

    assert (revoked["revoked"], revoked["failed"]) == ([ONE], [])
    told = f'User "oidc:{ADA}" cannot list resource "pods"'
    wait_until(lambda: told in somebody.kubectl(token, "get", "pods").stderr)
    assert state(course, ONE) == "revoked"
    assert course.actions()[ONE] == "same", "a binding that is to be missing is no drift"
    assert course.json("handout", course.name)["revoked"] == [ONE]

    back = course.json("reinstate", course.name, ONE)

    assert [one["id"] for one in back["issued"]] == [ONE]
    wait_until(lambda: somebody.kubectl(token, "get", "pods").returncode == 0)
    assert set(course.actions().values()) == {"same"}


def test_an_up_that_was_planned_before_a_revocation_does_not_undo_it(
    course, school, somebody, wait_until
):
    settings = Settings(stacks=course.stacks, home=course.home)
    where = ("-n", course.namespace(THREE))
    course.admin("delete", "limitrange", "practicum", *where)

    def revoke_meanwhile(reading):
        assert [part.name for part in reading.plan.having("change")] == [f"s{THREE}"]
        course.json("revoke", course.name, THREE)
        return True

    result = up(settings, course.name, confirm=revoke_meanwhile, progress=Silent())

    assert (result.changed, result.failed) == (1, {})
    token = school.token(KIM)
    wait_until(lambda: "cannot list" in somebody.kubectl(token, "get", "pods", *where).stderr)
    assert set(course.actions().values()) == {"same"}


@pytest.mark.soak  # without it: test_credentials.py, where the note outlives leaving as well
def test_who_is_dropped_opens_nothing_and_a_revocation_outlives_that(
    course, school, somebody, wait_until
):
    token = school.token(KIM)
    where = ("-n", course.namespace(THREE))
    course.run("revoke", course.name, THREE)
    (course.folder / "students.json").unlink()
    roster(course, {ONE: ADA, TWO: BOGI})

    assert course.up()["removed"] == 1
    wait_until(lambda: "cannot list" in somebody.kubectl(token, "get", "pods", *where).stderr)
    (course.folder / "students.json").unlink()
    roster(course, EMAILS)
    assert course.up()["created"] == 1

    assert state(course, THREE) == "revoked"
    assert "cannot list" in somebody.kubectl(token, "get", "pods", *where).stderr
    course.json("reinstate", course.name, THREE)
    wait_until(lambda: somebody.kubectl(token, "get", "pods", *where).returncode == 0)


def manifest(kind, spec=None, **metadata):
    group = "apps/v1" if kind == "Deployment" else "v1"
    fields = {"spec": spec} if spec else {}
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "try", **metadata}, **fields}


FORBIDDEN = {
    "services": manifest("Service", {"externalIPs": ["192.0.2.1"], "ports": [{"port": 80}]}),
    "managed": manifest("ConfigMap", labels={"practicum.dev/cohort": "school"}),
    "finalizers": manifest("ConfigMap", finalizers=["example.org/never"]),
}


@pytest.mark.parametrize("policy", FORBIDDEN)
def test_the_guard_holds_for_a_login_and_each_policy_bites(
    course, school, somebody, wait_until, policy
):
    """It binds namespaces and not names, so it makes no difference who somebody is."""
    name = admission.policy_name(course.name, policy)
    text = json.dumps(FORBIDDEN[policy])

    def attempt():
        return somebody.kubectl(
            school.token(ADA), "create", "--dry-run=server", "-f", "-", stdin=text
        )

    refused = attempt()
    kept = course.admin("get", "validatingadmissionpolicybinding", name, "-o", "json")
    course.admin("delete", "validatingadmissionpolicybinding", name)
    try:
        wait_until(lambda: attempt().returncode == 0)
    finally:
        back = json.loads(kept)
        for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
            back["metadata"].pop(key, None)
        course.admin("apply", "--server-side", "--field-manager=practicum", "-f", "-",
                     stdin=json.dumps(back))  # fmt: skip

    assert f"ValidatingAdmissionPolicy '{name}'" in refused.stderr
    wait_until(lambda: name in attempt().stderr)


def test_an_assistant_of_the_schools_looks_and_changes_nothing(course, school, somebody):
    token, where = school.token(ASSISTANT), ("-n", course.namespace(ONE))

    assert somebody.kubectl(token, "get", "pods", *where).returncode == 0
    secrets = somebody.kubectl(token, "get", "secrets", *where)
    changing = somebody.kubectl(token, "create", "configmap", "x", *where)

    assert 'cannot list resource "secrets"' in secrets.stderr
    assert 'cannot create resource "configmaps"' in changing.stderr


def test_doctor_knows_only_what_a_token_tells(course, school, tmp_path):
    def login(token=None, code=0):
        (tmp_path / "token").write_text(f"{token}\n")
        more = ("--id-token", str(tmp_path / "token")) if token else ()
        found = course.json("doctor", course.name, *more, code=code)["findings"]
        return next((one["verdict"], one["found"]) for one in found if one["about"] == "login")

    verdict, found = login()
    assert (verdict, found.split(":")[0]) == ("warning", "not known")
    assert login(school.token(ADA)) == (
        "ok", "the cluster takes the school's logins; this one is a student's"
    )  # fmt: skip
    verdict, found = login(school.token(ADA, aud="another"), code=7)
    assert verdict == "failed"
    assert "does not know the issuer or the client_id" in found


def test_there_is_nothing_of_ours_to_rotate(course):
    refused = course.run("rotate", course.name, code=3)

    assert "there is nothing of ours to rotate" in refused.stderr
    assert course.json("rotate", course.name, "--sweep")["swept"] == []


@pytest.mark.soak
def test_attacks_are_tried_as_students_who_are_impersonated(course):
    reading = read(Settings(stacks=course.stacks, home=course.home), course.name)
    cases = [one for one in case.load() if one.topic in ("services", "neighbour", "identities")]
    pair = scene.new_pair(reading.cohort)
    with scene.standing(reading.client, reading.cohort, pair) as stage:
        types, _ = cluster.served(stage.admin)
        found = attacks.attack(stage, cases, types)

    assert len(found) > 15
    assert [one.why for one in found if one.verdict == "failed"] == []
    assert set(course.actions().values()) == {"same"}


def test_the_printed_right_lets_an_operator_act_as_students_and_nobody_else(course, wait_until):
    course.admin("apply", "-f", "-", stdin=course.run("role", course.name, "--impersonate").stdout)
    role = f"practicum-{course.name}-impersonator"
    course.admin("create", "clusterrolebinding", role, f"--clusterrole={role}", "--user=kim")

    def may(user):
        return course.may("kim", "impersonate", f"users/{user}")

    wait_until(lambda: may(f"oidc:{ADA}"))
    assert may(f"practicum-verify:{course.name}:own")
    assert not any(map(may, ("oidc:new@example.org", "rehearsal-admin", "system:admin")))

    reading = read(Settings(stacks=course.stacks, home=course.home), course.name)
    kim, other = (reading.client.impersonating(user) for user in ("kim", "other"))
    identities.refuse_without_rights(kim, reading.cohort, reading.records.values())
    with pytest.raises(ClusterError) as refused:
        identities.refuse_without_rights(other, reading.cohort, reading.records.values())
    assert "We may not act as 6 of 6 users" in refused.value.message
    assert f"practicum role {course.name} --impersonate" in (refused.value.hint or "")


@pytest.mark.soak
def test_verify_says_that_it_impersonates_and_needs_no_more_than_the_printed_right(
    course, tmp_path, school
):
    page = tmp_path / "isolation.html"
    printed = course.run("role", course.name, "--impersonate").stdout
    [rule] = yaml.safe_load(printed)["rules"]

    audit = course.home / "rehearsal" / "audit.log"
    before = len(audit.read_text())

    done = course.json("verify", course.name, "--html", str(page))

    assert done["failures"] == []
    assert any("Students were impersonated" in note for note in done["notes"])
    assert "Students were impersonated" in page.read_text()
    unproven = {one["id"] for one in done["requirements"] if one["verdict"] == "unproven"}
    assert {"CRD-01", "CRD-05"} <= unproven
    log = audit.read_text()[before:].splitlines()
    asked = {
        event["impersonatedUser"]["username"]
        for event in map(json.loads, log)
        if "impersonatedUser" in event and event["userAgent"] == "practicum"
    }
    assert asked
    assert asked <= set(rule["resourceNames"])
    assert f"oidc:{ADA}" in asked
