"""The parts of the door to Ansible that run nothing."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import InputError
from provisioner.playbook import host_keys, inventory, worker
from provisioner.playbook.results import HIDDEN, Tally, reason, said

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


class Marked(str):
    """A text that the inventory marks as unsafe."""


class Loader(yaml.SafeLoader):
    pass


Loader.add_constructor("!unsafe", lambda loader, node: Marked(loader.construct_scalar(node)))


@given(st.dictionaries(st.from_regex(r"\Alab_[a-z]{1,9}\Z"), TEXT | st.lists(TEXT) | st.integers()))
def test_every_text_of_an_inventory_that_could_be_a_template_is_marked(variables):
    document = yaml.load(inventory.render({"lab1": variables}), Loader=Loader)

    assert document == {"labs": {"hosts": {"lab1": variables}}}
    for value in document["labs"]["hosts"]["lab1"].values():
        for one in value if isinstance(value, list) else [value]:
            assert not isinstance(one, str) or isinstance(one, Marked) or "{" not in one


REASONS = {
    "Host key verification failed.": "host key is not the one that is pinned",
    "@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@": "not the one that is pinned",
    "ops@127.0.0.1: Permission denied (publickey).": "does not take our key",
    "ssh: connect to host 192.0.2.1 port 22: No route to host": "no way to it",
    "ssh: Could not resolve hostname lab9: Name or service not known": "name is unknown",
    "ssh: connect to host 127.0.0.1 port 9: Connection refused": "nothing answers",
    "ssh: connect to host 192.0.2.1 port 22: Connection timed out": "does not answer in time",
    "Connection closed by 127.0.0.1 port 22": "hung up",
    "cp: write error: No space left on device": "disk is full",
    "E: Could not get lock /var/lib/dpkg/lock-frontend": "lock of its package manager",
    "/bin/sh: 1: /usr/bin/python3: not found": "no Python 3",
    "sudo: a password is required": "sudo asks us for a password",
    "Task failed: Action failed: only Debian is taken": "only Debian is taken",
}


@pytest.mark.parametrize("text", REASONS)
def test_what_ssh_and_ansible_say_is_told_in_a_line(text):
    assert REASONS[text] in reason(text)
    assert "\n" not in reason(text)


def test_a_task_that_hides_what_it_says_is_told_so():
    assert said({"censored": "the output has been hidden", "failed": True}) == HIDDEN


def test_what_a_failed_item_says_comes_before_what_the_loop_says():
    result = {"msg": "One or more items failed", "results": [{"failed": True, "msg": "disk"}]}

    assert said(result) == "disk"


def test_a_secret_in_a_message_does_not_get_through():
    assert "AGE-SECRET" not in said({"msg": "cannot read AGE-SECRET-KEY-1QQQQQQQQQQQQ"})


def event(name, host="lab1", task="install", **about):
    return {"event": name, "host": host, "task": task, **about}


def stats(**about):
    return {"event": "stats", "failures": {}, "dark": {}, "changed": {}, "processed": {}, **about}


def test_a_host_that_no_event_names_never_started():
    tally = Tally(["lab1", "lab2"])
    tally.add(event("start"))
    tally.add(stats(processed={"lab1": 1}))

    assert (tally.hosts["lab1"].state, tally.hosts["lab2"].state) == ("ok", "never started")


def test_a_run_that_was_cut_off_is_failed_and_says_where():
    tally = Tally(["lab1"])
    tally.add(event("start", task="install containerd"))

    tally.stop("it was stopped")

    assert tally.hosts["lab1"].state == "failed"
    assert tally.hosts["lab1"].why == "it was stopped, at: install containerd"


def test_a_failure_that_was_rescued_or_ignored_is_none():
    tally = Tally(["lab1"])
    tally.add(event("failed", said="no such file", ignored=True))
    tally.add(event("failed", said="no such file"))
    tally.add(stats(processed={"lab1": 1}))

    assert tally.hosts["lab1"].state == "ok"
    assert tally.hosts["lab1"].why == ""


def test_an_unreachable_host_is_no_failed_one():
    tally = Tally(["lab1"])
    tally.add(event("unreachable", said="Host key verification failed."))
    tally.add(stats(processed={"lab1": 1}, dark={"lab1": 1}))

    assert tally.hosts["lab1"].state == "unreachable"
    assert "not the one that is pinned" in tally.hosts["lab1"].why


def test_what_tasks_report_adds_up_and_nothing_is_told_twice():
    tally = Tally(["lab1"])
    for id in ("a", "b", "a"):
        tally.add(event("ok", data={"lab_problems": [{"id": id}]}, changed=True))

    assert tally.hosts["lab1"].data["lab_problems"] == [{"id": "a"}, {"id": "b"}]


def test_what_two_roles_tell_by_one_name_is_told_of_both():
    """The accounts' archives must not take the place of those of the repositories."""
    tally = Tally(["lab1"])
    for name in ("repositories", "s1"):
        data = {"lab_archives": {"archives": [{"id": name}]}, "lab_facts": {"leftovers": [name]}}
        tally.add({"event": "ok", "host": "lab1", "task": "x", "data": data})

    told = tally.hosts["lab1"].data
    assert told["lab_archives"] == {"archives": [{"id": "repositories"}, {"id": "s1"}]}
    assert told["lab_facts"] == {"leftovers": ["s1"]}


def test_the_log_says_how_long_a_task_took():
    about = {"host": "lab1", "task": "Ensure x", "task_action": "lab_x", "duration": 1.234}

    assert worker.took({"event": "runner_on_ok", "event_data": about}) == (
        "took 1.23 s on lab1 by lab_x: Ensure x"
    )
    assert worker.took({"event": "runner_on_start", "event_data": {**about, "duration": 0}}) == ""


def test_of_an_event_only_what_our_playbooks_report_is_told_on():
    """Facts hold users and keys of a host; arguments may hold anything."""
    result = {
        "changed": True,
        "ansible_facts": {"user": "canary"},
        "invocation": {"module_args": {"content": "canary"}},
        "stdout": "canary",
        "lab_problems": [{"id": "1", "what": "x"}],
    }

    about = {"host": "lab1", "task": "t", "task_action": "lab_accounts", "res": result}
    told = worker.reduced({"event": "runner_on_ok", "event_data": about})

    assert "canary" not in str(told)
    assert told["data"] == {"lab_problems": [{"id": "1", "what": "x"}]}


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "host"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_suffix(".pub")


def test_a_fingerprint_is_the_one_that_ssh_keygen_shows(public):
    kind, blob, *_ = public.read_text().split()
    shown = subprocess.run(
        ["ssh-keygen", "-lf", public], capture_output=True, text=True, check=True
    ).stdout

    assert host_keys.HostKey(kind=kind, blob=blob).fingerprint == shown.split()[1]


def test_pinned_keys_are_read_back_and_ssh_finds_them(tmp_path, public):
    kind, blob, *_ = public.read_text().split()
    key = host_keys.HostKey(kind=kind, blob=blob)
    path = tmp_path / "known_hosts"
    pinned = {"[127.0.0.1]:2222": frozenset({key}), "lab1": frozenset({key})}

    path.write_bytes(host_keys.known_hosts_lines(pinned))

    assert host_keys.pinned_keys(path) == pinned
    found = subprocess.run(
        ["ssh-keygen", "-F", "[127.0.0.1]:2222", "-f", path], capture_output=True, text=True
    )
    assert blob in found.stdout


@pytest.mark.parametrize(
    "line",
    [
        "lab1",
        "lab1 ssh-ed25519",
        "lab1 ssh-ed25519 AAAA",
        "@cert-authority * ssh-ed25519 {blob}",
        "lab1,lab2 ssh-ed25519 {blob}",
        "|1|hash|hash ssh-ed25519 {blob}",
        "lab1 ssh-rsa {blob}",
    ],
)
def test_a_pinned_line_that_would_be_believed_for_more_is_refused(tmp_path, public, line):
    """A certificate authority would vouch for every host."""
    path = tmp_path / "known_hosts"
    path.write_text(line.format(blob=public.read_text().split()[1]) + "\n")

    with pytest.raises(InputError) as caught:
        host_keys.pinned_keys(path)

    assert caught.value.problems[0].where == f"{path}:1:1"
