"""What the README and the docs tell people to type works, and prints what they show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner import rehearsal, toolchain

from .conftest import ControlPlane
from .documented import Reader, lines

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="the docs make keys with ssh-keygen"),
]

ROOT = Path(__file__).resolve().parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs"
TUTORIAL = DOCS / "tutorial.md"
OWN_CLUSTER = DOCS / "how-to" / "own-cluster.md"
ROSTER, HANDOUT = DOCS / "how-to" / "roster.md", DOCS / "how-to" / "handout.md"
MID_TERM = DOCS / "how-to" / "mid-term.md"
TERM_END = DOCS / "how-to" / "term-end.md"
VERIFY = DOCS / "how-to" / "verify.md"
CAPACITY = DOCS / "how-to" / "capacity.md"
USAGE = DOCS / "how-to" / "usage.md"
RECOVER = DOCS / "how-to" / "recover.md"

GRADEBOOK = """\
Student,ID,SIS User ID,SIS Login ID,Section,Final Score
    Points Possible,,,,,(read only)
"García López, Inés",48233,20261336,u20261336,MLS 01,97.00
"""

# Stands in where age is not installed: the same library that encrypts, as a command.
AGE = """\
#!{python}
import pathlib, sys
import pyrage
_, d, i, key, o, opened, sealed = sys.argv
assert (d, i, o) == ("-d", "-i", "-o")
identity = pyrage.ssh.Identity.from_buffer(pathlib.Path(key).read_bytes())
opened = pathlib.Path(opened)
opened.write_bytes(pyrage.decrypt(pathlib.Path(sealed).read_bytes(), [identity]))
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "practicum").symlink_to(Path(sys.executable).parent / "practicum")
    (folder / "kubectl").symlink_to(toolchain.find(toolchain.KUBECTL)[toolchain.KUBECTL].path)
    if not shutil.which("age"):
        (folder / "age").write_text(AGE.format(python=sys.executable), encoding="utf-8")
        (folder / "age").chmod(0o755)
    return folder


@pytest.fixture
def new_reader(tmp_path: Path, programs: Path) -> Callable[[], Reader]:
    def make() -> Reader:
        folder, home = tmp_path / "work", tmp_path / "home"
        folder.mkdir()
        home.mkdir()
        return Reader(folder, home, programs)

    return make


@pytest.fixture
def operator(new_reader: Callable[[], Reader], control_plane: ControlPlane) -> Reader:
    """Somebody with a cluster of their own, a gradebook, and a key that was handed in."""
    reader = new_reader()
    access = json.loads(control_plane.kubeconfig.read_text(encoding="utf-8"))
    access["contexts"][0]["name"] = "course"
    # Whatever context is current is never used: this one leads nowhere.
    access["clusters"].append({"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}})
    access["contexts"].append({"name": "nowhere", "context": {"cluster": "nowhere", "user": ""}})
    access["current-context"] = "nowhere"
    (reader.home / ".kube").mkdir()
    (reader.home / ".kube" / "config").write_text(json.dumps(access), encoding="utf-8")
    (reader.folder / "gradebook.csv").write_text(GRADEBOOK, encoding="utf-8")
    (reader.folder / "handed-in").mkdir()
    key = reader.folder / "handed-in" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return reader


def test_every_command_line_of_the_readme_and_the_how_to_guides_works(operator: Reader) -> None:
    *steps, _ = lines(README)
    assert len(steps) > 6

    for line in steps:
        operator.follow(README, only=line.command)
    operator.follow(ROSTER)
    operator.follow(CAPACITY)
    operator.follow(HANDOUT)
    operator.follow(MID_TERM)
    operator.follow(VERIFY)
    operator.follow(USAGE)
    operator.follow(OWN_CLUSTER)
    operator.follow(RECOVER)
    operator.follow(TERM_END)
    operator.follow(README, only="practicum down")


def test_every_command_line_of_the_tutorial_works(new_reader: Callable[[], Reader]) -> None:
    reader = new_reader()
    try:
        assert reader.follow(TUTORIAL) > 15
    finally:
        rehearsal.down(reader.folder / ".practicum")


def test_no_page_with_commands_is_left_out() -> None:
    pages = {page for page in [README, *DOCS.rglob("*.md")] if next(lines(page), None)}

    hows = {CAPACITY, MID_TERM, OWN_CLUSTER, RECOVER, ROSTER, HANDOUT, TERM_END, USAGE, VERIFY}
    assert pages == {README, TUTORIAL, *hows}
