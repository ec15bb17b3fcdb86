"""The checks of the students' modules that need no host."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace

import pytest
from ansible.module_utils.testing import patch_module_args

from .ansible_modules import library, shared

dotfiles = shared("lab_dotfiles")
public_key = shared("lab_public_key")

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mSkMrmJ4R1r7Gm0t0m0OQ4ZpXy5cW0u3hZ1mZ4b1d"


@pytest.mark.parametrize("line", [ED25519, f"{ED25519} ada@laptop", f"{ED25519}\n"])
def test_a_public_key_is_one(line):
    assert public_key.is_public_key(line)


@pytest.mark.parametrize(
    "line",
    [
        "", "hello", "ssh-ed25519", "ssh-ed25519 AAAA", f'command="sh" {ED25519}',
        f"{ED25519}\n{ED25519}", ED25519.replace("ssh-ed25519", "ssh-rsa"),
        ED25519.replace("ed25519 ", "dss "), f"from=1.2.3.4 {ED25519}", f"{ED25519} a\rb",
        "ssh-ed25519 " + "!" * 68, "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_public_key_is_none(line):
    assert not public_key.is_public_key(line)


@pytest.mark.parametrize(
    "target", ["~/.bashrc", "~/.config/x/y", "~/.ssh/config", "~/.ssh/allowed_signers", "~/a/./b"]
)
def test_a_target_in_the_home_is_taken(target):
    assert dotfiles.target_mistake(target) is None


@pytest.mark.parametrize(
    "target",
    [
        None, "", 7, "/etc/passwd", "~", "~/", "~root/.bashrc", "~/..", "~/a/../../b", ".bashrc",
        "~/.ssh", "~/.ssh/authorized_keys", "~/.ssh/authorized_keys2", "~/.ssh/rc", "~/x/../.ssh",
        "~/.ssh/environment", "~/.ssh/./authorized_keys", "~/.ssh//authorized_keys", "$HOME/.x",
        "~/{{@@ x @@}}", "~/{%@@ x @@%}", "~/`id`", "~/.ssh/config/x", "//etc/x",
    ],
)  # fmt: skip
def test_a_target_elsewhere_or_where_logins_are_decided_is_refused(target):
    assert dotfiles.target_mistake(target)


@pytest.mark.parametrize(
    "remote",
    ["https://git.example.org/ada/dotfiles.git", "ssh://git@git.example.org:2222/x.git",
     "git@git.example.org:ada/dotfiles.git"],
)  # fmt: skip
def test_https_and_ssh_are_taken(remote):
    assert dotfiles.remote_mistake(remote, "a" * 40) is None


@pytest.mark.parametrize(
    "remote",
    [
        "", "http://git.example.org/x", "file:///etc", "/etc", "../x", "ext::sh -c id", "git://x/y",
        "https://ada:pw@git.example.org/x", "https://token@git.example.org/x", "-oProxyCommand=id",
        "--upload-pack=id", "ssh://-oProxyCommand=id/x", "ssh://-oX/x", "ssh://-o@x/y", "x@-oX:y", "https://x/../y", "https://x/y\n-z",
        "-x@git.example.org:y", "fd::17/x", "https://git.example.org/x?a=$(id)",
    ],
)  # fmt: skip
def test_other_remotes_are_refused(remote):
    assert dotfiles.remote_mistake(remote, "a" * 40)


@pytest.mark.parametrize("commit", ["main", "HEAD", "a" * 39, "A" * 40, "v1.0", "a" * 40 + "\n"])
def test_what_is_no_commit_is_refused(commit):
    assert dotfiles.remote_mistake("https://git.example.org/x", commit)


@pytest.mark.parametrize(
    ("path", "target"),
    [("x", "/etc/shadow"), ("x", ".."), ("a/x", "../../y"), ("x", "a/../../y"), ("x", "../x")],
)
def test_a_link_out_of_a_repository_is_seen(path, target):
    assert dotfiles.link_mistake(path, target)


@pytest.mark.parametrize(("path", "target"), [("x", "y"), ("a/x", "../y"), ("a/x", "..x")])
def test_a_link_inside_is_taken(path, target):
    assert dotfiles.link_mistake(path, target) is None


@pytest.mark.parametrize(
    ("quantity", "number"), [("2Gi", 2 << 30), ("500M", 500_000_000), ("7", 7), ("1Ki", 1024)]
)
def test_a_quantity_is_read_as_in_the_cohort_file(quantity, number):
    assert library("lab_limits").number_of_bytes(quantity) == number


@pytest.mark.parametrize(
    ("mounts", "where"),
    [
        ("/dev/a / ext4 rw 0 0\n/dev/b /home ext4 rw,usrquota 0 0\n", "/home"),
        ("/dev/a / ext4 rw,usrjquota=aquota.user 0 0\n/dev/b /srv ext4 rw 0 0\n", "/"),
        ("/dev/a / ext4 rw,usrquota 0 0\n/dev/b /home ext4 rw 0 0\n", None),
        ("/dev/a / xfs rw,noquota 0 0\n", None),
        ("/dev/a / ext4 rw 0 0\n/dev/b /homes ext4 rw,usrquota 0 0\n", None),
    ],
)
def test_a_disk_that_keeps_quotas_is_told_from_one_that_does_not(mounts, where):
    quota = shared("lab_quota")

    assert quota.mount_with_quotas("/home", mounts) == where


class Disk:
    """A disk that keeps quotas, behind the two programs: no kernel of ours has the format."""

    HEAD = "User,BlockStatus,FileStatus,BlockUsed,BlockSoftLimit,BlockHardLimit,BlockGrace\n"

    def __init__(self, **limits):
        self.limits = limits

    def run(self, program, *arguments):
        if program == "setquota":
            _, uid, soft, hard, *_, mount = arguments
            assert (soft, mount) == (hard, "/home")
            self.limits[f"#{uid}"] = hard
        rows = [f"{uid},ok,ok,20,{limit},{limit},\n" for uid, limit in self.limits.items()]
        return self.HEAD + "".join(rows)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    found, limits, quota = Disk(**{"#0": "0"}), library("lab_limits"), shared("lab_quota")
    for module in (limits, quota):
        monkeypatch.setattr(module, "run", found.run)
    monkeypatch.setattr(limits, "mount_with_quotas", lambda _: "/home")
    monkeypatch.setattr(limits, "own_account", lambda *_: None)
    monkeypatch.setattr(limits, "UNITS", tmp_path)

    def ensure(size):
        params = {"cohort": "c", "homes": "/home", "limits": {"disk": size}}
        module = SimpleNamespace(params=params, check_mode=False)
        return limits.Limits(module).ensure({"id": "1", "uid": 20_001})

    return found, ensure


def test_a_quota_is_set_once_and_again_when_the_cohort_has_another(disk):
    found, ensure = disk

    assert ensure("1Gi") == ["slice", "disk"]
    assert ensure("1Gi") == []
    assert found.limits["#20001"] == str(1 << 20)
    assert ensure("2Gi") == ["disk"]


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (subprocess.CalledProcessError(1, ["repquota"], "", "Quota is off\n"), "repquota: Quota is off"),
        (FileNotFoundError(2, "No such file or directory", "repquota"), "No such file"),
        (None, "something else than quotas"),
    ],
)  # fmt: skip
def test_where_quotas_cannot_be_read_it_is_said_and_all_other_limits_are_set(
    disk, monkeypatch, trouble, says
):
    _, ensure = disk

    def run(*_):
        if trouble:
            raise trouble
        return "nonsense\n1\n"

    quota = shared("lab_quota")
    monkeypatch.setattr(quota, "run", run)

    assert ensure("1Gi") == ["slice"]
    with pytest.raises(quota.NoQuotaError, match=says):
        quota.hard_limits("/home")


def test_a_host_says_why_it_keeps_no_quota(monkeypatch):
    quota = shared("lab_quota")
    monkeypatch.setattr(quota, "mount_with_quotas", lambda _: None)

    assert quota.why_none("/home").startswith("the file system of /home is not mounted with")


@pytest.mark.parametrize(("cpu", "percent"), [("2", 200), ("0.5", 50), ("250m", 25), ("1m", 1)])
def test_processors_are_read_as_in_the_cohort_file(cpu, percent):
    assert library("lab_limits").percent(cpu) == percent


MOUNTS = r"""22 1 8:1 / / rw - ext4 /dev/a rw
30 22 0:40 / /home/s1/da\040ta rw - tmpfs tmpfs rw
31 22 0:41 / /home/s10 rw shared:7 - tmpfs tmpfs rw
32 22 0:42 / /tmp/of-s1 rw,nosuid shared:8 - fuse.sshfs user_id=7 rw,user_id=20001,group_id=20001
33 22 0:43 / /srv rw - fuseblk /dev/c rw,user_id=0,group_id=0
34 22 0:44 / /run/user/20001/doc rw - fuse.portal portal rw,user_id=20001,group_id=20001
"""


@pytest.mark.parametrize(
    ("home", "found"),
    [("/home/s1", ["/home/s1/da ta"]), ("/home/s10", ["/home/s10"]), ("/home/s", [])],
)
def test_what_is_mounted_in_a_home_is_seen(home, found):
    assert shared("lab_mounts").mounts_in(home, MOUNTS) == found


@pytest.mark.parametrize(("uid", "found"), [(20_001, ["/tmp/of-s1"]), (0, ["/srv"]), (7, [])])
def test_who_mounted_a_file_system_is_told_of_fuse_alone_and_not_by_its_name(uid, found):
    assert shared("lab_mounts").mounted_by(uid, MOUNTS) == found


def test_the_kernel_is_asked_what_is_mounted():
    assert shared("lab_mounts").mounts_in("/proc") != []


STUDENTS = [
    {"id": "1", "account": "s1", "ssh_keys": []},
    {"id": "2", "account": "@all", "ssh_keys": [ED25519]},
    {"id": "3", "account": "../s3", "ssh_keys": [ED25519]},
    {"id": "4", "account": "s4 s1", "ssh_keys": [ED25519]},
]
GROUPS = [{"id": name, "students": ["1", "2"]} for name in ("g1", "g2 @all", "../g3", "g4\nrepo x")]


def test_a_name_that_gitolite_would_read_as_more_stands_in_no_rule():
    gitolite = library("lab_gitolite")

    text = gitolite.rules("mls26", STUDENTS, GROUPS)

    assert [line for line in text.splitlines() if line.strip() and line[0] != "#"] == [
        "repo mls26/group-g1", "    RW = s1", "repo mls26/s1", "    RW = s1",
    ]  # fmt: skip
    assert gitolite.keys("mls26", STUDENTS)[0] == {}


def test_whose_name_it_is_is_told():
    said = library("lab_gitolite").odd_names(STUDENTS, GROUPS)

    assert [one["id"] for one in said] == ["2", "3", "4", "", "", ""]


def test_a_new_home_is_given_away_when_nothing_in_it_is_root_s_to_change(tmp_path, monkeypatch):
    """Whoever owns the folder can put a link where the next file of it is given away."""
    accounts, given = library("lab_accounts"), []
    monkeypatch.setattr(
        os, "chown", lambda path, *_, **__: given.append((path, path.stat().st_mode))
    )
    (tmp_path / "skel/.config").mkdir(parents=True)
    (tmp_path / "skel/.config/x").touch()
    one = accounts.Accounts.__new__(accounts.Accounts)
    one.params = {"homes": str(tmp_path), "skeleton": str(tmp_path / "skel")}
    one.dry_run = False

    one._home({"account": "s1", "uid": 20_001})

    paths = [path for path, _ in given]
    assert [path for path in paths if path in paths[-1].parents] == []
    assert all(paths[-1] in path.parents for path in paths[:-1])
    assert given[-1][1] & 0o777 == 0o700


NOW = 1_800_000_000.0
THEIRS = {"place": "theirs", "holder": "process 7 on laptop", "since": "x", "until": NOW + 60}


@pytest.mark.parametrize(
    ("standing", "held"),
    [
        (THEIRS, True),
        ({**THEIRS, "until": NOW}, False),
        ({**THEIRS, "place": "ours"}, False),
        ({}, False),
        ({**THEIRS, "until": "tomorrow"}, False),
    ],
)
def test_a_host_is_held_by_another_place_alone_and_not_for_ever(standing, held):
    assert bool(library("lab_claim").holder_of(standing, "ours", NOW)) is held


@pytest.mark.parametrize(("held", "there"), [(False, False), (True, True)])
def test_who_lets_go_of_what_was_never_held_writes_nothing(tmp_path, monkeypatch, held, there):
    """A host that was refused is not ours to change."""
    claim = library("lab_claim")
    monkeypatch.setattr(claim, "FOLDER", tmp_path / "practicum")
    mine = {"place": "ours", "holder": "process 7 on laptop", "seconds": 60}

    arguments = {"cohort": "course", "claim": mine, "held": held}
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        claim.main()

    assert not ended.value.code
    assert (tmp_path / "practicum").exists() is there


def recorded(module, students, *, check=False):
    """Run the module; say whether it changed something."""
    arguments = {"cohort": "c", "group": "g", "students": students, "_ansible_check_mode": check}
    said = io.StringIO()
    with patch_module_args(arguments), redirect_stdout(said), pytest.raises(SystemExit) as ended:
        module.main()
    assert not ended.value.code, said.getvalue()
    return json.loads(said.getvalue())["changed"]


def test_who_has_an_account_is_written_down_once_and_nothing_else_of_them(tmp_path, monkeypatch):
    record = library("lab_record")
    monkeypatch.setattr(record, "FOLDER", tmp_path / "practicum")
    file = tmp_path / "practicum" / "c.json"
    one = {"id": "1", "account": "s1", "uid": 20_001, "state": "present"}

    assert recorded(record, [one | {"ssh_keys": ["a key"]}], check=True)
    assert not file.exists()
    assert recorded(record, [one | {"ssh_keys": ["a key"]}])
    assert not recorded(record, [one | {"ssh_keys": ["another"]}])
    assert json.loads(file.read_text()) == {"cohort": "c", "group": "g", "students": [one]}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o711)
    assert recorded(record, [one | {"state": "suspended"}])


def test_of_many_who_take_a_claim_at_once_each_is_alone_with_it(tmp_path):
    """Also where the one before lets go by removing the file."""
    script = (
        "import sys; sys.path.insert(0, '.')\n"
        "from pathlib import Path\nfrom tests.hosts.ansible_modules import library\n"
        "claim, path, log = library('lab_claim'), Path(sys.argv[1]), Path(sys.argv[2])\n"
        "for _ in range(300):\n"
        "    with claim.opened(path) as file, log.open('a', buffering=1) as told:\n"
        "        told.write('in\\n'); told.write('out\\n'); path.unlink()\n"
    )
    command = [sys.executable, "-c", script, tmp_path / "claim", tmp_path / "log"]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]

    assert [run.communicate()[1] for run in runs] == [b"", b"", b""]
    assert (tmp_path / "log").read_text() == "in\nout\n" * 900


def test_a_pass_that_is_full_says_that_something_is_left(tmp_path):
    archives = library("lab_archives")
    made = {"path": str(tmp_path), "sha256": ""}
    full = archives.Pass(seconds=0, size=0)

    assert full.take([{"id": "a"}, {"id": "b"}], lambda _: dict(made))
    assert full.tried == ["a"]
    assert not archives.Pass(seconds=60, size=0).take([{"id": "b"}], lambda _: dict(made))
