"""The door to Ansible, with the real Ansible, on this very machine."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from provisioner.errors import ToolError
from provisioner.playbook import Play, Run

CANARY = "canary-passphrase-of-the-operator"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
LIBRARY = Path(__file__).parents[2] / "playbooks" / "library"
HEAD = "- name: Prepare\n  hosts: labs\n  gather_facts: false\n  tasks:\n"


@pytest.fixture
def play(tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", CANARY)
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "nonsense")

    def play(tasks, hosts=None, **about):
        path = tmp_path / "prepare-hosts.yml"
        path.write_text(HEAD + "".join(f"    {line}\n" for line in tasks.splitlines()))
        hosts = hosts or {"lab1": LOCAL}
        return Play(playbook=path, hosts=hosts, home=tmp_path / "home", cohort="course", **about)

    return play


def left_over(play):
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if str(play.home) in process.environ().get("PRACTICUM_PLAYBOOK", ""):
                found.append(process.cmdline())
    return found


ENVIRONMENT = """\
- name: Look around
  ansible.builtin.shell: "env; cat {home}/playbook/course/artifacts/*/command; echo {key}"
  changed_when: true
"""
KEY = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"


def test_nothing_of_the_operators_environment_gets_in_and_nothing_secret_out(play, tmp_path):
    """What is printed reaches the log; a key that a program prints is taken out of it."""
    tasks = ENVIRONMENT.format(home=tmp_path / "home", key=KEY)
    one = play(tasks + "  register: said\n- ansible.builtin.debug: {var: said.stdout_lines}\n")

    (result,) = Run(one).follow().values()

    assert result.state == "changed"
    (log,) = (tmp_path / "home" / "logs" / "hosts").iterdir()
    text = log.read_text()
    assert "ANSIBLE_HOST_KEY_CHECKING=true" in text
    assert CANARY not in text
    assert KEY not in text
    assert "[redacted]" in text
    assert log.stat().st_mode & 0o077 == 0
    assert not one.private.exists()
    assert left_over(one) == []


class Index(BaseHTTPRequestHandler):
    """A package index that has nothing, and remembers who asked."""

    logins: ClassVar[list[str]] = []

    def do_GET(self):
        self.logins.append(self.headers.get("Authorization", ""))
        self.send_error(404)

    def log_message(self, *_):
        pass


FETCH = """\
- name: Fetch a program
  lab_program:
    source: {wheel: nothing==1.0, sha256: "00", member: nothing}
  ignore_errors: true
- name: Look for the login in all files of the run
  ansible.builtin.shell: "! grep --recursive canary'-of-the-index' HOME && ls HOME/playbook/course/artifacts/*/command"
  changed_when: false
"""


def test_a_login_at_an_index_reaches_the_program_that_needs_it_and_no_file(
    play, tmp_path, monkeypatch
):
    index = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=index.serve_forever, daemon=True).start()
    login = "student:canary-of-the-index"
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{login}@127.0.0.1:{index.server_port}/simple")
    monkeypatch.setenv("https_proxy", f"http://{login}@proxy.test:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "library").symlink_to(LIBRARY)

    (result,) = Run(play(FETCH.replace("HOME", str(tmp_path / "home")))).follow().values()

    index.shutdown()
    index.server_close()
    assert result.state != "failed", result.why
    assert "Basic " + base64.b64encode(login.encode()).decode() in Index.logins


def test_a_value_is_neither_read_as_a_template_nor_as_a_number(play, tmp_path):
    evil = "{{ lookup('pipe', 'touch %s/made') }}" % tmp_path  # noqa: UP031
    ids = [evil, "0123", "12:30", "no", "1e5", "0x10", "2026-01-01", "~", "5{{ 1 }}"]
    wanted = base64.b64encode(json.dumps(ids).encode()).decode()
    hosts = {"lab1": LOCAL | {"lab_ids": ids, "lab_wanted": wanted}}
    tasks = "- ansible.builtin.assert: {that: lab_ids | to_json | b64encode == lab_wanted}\n"

    (result,) = Run(play(tasks, hosts)).follow().values()

    assert result.state == "ok", result.why
    assert not (tmp_path / "made").exists()


TWO = """\
- name: Refuse one
  ansible.builtin.fail: {msg: "this is Fedora; only Debian is taken"}
  when: inventory_hostname == "lab2"
- name: Go on
  ansible.builtin.command: "true"
  changed_when: false
"""


def test_every_host_fares_on_its_own(play):
    hosts = {"lab1": LOCAL, "lab2": LOCAL, "lab3": DEAD}

    found = Run(play(TWO, hosts)).follow()

    assert {name: host.state for name, host in found.items()} == {
        "lab1": "ok", "lab2": "failed", "lab3": "unreachable",
    }  # fmt: skip
    assert found["lab2"].why == "Refuse one: this is Fedora; only Debian is taken"
    assert found["lab3"].why == "nothing answers at its SSH port"


SLEEP = "- name: Hang\n  ansible.builtin.command: sleep 120\n  changed_when: false\n"


def why_ended(one):
    """Run something, and return why it was ended; nothing where it had not even begun."""
    with suppress(ToolError):
        (result,) = Run(one).follow().values()
        assert result.state == "failed"
        return result.why
    return ""


def hung(play, seconds):
    """Run what hangs to either limit; both at a time, for all that they do is wait."""
    plays = [play(SLEEP, idle=seconds), play(SLEEP, longest=seconds)]
    plays = [replace(one, home=one.home / f"{seconds}-{n}") for n, one in enumerate(plays)]
    began = time.monotonic()
    with ThreadPoolExecutor(len(plays)) as pool:
        found = list(zip(plays, pool.map(why_ended, plays), strict=True))
    assert time.monotonic() - began < 110
    return found


def test_a_run_that_hangs_is_ended_with_all_that_it_started(play):
    for seconds in (4, 16, 64):  # on a laden machine Ansible needs longer to come so far
        found = hung(play, seconds)
        if all(why.endswith("at: Hang") for _, why in found):
            break

    for one, why in found:
        assert why.endswith("and was stopped, at: Hang")
        assert left_over(one) == []


def test_a_run_can_be_stopped_from_outside(play):
    one = play(SLEEP)
    run = Run(one)
    at_work = threading.Event()
    threading.Thread(target=lambda: (at_work.wait(250), run.stop()), daemon=True).start()

    (result,) = run.follow(lambda host: host.task == "Hang" and at_work.set()).values()

    assert result.state == "failed"
    assert "at: Hang" in result.why
    assert left_over(one) == []
    assert not one.private.exists()


def test_one_that_was_stopped_before_it_began_starts_nothing(play):
    run = Run(play(SLEEP))
    run.stop()

    (result,) = run.follow().values()

    assert result.state == "never started"


def test_a_playbook_that_ansible_does_not_take_is_told_with_its_words(play):
    with pytest.raises(ToolError, match="did not begin") as caught:
        Run(play("- nonsense: {}\n")).follow()

    assert "nonsense" in caught.value.details


def test_what_a_killed_run_left_is_gone_before_the_next_begins(play):
    one = play("- ansible.builtin.command: ls {{ playbook_dir }}\n  changed_when: false\n")
    (one.private / "inventory").mkdir(parents=True)
    stale = one.private / "inventory" / "stale.yaml"
    stale.write_text("labs: {hosts: {lab9: {}}}")

    Run(one).follow()

    assert not stale.exists()
    assert not os.path.lexists(one.private)
