"""Where everything of one rehearsal lies: below one folder, readable by its owner alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import private_file

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""The processes of a rehearsal, in the order in which they depend on each other."""


@dataclass(frozen=True)
class Layout:
    """The paths of one rehearsal; a second one has a root of its own."""

    root: Path
    """Absolute: the processes are recognised by it."""

    @classmethod
    def below(cls, home: Path) -> Layout:
        """Name the rehearsal of a home folder, whatever the current folder is."""
        return cls(home.resolve() / "rehearsal")

    @property
    def lock(self) -> Path:
        """Held by whoever starts or stops the rehearsal."""
        return self.root / "lock"

    @property
    def record(self) -> Path:
        """Ports and process ids."""
        return self.root / "rehearsal.json"

    @property
    def kubeconfig(self) -> Path:
        """What a person, and all of Practicum, reaches the rehearsal with."""
        return self.root / "kubeconfig"

    @property
    def data(self) -> Path:
        """Every object of the rehearsal's API, as etcd keeps it."""
        return self.root / "etcd"

    @property
    def audit(self) -> Path:
        """One line of JSON for every request that the API server answered."""
        return self.root / "audit.log"

    @property
    def scratch(self) -> Path:
        """The home folder of the processes, so that they read nothing of a person's."""
        return self.root / "scratch"

    @property
    def authentication(self) -> Path:
        """Whose logins the API server takes beside its own; not there where nobody's."""
        return self.config("authentication.yaml")

    def key(self, name: str) -> Path:
        """A private key."""
        return self.root / "pki" / f"{name}.key"

    def certificate(self, name: str) -> Path:
        """A certificate, or a public key."""
        return self.root / "pki" / f"{name}.crt"

    def config(self, name: str) -> Path:
        """A file that one of the processes is configured with."""
        return self.root / "config" / name

    def log(self, name: str) -> Path:
        """What one of the processes writes."""
        return self.root / "logs" / f"{name}.log"

    def make_folders(self) -> None:
        """Make all folders, for their owner alone.

        Raises:
            InputError: If the home folder cannot be written, or by others as well.
            OSError: If a folder in it cannot be made.
        """
        private_file.make_folder(self.root)
        self.root.chmod(0o700)
        for name in ("pki", "config", "logs", "scratch"):
            (self.root / name).mkdir(mode=0o700, exist_ok=True)
