"""A credential counts once its file is on the disk, and not before: nobody loses access by it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pyrage
import pytest

from provisioner import credential
from provisioner.cohort import Student, keys
from provisioner.credential import Credential, Standing
from provisioner.credential.standing import PENDING, REPLACED_END, REPLACES
from provisioner.errors import ClusterError, InputError
from provisioner.lifecycle.access import audit, desk, on_disk
from provisioner.lifecycle.access import handout as handing
from provisioner.lifecycle.access import revoke as revoking
from provisioner.lifecycle.access.desk import Desk
from provisioner.lifecycle.progress import Silent
from provisioner.manifest import ObjectKey
from provisioner.settings import Settings

from ..sample import NAME, cohort, record
from .conftest import Answer

NOW = datetime.now(UTC)
END = datetime(2030, 1, 2, 23, 59, 59, tzinfo=UTC)
WHO = record()
NEW = "s20260001.new"


def bound(name, *, issued=NOW, **notes):
    return {
        "metadata": {
            "name": name, "namespace": "practicum-mls26", "uid": name,
            "labels": {"practicum.dev/student": WHO.name},
            "annotations": {
                credential.ISSUED: issued.isoformat(), credential.EXPIRES: END.isoformat(),
                credential.RECIPIENT: "SHA256:x", **notes,
            },
        }
    }  # fmt: skip


def standing_of(server, client, *secrets):
    server.will("GET", Answer(body={"metadata": {}, "items": list(secrets)}))
    return credential.standings(client, NAME).get(WHO.name, Standing())


def hours(number):
    return timedelta(hours=number)


# What stands on the cluster


def test_a_pending_credential_is_no_access_and_ends_no_other(server, client):
    held = bound("old", issued=NOW - hours(9))
    lost = bound("new", **{PENDING: "true", REPLACES: "old", REPLACED_END: NOW.isoformat()})

    standing = standing_of(server, client, held, lost)

    assert standing.current is not None
    assert (standing.current.id, standing.current.ends) == ("old", None)
    assert standing.overdue(NOW + timedelta(minutes=1)) == ()
    assert [one.id for one in standing.all] == ["old", "new"], "a revocation kills both"
    assert standing_of(server, client, lost).state(NOW) == "none"


def test_one_that_nobody_will_write_any_more_is_swept(server, client):
    held = bound("old", issued=NOW - hours(9))
    standing = standing_of(server, client, held, bound("new", **{PENDING: "true"}))

    assert standing.overdue(NOW + timedelta(minutes=59)) == (), "a hand-out may be at it"
    assert [one.id for one in standing.overdue(NOW + hours(1))] == ["new"]


def test_a_credential_sets_those_that_it_replaced_an_end_and_no_other(server, client):
    def later(name, after, replaced, end):
        notes = {REPLACES: replaced, REPLACED_END: (NOW + end).isoformat()}
        return bound(name, issued=NOW + after, **notes)

    standing = standing_of(
        server, client,
        bound("a"), bound("b", issued=NOW + hours(1)), later("c", hours(2), "a", hours(26)),
        later("d", hours(3), "a c", hours(20)),
    )  # fmt: skip

    ends = {one.id: one.ends and one.ends - NOW for one in standing.credentials}
    assert ends == {"a": hours(20), "b": None, "c": hours(20), "d": None}
    assert [one.id for one in standing.overdue(NOW + hours(21))] == ["a", "c"]


def test_an_end_that_an_earlier_version_noted_on_the_old_one_holds(server, client):
    old = bound("a", **{credential.ENDS: (NOW + hours(1)).isoformat()})
    new = bound("b", issued=NOW + hours(1), **{REPLACES: "a", REPLACED_END: END.isoformat()})

    assert standing_of(server, client, old, new).overdue(NOW + hours(2))[0].id == "a"


# What a hand-out does


class Given:
    """A desk with one student who has a credential, whose file lies here."""

    def __init__(self, server, client, tmp_path):
        self.server = server
        self.settings = Settings(stacks=tmp_path / "stacks", home=tmp_path / "home")
        self.folder = tmp_path / "handout"
        self.folder.mkdir()
        key = keys.parse(str(pyrage.x25519.Identity.generate().to_public()))
        self.student = Student(id=WHO.id, name="Ama", key=key)
        secret = bound("s20260001.old")
        self.old = Credential(
            student=WHO.name, issued=NOW, expires=END, recipient=key.fingerprint, secret=secret
        )
        on_disk.write(self.folder, WHO, b"the old file", self.old)
        self.path = on_disk.file_of(self.folder, WHO)
        self.client = client
        server.will("POST", Answer(201, bound(NEW)), Answer(201, {"status": {
            "token": "a.b.c", "expirationTimestamp": END.isoformat()}}))  # fmt: skip
        server.will("PATCH", Answer(body={}))
        server.will("DELETE", Answer(body={}))

    def give(self, overlap=desk.AT_ONCE, standing=None):
        account = {"metadata": {"name": WHO.name, "uid": "u1"}}
        key = ObjectKey("ServiceAccount", "practicum-mls26", WHO.name)
        term = {"starts": "2026-09-01", "ends": END.date(), "grace_days": 0}
        with audit.opened(self.settings, NAME, lambda: "somebody") as log:
            found = Desk(
                reading=SimpleNamespace(
                    cohort=cohort(term=term), client=self.client,
                    found=SimpleNamespace(owned={key: account}),
                ),
                standings={WHO.name: standing or Standing(credentials=(self.old,))},
                log=log, folder=self.folder,
            )  # fmt: skip
            return desk.give(found, WHO, self.student, overlap=overlap)

    @property
    def asked(self):
        return [(one.method, one.path.rpartition("/")[2]) for one in self.server.asked]

    @property
    def events(self):
        text = (self.settings.home / "audit" / f"{NAME}.jsonl").read_text()
        return [json.loads(line)["event"] for line in text.splitlines()]


@pytest.fixture
def given(server, client, tmp_path):
    return Given(server, client, tmp_path)


MINTED = [("POST", "secrets"), ("POST", "token")]
SETTLED, ENDED = ("PATCH", NEW), ("DELETE", "s20260001.old")


@pytest.mark.parametrize(("overlap", "more"), [(24, []), (0, [ENDED])])
def test_a_rotation_takes_three_requests_a_student_and_one_more_to_end_the_old_one(
    given, overlap, more
):
    given.give(hours(overlap))

    assert given.asked == [*MINTED, SETTLED, *more]
    notes = given.server.asked[0].body["metadata"]["annotations"]
    assert (notes[PENDING], notes[REPLACES]) == ("true", "s20260001.old")
    assert given.server.asked[2].body == {"metadata": {"annotations": {PENDING: None}}}


def test_a_shorter_life_is_noted_where_every_operator_sees_it(given):
    until = END - timedelta(days=30)
    given.server.answers["POST"][1].body["status"]["expirationTimestamp"] = until.isoformat()

    assert given.give().expires == until

    notes = {PENDING: None, credential.EXPIRES: until.isoformat()}
    assert given.server.asked[2].body == {"metadata": {"annotations": notes}}


@pytest.mark.parametrize("part", ["file", "note"])
def test_what_cannot_be_written_is_withdrawn_and_the_old_one_stays(given, part):
    """A full disk, the rights, a folder in the way: the last is what root meets too."""
    target = given.path if part == "file" else given.path.with_name(f"{WHO.id}.recipient.json")
    target.unlink()
    target.mkdir()

    with pytest.raises(InputError, match="cannot be written"):
        given.give()

    assert given.asked == [*MINTED, ("DELETE", NEW)]
    assert not given.path.is_file(), "a dead file beside the note of the old one would be sent out"


def test_a_file_that_could_not_be_replaced_stays_the_one_of_the_old_credential(given, monkeypatch):
    def full(_path, _content):
        raise InputError("no space left on the device")

    monkeypatch.setattr(on_disk.private_file, "write", full)

    with pytest.raises(InputError):
        given.give()

    assert on_disk.is_there(given.folder, WHO, given.old)


def test_what_the_audit_file_cannot_tell_was_not_given(given, monkeypatch):
    def full(*_, **__):
        raise InputError("no space left on the device")

    monkeypatch.setattr(audit.AuditLog, "note", full)

    with pytest.raises(InputError):
        given.give()

    assert given.asked == [*MINTED, ("DELETE", NEW)]
    assert not given.path.exists()


def test_what_was_ended_while_its_file_was_written_is_not_handed_out(given):
    """A revocation at the same time: it finds the pending one, and the file is dead."""
    given.server.will("PATCH", Answer(404, {"message": "not found"}))
    given.server.will("DELETE", Answer(404, {"message": "not found"}))

    with pytest.raises(ClusterError, match="is void: another run ended it"):
        given.give()

    assert ENDED not in given.asked
    assert not given.path.exists()


def test_a_file_of_which_nobody_knows_whether_its_token_lives_is_kept(given):
    """The answer was lost, and then the cluster: it may count, and only this file holds it."""
    refused = Answer(403, {"message": "no rights", "reason": "Forbidden"})
    given.server.will("PATCH", refused)
    given.server.will("DELETE", refused)

    with pytest.raises(ClusterError, match="is void: no rights"):
        given.give()

    new = Credential(
        student=WHO.name, issued=NOW, expires=END, recipient=given.student.key.fingerprint,
        secret=bound(NEW),
    )  # fmt: skip
    assert on_disk.is_there(given.folder, WHO, new)


def test_a_file_that_is_not_the_one_of_its_note_is_sent_to_nobody(given, monkeypatch):
    """A run that was killed between the two left it: its token is not the one that counts."""
    verdicts = []
    monkeypatch.setattr(handing, "distribute", lambda _desk, _ids, verdict, *_, **__: verdict)
    found = SimpleNamespace(
        reading=SimpleNamespace(cohort=cohort()), folder=given.folder,
        standing=lambda _: Standing(credentials=(given.old,)), has_other_key=lambda *_: False,
    )  # fmt: skip

    for content in (b"the old file", b"the file of one that is pending"):
        given.path.write_bytes(content)
        verdict = handing.at(found, (), progress=Silent(), wishes=handing.Wishes())
        verdicts.append(verdict(WHO, given.student))

    assert verdicts == ["kept", "elsewhere"]


def test_what_a_killed_run_left_pending_goes_with_the_next_hand_out(given):
    lost = Credential(
        student=WHO.name, issued=NOW, expires=END, recipient="", secret=bound("s20260001.lost")
    )
    standing = Standing(credentials=(given.old,), pending=(lost,))

    given.give(hours(24), standing)

    assert given.asked == [*MINTED, SETTLED, ("DELETE", "s20260001.lost")]
    assert given.events == ["renewed"]


def test_a_revocation_kills_also_what_is_pending(given):
    items = [bound("s20260001.old", issued=NOW - hours(9)), bound(NEW, **{PENDING: "true"})]
    given.server.will("GET", Answer(body={"metadata": {}, "items": items}))
    given.server.will("POST", Answer(201, {}))
    reading = SimpleNamespace(
        cohort=cohort(),
        client=given.client,
        records={WHO.id: WHO},
        students={WHO.id: given.student},
    )
    with audit.opened(given.settings, NAME, lambda: "somebody") as log:
        found = Desk(reading=reading, standings={}, log=log, folder=given.folder)
        done = revoking.revoke_at(found, (WHO.id,), progress=Silent())

    assert done.revoked == (WHO.id,)
    assert [one for one in given.asked if one[0] == "DELETE"] == [ENDED, ("DELETE", NEW)]
