"""What a student's Unix account on a lab host may be called."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from .. import names

if TYPE_CHECKING:
    from .placement import Person
    from .schema import Cohort

SYSTEM_ACCOUNTS = frozenset(
    (
        *("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp"),
        *("proxy", "www-data", "backup", "list", "irc", "gnats", "nobody", "sshd", "messagebus"),
        *("ntp", "admin", "adm", "sudo", "wheel", "docker", "containerd", "git", "gitolite"),
        *("gitolite3", "ubuntu", "debian", "vagrant", "operator", "staff", "users", "tty"),
        *("disk", "kmem", "shadow", "src", "utmp", "video", "audio", "plugdev", "input", "kvm"),
        *("render", "lxd", "libvirt", "postgres", "mysql", "redis", "ansible", "practicum"),
    )
)
"""Accounts and groups that a host has, or may come to have, with rights of their own."""


def name_for(person: Person, cohort: Cohort, taken: Collection[str]) -> str:
    """Return a student's account: the name in the cluster, unless that is somebody else's here."""
    taken = {*taken, *SYSTEM_ACCOUNTS, *(host.user for host in cohort.hosts)}
    plain = person.name not in taken and not person.name.startswith("systemd-")
    return person.name if plain else names.another_student(person.id, taken)
