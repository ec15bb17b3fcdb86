"""`practicum hosts` on real hosts, over SSH: a term from the first scan to the receipt."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pyrage
import pytest
import yaml

from .lab_course import fingerprint
from .term import (
    course,
    damaged,
    ended,
    first,
    half,
    left,
    looked,
    mended,
    planned,
    refused,
    second,
    status,
    stopped,
    unpinned,
)
from .term_tools import IDS, LEAVER, SUSPENDED, course_key

__all__ = [
    "course", "damaged", "ended", "first", "half", "left", "looked", "mended", "planned",
    "refused", "second", "status", "stopped", "unpinned",
]  # fmt: skip

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]


def test_a_scan_pins_nothing_that_nobody_confirmed(course, unpinned):
    assert {host["state"] for host in unpinned.scan["hosts"]} == {"new"}
    shown = unpinned.scan["by"]["lab1"]["fingerprints"].values()
    assert fingerprint(course.hosts[0]) in shown
    assert not unpinned.is_pinned


def test_a_host_whose_key_is_not_pinned_is_not_even_tried(unpinned):
    assert {host["state"] for host in unpinned.up.values()} == {"never started"}
    assert "practicum hosts scan" in unpinned.up["lab1"]["why"]


def test_before_the_first_up_a_plan_names_every_account(planned):
    accounts = [one for host in planned["hosts"] for one in host["differs"]["create"]]

    assert {host["state"] for host in planned["hosts"]} == {"not prepared"}
    assert len(accounts) == len(IDS)
    assert "root" not in accounts


def test_a_key_that_is_none_stops_before_any_host_is_asked(damaged):
    assert damaged.done.returncode == 3
    assert "this SSH key is damaged" in damaged.done.stderr
    assert damaged.logs == []


def test_up_gives_everybody_an_account_that_the_own_key_opens(first):
    assert {host["state"] for host in first.hosts.values()} == {"changed"}
    assert {host["failed"] for host in first.hosts.values()} == {0}
    assert first.logins.uids == first.logins.decided
    assert set(first.with_anothers_key) == {255}


def test_the_student_called_root_is_no_root(first):
    assert first.account_of_root != "root"
    assert first.logins.uids["root"] not in ("", "0")
    assert first.as_root == 255


def test_members_can_read_the_classs_secret_which_lies_encrypted_on_their_host(first):
    assert first.readers == set(IDS)
    assert "word-of-the-class" not in first.sealed
    assert first.logins.secrets == {first.sealed}


def test_a_second_up_changes_nothing_and_no_secret_of_the_operators_is_seen(second):
    """What ansible-runner finds in its environment it writes into its folder."""
    assert second.code == 0, second.err
    hosts = json.loads(second.out)["hosts"]
    assert {(host["state"], host["changed"]) for host in hosts} == {("ok", 0)}
    assert {"hosts.yaml", "command"} <= second.seen
    assert second.told == []
    assert second.left_over == []


def test_status_says_that_all_is_right(status):
    assert {(host["state"], host["changed"], host["failed"]) for host in status["hosts"]} == {
        ("ready", 0, 0)
    }
    assert sum(host["students"] for host in status["hosts"]) == len(IDS)
    assert status["secrets"][0]["extra"] == status["secrets"][0]["missing"] == []


def test_check_tells_what_would_change_and_changes_nothing(looked):
    assert list(looked.hosts) == ["lab1"]
    assert looked.hosts["lab1"]["state"] == "changed"
    assert any("account" in change for change in looked.hosts["lab1"]["changes"])
    assert not looked.wrote


def test_a_look_at_the_end_says_what_would_go_and_takes_nothing(looked):
    assert list(looked.down) == ["lab1"]
    assert looked.down["lab1"]["state"] == "changed"
    changes = looked.down["lab1"]["changes"]
    assert "Departures | Remove the accounts whose archives arrived whole" in changes
    assert looked.logins.uids == looked.logins.decided
    assert not looked.wrote


def test_a_host_that_failed_half_way_is_let_go(half):
    """Else another operator would have to wait for hours, for a run that is over."""
    assert half.host["state"] == "failed"
    assert "limits" in half.host["why"]
    assert not half.is_held


def test_an_unreachable_host_holds_no_other_up_and_one_with_another_key_is_refused(course, left):
    """The second run goes to the failed host alone, which shows another key by then."""
    other, host = (one.name for one in course.hosts)
    by = left.document["by"]

    assert (by[other]["state"], by[host]["state"]) == ("changed", "unreachable")
    assert list(left.failed) == [host]
    assert left.failed[host]["state"] == "unreachable"
    assert "its host key is not the one that is pinned" in left.failed[host]["why"]
    assert left.scan["hosts"][0]["state"] == "changed"


def test_who_leaves_is_archived_removed_and_can_decrypt_no_more(course, left):
    """And who is suspended can neither log in nor decrypt; the work stays."""
    (archive,) = left.document["archives"]

    assert archive["id"] == LEAVER
    content = pyrage.decrypt(Path(archive["path"]).read_bytes(), [course_key(course)])
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        (work,) = [name for name in tar.getnames() if name.endswith("/work")]
        assert tar.extractfile(work).read() == b"my-last-words\n"
    assert not left.has_account
    assert left.suspended == 255
    assert left.readers == set(IDS) - {LEAVER, SUSPENDED}


def test_a_run_that_is_stopped_with_ctrl_c_ends_all_and_says_so(stopped):
    assert stopped.code == 130, stopped.err
    assert "Ansible is ended at once" in stopped.err
    assert stopped.left_over == []


def test_a_run_that_is_stopped_lets_go_of_every_host(stopped):
    assert stopped.held == []


def test_another_operator_is_refused_where_a_run_has_not_let_go(refused):
    """It was killed, and nobody on another machine can tell that from a run that lives."""
    for found in (refused.up, refused.down):
        assert found["hosts"][0]["state"] == "never started"

    said = json.dumps(refused.down)
    assert "another run holds this host: process" in said
    assert "/var/lib/practicum/course.claim" in said
    assert refused.has_account


def test_a_run_that_was_killed_is_made_whole_by_a_plain_second_one(mended):
    """By it, who came back has the same account, and who was suspended can work again."""
    assert {host["failed"] for host in mended.hosts.values()} == {0}
    assert mended.left_over == []
    assert mended.logins.uids == mended.logins.decided
    assert mended.readers == {*IDS, "20260006"}
    assert mended.same_seat
    assert mended.work == "mine\n"


def test_down_removes_everybody_with_a_receipt(course, ended):
    document = ended.document

    assert document["proved"]
    assert all(host["removed"] and not host["remaining"] for host in document["hosts"])
    assert {one["id"] for one in document["archives"]} == {*IDS, "20260006"}
    assert ended.receipt["proved"]
    assert ended.left == []


def test_an_archive_of_somebody_who_came_back_stays_as_it_was(left, ended):
    (before,) = left.document["archives"]
    (again,) = [one for one in ended.document["archives"] if one["id"] == LEAVER]

    assert hashlib.sha256(Path(before["path"]).read_bytes()).hexdigest() == before["sha256"]
    assert again["path"] != before["path"]


def test_the_operator_is_never_locked_out(course, ended):
    for host in course.hosts:
        assert host.login("ops", host.identity, "sudo -n id -u").stdout.strip() == "0"
    assert yaml.safe_load((course.files / "cohort.yaml").read_text())["hosts"]
