"""A home is told from every other, also from one of the same name and path on another machine."""

from __future__ import annotations

import hashlib
import shutil
import socket
import stat

import pytest

from provisioner.errors import InputError
from provisioner.lifecycle import place
from provisioner.lifecycle.hosts import claim as host_claim
from provisioner.settings import Settings


@pytest.fixture
def home(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path / "home"


def test_a_home_keeps_its_place_in_a_private_file(home):
    first = place.of(home)

    assert place.of(home) == first
    assert stat.S_IMODE((home / place.FILE).stat().st_mode) == 0o600


def test_a_home_of_the_same_name_and_path_on_another_machine_is_another(home):
    """Two machines of one image: neither is to take the other's run for its own earlier one."""
    here = place.of(home)
    shutil.rmtree(home)

    assert place.of(home) != here


def test_a_copy_is_another_by_its_path_or_its_machine(home, monkeypatch):
    here = place.of(home)
    copy = home.with_name("copy")
    shutil.copytree(home, copy)

    assert place.of(copy) != here
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert place.of(home) != here


@pytest.mark.parametrize("text", ["", "short", "x" * 32, "\0" * 32])
def test_a_damaged_id_is_written_anew(home, text):
    place.of(home)
    (home / place.FILE).write_text(text)

    assert place.of(home) == place.of(home)
    assert len((home / place.FILE).read_text()) == 32


def test_it_says_nothing_of_where_it_is_and_is_no_earlier_versions(home):
    found = place.of(home)
    old = hashlib.sha256(f"{socket.gethostname()}:{home.resolve()}".encode()).hexdigest()[:16]

    assert not {str(home), socket.gethostname(), old} & {found, found[:16]}


def test_a_home_that_cannot_be_written_to_is_told(home):
    home.write_text("no folder")

    with pytest.raises(InputError):
        place.of(home)


def test_hosts_are_told_the_same(home):
    settings = Settings(stacks=home / "stacks", home=home)

    assert host_claim.of(settings)["place"] == place.of(home)
