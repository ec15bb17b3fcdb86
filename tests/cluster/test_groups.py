"""A group's namespace is open to its members, closed to everybody else, and follows the roster."""

from __future__ import annotations

import json

import pytest

from provisioner.cohort import groups

from . import runs
from .audit import about, mutations
from .course import as_student

pytestmark = pytest.mark.cluster

ADA, BO, CY = "20260001", "20260002", "20260003"
CREATE = ("create", "configmap", "--from-literal=a=1")
SHARED = {"namespace": True}
LEE = "lee@example.org"
KIM = "kim@example.org"


def write_roster(course, **groups):
    """Write who is in which group; whoever is not named is in none."""
    section = {ADA: "A", BO: "B", CY: "B"}
    rows = [f"{id},Student {id},{section[id]},{groups.get(f's{id}', '')}" for id in section]
    (course.folder / "roster.csv").write_text("\n".join(["id,name,section,group", *rows, ""]))


@pytest.fixture(scope="module")
def together(new_course, tmp_path_factory):
    """Three students with access, two of them in the group alpha."""
    course = new_course(
        groups={"namespace": True, "quota": {"cpu": "3"}},
        assistants=[{"name": "Lee", "user": LEE}, {"name": "Kim", "user": KIM}],
        sections=[{"name": "A", "assistants": ["Lee"]}],
    )
    write_roster(course, s20260001="alpha", s20260002="alpha")
    for id in (ADA, BO, CY):
        course.give_key(id)
    course.shared = f"{course.name}--group--alpha"
    course.first_up = course.up()
    course.run("handout", course.name)
    folder = tmp_path_factory.mktemp("kubeconfigs")
    course.configs = {id: course.open(id, folder) for id in (ADA, BO, CY)}
    return course


def refusal(course, id, namespace):
    """Why somebody may not list ConfigMaps in a namespace."""
    done = as_student(course.configs[id], "get", "configmaps", "-n", namespace)
    assert done.returncode == 1, done.stdout
    return done.stderr


def test_members_share_a_namespace_and_a_third_is_told_why_not(together):
    shared = together.shared
    made = together.first_up["groups"]

    first, second = (
        as_student(together.configs[id], *CREATE, f"by-{id}", "-n", shared) for id in (ADA, BO)
    )
    seen = as_student(together.configs[BO], "get", "configmap", f"by-{ADA}", "-n", shared)
    third = as_student(together.configs[CY], *CREATE, "mine", "-n", shared)
    at_home = as_student(together.configs[CY], *CREATE, "mine", "-n", together.namespace(CY))

    assert (made["created"], made["failed"], together.first_up["created"]) == (1, [], 3)
    assert (first.returncode, second.returncode, seen.returncode) == (0, 0, 0), first.stderr
    assert f'cannot create resource "configmaps" in API group "" in the namespace "{shared}"' in (
        third.stderr
    )
    assert at_home.returncode == 0, at_home.stderr


def test_the_group_is_fenced_as_a_student_is(together):
    shared = together.shared
    outside = as_student(
        together.configs[ADA], "create", "service", "nodeport", "web", "--tcp=80", "-n", shared
    )
    inside = as_student(
        together.configs[ADA], "create", "service", "clusterip", "web", "--tcp=80", "-n", shared
    )
    quota = json.loads(together.admin("get", "quota", "practicum", "-n", shared, "-o", "json"))

    assert "only Services of type ClusterIP are offered" in outside.stderr
    assert inside.returncode == 0, inside.stderr
    assert quota["spec"]["hard"]["limits.cpu"] == "3"
    assert as_student(
        together.configs[ADA], "delete", "netpol", "practicum", "-n", shared
    ).stderr.count("cannot delete resource")


def test_an_assistant_of_a_section_sees_it_and_its_groups_alone(together):
    def sees(who, namespace):
        return together.kubectl(
            together.kubeconfig, "auth", "whoami", "--as", who
        ) and as_student(
            together.kubeconfig, "get", "pods", "-n", namespace, "--as", who
        ).returncode == 0  # fmt: skip

    homes = [together.namespace(ADA), together.shared, together.namespace(CY)]

    assert [sees(LEE, home) for home in homes] == [True, True, False]
    assert [sees(KIM, home) for home in homes] == [True, True, True]


def test_status_and_a_second_up_know_the_group(together, control_plane):
    [shown] = together.json("status", together.name)["groups"]
    mark = control_plane.mark()
    again = together.up()

    assert (shown["group"], shown["namespace"], shown["phase"]) == (
        "alpha",
        together.shared,
        "ready",
    )
    assert shown["members"] == [ADA, BO]
    assert "group alpha" in together.run("status", together.name).stdout
    assert (again["processes"], again["groups"]["same"]) == (0, 1)
    assert mutations(control_plane.since(mark)) == []


def test_all_that_was_lost_is_adopted_with_its_groups(together):
    """REL-09: records, groups and states from what runs; the server changes nothing of it."""
    course, before = together, runs.everything(together)
    parts = ("guard", "wave-01", "groups-01")
    for part in parts:
        runs.state_of(course, part).unlink()
    for name in ("students.json", "groups.json"):
        (course.folder / name).unlink()

    adopted = course.json("adopt", course.name, "--yes")

    assert adopted["rebuilt"] == [f"{course.name}.{part}" for part in sorted(parts)]
    assert (adopted["differ"], adopted["failed"]) == ([], [])
    claimed, after = f"Namespace /practicum-{course.name}", runs.everything(course)
    assert [name for name in before if name != claimed and after[name] != before[name]] == []
    assert runs.in_state(course, "groups-01") == {
        one.name for one in groups.load(course.folder / "groups.json").values()
    }
    assert course.up()["groups"]["same"] == 1


def test_somebody_who_was_let_in_by_hand_is_drift(together):
    subject = {"kind": "User", "name": "eve@example.org", "apiGroup": "rbac.authorization.k8s.io"}
    patch = json.dumps([{"op": "add", "path": "/subjects/-", "value": subject}])
    together.admin("patch", "rolebinding", "practicum-student", "-n", together.shared,
                   "--type=json", "-p", patch)  # fmt: skip

    [drift] = together.json("plan", together.name)["groups"]
    mended = together.up()

    assert drift["changes"] == ["RoleBinding/practicum-student subjects"]
    assert mended["groups"]["changed"] == 1
    assert "eve@example.org" not in together.admin(
        "get", "rolebinding", "practicum-student", "-n", together.shared, "-o", "yaml"
    )


def test_who_leaves_a_group_is_out_of_it_and_still_at_home(together, control_plane, wait_until):
    """The group's binding alone is written: no student's wave is touched."""
    made = as_student(together.configs[BO], *CREATE, "kept", "-n", together.shared)
    assert made.returncode == 0, made.stderr
    write_roster(together, s20260001="alpha", s20260003="alpha")
    plan = together.json("plan", together.name)
    mark = control_plane.mark()

    done = together.up()

    changed = mutations(control_plane.since(mark))
    wait_until(lambda: not as_student(
        together.configs[CY], "get", "configmaps", "-n", together.shared).returncode)  # fmt: skip
    wait_until(lambda: as_student(
        together.configs[BO], "get", "configmaps", "-n", together.shared).returncode)  # fmt: skip
    assert {student["action"] for student in plan["students"]} == {"same"}
    assert (done["groups"]["changed"], done["changed"]) == (1, 0)
    assert {about(event, "namespace") for event in changed} == {together.shared}
    assert 'cannot list resource "configmaps"' in refusal(together, BO, together.shared)
    assert as_student(together.configs[BO], "get", "configmaps").returncode == 0
    assert as_student(
        together.configs[ADA], "get", "configmap", "kept", "-n", together.shared
    ).returncode == 0  # fmt: skip


def test_a_lost_file_is_made_anew_and_changes_nothing(together, control_plane):
    (together.folder / "groups.json").unlink()
    mark = control_plane.mark()

    again = together.up()

    assert again["groups"]["same"] == 1
    assert mutations(control_plane.since(mark)) == []
    assert json.loads((together.folder / "groups.json").read_text())["groups"]["alpha"]["wave"] == 1


def test_a_group_that_nobody_is_in_goes_and_down_leaves_nothing_of_any(together):
    write_roster(together, s20260001="beta 2")
    done = together.up()
    names = together.admin("get", "namespaces", "-o", "name")

    kept = [path.name for path in (together.home / "archive" / together.name).glob("*.age")]
    receipt = together.down()

    assert [name.startswith("group--alpha.") for name in kept] == [True]
    assert (done["groups"]["created"], done["groups"]["removed"]) == (1, 1)
    assert f"namespace/{together.shared}\n" not in names
    assert f"namespace/{together.name}--group--beta-2---" in names
    assert receipt["proved"]
    assert receipt["remaining"] == []


def test_who_logs_in_at_the_school_is_out_of_the_group_when_they_are_revoked(
    new_course, wait_until
):
    """There is no token of ours that could be ended: it is the binding that counts.

    A server goes by what it has last seen of the bindings, which may be a moment old.
    """
    login = {"issuer": "https://login.example.org", "client_id": "course"}
    course = new_course(groups=SHARED, auth={"oidc": login})
    people = {ADA: "ada@example.org", BO: "bo@example.org"}
    rows = [f"{id},Student,{email},alpha" for id, email in people.items()]
    (course.folder / "roster.csv").write_text("\n".join(["id,name,email,group", *rows, ""]))
    course.up()
    shared = f"{course.name}--group--alpha"

    def may(id):
        """As the API server would know them by the school's word."""
        user = ("--as", f"oidc:{people[id]}")
        return not as_student(course.kubeconfig, "get", "pods", "-n", shared, *user).returncode

    wait_until(lambda: may(ADA) and may(BO))
    course.run("revoke", course.name, ADA, "--yes")
    wait_until(lambda: not may(ADA))
    other = may(BO)
    again = course.up()
    course.run("revoke", course.name, BO, "--yes")
    wait_until(lambda: not may(BO))

    assert other, "who was not revoked"
    assert (again["groups"]["same"], again["groups"]["changed"]) == (1, 0)
    assert not may(ADA)


def test_a_command_for_one_student_touches_their_group_and_no_other(new_course, control_plane):
    course = new_course(groups=SHARED)
    write_roster(course, s20260001="alpha", s20260002="alpha", s20260003="beta")
    course.up()
    # Somebody else's change waits in the roster, and stays there.
    write_roster(course, s20260001="alpha", s20260002="alpha", s20260003="gamma")
    mark = control_plane.mark()

    done = course.json("suspend", course.name, ADA, "--yes")

    touched = {about(event, "namespace") for event in mutations(control_plane.since(mark))}
    bound = course.admin("get", "rolebinding", "practicum-student", "-n",
                         f"{course.name}--group--alpha", "-o", "json")  # fmt: skip
    assert (done["groups"]["changed"], done["failed"], done["groups"]["failed"]) == (1, [], [])
    assert [one["name"] for one in json.loads(bound)["subjects"]] == [f"s{BO}"]
    assert touched <= {course.namespace(ADA), f"{course.name}--group--alpha", ""}
    assert {group["group"]: group["action"] for group in course.json("plan", course.name)["groups"]
            if group["action"] != "same"} == {"beta": "remove", "gamma": "create"}  # fmt: skip
