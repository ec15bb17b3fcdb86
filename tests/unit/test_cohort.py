"""What a cohort file means once it is right; what is wrong with a bad one is in bad_input."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from provisioner import cohort as cohorts
from provisioner.cohort import Cohort, Environment, Limits, Quota, Term, load, load_students
from provisioner.errors import InputError

ROOT = Path(__file__).parents[2]
GOOD = """\
course: Machine-learning systems
term: {starts: 2026-09-01, ends: 2026-12-19}
cluster: rehearsal
"""


@pytest.fixture
def write(tmp_path):
    def write(text=GOOD, roster="id,name\n20260001,Ada\n20260002,Bo\n", name="course"):
        folder = tmp_path / name
        (folder / "keys").mkdir(parents=True)
        (folder / "cohort.yaml").write_text(text)
        (folder / "roster.csv").write_text(roster)
        return tmp_path

    return write


def test_the_least_that_a_file_can_say_is_enough(write):
    cohort = load(write(), "course")

    assert cohort.name == "course"
    assert cohort.term == Term(starts=date(2026, 9, 1), ends=date(2026, 12, 19), grace_days=14)
    assert (cohort.backend, cohort.cluster, cohort.auth) == ("namespace", "rehearsal", "token")
    assert cohort.environment == Environment()
    assert cohort.roster_file == cohort.folder / "roster.csv"
    assert not cohort.protect


def test_every_default_may_be_written_out(write):
    """Also the defaults of keys that are not built yet."""
    default = Cohort(
        name="course",
        folder=Path("course"),
        course="x",
        term=Term(starts=date(2026, 9, 1), ends=date(2026, 12, 19)),
        cluster="rehearsal",
    )
    said = default.model_dump(mode="json", exclude={"name", "folder"}, exclude_none=True)

    loaded = load(write(yaml.safe_dump(said)), "course")

    assert loaded == default.model_copy(update={"folder": loaded.folder})


def test_the_quota_of_an_environment_is_what_kubernetes_calls_it():
    hard = Quota(cpu="1500m", pods=7, volumes=3).hard()

    assert hard["requests.cpu"] == hard["limits.cpu"] == "1500m"
    assert hard["pods"] == "7"
    assert hard["count/persistentvolumeclaims"] == "3"
    assert hard["services.nodeports"] == hard["services.loadbalancers"] == "0"
    assert all(isinstance(amount, str) for amount in hard.values())


def test_every_count_of_the_quota_reaches_kubernetes():
    """A field that nobody renders would be a ceiling that nobody keeps."""
    counts = [name for name, field in Quota.model_fields.items() if isinstance(field.default, int)]

    for name in counts:
        assert Quota(**{name: 999}).hard() != Quota().hard(), name


def test_limits_render_what_is_set():
    limits = Limits.model_validate({"max": {"cpu": "1"}, "default": {"memory": "1Gi"}})

    assert limits.container() == {
        "default": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
        "defaultRequest": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
        "max": {"cpu": "1"},
        "min": {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"},
    }
    assert "max" not in Limits().container()


def test_a_cluster_of_ones_own_is_found_from_the_current_directory(write, monkeypatch):
    monkeypatch.setenv("HOME", "/home/kim")
    text = GOOD.replace("rehearsal", "{kubeconfig: ~/.kube/config, context: c, student_ca: ca.pem}")

    cluster = load(write(text), "course").cluster

    assert cluster.kubeconfig == Path("/home/kim/.kube/config")
    assert cluster.student_ca == Path("ca.pem")


def test_a_cohort_cannot_be_changed(write):
    cohort = load(write(), "course")

    with pytest.raises(ValidationError):
        cohort.course = "Another"


def test_students_come_in_the_rosters_order_with_the_keys_that_were_handed_in(write):
    stacks = write()
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    (stacks / "course" / "keys" / "20260002").write_text(f"{key} bo@laptop\n")

    students = load_students(load(stacks, "course"))

    assert [student.id for student in students] == ["20260001", "20260002"]
    assert students[0].key is None
    assert students[1].key.text == key


def test_a_key_of_two_students_is_refused(write):
    """The owner could open the other's kubeconfig."""
    stacks = write()
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    for id in ("20260001", "20260002"):
        (stacks / "course" / "keys" / id).write_text(f"{key} {id}\n")

    with pytest.raises(InputError) as caught:
        load_students(load(stacks, "course"))

    assert [problem.what for problem in caught.value.problems] == [
        "this is the key of 20260001 too"
    ]


@pytest.mark.parametrize("content", ["id,name\n", "id,name\n\n , \n", None])
def test_a_roster_of_nobody_is_refused_unless_nobody_is_needed(write, content):
    stacks = write()
    roster = stacks / "course" / "roster.csv"
    roster.write_text(content) if content else roster.unlink()
    cohort = load(stacks, "course")

    with pytest.raises(InputError) as caught:
        load_students(cohort)
    told = [caught.value.message, *map(str, caught.value.problems)]
    wanted = "no student below the header; import some" if content else "There is no roster at"
    assert any(wanted in line for line in told)
    assert load_students(cohort, needed=False) == ()


def test_a_roster_with_mistakes_is_refused_also_where_nobody_is_needed(write):
    stacks = write()
    (stacks / "course" / "roster.csv").write_text("id,name\n1,Ada\n1,Bo\n")

    with pytest.raises(InputError, match="have 1 mistake"):
        load_students(load(stacks, "course"), needed=False)


def test_every_cohort_that_we_ship_is_valid():
    names = [path.parent.name for path in (ROOT / "stacks").glob("*/cohort.yaml")]

    assert "demo" in names
    for name in names:
        assert load(ROOT / "stacks", name).name == name


def test_the_demo_is_in_its_term():
    """It is to run for years; this tells us when it stops to."""
    demo = load(ROOT / "stacks", "demo")

    assert demo.term.starts <= datetime.now(tz=UTC).date() <= demo.term.ends


def test_what_is_public_is_there():
    for name in cohorts.__all__:
        assert getattr(cohorts, name)


def test_every_default_stands_in_the_table_of_what_happens():
    """The table above `load` is what people read; it must not fall behind."""
    rows = re.findall(r"^ *\| (.+?) \| (.+?) \|$", load.__doc__, re.MULTILINE)

    assert len(rows) >= 10


def test_every_key_is_explained_with_its_default():
    """Including the numbers: a reference that has others is worse than none."""
    text = (ROOT / "stacks" / "README.md").read_text()
    tops = [name for name in Cohort.model_fields if name not in ("name", "folder")]

    for key in [*tops, *Environment.model_fields, *Quota.model_fields, *Limits.model_fields]:
        assert f"`{key}`" in text or f"environment.{key}`" in text or f"`{key}." in text, key
    for key, field in Quota.model_fields.items():
        assert f"`{key}` {field.default}" in text
