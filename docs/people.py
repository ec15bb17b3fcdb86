"""The students of the demo: keys of their own, made on the spot, and files that they open."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

UNKEYED = 2
SSH = 2


class Class:
    """Thirty invented students, most with an age key, two with an SSH key, two with none.

    Attributes:
        cohort: The cohort's folder: its roster, and the public keys that are handed in.
        homes: Where the students keep their private keys, a folder each.
    """

    def __init__(self, cohort: Path, homes: Path) -> None:
        self.cohort = cohort
        self.homes = homes

    def hand_in_keys(self) -> str:
        """Make the keys and hand in the public halves; returns how many of which kind."""
        with (self.cohort / "roster.csv").open(encoding="utf-8", newline="") as file:
            ids = sorted(row["id"] for row in csv.DictReader(file))
        ssh, age = ids[UNKEYED : UNKEYED + SSH], ids[UNKEYED + SSH :]
        (self.cohort / "keys").mkdir(exist_ok=True)
        for id in ssh:
            self._hand_in(id, _new_ssh_key(self._home(id)))
        for id in age:
            self._hand_in(id, _new_age_key(self._home(id)))
        return f"{len(age)} age, {len(ssh)} SSH; {UNKEYED} are still missing"

    def open(self, id: str, private: Path) -> Path:
        """Decrypt a student's hand-out with their age key; returns the kubeconfig.

        Only the folder ``private`` ever holds it in the clear, and is deleted afterwards.
        """
        import pyrage

        sealed = self.homes.parent / ".practicum" / "handout" / "demo" / f"{id}.kubeconfig.age"
        key = (self._home(id) / "key.txt").read_text(encoding="utf-8").strip()
        opened = pyrage.decrypt(sealed.read_bytes(), [pyrage.x25519.Identity.from_str(key)])
        path = private / f"{id}.kubeconfig"
        _write_private(path, opened)
        return path

    def _home(self, id: str) -> Path:
        home = self.homes / id
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home

    def _hand_in(self, id: str, public: str) -> None:
        (self.cohort / "keys" / id).write_text(public + "\n", encoding="utf-8")


def _new_age_key(home: Path) -> str:
    from pyrage import x25519

    identity = x25519.Identity.generate()
    _write_private(home / "key.txt", f"{identity}\n".encode())
    return str(identity.to_public())


def _new_ssh_key(home: Path) -> str:
    path = home / "id_ed25519"
    if shutil.which("ssh-keygen"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True
        )
        return path.with_suffix(".pub").read_text(encoding="utf-8").strip()
    return _ssh_key_without_openssh(path)


def _ssh_key_without_openssh(path: Path) -> str:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    _write_private(path, private)
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return public.decode()


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
