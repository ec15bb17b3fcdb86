"""The checks of the students' modules that need no host."""

from __future__ import annotations

import sys
from importlib import import_module, util
from pathlib import Path

import ansible.module_utils
import pytest

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
# As Ansible finds them beside a playbook.
ansible.module_utils.__path__.append(str(PLAYBOOKS / "module_utils"))

dotfiles = import_module("ansible.module_utils.lab_dotfiles")
public_key = import_module("ansible.module_utils.lab_public_key")

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mSkMrmJ4R1r7Gm0t0m0OQ4ZpXy5cW0u3hZ1mZ4b1d"


def library(name):
    spec = util.spec_from_file_location(name, PLAYBOOKS / "library" / f"{name}.py")
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


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
    quota = import_module("ansible.module_utils.lab_quota")

    assert quota.mount_with_quotas("/home", mounts) == where


@pytest.mark.parametrize(("cpu", "percent"), [("2", 200), ("0.5", 50), ("250m", 25), ("1m", 1)])
def test_processors_are_read_as_in_the_cohort_file(cpu, percent):
    assert library("lab_limits").percent(cpu) == percent
