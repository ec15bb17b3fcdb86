"""What other programs and people read: keys of the contract, lines, and nothing that obeys."""

from __future__ import annotations

import io
import json
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner import manifest
from provisioner.cli import options
from provisioner.cluster import Found
from provisioner.cohort import Group, Student
from provisioner.credential import Credential, Standing
from provisioner.errors import InputError, Problem
from provisioner.lifecycle import watch
from provisioner.lifecycle.access.desk import Issued
from provisioner.lifecycle.access.giving import HandoutResult
from provisioner.lifecycle.archives.archiving import Archived
from provisioner.lifecycle.archives.kept import Archive
from provisioner.lifecycle.archives.restored import Restored, Result
from provisioner.lifecycle.change import Changed
from provisioner.lifecycle.leaving import refuse_mass_drop
from provisioner.lifecycle.reading import Reading, Target
from provisioner.lifecycle.receipt import Receipt
from provisioner.lifecycle.status import Status, StudentStatus
from provisioner.lifecycle.up_result import UpResult
from provisioner.manifest import key_of
from provisioner.plan import Live, Part, make_plan
from provisioner.report import archives, documents, live, plan_text, text
from provisioner.report import status as status_text

from ..sample import cohort, record
from .test_compare import merge

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
PERSON = "Grace Beispiel"


def reading_of(ids, *, changed=(), left=(), foreign=()):
    """A reading in which all else runs as it is wanted."""
    course = cohort()
    records = {id: record(id) for id in ids} | {id: record(id, dropped=True) for id in left}
    owned = {key_of(item): item for item in manifest.guard(course)}
    for id in (*changed, *left):
        for item in manifest.environment(course, record(id)):
            owned[key_of(item)] = item
    for key, item in owned.items():
        if key.kind == "ResourceQuota" and any(key.namespace.endswith(f"s{id}") for id in changed):
            owned[key] = merge(item, {"spec": {"hard": {str(n): "1" for n in range(7)}}})
    taken = {key_of(manifest.environment(course, record(id))[0]): "is Eve's" for id in foreign}
    seen = Live(owned=owned, foreign=taken)
    return Reading(
        cohort=course,
        students={id: Student(id=id, name=PERSON) for id in ids},
        known=records,
        records=records,
        target=Target(kubeconfig=Path("/k"), context="rehearsal"),
        client=None,  # what is shown asks nobody
        found=Found(cohort="mls26", uid="u", owned=owned, namespaces={}),
        live=seen,
        plan=make_plan(course, records, seen),
    )


def student(**fields):
    usual = {"id": "1", "namespace": "mls26--s1", "phase": "ready", "key": "age"}
    return StudentStatus(**{**usual, **fields})


def credential(expires=LATER):
    return Credential(
        student="s1", issued=NOW, expires=expires, recipient="SHA256:x", secret={"canary": 1}
    )


def standing(expires=LATER):
    return Standing(credentials=(credential(expires),))


def status(*students):
    return Status(cohort="mls26", server="https://k", simulated=True, time=NOW, students=students)


ISSUED = Issued(id="1", path=Path("/h/1.age"), expires=LATER, opener="age -d -i key.txt")
RECEIPT = Receipt(
    archived=Archived(cohort="mls26"),
    cohort="mls26", server="https://k", cluster="u", version="v1.34.9", time=NOW, removed=2,
    searched={"pods": 0, "namespaces": 1}, remaining=("namespaces mls26--s1 is left",),
    path=Path("/h/receipt.json"),
)  # fmt: skip


def sharing():
    """A reading of a student alone in a group, which is yet to be made."""
    before = reading_of("1")
    alpha = Group(
        title="alpha", name="group--alpha", namespace="mls26--g", wave=1, members=("1",)
    )  # fmt: skip
    plan = make_plan(before.cohort, before.records, before.live, {"alpha": alpha})
    return replace(before, plan=plan, groups={"alpha": alpha})


# JSON: the keys of the contract


def test_groups_stand_beside_students_and_never_among_them():
    [new] = documents.plan(sharing())["groups"]
    lines = list(plan_text.lines(sharing()))
    done = UpResult(cohort="m", groups=Counter(create=2), failed_groups={"alpha": "no room"})

    assert (new["group"], new["namespace"], new["action"]) == ("alpha", "mls26--g", "create")
    assert [one["id"] for one in documents.plan(sharing())["students"]] == ["1"]
    assert "  + group alpha (mls26--g)" in lines
    assert lines[-1].startswith("groups of mls26: 1 to create")
    assert documents.up(done)["groups"] == {
        "created": 2, "changed": 0, "same": 0, "removed": 0,
        "failed": [{"group": "alpha", "error": "no room"}],
    }  # fmt: skip
    assert documents.up(done)["created"] == 0
    assert "  ! group alpha: no room" in list(text.up(done))
    assert list(text.up(done))[-1].startswith("Mend these")


def test_a_group_that_differs_is_seen_by_a_watch():
    assert [who for who, _ in watch.differences(sharing())][-1] == "group alpha"


def test_many_groups_that_would_go_at_once_are_a_question():
    several = [Part(name=f"group--{n}", action="remove") for n in range(5)]
    before = reading_of("1")
    leaving = replace(before, plan=replace(before.plan, groups=tuple(several)))

    with pytest.raises(InputError, match="5 of 5 groups would be dropped"):
        refuse_mass_drop(leaving, None)
    refuse_mass_drop(leaving, 5)
    refuse_mass_drop(replace(leaving, plan=replace(leaving.plan, groups=tuple(several[:3]))), None)


def shape(document):
    """Keys all the way down, without what they hold."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    return type(document).__name__


DOCUMENTS = {
    "plan": (
        documents.plan(reading_of("1")),
        {
            "cohort": "str",
            "guard": "str",
            "students": [{"id": "str", "namespace": "str", "action": "str", "changes": []}],
        },
    ),
    "up": (
        documents.up(UpResult(cohort="mls26", failed={"1": "why"}, seconds=1.5)),
        {
            "cohort": "str", "created": "int", "changed": "int", "same": "int", "removed": "int",
            "failed": [{"id": "str", "error": "str"}], "seconds": "float",
        },
    ),
    "status": (
        documents.status(status(student(access=standing()))),
        {
            "cohort": "str",
            "students": [
                {
                    "id": "str", "namespace": "str", "phase": "str", "key": "str",
                    "credential": {"issued": "str", "expires": "str", "state": "str"},
                }
            ],
        },
    ),
    "handout": (
        documents.handout(
            HandoutResult(cohort="mls26", issued=(ISSUED,), kept=("2",), unkeyed=("3",))
        ),
        {
            "issued": [{"id": "str", "path": "str", "expires": "str"}],
            "kept": ["str"],
            "unkeyed": ["str"],
        },
    ),
    "down": (
        RECEIPT.to_json(),
        {
            "cohort": "str", "proved": "bool", "searched": {"pods": "int", "namespaces": "int"},
            "remaining": ["str"], "server": "str", "time": "str",
        },
    ),
}  # fmt: skip
"""As the contract has them: a key may be added, none may go or change its type."""


def lacking(promised, given, at=""):
    """Name everything promised that is not given as promised."""
    if isinstance(promised, dict) and isinstance(given, dict):
        for key in promised:
            if key not in given:
                yield f"{at}.{key}"
            else:
                yield from lacking(promised[key], given[key], f"{at}.{key}")
    elif isinstance(promised, list) and promised and isinstance(given, list) and given:
        yield from lacking(promised[0], given[0], f"{at}[]")
    elif type(promised) is not type(given) or (isinstance(promised, str) and promised != given):
        yield at


@pytest.mark.parametrize("command", DOCUMENTS)
def test_a_document_holds_what_the_contract_promises(command):
    document, promised = DOCUMENTS[command]

    assert list(lacking(promised, shape(document))) == []
    assert json.loads(json.dumps(document)) == document


def test_a_key_that_is_gone_or_of_another_type_is_seen():
    assert list(lacking({"a": {"b": "int"}}, {"a": {}})) == [".a.b"]
    assert list(lacking({"a": [{"b": "int"}]}, {"a": [{"b": "str"}]})) == [".a[].b"]


def test_every_action_is_a_word_of_the_contract():
    document = documents.plan(reading_of("12345", changed="12", left="9", foreign="3"))

    assert {s["id"]: s["action"] for s in document["students"]} == {
        "1": "change", "2": "change", "3": "foreign", "4": "create", "5": "create", "9": "remove",
    }  # fmt: skip
    assert document["guard"] == "same"


def test_a_credential_that_is_not_there_has_the_same_keys():
    [have] = documents.status(status(student(access=standing())))["students"]
    [none] = documents.status(status(student()))["students"]

    assert have["credential"].keys() == none["credential"].keys()
    assert none["credential"]["state"] == "none"
    assert none["credential"]["expires"] is None


def test_times_are_in_utc_to_the_second():
    [issued] = documents.handout(HandoutResult(cohort="c", issued=(ISSUED,)))["issued"]

    assert issued["expires"] == "2026-12-30T12:00:00+00:00"


def test_a_type_that_was_not_searched_counts_as_left():
    unsure = Receipt(**{**vars(RECEIPT), "remaining": (), "unlisted": ("widgets: no answer",)})

    assert unsure.to_json()["proved"] is False
    assert unsure.to_json()["remaining"] == ["not searched: widgets: no answer"]
    assert Receipt(**{**vars(RECEIPT), "remaining": ()}).to_json()["proved"] is True


# Lines for people


def test_a_plan_shows_what_differs_and_then_the_totals():
    lines = list(plan_text.lines(reading_of("1234", changed="1", left="9", foreign="3")))

    assert lines == [
        "  + 2 (mls26--s2)",
        "  + 4 (mls26--s4)",
        "  ~ 1 (mls26--s1)",
        *(f"      ResourceQuota/practicum spec.hard.{n}: 1 → (none)" for n in range(5)),
        "      … and 2 more",
        "  - 9 (mls26--s9)",
        "  ! 3 (mls26--s3)",
        "      Namespace/mls26--s3 is Eve's",
        "mls26: 2 to create, 1 to change, 1 to remove, 0 as they should be, 1 in other hands",
    ]


def test_many_of_one_kind_are_summed_up_and_in_full_they_are_not():
    reading = reading_of([str(number) for number in range(100, 111)])

    short, full = list(plan_text.lines(reading)), list(plan_text.lines(reading, full=True))

    assert short[-2:] == [
        "  + … and 6 more like these",
        "mls26: 11 to create, 0 to change, 0 to remove, 0 as they should be",
    ]
    assert len(short) == 7
    assert len(full) == 12


@pytest.mark.parametrize(("dry_run", "word"), [(True, "restore "), (False, "restored")])
def test_what_is_not_restored_yet_is_not_told_as_if_it_were(dry_run, word):
    result = Result(type="configmaps", name="work", state="restored")
    found = Restored(
        cohort="m", student="1", namespace="m--s1", contents=None, results=(result,),
        dry_run=dry_run,
    )  # fmt: skip

    assert next(archives.restored(found)) == f"  {word} configmaps work"


@pytest.mark.parametrize("protected", [True, False])
def test_before_down_it_is_told_that_it_would_be_refused(protected):
    goes = archives.Goes(
        cohort="m", names=("m--s1",), students=1, folder=Path("kept"), protected=protected,
        course_key=True,
    )  # fmt: skip

    assert list(goes.lines())[:2] == [
        "  - m--s1",
        "1 environment(s) are archived first, encrypted, in kept",
    ]
    assert any("protected" in line for line in goes.lines()) is protected
    assert goes.to_json() == {
        "cohort": "m", "dry_run": True, "deletes": ["m--s1"], "students": 1, "archive": True,
        "protected": protected, "course_key": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "students", "told"),
    [(Path("kept"), 1, True), (None, 1, False), (Path("kept"), 0, False)],
)
def test_before_down_it_is_told_that_there_is_no_key_to_archive_with(folder, students, told):
    goes = archives.Goes(
        cohort="m", names=("m--s1",), students=students, folder=folder, protected=False,
        course_key=False,
    )  # fmt: skip

    assert any("practicum archive key m" in line for line in goes.lines()) is told
    assert goes.to_json()["course_key"] is False


def test_where_the_work_of_who_left_lies_is_told_when_it_is_there():
    kept = Archive(id="1", path=Path("home/archive/m/1.age"), sha256="", size=1, objects=2)
    done = UpResult(cohort="m", removed=1, archives=(kept,))

    told = "  1 archived in home/archive/m, each read back"
    assert told in list(text.up(done))
    assert told in list(text.changed(Changed(result=done)))


def test_up_gives_a_line_for_each_who_failed_and_says_what_is_next():
    failed = UpResult(cohort="mls26", created=2, failed={"2": "a\n last \n", "1": ""}, seconds=3.0)

    assert list(text.up(failed)) == [
        "mls26: 2 created, 0 changed, 0 removed, 0 already right, 2 failed (3 s)",
        "  ! 1: no reason was given",
        "  ! 2: last",
        "Mend these and run again: practicum up mls26",
    ]
    assert list(text.up(UpResult(cohort="mls26", same=2)))[-1] == (
        "Give students their access with: practicum handout mls26"
    )


def test_a_handout_says_how_to_open_it_and_who_got_nothing():
    result = HandoutResult(
        cohort="mls26", issued=(ISSUED,), kept=("2",), unkeyed=tuple("abcdefghijkl"), shortened=True
    )

    assert list(text.handout(result)) == [
        "  1  /h/1.age  until 2026-12-30",
        "mls26: 1 issued, 1 kept, 12 without a key",
        "  without a key: a, b, c, d, e, f, g, h, i, j and 2 more",
        "The cluster gave tokens a shorter life than the term has: hand out again in time.",
        "A student opens it with: age -d -i key.txt",
    ]


def test_the_status_counts_phases_credentials_and_keys():
    found = status(
        student(access=standing()),
        student(id="2", phase="missing", key="unkeyed"),
    )

    assert list(status_text.header(found)) == [
        "mls26 on https://k: 2 students (1 ready, 1 missing)",
        "1 with a credential, 1 without a key",
        "This is a rehearsal: the API server is real, pods are simulated.",
    ]


def test_a_credential_that_has_expired_is_not_counted_as_one():
    found = status(student(access=standing(expires=NOW)))

    assert list(status_text.header(found))[1].startswith("0 with a credential")


def test_a_row_of_the_status_has_a_cell_a_column():
    quota = {"pods": ("3", "20")}
    row = status_text.row(student(access=standing(), quota=quota), status())

    assert dict(zip(status_text.COLUMNS, row, strict=True)) == {
        "id": "1", "namespace": "mls26--s1", "phase": "ready", "key": "age", "access": "issued",
        "issued": "2026-10-01", "until": "2026-12-30", "own end": "", "recipient": "SHA256:x", "pods": "3/20", "cpu": "", "memory": "",
    }  # fmt: skip


def test_a_receipt_says_whether_the_proof_holds():
    assert list(text.down(RECEIPT)) == [
        "mls26: 2 namespace(s) deleted",
        "Searched 2 types on https://k (v1.34.9).",
        "  left: namespaces mls26--s1 is left",
        "Not proved: something is left. Receipt: /h/receipt.json",
    ]


def test_people_are_shown_by_id_and_never_by_name():
    reading = reading_of("123", changed="1", foreign="3")

    shown = json.dumps(documents.plan(reading)) + "".join(plan_text.lines(reading, full=True))

    assert PERSON not in shown
    assert "(mls26--s2)" in shown
    assert PERSON not in repr(reading)


# INP-15: nothing that a terminal would obey

ATTACK = "a\x1b[2Jb\rc\u202ed\x9bm\x07\x00\x7f\u2066e"
ESCAPED = "a\\x1b[2Jb\\rc\\u202ed\\x9bm\\x07\\x00\\x7f\\u2066e"
OBEYED = [character for character in ATTACK if not character.isprintable()]


def printed(call, *arguments):
    out = io.StringIO()
    with redirect_stdout(out):
        call(*arguments)
    return out.getvalue()


def test_control_characters_are_shown_and_letters_are_left():
    assert options.visible(ATTACK) == ESCAPED
    assert options.visible("김민준 Zoë\t1\n") == "김민준 Zoë\t1\n"
    assert options.visible("\udcff") == "\\udcff"


def test_lines_and_tables_are_escaped():
    line = printed(options.show_lines, [f"  {ATTACK}"])
    table = printed(options.show_table, ["id", "b"], [(ATTACK, "[red]x[/red]")])

    assert line == f"  {ESCAPED}\n"
    assert ESCAPED in table
    assert "[red]x[/red]" in table


def test_an_error_is_escaped_in_every_part(capsys):
    error = InputError(
        ATTACK, problems=[Problem(ATTACK, ATTACK, ATTACK)], hint=ATTACK, details=ATTACK
    )

    options.show_error(error)

    shown = capsys.readouterr().err
    assert shown.count(ESCAPED) == 6
    assert not any(character in shown for character in OBEYED)


def test_json_is_escaped_and_says_the_same():
    document = {"id": ATTACK, "name": "김민준"}

    shown = printed(options.show_json, document)

    assert json.loads(shown) == document
    assert "김민준" in shown
    assert not any(character in shown for character in OBEYED)


def test_what_is_said_on_the_way_is_escaped(capsys):
    options.say(ATTACK)

    assert capsys.readouterr().err == f"{ESCAPED}\n"


# Progress where there is no terminal


def test_progress_is_a_line_a_step_and_no_line_a_student():
    lines = []

    with live.progress(lines.append) as progress:
        progress.step("Bringing up environments", 300)
        for number in range(300):
            progress.advance(f"s{number}")
        progress.step("Setting up")
        progress.say("told")

    assert lines == [
        "Bringing up environments (300) …",
        "Bringing up environments: 300 of 300",
        "Setting up …",
        "told",
    ]
