"""`practicum hosts` on real hosts, over SSH: a term from the first scan to the receipt.

The tests stand in the order of a term and share two hosts, since each run of Ansible costs
some seconds; what a test changes it puts right again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import tarfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pyrage
import pytest
import yaml

from provisioner.cohort import records

from .lab_course import CANARY, NAME, LabCourse, fingerprint
from .rig import at_once

pytestmark = pytest.mark.hosts

IDS = ("20260001", "20260002", "20260003", "root")
"""One of them is called as the host's administrator."""

SOPS = {"PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}", "HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def course(new_host, tmp_path_factory):
    """A course with four students on two hosts that nobody has prepared."""
    found = LabCourse(tmp_path_factory.mktemp("labs"), at_once(new_host, "lab1", "lab2"))
    found.make(IDS)
    teacher = pyrage.x25519.Identity.generate()
    found.teacher = found.folder / "teacher.txt"
    found.teacher.write_text(str(teacher))
    found.accounts["secrets"] = {
        "recipients": [str(teacher.to_public())],
        "identity": str(found.teacher),
    }
    found.write()
    (found.files / "secrets").mkdir()
    sealed = subprocess.run(
        ["sops", "--disable-version-check", "encrypt", "--age", str(teacher.to_public()),
         "--input-type", "yaml", "--output-type", "yaml", "/dev/stdin"],
        input="password: word-of-the-class\n", text=True, capture_output=True, check=True, env=SOPS,
    ).stdout  # fmt: skip
    (found.files / "secrets" / "class.sops.yaml").write_text(sealed)
    return found


@pytest.fixture(scope="module")
def pinned(course):
    """The course with its hosts' keys pinned, as a person who compared them would."""
    for host in course.hosts:
        course.hosts_json("scan", "--limit", host.name, "--expect", fingerprint(host))
    return course


@pytest.fixture(scope="module")
def ready(pinned):
    """The course with its hosts prepared; how that went is kept."""
    pinned.first = pinned.up()
    return pinned


def test_a_scan_pins_nothing_that_nobody_confirmed(course):
    found = course.hosts_json("scan", code=6)

    assert {host["state"] for host in found["hosts"]} == {"new"}
    assert fingerprint(course.hosts[0]) in found["by"]["lab1"]["fingerprints"].values()
    course.hosts_json("scan", "--expect", "SHA256:somebodyelse", code=6)
    assert not (course.files / "known_hosts").exists()


def test_a_host_whose_key_is_not_pinned_is_not_even_tried(course):
    found = course.up(code=5)

    assert {host["state"] for host in found.values()} == {"never started"}
    assert "practicum hosts scan" in found["lab1"]["why"]


def test_before_the_first_up_a_plan_names_every_account(pinned):
    found = pinned.hosts_json("plan")

    accounts = [one for host in found["hosts"] for one in host["differs"]["create"]]
    assert {host["state"] for host in found["hosts"]} == {"not prepared"}
    assert len(accounts) == len(IDS)
    assert "root" not in accounts


def test_up_gives_everybody_an_account_that_the_own_key_opens(ready):
    assert {host["state"] for host in ready.first.values()} == {"changed"}
    assert {host["failed"] for host in ready.first.values()} == {0}
    for id in IDS:
        assert ready.login(id, "id -u").stdout.strip() == str(ready.seat(id)["uid"])
        neighbour = next(other for other in IDS if other != id)
        assert ready.login(id, "true", key=neighbour).returncode == 255


def test_the_student_called_root_is_no_root(ready):
    assert ready.seat("root")["account"] != "root"
    assert ready.login("root", "id -u").stdout.strip() != "0"
    assert ready.host_of("root").login("root", ready.key("root"), "true").returncode == 255


def can_decrypt(course, id):
    key = course.key(id)
    file = course.files / "secrets" / "class.sops.yaml"
    done = subprocess.run(
        ["sops", "--disable-version-check", "decrypt", str(file)],
        env=SOPS | {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(key)}, capture_output=True, text=True,
    )  # fmt: skip
    return "word-of-the-class" in done.stdout


def test_members_can_read_the_classs_secret_which_lies_encrypted_on_their_host(ready):
    assert all(can_decrypt(ready, id) for id in IDS)
    sealed = (ready.files / "secrets" / "class.sops.yaml").read_text()
    for id in IDS:
        there = ready.login(id, f"cat /srv/practicum/{NAME}/secrets/class.sops.yaml").stdout
        assert there == sealed


def started(course, *arguments):
    return subprocess.Popen(
        course.command("hosts", "up", NAME, "--yes", "--json", *arguments),
        env=course.environment(), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_a_task(course, run):
    """Wait until Ansible is at work on a host."""
    logs = set(course.home.glob("logs/hosts/*"))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert run.poll() is None, run.communicate()
        new = set(course.home.glob("logs/hosts/*")) - logs
        if new and "ok: [" in new.pop().read_text(errors="replace"):
            return
        time.sleep(0.05)
    raise AssertionError("Ansible did not begin")


def wait_for_the_claim(host):
    """Wait until a run holds a host."""
    script = (
        f"for n in $(seq 900); do test -s /var/lib/practicum/{NAME}.claim && exit; sleep .1; done"
    )
    host.shell(f"{script}; exit 1")


def left_over(course):
    """Processes of a run that still live, and folders that it should have taken with it."""
    found = []
    ports = {str(host.port) for host in course.hosts}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            command = process.cmdline()
            marked = f"{course.home}:{NAME}" in process.environ().get("PRACTICUM_PLAYBOOK", "")
            stays = command and command[0].startswith("ssh: /tmp/practicum-")
            there = {str(one.raddr.port) for one in process.net_connections() if one.raddr}
            if marked or (stays and there & ports):
                found.append(" ".join(command[:4]))
    return found + [str(path) for path in course.home.glob("playbook/*")]


def files_below(folder):
    """List what is in a folder that may go while we look."""
    return [Path(at, name) for at, _, names in os.walk(folder) for name in names]


def test_a_second_up_changes_nothing_and_no_secret_of_the_operators_is_seen(ready):
    """What ansible-runner finds in its environment it writes into its folder."""
    run = started(ready)
    private = ready.home / "playbook" / NAME
    seen = set()
    while run.poll() is None:
        for path in files_below(private):
            with suppress(OSError):
                assert CANARY.encode() not in path.read_bytes(), path
                seen.add(path.name)
        for process in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.Error):
                assert CANARY not in str(process.cmdline())
                assert CANARY not in str(process.environ())
        time.sleep(0.05)

    out, err = run.communicate()
    assert run.returncode == 0, err
    found = json.loads(out)["hosts"]
    assert {(host["state"], host["changed"]) for host in found} == {("ok", 0)}
    assert {"hosts.yaml", "command"} <= seen
    assert left_over(ready) == []
    for path in files_below(ready.home):
        assert CANARY.encode() not in path.read_bytes(), path
    for host in ready.hosts:
        assert not host.succeeds(f"grep -r {CANARY} /var/lib/practicum /etc/practicum /home /root")


def test_status_says_that_all_is_right(ready):
    found = ready.hosts_json("status")

    assert {(host["state"], host["changed"], host["failed"]) for host in found["hosts"]} == {
        ("ready", 0, 0)
    }
    assert sum(host["students"] for host in found["hosts"]) == len(IDS)
    assert found["secrets"][0]["extra"] == found["secrets"][0]["missing"] == []


def test_check_tells_what_would_change_and_changes_nothing(ready):
    ready.join("20260009")
    before = (ready.files / "hosts.json").read_bytes()
    try:
        found = ready.up("--check", "--limit", "lab1")
    finally:
        ready.leave("20260009")

    assert list(found) == ["lab1"]
    assert found["lab1"]["state"] == "changed"
    assert any("account" in change for change in found["lab1"]["changes"])
    assert (ready.files / "hosts.json").read_bytes() == before


def test_an_unreachable_host_holds_no_other_up_and_one_with_another_key_is_refused(ready):
    """The second run goes to the failed host alone, which shows another key by then."""
    other, host = ready.hosts
    host.shell("systemctl stop ssh")
    try:
        first = ready.up(code=6)
        host.shell(
            "cd /etc/ssh; mkdir old; mv ssh_host_* old; ssh-keygen -A >/dev/null;"
            " systemctl start ssh"
        )
        second = ready.up("--failed", code=5)
        scan = ready.hosts_json("scan", "--limit", host.name, code=6)
    finally:
        host.shell(
            "cd /etc/ssh; if [ -d old ]; then rm ssh_host_*; mv old/* .; rmdir old; fi;"
            " systemctl restart ssh"
        )

    assert first[other.name]["state"] == "ok"
    assert first[host.name]["state"] == "unreachable"
    assert list(second) == [host.name]
    assert second[host.name]["state"] == "unreachable"
    assert "its host key is not the one that is pinned" in second[host.name]["why"]
    assert scan["hosts"][0]["state"] == "changed"


def test_a_host_that_failed_half_way_is_let_go(ready):
    """Else another operator would have to wait for hours, for a run that is over."""
    host = ready.hosts[1]
    host.shell(f"cd /srv/practicum/{NAME}; mv secrets kept; touch secrets")
    try:
        found = ready.up("--limit", host.name, code=5)
    finally:
        host.shell(f"cd /srv/practicum/{NAME}; rm secrets; mv kept secrets")

    assert found[host.name]["state"] == "failed"
    assert not host.succeeds(f"test -e /var/lib/practicum/{NAME}.claim")


def set_suspended(course, id, *, to):
    """What `practicum suspend` and `resume` write down when the cluster has done it."""
    path = course.files / "students.json"
    known = records.load(path) or records.assign({}, course.ids, NAME, 50)
    records.save(path, known | {id: replace(known[id], suspended=to)}, cluster="uid")


def test_who_leaves_is_archived_removed_and_can_decrypt_no_more(ready):
    """And who is suspended can neither log in nor decrypt; the work stays."""
    leaver, suspended = IDS[1], IDS[0]
    host, account = ready.host_of(leaver), ready.seat(leaver)["account"]
    ready.login(leaver, "echo my-last-words > work")
    ready.login(suspended, "echo mine > work")
    set_suspended(ready, suspended, to=True)
    ready.leave(leaver)

    document = ready.hosts_json("up", "--yes")

    (archive,) = document["archives"]
    assert archive["id"] == leaver
    text = next(ready.home.glob("keys/*")).read_text()
    identity = pyrage.x25519.Identity.from_str(re.search("AGE-SECRET-KEY-1[A-Z0-9]+", text)[0])
    content = pyrage.decrypt(Path(archive["path"]).read_bytes(), [identity])
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        (work,) = [name for name in tar.getnames() if name.endswith("/work")]
        assert tar.extractfile(work).read() == b"my-last-words\n"
    assert not host.succeeds(f"id {account}")
    assert ready.login(suspended, "true").returncode == 255
    assert not can_decrypt(ready, leaver)
    assert not can_decrypt(ready, suspended)
    assert all(can_decrypt(ready, one) for one in ready.ids if one != suspended)
    ready.archive, ready.archived = Path(archive["path"]), archive["sha256"]


@pytest.fixture(scope="module")
def stopped(ready):
    """A run that Ctrl-C ended while it held the hosts: its process, what it said, what is left."""
    set_suspended(ready, IDS[0], to=False)
    if IDS[1] not in ready.ids:
        ready.join(IDS[1])
    ready.join("20260006")
    run = started(ready)
    wait_for_a_task(ready, run)
    wait_for_the_claim(ready.hosts[0])
    os.kill(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=200)
    return run, err, left_over(ready)


def test_a_run_that_is_stopped_with_ctrl_c_ends_all_and_says_so(stopped):
    run, err, left = stopped

    assert run.returncode == 130, err
    assert "Ansible is ended at once" in err
    assert left == []


def test_a_run_that_is_stopped_lets_go_of_every_host(ready, stopped):
    for host in ready.hosts:
        assert not host.succeeds(f"test -e /var/lib/practicum/{NAME}.claim")


@pytest.fixture(scope="module")
def killed(ready, stopped):
    """The course after a run that was killed at work, while it held the hosts."""
    run = started(ready)
    wait_for_a_task(ready, run)
    wait_for_the_claim(ready.hosts[0])
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    return ready


def test_another_operator_is_refused_where_a_run_has_not_let_go(ready, killed):
    """It was killed, and nobody on another machine can tell that from a run that lives."""
    other = replace(ready, folder=ready.folder, home_name="home-of-another")
    for verb in (("up", "--yes"), ("down", "--yes", NAME)):
        found = other.hosts_json(verb[0], *verb[1:], "--limit", "lab1", code=9)
        assert found["hosts"][0]["state"] == "never started"

    said = json.dumps(found)
    assert "another run holds this host: process" in said
    assert "/var/lib/practicum/course.claim" in said
    assert ready.host_of(IDS[0]).succeeds(f"getent passwd {ready.seat(IDS[0])['account']}")


def test_a_run_that_was_killed_is_made_whole_by_a_plain_second_one(ready, killed):
    """By it, who came back has the same account, and who was suspended can work again."""
    before = ready.seat(IDS[1])

    found = ready.up()

    assert {host["failed"] for host in found.values()} == {0}
    assert left_over(ready) == []
    for id in ready.ids:
        assert ready.login(id, "id -u").stdout.strip() == str(ready.seat(id)["uid"])
        assert can_decrypt(ready, id)
    assert ready.seat(IDS[1]) == before
    assert ready.login(IDS[0], "cat work").stdout == "mine\n"


def test_a_key_that_is_none_stops_before_any_host_is_asked(ready):
    path = ready.files / "keys" / IDS[0]
    good = path.read_text()
    path.write_text("ssh-ed25519 AAAA\n")

    done = ready.run("hosts", "up", NAME, "--yes")
    path.write_text(good)

    assert done.returncode == 3
    assert "this SSH key is damaged" in done.stderr


def test_down_removes_everybody_with_a_receipt(ready):
    document = ready.hosts_json("down", "--yes", NAME)

    assert document["proved"]
    assert all(host["removed"] and not host["remaining"] for host in document["hosts"])
    hosts_with_repositories = 2
    assert len(document["archives"]) == len(ready.ids) + hosts_with_repositories
    receipts = sorted(ready.home.glob(f"receipts/{NAME}-hosts-*.json"))
    assert json.loads(receipts[-1].read_text())["proved"]
    for host in ready.hosts:
        assert not host.succeeds(f"getent passwd | grep 'practicum {NAME}'")
        assert not host.succeeds(f"getent group p-{NAME}")

    assert hashlib.sha256(ready.archive.read_bytes()).hexdigest() == ready.archived
    again = [one for one in document["archives"] if one["id"] == IDS[1]]
    assert again[0]["path"] != str(ready.archive)
    assert "repositories" in {one["id"] for one in document["archives"]}


def test_the_operator_is_never_locked_out(ready):
    for host in ready.hosts:
        assert host.login("ops", host.identity, "sudo -n id -u").stdout.strip() == "0"
    assert yaml.safe_load((ready.files / "cohort.yaml").read_text())["hosts"]
