"""CRD-10: a secret file is private from its first byte, whole, and where it seems to be."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
import sys

import pytest

from provisioner import private_file
from provisioner.errors import InputError


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def mask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_and_its_folder_are_for_their_owner_alone(tmp_path, mask):
    folder = private_file.make_folder(tmp_path / "home" / "handout")
    private_file.write(folder / "a", b"secret")

    assert (folder / "a").read_bytes() == b"secret"
    assert mode(folder / "a") == 0o600
    assert mode(folder) & 0o077 == 0
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_a_file_is_private_from_its_first_byte(tmp_path):
    """Open and then chmod would leave a moment in which others may read it.

    Whatever is opened for writing is seen through the interpreter's own audit hook.
    """
    code = f"""
import os, stat, sys
from pathlib import Path
from provisioner import private_file
def hook(event, args):
    if event == "open" and not isinstance(args[0], int) and args[2] & os.O_CREAT:
        print("open", bool(args[2] & os.O_EXCL), bool(args[2] & os.O_NOFOLLOW))
    if event in ("os.chmod", "os.rename"):
        print(event, oct(stat.S_IMODE(os.stat(args[0]).st_mode)))
os.umask(0)
sys.addaudithook(hook)
private_file.write(Path({str(tmp_path / "a")!r}), b"secret")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["open True True", "os.rename 0o600"]


def test_a_file_that_was_there_is_replaced_with_its_wrong_mode(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o644)

    private_file.write(path, b"new")

    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)


def test_a_link_is_replaced_and_not_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"theirs")
    link.symlink_to(target)

    private_file.write(link, b"secret")

    assert target.read_bytes() == b"theirs"
    assert not link.is_symlink()
    assert link.read_bytes() == b"secret"


def test_a_full_disk_leaves_what_was_there(tmp_path):
    """The process may write no file of more than 100 bytes, as on a disk with no more room."""
    (tmp_path / "a").write_bytes(b"old")
    code = f"""
import resource
from pathlib import Path
from provisioner import private_file
from provisioner.errors import InputError
path = Path({str(tmp_path / "a")!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
private_file.write(path.with_name("b"), b"x" * 100)
try:
    private_file.write(path, b"secret" * 100)
except InputError as error:
    print(error.exit_code, error.message)
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        f"3 {tmp_path / 'a'} cannot be written: File too large.",
        "Make room or mend the rights there, then run the command again.",
    ]
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(("room", "why"), [(100, "No space left on device"), (8, "File too large")])
def test_a_line_that_does_not_fit_is_told_also_where_half_of_it_did(tmp_path, room, why):
    code = f"""
import resource
from pathlib import Path
from provisioner import private_file
from provisioner.errors import InputError
path = Path({str(tmp_path / "log")!r})
descriptor = private_file.open_to_append(path)
private_file.append(descriptor, path, b"fits it\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
try:
    private_file.append(descriptor, path, b"x" * 100)
except InputError as error:
    print(error.message)
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        f"{tmp_path / 'log'} cannot be written: {why}.",
        "Make room or mend the rights there, then run the command again.",
    ]
    assert (tmp_path / "log").read_bytes().startswith(b"fits it\n")


@pytest.mark.parametrize("torn", [b"", b"whole\n", b'{"event": "iss', b"\0\0"])
def test_a_line_that_was_torn_spoils_no_other(tmp_path, torn):
    path = tmp_path / "log"
    path.write_bytes(torn)
    path.chmod(0o600)

    for line in (b"one\n", b"two\n"):
        descriptor = private_file.open_to_append(path)
        private_file.append(descriptor, path, line)
        os.close(descriptor)

    assert path.read_bytes().splitlines() == [*torn.splitlines(), b"one", b"two"]


@pytest.mark.parametrize(
    ("place", "why"),
    [("nosuch/a", "No such file or directory"), ("file/a", "Not a directory")],
)
def test_where_nothing_can_be_written_is_told(tmp_path, place, why):
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match=f"cannot be written: {why}"):
        private_file.write(tmp_path / place, b"secret")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()

    for place in ("file", "file/below"):
        with pytest.raises(InputError, match="cannot be made"):
            private_file.make_folder(tmp_path / place)


# CRD-13


def test_a_private_file_is_taken(tmp_path):
    private_file.write(tmp_path / "passphrase", b"secret")

    private_file.require_private(tmp_path / "passphrase")


@pytest.mark.parametrize("rights", [0o644, 0o640, 0o604, 0o620, 0o601], ids=oct)
def test_a_file_that_is_open_to_others_is_refused(tmp_path, rights):
    path = tmp_path / "passphrase"
    path.write_bytes(b"secret")
    path.chmod(rights)

    with pytest.raises(InputError, match="can be read by others") as caught:
        private_file.require_private(path)

    assert caught.value.hint == f"Run: chmod 600 {path}"


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n"], ids=repr)
def test_an_empty_secret_is_refused(tmp_path, content):
    """Pulumi strips white space and takes an empty passphrase without a word."""
    private_file.write(tmp_path / "passphrase", content)

    with pytest.raises(InputError, match="is empty or no plain file"):
        private_file.require_private(tmp_path / "passphrase")


def test_what_is_no_plain_file_is_refused(tmp_path):
    private_file.write(tmp_path / "real", b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    for path in (tmp_path / "link", tmp_path):
        with pytest.raises(InputError, match="is empty or no plain file"):
            private_file.require_private(path)


@pytest.mark.parametrize(
    ("opened", "below"),
    [(0o777, "home"), (0o703, "home/handout"), (0o777, "")],
    ids=["by all, above", "by others, far above", "itself"],
)
def test_a_folder_that_others_could_swap_is_refused(tmp_path, opened, below):
    """As ssh does with StrictModes; what is private in a folder that is not is not private."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(opened)

    with pytest.raises(InputError, match="can be written by others") as refused:
        private_file.make_folder(shared / below)

    assert str(refused.value).startswith(f"{shared} can be")
    assert f"chmod go-w {shared}" in refused.value.hint
    shared.chmod(0o755)
    assert private_file.make_folder(shared / below).is_dir()


def test_a_link_that_leads_into_such_a_folder_or_lies_in_one_is_refused(tmp_path):
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    mine.mkdir()
    shared.mkdir()
    (mine / "link").symlink_to(shared)
    (shared / "link").symlink_to(mine)
    shared.chmod(0o777)

    for path in (mine / "link" / "home", shared / "link" / "home"):
        with pytest.raises(InputError, match="can be written by others"):
            private_file.make_folder(path)
    shared.chmod(0o755)
    assert private_file.make_folder(mine / "link" / "home").is_dir()


def test_a_folder_like_tmp_is_no_danger(tmp_path):
    """In it nobody can move what is another's."""
    tmp_path.chmod(0o1777)

    assert private_file.make_folder(tmp_path / "home").is_dir()


def test_a_group_that_only_we_are_in_is_nobody_else(tmp_path, monkeypatch):
    """Some systems give every user a group, and a umask that lets it write.

    Only an administrator could make a real group, so the system's answer is played.
    """
    we = pwd.getpwuid(os.geteuid())
    tmp_path.chmod(0o775)
    os.chown(tmp_path, -1, we.pw_gid)

    def group(name=we.pw_name, members=()):
        return lambda gid: grp.struct_group((name, "x", gid, list(members)))

    monkeypatch.setattr(grp, "getgrgid", group())
    assert private_file.make_folder(tmp_path / "home").is_dir()
    for others in (group(name="staff"), group(members=["kim"])):
        monkeypatch.setattr(grp, "getgrgid", others)
        with pytest.raises(InputError, match="can be written by others"):
            private_file.make_folder(tmp_path / "home")
