"""Changes for single students: what is decided before anything is asked of a cluster."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner import cluster, manifest
from provisioner.cluster import ApiError, workloads
from provisioner.cohort import Student, enrolment, override, records, roster, roster_edit
from provisioner.errors import ClusterError, InputError
from provisioner.lifecycle import allowance, correction, membership, named, suspension
from provisioner.lifecycle.access import terms
from provisioner.lifecycle.choice import Choice, chosen
from provisioner.lifecycle.reading import narrowed
from provisioner.manifest import ObjectKey
from provisioner.plan import Live, make_plan, record_of
from provisioner.report import documents, plan_text, returning

from ..sample import cohort, record
from .rendering import SETTINGS, one
from .test_compare import merge
from .test_lifecycle_parts import engine, part
from .test_report import reading_of

# Somebody comes back


def test_who_comes_back_is_told_of_what_holds_from_before():
    """Also where an import brings them back, and nobody says `add`."""
    there = reading_of(["1", "2"])
    earlier = record("1", dropped=True, suspended=True, until=date(2027, 5, 4))
    reading = replace(there, known={**there.known, "1": earlier})

    lines = list(returning.notes(reading))

    assert list(plan_text.lines(reading))[-2:] == lines == documents.plan(reading)["notes"]
    assert [line.rpartition(": ")[2] for line in lines] == [
        "practicum resume mls26 1",
        "practicum extend mls26 1 --reset",
    ]
    assert "last day of their own, 2027-05-04" in lines[1]
    assert list(returning.notes(there)) == []
    assert list(returning.notes(replace(reading, students={}))) == [], "they stay away"
    assert list(returning.notes(replace(reading, only=frozenset({"s2"})))) == []


def test_who_joined_is_to_be_given_access_once_the_environment_is_there():
    """Their old namespace may still be ending."""
    newcomer = Student(id="1", name="Ada")

    assert membership._what_is_next("mls26", newcomer, []).notes == ()
    [line] = membership._what_is_next("mls26", newcomer, ["1"]).notes
    assert "keys/1" in line


# An id that is corrected


def test_an_id_that_was_somebodys_is_refused_with_what_can_be_done():
    """Nobody of that id is there any more to be dropped."""
    reading = SimpleNamespace(
        students={"1": None, "2": None}, kept={"9": record("9", dropped=True)}
    )

    with pytest.raises(InputError) as gone:
        correction._refuse_taken(reading, "1", "9")
    with pytest.raises(InputError) as there:
        correction._refuse_taken(reading, "1", "2")

    assert gone.value.problems[0].fix.startswith("if it is the same person: drop 1, add 9")
    assert "drop one of them" in there.value.problems[0].fix


def assign(known, students, found=None):
    return enrolment.assign(known, students, "mls26", 50, found)


def test_a_correction_counts_once_the_roster_has_it():
    known = {"1": record("1", becomes="9")}

    before, after = assign(known, ["1"]), assign(known, ["9"])

    assert before == {"1": record("1")}, "and what ran in between has called it off"
    assert after == {"9": replace(record("1"), id="9")}


def test_a_correction_that_was_called_off_is_not_taken_up_by_a_stranger():
    """Whoever joins under the id that somebody nearly had is somebody else."""
    called_off = assign({"1": record("1", becomes="9")}, ["1"])

    after = assign(called_off, ["9"])

    assert after["1"].dropped
    assert after["9"].name == "s9"


def test_who_has_the_id_while_the_wrong_one_still_stands_is_somebody_else():
    after = assign({"1": record("1", becomes="9")}, ["1", "9"])

    assert (after["1"].name, after["9"].name) == ("s1", "s9")


def test_a_correction_never_takes_what_another_has():
    known = {"1": record("1", becomes="2"), "2": record("2")}

    after = assign(known, ["2"])

    assert (after["2"].name, after["1"].dropped) == ("s2", True)


def test_who_gets_an_id_that_was_given_up_gets_another_name():
    """INP-05: a name is never shared, also after a correction."""
    known = {"9": replace(record("1"), id="9")}

    after = assign(known, ["9", "1"])

    assert after["9"].name == "s1"
    assert after["1"].name.startswith("s1-2---") or after["1"].name != "s1"
    assert after["1"].namespace != after["9"].namespace


@pytest.mark.parametrize("stale", ["file", "cluster"])
def test_an_environment_that_has_two_ids_is_the_rosters(stale):
    """A correction that another operator made, or that did not come as far as the cluster."""
    old, new = record("1"), replace(record("1"), id="9")
    known, found = (old, new) if stale == "file" else (new, old)

    after = assign({known.id: known}, ["9"], {found.id: found})

    assert after == {"9": new}


def test_an_environment_that_two_claim_is_nobodys():
    old, new = record("1"), replace(record("1"), id="9")

    with pytest.raises(InputError, match="1 and 9 claim one environment"):
        assign({"9": new}, ["1", "9"], {"1": old})


ids = st.sampled_from("abcdef")


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(ids, ids, st.booleans()), max_size=12))
def test_no_two_ever_share_an_environment(steps):
    """Whatever is corrected, cut off, dropped and added again."""
    known, present = assign({}, ["a", "b"]), {"a", "b"}
    for one_id, other, done in steps:
        if one_id in present and other not in present and other not in known:
            pending = {**known, one_id: replace(known[one_id], becomes=other)}
            name = known[one_id].name
            present = present - {one_id} | {other} if done else present
            known = assign(pending, sorted(present))
            assert known[other if done else one_id].name == name
        else:
            present ^= {other}
            known = assign(known, sorted(present))
        active = [one.name for one in known.values()]
        assert len(set(active)) == len(active)
        assert {id for id, one in known.items() if not one.dropped} == present


# A quota of one's own


def test_a_quota_of_ones_own_changes_its_lines_and_no_other():
    usual = one("ResourceQuota", manifest.environment(cohort(), record()))["spec"]["hard"]
    made = manifest.environment(cohort(), record(quota=(("cpu", "4"), ("pods", "30"))))
    own = one("ResourceQuota", made)["spec"]["hard"]

    differ = {key: own[key] for key in own if own[key] != usual[key]}
    assert differ == {"requests.cpu": "4", "limits.cpu": "4", "pods": "30"}
    assert own.keys() == usual.keys()


def test_while_suspended_there_is_room_for_no_pod_whatever_the_quota():
    made = manifest.environment(cohort(), record(suspended=True, quota=(("pods", "30"),)))

    assert one("ResourceQuota", made)["spec"]["hard"]["pods"] == "0"


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (["cpu"], "this is no KEY=QUANTITY"),
        (["memroy=8Gi"], "did you mean memory?"),
        (["gpu=1"], "there is no such key"),
        (["cpu=-4"], "is negative"),
        (["cpu=9999"], "is too large"),
        (["cpu=NaN"], "is no Kubernetes quantity"),
        (["memory=8GB"], "is no Kubernetes quantity"),
        (["pods=0"], "must be 1 to 1000"),
        (["pods=2.5"], "must be a whole number"),
        (["cpu=4", "cpu=5"], "is said twice"),
        (["cpu=100m"], "sets limits.default.cpu above quota.cpu"),
    ],
)
def test_a_quota_that_cannot_be_is_refused(pairs, told):
    with pytest.raises(InputError) as caught:
        override.parse(cohort(), (), pairs)

    assert any(told in str(problem) for problem in caught.value.problems), caught.value.problems


def test_all_mistakes_are_told_at_once_and_no_value_is_repeated():
    with pytest.raises(InputError) as caught:
        override.parse(cohort(), (), ["cpu=hunter2", "pods=hunter2", "x=1"])

    assert len(caught.value.problems) == 3
    assert "hunter2" not in "".join(map(str, caught.value.problems))


def test_what_is_asked_for_is_added_to_what_was_given_before():
    assert override.parse(cohort(), (("cpu", "4"), ("pods", "3")), ["pods=5"]) == (
        ("cpu", "4"), ("pods", "5"),
    )  # fmt: skip


@pytest.mark.parametrize("plain", [[], {"cpu": 4}, {"cpu": "none"}, {"x": "1"}, {"pods": "0"}])
def test_a_record_with_an_impossible_quota_is_damaged(tmp_path, plain):
    path = tmp_path / "students.json"
    records.save(path, {"1": record("1", quota=(("cpu", "4"),))})
    assert records.load(path)["1"].quota == (("cpu", "4"),)
    document = json.loads(path.read_text())
    document["students"]["1"]["quota"] = plain or [1]
    path.write_text(json.dumps(document))

    with pytest.raises(InputError, match="is damaged"):
        records.load(path)


def test_an_annotation_that_is_damaged_gives_no_quota_and_loses_no_record():
    namespace = manifest.environment(cohort(), record(quota=(("cpu", "4"),)))[0]
    assert record_of(namespace) == record(quota=(("cpu", "4"),))

    damaged = merge(namespace, {"metadata": {"annotations": {manifest.QUOTA: "cpu=4,x"}}})

    assert record_of(damaged) == record()


# The roster, line by line


@pytest.fixture
def write(tmp_path):
    def make(content):
        path = tmp_path / "roster.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def test_other_lines_columns_and_the_order_stay_to_the_byte(write):
    before = b'\xef\xbb\xbfnote,name,id\r\n"a, ""b""",Ada ,1\r\n\r\n,Bo,2\r\n'
    path = write(before)

    roster_edit.add(path, {"id": "3", "name": "Cy, Dr", "section": "B"}).write()

    after = (
        b'\xef\xbb\xbfnote,name,id,section\r\n"a, ""b""",Ada ,1,\r\n\r\n,Bo,2,\r\n,"Cy, Dr",3,B\r\n'
    )
    assert path.read_bytes() == after
    roster_edit.drop(path, ["3"]).write()
    roster_edit.correct(path, "2", "7", None).write()
    assert b",Bo,7,\r\n" in path.read_bytes()
    assert [one.id for one in roster.load(path).students] == ["1", "7"]


def test_a_roster_of_nobody_is_joined(write):
    path = write("id,name\n")

    roster_edit.add(path, {"id": "3", "name": "Cy"}).write()

    assert [one.id for one in roster.load(path).students] == ["3"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949"])
def test_the_encoding_stays_as_long_as_it_has_the_letters(write, encoding):
    path = write("id,name\n1,김민준\n2,이서연\n".encode(encoding))

    roster_edit.add(path, {"id": "3", "name": "박지호"}).write()
    same = path.read_bytes()
    roster_edit.add(path, {"id": "4", "name": "Zoë Ångström"}).write()

    assert same.decode(encoding).endswith("3,박지호\n")
    assert [one.name for one in roster.load(path).students][-1] == "Zoë Ångström"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"id": "1"}, "ID: this id stands in line 2 already"),
        ({"id": "0001"}, "ID: an id that differs in case, width or zeros"),
        ({"id": "../x"}, "ID: the id has other characters"),
        ({"id": " 3"}, "ID: white space surrounds the id"),
        ({"id": "2.024E+09"}, "ID: the id was changed by a spreadsheet"),
        ({"name": ""}, "--name: the name is empty"),
        ({"name": "A\u202eB"}, "--name: a character stands here that cannot be seen"),
        ({"name": "A\nB"}, "--name"),
        ({"section": "x" * 300}, "--section: this is longer"),
        ({"email": "x"}, "--email: this is not one email address"),
        ({"email": "ADA@example.org"}, "--email: this email stands in line 2 already"),
    ],
)
def test_a_newcomer_with_a_mistake_is_refused_by_what_was_said(write, cells, told):
    path = write("id,name,email\n1,Ada,ada@example.org\n")

    with pytest.raises(InputError) as caught:
        roster_edit.add(path, {"id": "3", "name": "Cy", **cells})

    problems = [str(problem) for problem in caught.value.problems]
    assert any(told in problem for problem in problems), problems


def test_the_last_student_is_not_dropped(write):
    path = write("id,name\n1,Ada\n2,Bo\n")

    roster_edit.drop(path, ["1"])
    with pytest.raises(InputError, match="Nobody would be left"):
        roster_edit.drop(path, ["1", "2"])


# Who is touched


def test_a_run_for_some_leaves_all_others_out_of_the_plan_and_out_of_the_records():
    """Noted as dropped, a leaver would be missing in the program, and be deleted by it."""
    reading = reading_of(["1", "2"], changed=["1"], left=["3"])
    kept = {id: record(id) for id in ("1", "2", "3")}
    changed = replace(reading.plan, guard=replace(reading.plan.guard, action="change"))
    reading = replace(reading, kept=kept, known=kept, plan=changed)

    some = narrowed(reading, ["s2"])

    assert [part.name for part in some.plan.students] == ["s2"]
    assert some.plan.guard.action == "same"
    assert reading.to_save["3"].dropped
    assert not some.to_save["3"].dropped
    assert some.to_save.keys() == kept.keys()


def test_who_is_not_meant_is_excluded_also_where_they_are_leaving():
    """They stay in the program, or in the state: either way the engine leaves them alone."""
    everybody = {"1": record("1"), "2": record("2"), "3": record("3", dropped=True),
                 "4": record("4", wave=2)}  # fmt: skip
    made = engine()
    reading = replace(reading_of([]), records=everybody, kept=everybody)
    made = replace(made, reading=replace(reading, only=frozenset({"s1"})))

    made.run_waves([part("1", "change")], leave_out=set())

    assert [job.exclude for job in made.workers.jobs] == [("s2", "s3")]


def test_a_student_whom_nobody_knows_cannot_be_brought_up():
    with pytest.raises(InputError, match="not in the roster"):
        chosen(reading_of(["1"]), Choice(ids=("7",)))


def test_who_has_left_can_be_named_where_earlier_students_count_and_nowhere_else():
    """Who left may be revoked, brought to an end or let go of, but never be given anything."""
    left = record("7", dropped=True)
    reading = replace(reading_of([]), records={"7": left}, students={})

    named.refuse_unknown(reading, ["7"])
    with pytest.raises(InputError) as caught:
        named.refuse_not_in_roster(reading, ["7"])

    assert [str(one) for one in caught.value.problems] == ["7: is not in the roster"]


def reading_with(outdated, drifted):
    """Students whose environment an earlier rendering made, and some that were changed."""
    everybody = sorted({*outdated, *drifted})
    reading = reading_of(everybody, changed=everybody)
    owned = {}
    for key, item in reading.live.owned.items():
        id = key.name.rpartition("--s")[2]
        if key.kind == "Namespace" and id in outdated:
            item = merge(item, {"metadata": {"annotations": {manifest.RENDERED_BY: "0"}}})
        owned[key] = item
    live = Live(owned=owned, foreign={})
    return replace(reading, live=live, plan=make_plan(reading.cohort, reading.records, live))


def test_in_steps_what_somebody_changed_comes_before_what_an_upgrade_changes():
    reading = reading_with(outdated=["1", "2"], drifted=["3"])
    assert reading.plan.outdated == 2

    first = chosen(reading, Choice(at_most=1))

    assert [part.name for part in first.plan.having("change")] == ["s3"]
    assert first.left == 2
    assert first.plan.guard == reading.plan.guard
    assert chosen(reading, Choice(at_most=3)).left == 0


RENDERED = {"1": "b3865de55b8db833", "2": "2b637a79b4b08047"}
"""What the example is rendered as, by the version of the rendering."""


def test_a_changed_rendering_has_a_new_version():
    """So that `plan` can say that an upgrade, and nobody's hand, made environments differ."""
    examples = [
        manifest.environment(cohort(**fields), one_record)
        for fields in SETTINGS.values()
        for one_record in (
            record(),
            record(suspended=True),
            record(until=date(2026, 11, 1), quota=(("cpu", "4"),)),
        )
    ]
    for item in (item for example in examples for item in example):
        item["metadata"].get("annotations", {}).pop(manifest.RENDERED_BY, None)
    digest = hashlib.sha256(json.dumps(examples, sort_keys=True).encode()).hexdigest()[:16]

    assert RENDERED.get(manifest.RENDERING) == digest, (
        "environments are rendered otherwise now: count manifest.labels.RENDERING up by one,"
        f" and put {{RENDERING: {digest!r}}} in place of the last line of RENDERED"
    )
    assert list(RENDERED)[-1] == manifest.RENDERING


# What runs


DEPLOYMENT = {"metadata": {"name": "web"}, "spec": {"replicas": 3}}


def kind(plural):
    return next(one for one in workloads.KINDS if one.plural == plural)


def applied(live, patch):
    return merge(live, patch)


@pytest.mark.parametrize(
    ("plural", "live"),
    [
        ("deployments", DEPLOYMENT),
        ("replicasets", DEPLOYMENT),
        ("statefulsets", DEPLOYMENT),
        (
            "statefulsets",
            merge(DEPLOYMENT, {"spec": {
                "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}}),
        ),
        ("cronjobs", {"metadata": {}, "spec": {"suspend": False}}),
        ("jobs", {"metadata": {"annotations": {"a": "b"}}, "spec": {"suspend": False}}),
    ],
)  # fmt: skip
def test_what_was_put_to_rest_is_woken_as_it_was(plural, live):
    at_rest = applied(live, kind(plural).rest(live))
    awake = applied(at_rest, kind(plural).wake(at_rest))

    assert at_rest["spec"] != live["spec"]
    assert awake["spec"] == live["spec"]
    assert not any("suspended" in key for key in awake["metadata"].get("annotations") or {})
    assert kind(plural).rest(at_rest) is None, "done twice, nothing is done"
    assert kind(plural).wake(awake) is None


@pytest.mark.parametrize(
    ("plural", "group", "live"),
    [
        ("deployments", "apps", DEPLOYMENT),
        ("cronjobs", "batch", {"metadata": {"name": "c"}, "spec": {"suspend": False}}),
        ("configmaps", "", {"metadata": {"annotations": {workloads.FORMER: "2"}}, "data": {}}),
    ],
)
def test_what_was_archived_at_rest_is_brought_back_awake(plural, group, live):
    """Whoever was resumed before the archive came back would else have work that never runs."""
    known = group and kind(plural)
    at_rest = applied(live, known.rest(live)) if known else live

    found = workloads.woken(f"{plural}.{group}".rstrip("."), at_rest)

    assert found["spec" if known else "data"] == live["spec" if known else "data"]
    assert (found["metadata"].get("annotations") or {}) == (
        live["metadata"].get("annotations") or {}
    )
    assert workloads.woken(f"{plural}.{group}".rstrip("."), live) == live


def test_a_statefulset_at_rest_keeps_its_volumes():
    """Scaling down would else delete them: whenScaled is the student's own choice."""
    live = merge(DEPLOYMENT, {"spec": {
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}})  # fmt: skip

    at_rest = applied(live, kind("statefulsets").rest(live))

    assert at_rest["spec"]["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Retain"


@pytest.mark.parametrize(
    ("plural", "live"),
    [
        ("replicasets", merge(DEPLOYMENT, {"metadata": {"ownerReferences": [{"uid": "u"}]}})),
        ("deployments", {"metadata": {}, "spec": {"replicas": 0}}),
        ("cronjobs", {"metadata": {}, "spec": {"suspend": True}}),
        (
            "jobs",
            {"metadata": {}, "spec": {},
             "status": {"conditions": [{"type": "Complete", "status": "True"}]}},
        ),
    ],
)  # fmt: skip
def test_what_does_not_run_by_itself_is_left_alone(plural, live):
    assert kind(plural).rest(live) is None
    assert kind(plural).wake(live) is None


@pytest.mark.parametrize("former", ["99999999999", "-1", "٣", "many", ""])
def test_a_count_that_a_student_made_up_stops_nobody(former):
    live = {"metadata": {"annotations": {workloads.FORMER: former}}, "spec": {"replicas": 0}}

    assert kind("deployments").wake(live)["spec"] == {}


class Contested:
    """Holds one of many Deployments; somebody else changes it whenever it is to be patched."""

    def __init__(self, changes, *, goes=False):
        self.changes, self.goes, self.asked = changes, goes, []

    def pages(self, path, *, fields=""):
        self.asked.append(fields)
        there = [] if self.goes and fields else [self.live()]
        return iter(there if path.endswith("/deployments") else [])

    def live(self):
        metadata = {"name": "web", "namespace": "ada", "resourceVersion": str(self.changes)}
        return {"metadata": metadata, "spec": {"replicas": 3}}

    def request(self, method, path, *, body, **_):
        assert (method, path.rpartition("/")[2]) == ("PATCH", "web")
        said, now = body["metadata"]["resourceVersion"], self.live()["metadata"]["resourceVersion"]
        if self.changes:
            self.changes -= 1
            raise ApiError(409, "Conflict", "changed")
        assert said == now


def test_what_somebody_else_changes_meanwhile_is_read_anew_by_its_name_alone():
    client = Contested(changes=2)

    stopped = workloads.put_to_rest(client, "ada", keep_pods=True)

    assert stopped.workloads == ("deployments/web",)
    assert [one for one in client.asked if one] == ["metadata.name=web"] * 2


def test_what_has_gone_meanwhile_needs_no_rest():
    client = Contested(changes=1, goes=True)

    assert workloads.put_to_rest(client, "ada", keep_pods=True).workloads == ()


def test_what_never_stands_still_is_told():
    with pytest.raises(ClusterError, match="faster than it can be changed"):
        workloads.put_to_rest(Contested(changes=9), "ada", keep_pods=True)


def test_annotations_that_controllers_copy_are_none_that_policies_keep():
    """A Deployment's are copied to its ReplicaSet, which then could not be scaled."""
    assert not workloads.FORMER.startswith(manifest.PREFIX)
    assert not workloads.WHEN_SCALED.startswith(manifest.PREFIX)


def test_who_may_not_stop_what_runs_is_told_before_anything_is_changed(monkeypatch):
    """Half a suspension would be access off, and the work running on."""
    rights = cluster.suspension_rights()
    monkeypatch.setattr(cluster, "missing_rights", lambda _client, asked: list(asked)[:1])

    with pytest.raises(ClusterError, match="stop and start what students run: list pods"):
        suspension._refuse_without_rights(reading_of(["1"]))

    assert {str(right) for right in rights} >= {"delete pods", "patch deployments.apps"}


# A later end


def today():
    """Of this very moment: a run of all tests may go on over midnight."""
    return datetime.now(UTC).date()


def course(ends, grace=14):
    return cohort(
        term={"starts": date(2020, 1, 1), "ends": ends, "grace_days": grace},
    )


def test_an_own_end_counts_where_it_is_later():
    ends = today() + timedelta(days=30)
    later, sooner = ends + timedelta(days=60), ends - timedelta(days=5)

    found = [terms.last_day(course(ends), record(until=day)) for day in (None, later, sooner)]

    assert found == [ends + timedelta(days=14), later, ends + timedelta(days=14)]


def test_who_was_extended_has_access_when_the_term_is_over():
    over = course(today() - timedelta(days=30))

    tomorrow = today() + timedelta(days=1)  # today's end may be too near for a token

    assert terms.expiry(over, record(until=tomorrow)).date() == tomorrow
    with pytest.raises(InputError, match="is over"):
        terms.expiry(over, record())


@pytest.mark.parametrize(
    ("days", "told"),
    [(-1, "is over"), (0, "is no extension"), (44, "is no extension"), (500, "is the year right?")],
)
def test_a_day_that_is_no_later_end_is_refused(days, told):
    now = today()
    ends = course(now + timedelta(days=30))

    with pytest.raises(InputError) as caught:
        allowance._refuse_day(ends, now + timedelta(days=days))

    assert told in str(caught.value.problems[0])
    allowance._refuse_day(ends, now + timedelta(days=45))


def test_who_uses_more_than_they_would_have_is_told():
    used = {"status": {"used": {"pods": "5", "services": "1", "requests.cpu": "100m"}}}
    reading = reading_of(["1"])
    key = ObjectKey("ResourceQuota", record("1").namespace, "practicum")
    found = replace(reading.found, owned={key: used})

    told = allowance.uses_more(replace(reading, found=found), record("1", quota=(("pods", "3"),)))

    assert list(told) == [
        "1: uses 5 of pods now, more than 3: what runs goes on, and nothing is added until it is less"
    ]
