"""Pin the hosts' keys, after a person has compared them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any

from ... import cohort as cohorts
from ... import playbook, private_file
from ...cohort import Cohort
from ...cohort.hosts import Host
from ...errors import PracticumError
from ...playbook import HostKey
from ...settings import Settings
from ..progress import Progress
from . import reading as lab_hosts

Keys = frozenset[HostKey]


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What one host showed, against what is pinned."""

    name: str
    place: str
    shown: Keys = frozenset()
    pinned: Keys = frozenset()
    why: str = ""
    """Why it showed nothing."""

    @property
    def state(self) -> str:
        """pinned, new, changed or silent."""
        if not self.shown:
            return "silent"
        if not self.pinned:
            return "new"
        # A key more or less of the same machine is no other machine.
        known = {key.kind: key for key in self.pinned}
        others = [key for key in self.shown if known.get(key.kind, key) != key]
        strange = others or not self.shown & self.pinned
        return "changed" if strange else "pinned"

    def known_by(self, fingerprints: Container[str]) -> Keys:
        """Return the shown keys with these fingerprints.

        A scan proves nothing: who sits in between can show the true key beside one of their own.
        """
        return frozenset(key for key in self.shown if key.fingerprint in fingerprints)

    def to_json(self) -> dict[str, Any]:
        """Return what ``hosts scan --json`` prints of the host."""
        return {
            "name": self.name,
            "place": self.place,
            "state": self.state,
            "fingerprints": {key.kind: key.fingerprint for key in sorted(self.shown)},
            "pinned": {key.kind: key.fingerprint for key in sorted(self.pinned)},
            "why": self.why or None,
        }


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """What was shown, and what is pinned from now on."""

    cohort: str
    hosts: tuple[Scanned, ...]
    confirmed: tuple[str, ...]
    """Hosts that a person confirmed in this run."""

    @property
    def open(self) -> tuple[str, ...]:
        """Hosts whose key is not the pinned one, or that have none."""
        return tuple(
            one.name
            for one in self.hosts
            if one.state != "pinned" and one.name not in self.confirmed
        )

    def to_json(self) -> dict[str, Any]:
        """Return what ``hosts scan --json`` prints."""
        return {
            "cohort": self.cohort,
            "hosts": [
                one.to_json() | {"confirmed": one.name in self.confirmed} for one in self.hosts
            ],
        }


def scan(
    settings: Settings,
    name: str,
    *,
    limit: Iterable[str] = (),
    confirm: Callable[[Scanned], Keys],
    progress: Progress,
) -> ScanResult:
    """Ask hosts for their keys, and pin those that are confirmed.

    Args:
        settings: Folders.
        name: The cohort.
        limit: Hosts by name; all when empty.
        confirm: Shown what a host shows; the keys that it returns are pinned, and no other.
        progress: Told what happens.

    Raises:
        InputError: If the files are wrong, or the pinned keys cannot be written.
        MissingToolError: If there is no ssh-keyscan.
    """
    cohort = cohorts.load(settings.stacks, name)
    hosts = lab_hosts.chosen(cohort, limit)
    pinned = playbook.pinned_keys(cohort.known_hosts_file)
    asked = [host for host in hosts if host.connection == "ssh"]
    progress.step("Asking hosts for their keys", len(asked))
    found, confirmed = [], []
    for host in asked:
        one = _ask(host, pinned.get(lab_hosts.place_of(host), frozenset()))
        progress.advance(host.name)
        found.append(one)
        if one.state in ("new", "changed") and (believed := confirm(one)):
            confirmed.append(one.name)
            pinned[one.place] = believed
            _write(cohort, pinned)
    return ScanResult(cohort=name, hosts=tuple(found), confirmed=tuple(confirmed))


def _ask(host: Host, known: Keys) -> Scanned:
    place = lab_hosts.place_of(host)
    try:
        shown = playbook.scan(host.address or "", host.port)
    except PracticumError as error:
        if error.exit_code == 4:  # no program to ask with, so for none of the hosts
            raise
        return Scanned(name=host.name, place=place, pinned=known, why=error.message)
    return Scanned(name=host.name, place=place, shown=shown, pinned=known)


def _write(cohort: Cohort, pinned: dict[str, Keys]) -> None:
    private_file.write(cohort.known_hosts_file, playbook.known_hosts_lines(pinned))
    cohort.known_hosts_file.chmod(0o644)  # public, and kept in git
