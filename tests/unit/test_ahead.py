"""What is asked of the cluster before the files are read is what a reading would ask, or nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest
import yaml

from provisioner.cluster import RESOURCES
from provisioner.errors import ClusterError, LockedError
from provisioner.lifecycle import ahead, lock
from provisioner.lifecycle.holding import holding
from provisioner.settings import Settings

from .conftest import Answer

EMPTY = {"metadata": {}, "items": []}
FILE = {"course": "A course", "term": {"starts": "2026-09-01", "ends": "2026-12-19"}}


@pytest.fixture
def settings(tmp_path):
    return Settings(stacks=tmp_path / "stacks", home=tmp_path / "home")


def write(settings, **said):
    folder = settings.stacks / "mls26"
    folder.mkdir(parents=True)
    (folder / "cohort.yaml").write_text(yaml.safe_dump(FILE | said))


def write_kubeconfig(path, url):
    path.parent.mkdir(parents=True, exist_ok=True)
    config = {
        "contexts": [{"name": "here", "context": {"cluster": "one", "user": "me"}}],
        "clusters": [{"name": "one", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "canary-token"}}],
    }
    path.write_text(yaml.safe_dump(config).replace("here", path.parent.name))


@pytest.mark.parametrize("whose", ["rehearsal", "own"])
def test_each_list_is_asked_for_once(settings, server, whose):
    path = settings.home / whose / "kubeconfig"
    write_kubeconfig(path, server.url)
    own = {"kubeconfig": str(path), "context": "own"}
    write(settings, cluster="rehearsal" if whose == "rehearsal" else own)
    server.will("GET", Answer(body=EMPTY))

    asked = ahead.ask(settings, "mls26")

    assert asked is not None
    assert (asked.target.kubeconfig, asked.target.context) == (path.resolve(), whose)
    assert asked.listing.found().owned == {}
    assert len(server.asked) == len(RESOURCES)


@pytest.mark.parametrize(
    "said",
    [
        None,
        "elsewhere",
        {},
        {"kubeconfig": "gone", "context": "x"},
        {"kubeconfig": ["a"]},
        {"kubeconfig": "~nobody-here/config", "context": "x"},
        {"kubeconfig": "a\0b", "context": "x"},
        {"kubeconfig": "a" * 5000, "context": "x"},
    ],
)
def test_what_is_wrong_is_left_to_the_reading(settings, said):
    write(settings, cluster=said)

    assert ahead.ask(settings, "mls26") is None


COUNTED = """
import gc, sys
from provisioner.cli import practicum
practicum(sys.argv[2:], standalone_mode=False)
print(sum(type(one).__name__ == sys.argv[1] for one in gc.get_objects()))
"""


@pytest.mark.parametrize(
    ("kind", "words"), [("Reading", ["plan"]), ("Listing", ["up", "--dry-run"])]
)
def test_what_was_read_stays_until_the_process_ends(settings, server, kind, words):
    """To take it apart when the command returns would be a thirtieth of a `plan` of hundreds."""
    write_kubeconfig(settings.home / "rehearsal" / "kubeconfig", server.url)
    write(settings, cluster="rehearsal")
    (settings.stacks / "mls26" / "roster.csv").write_text("id,name\n1,Somebody\n")
    server.will("GET", Answer(body=EMPTY))
    folders = ["--home", settings.home, "--stacks", settings.stacks]
    command = [sys.executable, "-c", COUNTED, kind, *folders, *words, "mls26"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert int(done.stdout.split()[-1]) == 1


def test_a_name_that_leads_elsewhere_is_no_cohort(settings):
    write(settings, cluster="rehearsal")

    assert ahead.ask(settings, "../stacks/mls26") is None
    assert ahead.ask(settings, "nobody") is None


def test_a_list_that_is_refused_is_told_to_whoever_waits(settings, server):
    write_kubeconfig(settings.home / "rehearsal" / "kubeconfig", server.url)
    write(settings, cluster="rehearsal")
    server.will("GET", Answer(status=403, body={"message": "no", "reason": "Forbidden"}))

    asked = ahead.ask(settings, "mls26")

    with pytest.raises(ClusterError, match="refuses to list"):
        asked.listing.found()


def test_nothing_is_asked_before_the_cohort_is_held(settings, server):
    write_kubeconfig(settings.home / "rehearsal" / "kubeconfig", server.url)
    write(settings, cluster="rehearsal")
    server.will("GET", Answer(body=EMPTY))

    with lock.held(settings.home, "mls26"):
        with pytest.raises(LockedError), holding(settings, "mls26", lambda _: None):
            raise AssertionError("it went on")
        assert server.asked == []
    with holding(settings, "mls26", lambda _: None) as held:
        assert held.asked is not None
        with holding(settings, "mls26", lambda _: None, held) as again:
            assert again is held
        assert held.asked.listing.found().uid == ""


def test_nobody_waits_for_a_cluster_that_does_not_answer(settings):
    """The process ends at its own pace, whatever is on its way."""
    from .test_start import python

    write(settings, cluster="rehearsal")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        write_kubeconfig(settings.home / "rehearsal" / "kubeconfig", url)
        began = time.monotonic()

        python(
            "from pathlib import Path; from provisioner.lifecycle import ahead;"
            " from provisioner.settings import Settings;"
            f"assert ahead.ask(Settings(stacks=Path({str(settings.stacks)!r}),"
            f" home=Path({str(settings.home)!r})), 'mls26')"
        )

        assert time.monotonic() - began < 45, "an answer has a minute"
