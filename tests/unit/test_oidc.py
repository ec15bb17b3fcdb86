"""`auth: oidc`: who a student is to the cluster, and what is rendered, written and told of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pyrage
import pytest
import yaml

from provisioner import cluster, manifest
from provisioner.cohort import Student, load_students
from provisioner.cohort import records as record_file
from provisioner.cohort.keys import parse
from provisioner.credential import Address, login_kubeconfig
from provisioner.errors import InputError
from provisioner.lifecycle.access import logins, on_disk
from provisioner.manifest import ObjectKey
from provisioner.verify import guards

from ..sample import cohort, record
from .rendering import of_kind, one

ISSUER = "https://login.example.org/realms/school"
LOGIN = {"oidc": {"issuer": ISSUER, "client_id": "lab"}}
ADA = "oidc:ada@example.org"
ROSTER = "id,name,email\n1,Ada,ada@example.org\n2,Bogi,bogi@example.org\n"


def course(**oidc):
    return cohort(auth={"oidc": LOGIN["oidc"] | oidc})


def of(made):
    return one("RoleBinding", made, "practicum-student")["subjects"]


def test_a_binding_names_the_login_and_no_account_is_made():
    made = manifest.environment(course(), record(user=ADA))
    twin = manifest.environment(cohort(), record())

    assert of(made) == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": ADA}
    ]  # fmt: skip
    assert of(twin)[0]["kind"] == "ServiceAccount"
    accounts = [item["metadata"]["name"] for item in of_kind("ServiceAccount", made)]
    assert accounts == ["default"], "whose tokens nobody would take back"


@pytest.mark.parametrize("change", [{"revoked": True}, {"suspended": True}, {"user": ""}])
def test_who_is_to_stay_out_has_no_binding(change):
    made = manifest.environment(course(), replace(record(user=ADA), **change))

    assert of_kind("RoleBinding", made) == []


def test_a_token_cohort_knows_nothing_of_logins():
    student = {"20260001": Student(id="20260001", name="Ada", email="ada@example.org")}
    was = {"20260001": record(user=ADA, revoked=True)}

    found = logins.with_logins(cohort(), student, was, {"s20260001"})

    assert found == {"20260001": record()}


def test_a_record_follows_the_roster_and_the_notes_on_the_cluster():
    students = {"1": Student(id="1", name="Ada", email="ada@example.org")}
    known = {"1": record("1"), "2": record("2", dropped=True, user="oidc:bogi@example.org")}

    found = logins.with_logins(course(), students, known, {"s1", "s2"})

    assert (found["1"].user, found["1"].revoked) == (ADA, True)
    assert (found["2"].user, found["2"].revoked) == ("oidc:bogi@example.org", True)
    assert logins.with_logins(course(column="id"), students, known, ())["1"].user == "oidc:1"


def test_where_the_notes_cannot_be_read_nobody_gets_back_in(monkeypatch):
    """Somebody broke the guard, so the operator may not list the notes while mending it."""
    known = {id: record(id, user=f"oidc:{id}") for id in ("1", "2")}
    open_ = ObjectKey("RoleBinding", known["1"].namespace, "practicum-student")
    found = SimpleNamespace(namespaces={"practicum-mls26": {}}, owned={open_: {}})

    class Refusing:
        def pages(self, *_, **__):
            raise cluster.ApiError(403, "Forbidden", "secrets is forbidden")

    assert logins.closed(Refusing(), course(), known, found) == {"s2"}
    assert logins.closed(Refusing(), cohort(), known, found) == set()
    nothing = SimpleNamespace(namespaces={}, owned={})
    assert logins.closed(Refusing(), course(), known, nothing) == set()


def test_records_keep_a_login_and_refuse_a_damaged_one(tmp_path):
    path = tmp_path / "students.json"
    kept = {"1": record("1", user=ADA, revoked=True), "2": record("2")}
    record_file.save(path, kept)

    assert record_file.load(path) == kept
    assert path.read_text().count("revoked") == 1

    path.write_text(path.read_text().replace(f'"{ADA}"', "7"))
    with pytest.raises(InputError) as refused:
        record_file.load(path)
    assert "this record is damaged" in str(refused.value.problems[0])


def write(folder, **fields):
    made = cohort(auth=LOGIN, **fields).model_copy(update={"folder": folder})
    (folder / "roster.csv").write_text(ROSTER)
    return made


def test_a_roster_whose_logins_are_right_is_taken(tmp_path):
    found = load_students(write(tmp_path))

    assert [course().oidc.user(student) for student in found] == [ADA, "oidc:bogi@example.org"]


@pytest.mark.parametrize(
    ("fields", "email", "told"),
    [
        ({}, "", "has no email, which auth.oidc takes the login from"),
        ({"operators": [ADA]}, "ada@example.org", "their login is that of an operator"),
        (
            {"assistants": [{"name": "T", "user": ADA}]},
            "ada@example.org",
            "their login is that of an assistant",
        ),
    ],
)
def test_a_login_that_is_nobodys_or_somebody_elses_is_refused(tmp_path, fields, email, told):
    made = write(tmp_path, **fields)
    (tmp_path / "roster.csv").write_text(ROSTER.replace("ada@example.org", email))

    with pytest.raises(InputError) as refused:
        load_students(made)

    [problem] = refused.value.problems
    assert told in str(problem)
    assert "'1'" in str(problem)


def test_two_students_with_one_login_and_an_id_of_kubernetes_are_refused(tmp_path):
    made = write(tmp_path)
    (tmp_path / "roster.csv").write_text(ROSTER.replace("bogi@", "ADA@"))
    with pytest.raises(InputError) as refused:
        load_students(made)
    assert any("this email stands in line 2 already" in str(p) for p in refused.value.problems)
    assert any("their login is that of 1 too" in str(p) for p in refused.value.problems)

    (tmp_path / "roster.csv").write_text(ROSTER.replace("\n2,", "\nsystem:admin,"))
    with pytest.raises(InputError) as refused:
        load_students(made)
    assert "the id starts with system:" in str(refused.value.problems[0])


def test_the_claim_decides_the_column_and_the_scopes_unless_they_are_said():
    asked = {
        claim: (course(claim=claim).oidc.taken_from, course(claim=claim).oidc.asked_for)
        for claim in ("email", "sub", "preferred_username")
    }

    assert asked == {
        "email": ("email", ("email",)),
        "sub": ("id", ()),
        "preferred_username": ("id", ("profile",)),
    }
    said = course(claim="upn", column="email", scopes=["x"]).oidc
    assert (said.taken_from, said.asked_for) == ("email", ("x",))


def test_the_cluster_is_told_the_prefix_the_audience_and_to_take_verified_addresses_only():
    [entry] = manifest.authentication(course().oidc, "PEM")["jwt"]
    [other] = manifest.authentication(course(claim="sub", prefix="school:").oidc)["jwt"]

    assert entry["issuer"] == {"url": ISSUER, "audiences": ["lab"], "certificateAuthority": "PEM"}
    assert entry["claimMappings"] == {"username": {"claim": "email", "prefix": "oidc:"}}
    assert "email_verified" in entry["claimValidationRules"][0]["expression"]
    assert "claimValidationRules" not in other
    assert other["claimMappings"] == {"username": {"claim": "sub", "prefix": "school:"}}
    assert "certificateAuthority" not in other["issuer"]


def test_a_kubeconfig_for_a_login_holds_no_secret():
    address = Address(server="https://k8s.example.org", ca="CA")
    document = yaml.safe_load(login_kubeconfig("mls26", record(), course().oidc, "", address))

    [user] = document["users"]
    assert user["user"]["exec"]["args"] == [
        "oidc-login",
        "get-token",
        f"--oidc-issuer-url={ISSUER}",
        "--oidc-client-id=lab",
        "--oidc-extra-scope=email",
    ]
    assert document["contexts"][0]["context"]["namespace"] == record().namespace


def test_an_authority_that_is_none_is_refused(tmp_path):
    file = tmp_path / "ca.pem"
    for content, told in (("-----BEGIN PRIVATE KEY-----", "something else than"), (None, "cannot")):
        file.write_text(content) if content else file.unlink()
        with pytest.raises(InputError) as refused:
            course(ca=str(file)).oidc.read_ca()
        assert told in refused.value.message
        assert "BEGIN" not in refused.value.message


def test_the_right_to_impersonate_names_everybody():
    rule = cluster.impersonator(course(), [ADA, ADA, "oidc:b"])["rules"]

    assert rule == [
        {
            "apiGroups": [""],
            "resources": ["users"],
            "verbs": ["impersonate"],
            "resourceNames": [ADA, "oidc:b"],
        }
    ]


def test_a_binding_of_somebody_else_for_a_login_is_seen():
    live = {
        "metadata": {"name": "odd"},
        "roleRef": {"name": "edit"},
        "subjects": [{"kind": "User", "name": ADA}],
    }

    assert "gives edit to the course's accounts" in guards._strange(
        live, "mls26", set(), "practicum-mls26", {ADA}
    )
    assert guards._strange(live, "mls26", set(), "practicum-mls26", {"oidc:other"}) == ""


@pytest.mark.parametrize("key", [None, "age"])
def test_a_file_is_known_again_follows_an_id_and_goes_as_a_whole(tmp_path, key):
    recipient = parse(str(pyrage.x25519.Identity.generate().to_public())) if key else None
    before, after = record("1"), replace(record("1"), id="2")

    path = on_disk.write_login(tmp_path, before, b"content", recipient)

    assert path.name == ("1.kubeconfig.age" if key else "1.kubeconfig")
    assert on_disk.holds_login(tmp_path, before, b"content", recipient)
    assert not on_disk.holds_login(tmp_path, before, b"other", recipient)
    on_disk.move(tmp_path, before, after)
    assert on_disk.holds_login(tmp_path, after, b"content", recipient)
    assert on_disk.given(tmp_path, after).exists()
    path = on_disk.given(tmp_path, after)
    path.write_bytes(b"planted")
    assert not on_disk.holds_login(tmp_path, after, b"content", recipient)
    on_disk.remove(tmp_path, after)
    assert list(tmp_path.iterdir()) == []
