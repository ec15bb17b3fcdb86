"""A hint names the cohort, and the student where it is one: it can be pasted as it is."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner.cohort import groups, records, roster, roster_edit
from provisioner.errors import InputError
from provisioner.lifecycle.access import terms
from provisioner.lifecycle.access.revoke import RevokeResult
from provisioner.lifecycle.own_clusters import scoped
from provisioner.playbook import host_keys
from provisioner.report import ends, text

from ..sample import cohort, record

SOURCES = Path(__file__).parents[2] / "provisioner"

NOT_KNOWN = {"rehearsal/logins.py"}
"""Where no cohort is known that could be named."""

DAMAGED = {
    "students.json": (records.load, "practicum adopt mls26"),
    "groups.json": (groups.load, "practicum up mls26"),
    "known_hosts": (host_keys.pinned_keys, "practicum hosts scan mls26"),
}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "mls26"
    made.mkdir()
    return made


@pytest.mark.parametrize("file", DAMAGED)
def test_of_a_damaged_file_it_is_said_for_which_cohort_it_is_made_anew(folder, file):
    load, command = DAMAGED[file]
    (folder / file).write_text("{", encoding="utf-8")

    with pytest.raises(InputError) as error:
        load(folder / file)

    assert re.search(rf"{command}(\.|$)", error.value.hint)


def test_of_a_roster_that_is_missing_or_would_be_empty_the_cohort_is_named(folder):
    path = folder / "roster.csv"
    with pytest.raises(InputError) as missing:
        roster.read(path, [])
    path.write_text("id,name\n1,Ada\n", encoding="utf-8")
    with pytest.raises(InputError) as empty:
        roster_edit.drop(path, ["1"])

    assert "practicum roster import mls26 FILE --from canvas" in missing.value.hint
    assert empty.value.hint.endswith("practicum down mls26")


def test_of_a_term_that_is_over_for_a_student_it_is_said_for_whom():
    past = cohort(term={"starts": date(2020, 1, 1), "ends": date(2020, 2, 1)})

    with pytest.raises(InputError) as of_one:
        terms.expiry(past, record("20260001"))
    with pytest.raises(InputError) as of_all:
        terms.expiry(past)

    assert of_one.value.hint.endswith("practicum extend mls26 20260001 --until DATE")
    assert of_all.value.hint.endswith("practicum extend mls26 STUDENT --until DATE")


@pytest.mark.parametrize(
    ("ids", "who"), [(("1",), "1"), (("a b",), "'a b'"), (("1", "2"), "STUDENT"), ((), "STUDENT")]
)
def test_whose_cluster_is_to_be_made_anew_is_named_where_it_is_one(ids, who):
    admins = SimpleNamespace(name="mls26", kind=SimpleNamespace(access="admin"))

    with pytest.raises(InputError) as error:
        scoped.refuse_admins(SimpleNamespace(cohort=admins), "revoke", ids)

    assert error.value.hint.endswith(f"practicum reset mls26 {who}")


def test_after_a_revocation_the_way_back_names_whose_it_was():
    few = list(text.revoke(RevokeResult(cohort="mls26", revoked=("1", "x y"))))
    many = list(text.revoke(RevokeResult(cohort="mls26", revoked=tuple(map(str, range(11))))))

    assert few[-1] == "Give access back with: practicum reinstate mls26 1 'x y'"
    assert many[-1] == "Give access back with: practicum reinstate mls26 STUDENT"


def test_each_whose_certificate_ends_has_a_line_to_paste():
    soon = datetime.now(UTC) + timedelta(days=3)

    lines = list(ends.lines("mls26", {"2": soon, "1": soon}))

    assert [line.rpartition("; ")[2] for line in lines[2:]] == [
        "practicum reset mls26 1",
        "practicum reset mls26 2",
    ]


def test_no_message_says_cohort_where_a_name_could_stand():
    """But for what a command's own help says, which is in `cli`."""
    said = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if path.parent.name != "cli" and path.parent.parent.name != "cli"
        and re.search(r"practicum [^`\n]*\bCOHORT\b", path.read_text(encoding="utf-8"))
    }  # fmt: skip

    assert said == NOT_KNOWN
