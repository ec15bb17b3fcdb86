"""What a playbook is told of one host: data alone, and no secret."""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import names
from ...cohort.hosts import Dotfiles, Host
from ...cohort.placement import Seat
from ...errors import InputError
from ..access import class_secret
from .reading import PRESENT, Labs

SYSTEM_PYTHON = "/usr/bin/python3"
"""The system's own: it has the package manager's modules, which no other has."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Where a playbook leaves what it brings back."""

    archives: Path
    keys: Path


def unix_group(cohort: str) -> str:
    """Return the group that a cohort's students are in; at most 32 characters.

    >>> unix_group("mls26")
    'p-mls26'
    """
    return f"p-{cohort}"


def variables(labs: Labs, host: Host, folders: Folders, *, archive: bool) -> dict[str, Any]:
    """Return the inventory of one host."""
    accounts = labs.cohort.accounts
    return connection(labs, host) | {
        "lab_cohort": labs.cohort.name,
        "lab_group": unix_group(labs.cohort.name),
        "lab_tools": list(accounts.tools),
        "lab_limits": accounts.limits.model_dump(),
        "lab_student_keys": accounts.student_keys,
        "lab_archive": archive,
        "lab_course_key": labs.cohort.course_key if archive else None,
        "lab_archive_folder": str(folders.archives.resolve() / host.name),
        "lab_keys_folder": str(folders.keys.resolve() / host.name),
        "lab_mirrors": {name: list(there) for name, there in accounts.mirrors.items()},
        "lab_dotfiles": _dotfiles(accounts.dotfiles),
        "lab_secrets": _secrets(labs),
        "lab_recipients": _recipients(labs),
        "lab_groups": _groups(labs),
        "lab_students": [_student(labs, seat) for seat in labs.on(host)],
    }


def connection(labs: Labs, host: Host) -> dict[str, Any]:
    """Return how Ansible reaches a host, and by which keys it knows it."""
    if host.connection == "local":
        return {
            "ansible_connection": "local",
            "ansible_user": pwd.getpwuid(os.getuid()).pw_name,  # whom sshd must not shut out
            "ansible_python_interpreter": SYSTEM_PYTHON,
        }
    how: dict[str, Any] = {
        "ansible_connection": "ssh",
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": host.user,
        "ansible_python_interpreter": SYSTEM_PYTHON,
        "ansible_ssh_common_args": _ssh_options(labs, host),
    }
    if host.user != "root":
        how["ansible_become"] = True
    if host.identity:
        how["ansible_ssh_private_key_file"] = str(host.identity.resolve())
    return how


def _ssh_options(labs: Labs, host: Host) -> str:
    """Return ssh's options: the pinned key is believed, no other, and nobody is asked."""
    known = labs.cohort.known_hosts_file.resolve()
    options = {
        "UserKnownHostsFile": f'"{known}"',
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "BatchMode": "yes",
        "ForwardAgent": "no",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "4",
    }
    if host.identity:
        options["IdentitiesOnly"] = "yes"
    return shlex.join(part for key, value in options.items() for part in ("-o", f"{key}={value}"))


def _student(labs: Labs, seat: Seat) -> dict[str, Any]:
    student = labs.students.get(seat.id)
    key = student.key if student else None
    dotfiles = labs.cohort.accounts.dotfiles
    fork = dotfiles.forks.get(seat.id) if dotfiles else None
    return {
        "id": seat.id,
        "account": seat.account,
        "uid": seat.uid,
        "state": labs.state_of(seat),
        "ssh_keys": [key.text] if key and key.kind != "age" else [],
        "recipient": key.text if key else None,
        "ports": {"first": seat.first_port, "last": seat.last_port},
        "dotfiles": fork.model_dump() if fork else None,
    }


def _dotfiles(dotfiles: Dotfiles | None) -> Mapping[str, Any] | None:
    if dotfiles is None:
        return None
    return dotfiles.model_dump(include={"repository", "commit", "profile", "variables"})


def _secrets(labs: Labs) -> dict[str, Any]:
    """Return what a host needs for the class's secrets: encrypted files and public keys."""
    secrets = labs.cohort.accounts.secrets
    if secrets is None:
        return {}
    return {
        "age": list(secrets.recipients),
        "gpg": [_text(labs.cohort.folder / name) for name in secrets.gpg],
        # Who may read them is settled before any playbook runs.
        "files": [str(path.resolve()) for path in class_secret.files(labs)],
    }


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"accounts.secrets.gpg: {path} cannot be read.") from None
    if "PRIVATE KEY" in text or "BEGIN PGP PUBLIC KEY BLOCK" not in text:
        raise InputError(f"accounts.secrets.gpg: {path} is no armored public key.")
    return text


def _recipients(labs: Labs) -> list[dict[str, str]]:
    """Return whose public key encrypts to whom, for all who take the course."""
    return [
        {"id": seat.id, "recipient": key.text}
        for seat in labs.seats.values()
        if labs.state_of(seat) == PRESENT and (key := labs.students[seat.id].key)
    ]


def _groups(labs: Labs) -> list[dict[str, Any]]:
    """Return who works together, as the roster has it."""
    members: dict[str, list[str]] = {}
    for student in labs.students.values():
        if student.group:
            members.setdefault(student.group, []).append(student.id)
    return [{"id": _repository(title), "students": ids} for title, ids in members.items()]


def _repository(title: str) -> str:
    """Return a group's name for the git server: a space would be two repositories there.

    >>> _repository("alpha"), " " in _repository("x @all")
    ('alpha', False)
    """
    return names.group(title).removeprefix("group--")
