"""What a student installs: the wheel of this checkout, with what it says that it needs.

``tests/unit/test_join.py`` shows the same where all the rest is installed and hidden; here nothing
else is there. Nobody publishes the wheel: that an index has it is not shown.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("provisioner", "infra", "playbooks", "tools", "pyproject.toml", "README.md", "LICENSE")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
HAND_OUT = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "course-ada",
    "clusters": [{"name": "course-ada", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "course-ada", "user": {"token": "canary-token-of-a-student"}}],
    "contexts": [
        {
            "name": "course-ada",
            "context": {"cluster": "course-ada", "user": "course-ada", "namespace": "course-ada"},
        }
    ],
}


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment that has the base install, as docs/how-to/join.md makes it."""
    folder = tmp_path_factory.mktemp("student")
    source = folder / "source"
    source.mkdir()
    for name in SOURCE:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, source / name)
    python = folder / "practicum" / "bin" / "python"
    base = ROOT / "requirements" / "base.txt"
    run(sys.executable, *PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source)
    [wheel] = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "practicum")
    run(python, *PIP, "install", "--require-hashes", "-r", base)
    run(python, *PIP, "install", "--no-deps", wheel)
    return folder


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def practicum(student: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command that was installed, in a folder from which no checkout can be imported."""
    return subprocess.run(
        [student / "practicum" / "bin" / "practicum", *words],
        cwd=student,
        env={"HOME": str(student), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.soak  # it builds a wheel and installs into an empty environment, from an index
def test_a_student_installs_the_light_part_alone_and_opens_a_hand_out(student: Path) -> None:
    missing = what_is_missing(student)
    identity = pyrage.x25519.Identity.generate()
    (student / "key.txt").write_text(f"{identity}\n", encoding="utf-8")
    sealed = pyrage.encrypt(yaml.safe_dump(HAND_OUT).encode(), [identity.to_public()])
    (student / "ada.kubeconfig.age").write_bytes(sealed)

    opened = practicum(student, "join", "ada.kubeconfig.age", "--identity", "key.txt")

    assert missing == ""
    assert "Added the context course-ada" in opened.stdout, opened.stderr
    kubeconfig = yaml.safe_load((student / ".kube" / "config").read_text(encoding="utf-8"))
    assert kubeconfig["users"] == HAND_OUT["users"]


@pytest.mark.soak
def test_what_is_for_operators_says_what_to_install(student: Path) -> None:
    refused = practicum(student, "rehearsal", "status")

    assert refused.returncode == 4, refused.stderr
    assert "practicum-lab[operator]" in refused.stderr


def what_is_missing(student: Path) -> str:
    """What the installed packages ask for and is not there, as pip says it."""
    command = [student / "practicum" / "bin" / "python", *PIP, "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=student)
    return "" if done.returncode == 0 else done.stdout
