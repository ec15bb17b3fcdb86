"""Encrypt the class's SOPS files to exactly those who may read them now.

It runs on the operator's machine, beside the identity that can decrypt them; only what is
encrypted goes to a host. A file whose recipients differ gets the new ones (``updatekeys``)
and then a new data key (``rotate``), without which whoever left could decrypt it with the
one that they have seen. Both are done to a copy, which takes the file's place when whole.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.basic import AnsibleModule


class NoRekeyError(Exception):
    """A file could not be encrypted anew; it is as it was."""


def recipients_of(path: Path) -> set[str]:
    """Read from a SOPS file who can decrypt it; empty when it is none."""
    try:
        content = yaml.safe_load(path.read_text(errors="replace"))
    except yaml.YAMLError:
        return set()
    sops = content.get("sops") if isinstance(content, dict) else None
    if not isinstance(sops, dict):
        return set()
    groups = [sops, *(sops.get("key_groups") or [])]
    found = {key["recipient"] for group in groups for key in group.get("age") or []}
    return found | {f"pgp:{key['fp']}" for group in groups for key in group.get("pgp") or []}


def key_only(recipient: str) -> str:
    """Take an SSH key without its comment, as SOPS writes it down."""
    return " ".join(recipient.split()[:2])


def rekey(sops: str, path: Path, wanted: list[str], identity: str) -> None:
    """Give one file its new recipients and a new data key."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".unfinished-") as folder:
        # Its own name, for SOPS tells the format by it.
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        config = Path(folder) / "sops.yaml"
        config.write_text(json.dumps({"creation_rules": [{"age": ",".join(wanted)}]}))
        env = {
            "PATH": "/usr/bin:/bin", "HOME": folder, "XDG_CONFIG_HOME": folder,
            **identity_variable(identity),
        }  # fmt: skip
        # What was left out would be found in the operator's home, or above the folder.
        base = [sops, "--config", str(config)]
        for step in (["updatekeys", "--yes", str(copy)], ["rotate", "--in-place", str(copy)]):
            done = subprocess.run(
                [*base, *step], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            if done.returncode:
                said = done.stderr.strip().splitlines() or [str(done.returncode)]
                raise NoRekeyError(f"{path.name}: sops {step[0]}: {said[0]}")
        if recipients_of(copy) != set(wanted):
            raise NoRekeyError(f"{path.name}: it would have other recipients than asked for")
        copy.chmod(0o644)
        copy.replace(path)


def identity_variable(identity: str) -> dict[str, str]:
    """Name the variable in which SOPS looks for this kind of private key."""
    first = Path(identity).read_text(errors="replace")[:100]
    kind = "SSH_PRIVATE_KEY" if first.startswith("-----BEGIN") else "KEY"
    return {f"SOPS_AGE_{kind}_FILE": identity}


def audit(path: Path, people: dict[str, str], names: dict[str, str]) -> dict[str, Any]:
    """Say who can decrypt a file, who should and cannot, and which recipients nobody knows."""
    able = recipients_of(path)
    return {
        "file": path.name,
        "can": sorted(names[recipient] for recipient in able if recipient in names),
        "cannot": sorted(who for who, recipient in people.items() if recipient not in able),
        "unknown": len([recipient for recipient in able if recipient not in names]),
    }


class ClassSecrets:
    """The class's SOPS files in one folder, and those who are to read them."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.sops: str = params["sops"]
        self.identity: str | None = params["identity"]
        self.people = {entry["id"]: key_only(entry["recipient"]) for entry in params["recipients"]
                       if entry.get("recipient")}  # fmt: skip
        teachers = [key_only(recipient) for recipient in params["instructors"]]
        self.names = {recipient: who for who, recipient in self.people.items()}
        self.names |= dict.fromkeys(teachers, "instructor")
        self.wanted = sorted({*teachers, *self.people.values()})
        found = Path(params["folder"]).glob("*.sops.*")
        # What begins with a dot is a setting of SOPS, or an editor's.
        found = [path for path in found if not path.name.startswith(".")]
        self.files = sorted(path for path in found if path.is_file())

    def to_rekey(self) -> list[Path]:
        """List the files that others can read than those who should."""
        return [path for path in self.files if recipients_of(path) != set(self.wanted)]

    def leavers(self, path: Path) -> int:
        """How many could read a file until now and no longer shall."""
        return len(recipients_of(path) - set(self.wanted))

    def rekey(self, path: Path) -> str | None:
        """Encrypt a file to those who should read it; return what went wrong, or None."""
        if not self.identity:
            return f"{path.name}: no identity was named that can decrypt it"
        try:
            rekey(self.sops, path, self.wanted, self.identity)
        except (NoRekeyError, OSError, subprocess.SubprocessError) as error:
            return str(error)
        return None


def main() -> None:
    """Rekey what has other recipients than it should, and audit everything."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "sops": {"type": "path", "required": True},
            # Where it lies, not what is in it.
            "identity": {"type": "path", "no_log": False},
            "instructors": {"type": "list", "elements": "str", "required": True},
            "recipients": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    secrets = ClassSecrets(module.params)
    if not module.params["instructors"]:
        module.fail_json(msg="secrets: no instructor would be able to decrypt them")
    plain = [path.name for path in secrets.files if not recipients_of(path)]
    if plain:
        module.fail_json(msg=f"secrets: {', '.join(plain)}: not encrypted by SOPS")
    stale = secrets.to_rekey()
    # Whoever left has read what was in it: only a new value helps against that.
    to_change = [path.name for path in stale if secrets.leavers(path)]
    mistakes = [] if module.check_mode else [secrets.rekey(path) for path in stale]
    result = {
        "changed": bool(stale), "rekeyed": [path.name for path in stale], "to_change": to_change,
        "audit": [audit(path, secrets.people, secrets.names) for path in secrets.files],
        "paths": [str(path) for path in secrets.files],
    }  # fmt: skip
    if any(mistakes):
        module.fail_json(msg=f"secrets: {'; '.join(filter(None, mistakes))}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
