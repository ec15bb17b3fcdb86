"""A term of `practicum hosts` on two real hosts, over SSH, stage by stage.

A stage is a fixture that stands on the one before and looks at all that its tests ask for, for
the next one changes it. So a test passes alone, and in any order, and nothing is done twice.
"""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pyrage
import pytest

from .lab_course import CANARY, NAME, LabCourse, fingerprint
from .rig import at_once
from .term_tools import (
    CLAIM,
    IDS,
    LEAVER,
    OTHER_KEY,
    OWN_KEY,
    PATIENCE,
    SUSPENDED,
    at_work,
    files_below,
    holding,
    left_over,
    logins,
    out_of_the_way,
    readers,
    secret,
    set_suspended,
    sops,
    started,
)


@pytest.fixture(scope="module")
def course(new_host, tmp_path_factory):
    """A course with four students on two hosts that nobody has prepared."""
    found = LabCourse(
        tmp_path_factory.mktemp("labs"), at_once(new_host, "lab1", "lab2"),
        {"tools": ["age", "sops"]},
    )  # fmt: skip
    found.make(IDS)
    teacher = pyrage.x25519.Identity.generate()
    identity = found.folder / "teacher.txt"
    identity.write_text(str(teacher))
    found.accounts["secrets"] = {
        "recipients": [str(teacher.to_public())],
        "identity": str(identity),
    }
    found.write()
    secret(found).parent.mkdir()
    secret(found).write_text(sops(
        "encrypt", "--age", str(teacher.to_public()), "--input-type", "yaml", "--output-type",
        "yaml", "/dev/stdin", input="password: word-of-the-class\n", check=True,
    ))  # fmt: skip
    return found


@pytest.fixture(scope="module")
def unpinned(course):
    """What a scan and a run say before anybody has compared a key."""
    return SimpleNamespace(
        scan=course.hosts_json("scan", code=6),
        other=course.hosts_json("scan", "--expect", "SHA256:somebodyelse", code=6),
        is_pinned=(course.files / "known_hosts").exists(),
        up=course.up(code=5),
    )


@pytest.fixture(scope="module")
def planned(course, unpinned):
    """The plan, when the hosts' keys are pinned, as by a person who compared them."""
    for host in course.hosts:
        course.hosts_json("scan", "--limit", host.name, "--expect", fingerprint(host))
    return course.hosts_json("plan")


@pytest.fixture(scope="module")
def damaged(course, planned):
    """What a run says when somebody has handed in a key that is none."""
    path = course.files / "keys" / IDS[0]
    good = path.read_text()
    path.write_text("ssh-ed25519 AAAA\n")
    done = course.run("hosts", "up", NAME, "--yes")
    path.write_text(good)
    return SimpleNamespace(done=done, logs=list(course.home.glob("logs/hosts/*prepare-hosts.log")))


@pytest.fixture(scope="module")
def first(course, damaged):
    """The first run, and who gets in where after it."""
    hosts = course.up()
    return SimpleNamespace(
        hosts=hosts,
        logins=logins(course),
        with_anothers_key=[
            course.login(id, "true", key=next(other for other in IDS if other != id)).returncode
            for id in IDS
        ],
        as_root=course.host_of("root").login("root", course.key("root"), "true").returncode,
        account_of_root=course.seat("root")["account"],
        readers=readers(course),
        sealed=secret(course).read_text(),
    )


@pytest.fixture(scope="module")
def second(course, first):
    """A second run that is watched: all that it writes, and whatever it starts."""
    run, seen, told = started(course), set(), []
    while run.poll() is None:
        files = files_below(course.home / "playbook" / NAME)
        seen |= {path.name for path in files}
        told += holding(files)
        for process in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.Error):
                if CANARY in f"{process.cmdline()} {process.environ()}":
                    told.append(process.cmdline())
        time.sleep(0.1)
    out, err = run.communicate()
    on_hosts = f"grep -r {CANARY} /var/lib/practicum /etc/practicum /home /root"
    return SimpleNamespace(
        code=run.returncode, out=out, err=err, seen=seen, left_over=left_over(course),
        told=told + holding(files_below(course.home))
        + [host.name for host in course.hosts if host.succeeds(on_hosts)],
    )  # fmt: skip


@pytest.fixture(scope="module")
def status(course, second):
    """What the hosts' status says when all is right."""
    return course.hosts_json("status")


@pytest.fixture(scope="module")
def looked(course, status):
    """A look at what would change for somebody new, on one host, and at what its end would take."""
    before = (course.files / "hosts.json").read_bytes()
    course.join("20260009")
    found = course.up("--check", "--limit", "lab1")
    course.leave("20260009")
    down = course.hosts_json("down", "--check", "--limit", "lab1")["by"]
    return SimpleNamespace(
        hosts=found,
        down=down,
        logins=logins(course),
        wrote=(course.files / "hosts.json").read_bytes() != before,
    )


@pytest.fixture(scope="module")
def half(course, looked):
    """A run that fails half way, when it holds the host."""
    host = course.hosts[1]
    with out_of_the_way(host, f"/etc/security/limits.d/practicum-{NAME}.conf"):
        found = course.up("--limit", host.name, code=5)
    return SimpleNamespace(host=found[host.name], is_held=host.succeeds(f"test -e {CLAIM}"))


@pytest.fixture(scope="module")
def left(course, half):
    """One has left and one is suspended, while the other host does not answer.

    A second run goes to that host alone, which shows another key by then.
    """
    here, away = course.hosts
    assert [course.host_of(id) for id in (SUSPENDED, LEAVER)] == [here, here]
    for id, words in ((SUSPENDED, "mine"), (LEAVER, "my-last-words")):
        course.login(id, f"echo {words} > work")
    set_suspended(course, SUSPENDED, to=True)
    course.leave(LEAVER)
    away.shell("systemctl stop ssh")
    document = course.hosts_json("up", "--yes", code=6)
    away.shell(OTHER_KEY)
    failed = course.up("--failed", code=5)
    scan = course.hosts_json("scan", "--limit", away.name, code=6)
    away.shell(OWN_KEY)
    return SimpleNamespace(
        document=document, failed=failed, scan=scan, readers=readers(course),
        has_account=here.succeeds(f"id {course.seat(LEAVER)['account']}"),
        suspended=course.login(SUSPENDED, "true").returncode,
    )  # fmt: skip


@pytest.fixture(scope="module")
def stopped(course, left):
    """A run that Ctrl-C ended while it held the hosts, with somebody new and somebody back."""
    set_suspended(course, SUSPENDED, to=False)
    course.join(LEAVER)
    course.join("20260006")
    run = at_work(course)
    os.kill(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=PATIENCE)
    return SimpleNamespace(
        code=run.returncode, err=err, left_over=left_over(course),
        held=[host.name for host in course.hosts if host.succeeds(f"test -e {CLAIM}")],
    )  # fmt: skip


@pytest.fixture(scope="module")
def refused(course, stopped):
    """What another operator is told after a run that was killed while it held the hosts."""
    run = at_work(course)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    other = replace(course, home_name="home-of-another")
    return SimpleNamespace(
        up=other.hosts_json("up", "--yes", "--limit", "lab1", code=9),
        down=other.hosts_json("down", "--yes", NAME, "--limit", "lab1", code=9),
        has_account=course.hosts[0].succeeds(f"id {course.seat(SUSPENDED)['account']}"),
    )


@pytest.fixture(scope="module")
def mended(course, refused):
    """A plain run after the one that was killed."""
    before = course.seat(LEAVER)
    hosts = course.up()
    return SimpleNamespace(
        hosts=hosts, left_over=left_over(course), logins=logins(course),
        same_seat=course.seat(LEAVER) == before, readers=readers(course, course.ids),
        work=course.login(SUSPENDED, "cat work").stdout,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ended(course, mended):
    """The end of the term, its receipt, and what the hosts have afterwards."""
    (course.files / "roster.csv").unlink()  # records and hosts know who there is
    document = course.hosts_json("down", "--yes", NAME)
    receipts = sorted(course.home.glob(f"receipts/{NAME}-hosts-*.json"))
    has_some = f"getent passwd | grep 'practicum {NAME}' || getent group p-{NAME}"
    return SimpleNamespace(
        document=document,
        receipt=json.loads(receipts[-1].read_text()),
        left=[host.name for host in course.hosts if host.succeeds(has_some)],
    )
