"""A cluster's certificates end after a year, whatever the term: that is said while there is time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from provisioner import credential
from provisioner.cohort import records as record_file
from provisioner.cohort.kind import Kind
from provisioner.credential import Credential
from provisioner.lifecycle.access import on_disk
from provisioner.lifecycle.access.giving import HandoutResult
from provisioner.lifecycle.access.handout import Wishes
from provisioner.lifecycle.own_clusters import ends, handing_out, preflight
from provisioner.lifecycle.own_clusters.status import status
from provisioner.lifecycle.progress import Silent
from provisioner.report import documents, text
from provisioner.report import status as status_text
from provisioner.settings import Settings

from ..sample import cohort, record

TERM = {"starts": date(2026, 9, 1), "ends": date(2027, 2, 20), "grace_days": 7}
NOW = datetime(2026, 12, 1, tzinfo=UTC)
ENOUGH = datetime(2027, 2, 28, tzinfo=UTC)


def course(folder=None, **kind):
    fields = {"folder": folder} if folder else {}
    return cohort(backend="kind", cluster=None, kind=Kind.model_validate(kind), term=TERM, **fields)


@pytest.mark.parametrize(
    ("end", "until", "early"),
    [
        (ENOUGH, None, False),
        (datetime(2027, 2, 27, 12, tzinfo=UTC), None, True),  # the last day of the grace
        (datetime(2027, 1, 15, tzinfo=UTC), None, True),
        (ENOUGH, date(2027, 4, 1), True),
    ],
)
def test_what_ends_before_the_last_day_with_access_is_told(end, until, early):
    one = replace(record("1"), until=until)

    assert ends.too_early(course(), [one], {one.name: end}, NOW) == ({"1": end} if early else {})


def test_what_ends_within_a_month_is_told_also_after_the_term():
    one, now = record("1"), datetime(2027, 3, 1, tzinfo=UTC)
    for days, early in ((29, True), (31, False)):
        end = now + timedelta(days=days)
        assert bool(ends.too_early(course(), [one], {one.name: end}, now)) is early
    assert ends.too_early(course(), [one], {}, now) == {}  # nothing was handed out


@pytest.fixture
def handed_out(tmp_path):
    """A course of two, with what was handed out to them on this machine."""
    settings = Settings(stacks=tmp_path / "stacks", home=tmp_path / "home")

    def handed_out(*given: datetime, **kind):
        course_ = course(settings.stacks / "mls26", **kind)
        course_.folder.mkdir(parents=True, exist_ok=True)
        records = {str(n): record(str(n)) for n in range(1, len(given) + 1)}
        record_file.save(course_.records_file, records)
        folder = on_disk.folder_of(settings, "mls26")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for one, end in zip(records.values(), given, strict=True):
            told = Credential(student=one.name, issued=NOW, expires=end, recipient="SHA256:x",
                              secret={"metadata": {"name": "cluster-1"}})  # fmt: skip
            on_disk.write(folder, one, b"sealed", told)
        return settings, course_, records

    return handed_out


EARLY = datetime.now(UTC) + timedelta(days=3)
LATE = datetime(2099, 1, 1, tzinfo=UTC)


def test_doctor_names_whose_certificate_ends_too_early(handed_out, monkeypatch):
    settings, course_, _ = handed_out(EARLY, LATE)
    monkeypatch.setattr(preflight, "_engine", lambda *_: iter(()))

    found = {one.about: one for one in preflight.check(settings, course_, [])}

    assert found["certificates"].verdict == "warning"
    assert found["certificates"].found.endswith(f": 1 ({EARLY:%Y-%m-%d})")
    assert found["certificates"].fix.endswith("practicum reset mls26 1")
    scoped = course(course_.folder, access="namespace")
    assert "certificates" not in {one.about for one in preflight.check(settings, scoped, [])}


def test_status_names_whose_certificate_ends_too_early(handed_out):
    settings, course_, records = handed_out(EARLY, LATE)
    reading = SimpleNamespace(cohort=course_, records=records, sites={"local": None},
                              plan=SimpleNamespace(students=()))  # fmt: skip

    found = status(settings, reading)

    told = [line for line in status_text.header(found) if line.startswith("  ! ")]
    assert told == [f"  ! 1: ends on {EARLY:%Y-%m-%d}; practicum reset mls26 1"]
    assert [one["id"] for one in documents.status(found)["ending"]] == ["1"]


def test_a_hand_out_names_whose_certificate_ends_too_early(handed_out, monkeypatch):
    settings, course_, records = handed_out(EARLY, LATE)
    given = {
        "s1": handing_out._Given("issued", expires=EARLY),
        "s2": handing_out._Given("kept", expires=LATE),
        "s3": handing_out._Given("failed", why="is suspended"),
    }
    monkeypatch.setattr(handing_out._Counter, "_guarded", lambda _, pair, __: given[pair[0].name])
    reading = SimpleNamespace(cohort=course_, whoami=lambda: "me")
    pairs = [(one, SimpleNamespace(id=one.id)) for one in (*records.values(), record("3"))]

    result = handing_out._Counter(settings, reading, Wishes()).serve(pairs, Silent())

    assert result.ending == {"1": EARLY}
    ends = f"  ! 1: ends on {EARLY:%Y-%m-%d}; practicum reset mls26 1"
    assert ends in [*text.handout(result)]
    assert [one["id"] for one in documents.handout(result)["ending"]] == ["1"]


@pytest.mark.parametrize("there", [True, False])
def test_what_is_given_and_what_is_kept_ends_with_the_certificate(monkeypatch, there):
    end, key = [], SimpleNamespace(fingerprint="SHA256:x")
    monkeypatch.setattr(handing_out.access, "of", lambda *_: None)
    monkeypatch.setattr(handing_out, "_credential", lambda *_: SimpleNamespace(expires=end))
    monkeypatch.setattr(handing_out.on_disk, "note", lambda _: None)
    monkeypatch.setattr(handing_out.on_disk, "is_there", lambda *_: there)
    monkeypatch.setattr(handing_out.terms, "expiry", lambda *_: None)
    monkeypatch.setattr(handing_out._Counter, "_give", lambda *_, **__: None)
    counter = object.__new__(handing_out._Counter)
    counter._folder, counter._wishes = Path("none"), Wishes()
    counter._reading = SimpleNamespace(cohort=course())

    given = counter._one(record("1"), SimpleNamespace(key=key), None)

    assert given.heading == ("kept" if there else "issued")
    assert given.expires is end


def test_where_all_is_well_nothing_is_said():
    result = HandoutResult(cohort="mls26")

    assert not any("end before the term" in line for line in text.handout(result))
    assert documents.handout(result)["ending"] == []


def test_the_end_of_a_certificate_is_read_from_it():
    from .test_own_clusters_access import certificate

    end = credential.end_of(certificate())

    assert timedelta(hours=23) < end - datetime.now(UTC) <= timedelta(days=1)
