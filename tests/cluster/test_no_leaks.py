"""Known secrets go through a whole lifecycle, a failing and a killed run; none is left lying.

They may be where they belong: the kubeconfig, the passphrase file, the private keys. All
else is looked at: state, logs, hand-outs, records, temporary files, what was printed, and
the command lines and environments of all processes while they run.
"""

from __future__ import annotations

import base64
import gzip
import json
import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from . import runs
from .course import environment, keep_pull_secret
from .faults import Gate, Proxy, proxy
from .leaks import Canaries, Watch, private
from .refusing import refusing_bindings

pytestmark = pytest.mark.cluster

PERSON = "Kanarienvogel-Zeisig"
"""A student's name: personal data, which belongs in the roster alone."""

MEANT = {
    "PULUMI_CONFIG_PASSPHRASE": "another-passphrase-of-the-operator",
    "PULUMI_K8S_DELETE_UNREACHABLE": "true",
    "PULUMI_DEBUG_GRPC": "/nonexistent/grpc.json",
}
"""What an operator may have in their environment for other work with Pulumi."""


@dataclass
class Life:
    """A cohort, where it may have left something, and what was seen on the way."""

    course: Any
    folder: Path
    canaries: Canaries
    watch: Watch
    far: Proxy
    """What the operator's token is shown to; it passes all on."""

    course_key: pyrage.x25519.Identity
    printed: list[str] = field(default_factory=list)
    ends: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)
    states: dict[str, dict[str, bytes]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    """Secrets in files, as long as the cohort was up."""

    login: bytes = b""
    """What is in the pull secret."""

    copied: int = 0
    """How many Secrets of the cluster hold it."""

    archived: bytes = b""
    """What the archives hold, opened with the course's key."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def allowed(self) -> list[Path]:
        return [
            self.folder / "kubeconfig",
            self.home / "passphrase",
            self.folder / "course.key",
            self.course.folder / "roster.csv",
        ]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        given = environment() | MEANT | {"TMPDIR": str(self.watch.temporary)}
        command = self.course.command("-v", *arguments)
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=given)

    def run(self, what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        self.printed += [out, err]
        self.states[what] = self.state()
        self.ends[what] = subprocess.CompletedProcess(arguments, process.returncode, out, err)
        return self.ends[what]

    def state(self) -> dict[str, bytes]:
        stacks = self.home / "state" / ".pulumi" / "stacks"
        return {str(path): path.read_bytes() for path in stacks.rglob("*.json*")}

    def kill(self, *arguments: str) -> None:
        """Start a run, and kill all its processes while the engine makes something."""
        gate = Gate(at=lambda request: request.changes and request.agent.startswith("pulumi"))
        self.far.reset(gate)
        process = self.start(*arguments)
        runs.reach(gate, process)
        assert len(runs.strays(self.course)) >= 3, "worker, engine and provider"
        runs.kill_all(self.course, process)
        self.printed += process.communicate()
        gate.opened.set()


def token_user(course, name: str) -> str:
    course.admin("create", "serviceaccount", name, "-n", "default")
    course.admin("create", "clusterrolebinding", name, "--clusterrole=cluster-admin",
                 f"--serviceaccount=default:{name}")  # fmt: skip
    course.await_right(f"system:serviceaccount:default:{name}", "*", "*")
    return course.admin("create", "token", name, "-n", "default").strip()


@pytest.fixture(scope="module")
def life(new_course, control_plane, tmp_path_factory):
    """A cohort that was brought up, refused in part, killed, repaired and taken down."""
    folder = tmp_path_factory.mktemp("leaks")
    course = new_course()
    course.stacks, course.home = folder / "stacks", folder / "home"
    canaries = Canaries()
    with (
        Watch(temporary=folder / "tmp") as watch,
        proxy(control_plane.server, control_plane.folder / "pki") as far,
    ):
        for path in (course.home, watch.temporary):
            path.mkdir(mode=0o700)
        life = Life(course, folder, canaries, watch, far, pyrage.x25519.Identity.generate())
        plant(life, control_plane.kubeconfig)
        live_through(life)
    return life


def plant(life: Life, admin: Path) -> None:
    """Give every secret of the course a value that we know."""
    course, canaries = life.course, life.canaries
    config = yaml.safe_load(admin.read_text())
    token = token_user(course, f"ops-{course.name}")
    password = f"canary-{secrets.token_urlsafe(24)}"
    life.login = keep_pull_secret(course, f"keep-{course.name}", password)
    config["users"].append({"name": "token", "user": {"token": token}})
    server = f"https://127.0.0.1:{life.far.port}"
    config["clusters"].append(
        {"name": "far", "cluster": {**config["clusters"][0]["cluster"], "server": server}}
    )
    context = {**config["contexts"][0]["context"], "cluster": "far", "user": "token"}
    config["contexts"].append({"name": "token", "context": context})
    private(life.folder / "kubeconfig", yaml.safe_dump(config))
    key = base64.b64decode(config["users"][0]["user"]["client-key-data"]).decode()
    passphrase = f"canary-{secrets.token_urlsafe(24)}"
    private(life.home / "passphrase", passphrase)
    private(life.folder / "course.key", str(life.course_key))
    for name, secret in {
        "the operator's client key": key,
        "the operator's token": token,
        "the passphrase": passphrase,
        "the password of the registry": password,
        "the course's private key": str(life.course_key),
        "a student's name": PERSON,
    }.items():
        canaries.add(name, secret)


def write(life: Life, ids: list[str], context: str) -> None:
    """Write cohort file and roster."""
    cluster = {"kubeconfig": str(life.folder / "kubeconfig"), "context": context}
    public = str(life.course_key.to_public())
    assistants = [{"name": "Kim", "key": public}]
    pulls = {"pull_secrets": [{"name": "registry", "namespace": f"keep-{life.course.name}"}]}
    life.course.write(
        ids, cluster=cluster, course_key=public, assistants=assistants, environment=pulls
    )
    rows = "".join(f"{id},{PERSON} {id}\n" for id in ids)
    (life.course.folder / "roster.csv").write_text("id,name\n" + rows)


def contents_of(life: Life) -> bytes:
    """Open every archive that there is."""
    archives = life.home.joinpath("archive", life.course.name).glob("*.age")
    opened = [pyrage.decrypt(path.read_bytes(), [life.course_key]) for path in archives]
    return b"".join(gzip.decompress(one) for one in opened)


def know_token(life: Life, what: str, folder: Path, key: pyrage.x25519.Identity) -> None:
    """Read the token in the one kubeconfig that lies in a folder."""
    [path] = folder.glob("*.kubeconfig.age")
    opened = yaml.safe_load(pyrage.decrypt(path.read_bytes(), [key]))
    life.canaries.add(what, opened["users"][0]["user"]["token"])


def give_access(life: Life) -> None:
    course, name, key = life.course, life.course.name, life.course.keys["1"]
    life.run("handout", "handout", name)
    know_token(life, "a student's token", course.home / "handout" / name, key)
    life.run("rotate", "rotate", name, "1")
    know_token(life, "a student's new token", course.home / "handout" / name, key)
    life.run("access", "access", "grant", name, "Kim", "--for", "1h")
    know_token(life, "an assistant's token", course.home / "access" / name, life.course_key)


def look_at_the_copies(life: Life) -> None:
    named = "--field-selector=metadata.name=registry"
    data = life.course.admin("get", "secrets", "-A", named, "-o", "jsonpath={.items[*].data}")
    life.copied = data.count(base64.b64encode(life.login).decode())
    life.run("plan", "plan", life.course.name, "--full")
    life.run("render", "render", life.course.name)


def live_through(life: Life) -> None:
    """Run every command; the third student is refused, and one run is killed."""
    course, name = life.course, life.course.name
    write(life, ["1", "2", "3"], "rehearsal")
    course.give_key("1")
    refusing = refusing_bindings(name, f"request.namespace != '{name}--s3'")
    course.admin("apply", "-f", "-", stdin=refusing)
    life.run("in part", "up", name, "--yes")
    course.admin("delete", "-f", "-", stdin=refusing)
    give_access(life)
    write(life, ["1", "2", "3", "4"], "token")
    life.kill("up", name, "--yes")
    passphrase = (life.home / "passphrase").read_text()
    life.states["before"] = life.state()
    private(life.home / "passphrase", "")
    life.run("no passphrase", "up", name, "--yes")
    private(life.home / "passphrase", "not-the-one-that-the-state-was-made-with")
    life.run("wrong passphrase", "up", name, "--yes")
    private(life.home / "passphrase", passphrase)
    life.run("up", "up", name, "--yes", "--json")
    life.run("status", "status", name)
    work = f"work-{secrets.token_urlsafe(24)}"
    life.canaries.add("what is in a student's Secret", work)
    made = {"apiVersion": "v1", "kind": "Secret", "stringData": {"work": work}}
    made["metadata"] = {"name": "work", "namespace": course.namespace("1")}
    course.admin("apply", "--server-side", "-f", "-", stdin=json.dumps(made))
    look_at_the_copies(life)
    life.run("archive", "archive", name)
    life.archived = contents_of(life)
    life.left = life.canaries.in_files([life.home, course.stacks], allowed=life.allowed)
    life.run("down", "down", name, "--yes", name, "--json")


def test_the_life_was_what_it_should_be(life):
    assert {what: end.returncode for what, end in life.ends.items()} == {
        "in part": 6,
        "handout": 0,
        "rotate": 0,
        "access": 0,
        "no passphrase": 3,
        "wrong passphrase": 5,
        "up": 0,
        "status": 0,
        "plan": 0,
        "render": 0,
        "archive": 0,
        "down": 0,
    }, life.printed
    assert "not on this cluster" in life.ends["in part"].stdout
    assert json.loads(life.ends["up"].stdout)["failed"] == []
    assert "secrets" in json.loads(life.ends["down"].stdout)["searched"], "of the whole cluster"


def test_a_pull_secret_is_copied_to_everybody_and_archived_with_nobody(life):
    archived = life.canaries.in_bytes(life.archived)

    assert life.copied == 5, "four students, and the source"
    assert "what is in a student's Secret" in archived, "the control"
    assert "the password of the registry" not in archived


def test_no_secret_lies_in_a_file(life):
    assert sorted(life.left) == []
    assert sorted(life.canaries.in_files([life.folder], allowed=life.allowed)) == []


def test_no_secret_was_printed(life):
    assert len(life.printed) == 26
    assert "provisioner.shell: " in "".join(life.printed), "the log is on"
    assert life.canaries.in_bytes("\n".join(life.printed).encode()) == set()


def test_no_secret_was_in_a_command_line_or_an_environment(life):
    commands, environments = b"".join(life.watch.commands), b"\0".join(life.watch.environments)

    assert b"provisioner.pulumi_stack.worker" in commands
    assert life.canaries.in_bytes(commands) == set()
    assert f"PULUMI_CONFIG_PASSPHRASE_FILE={life.home}/passphrase".encode() in environments
    assert life.canaries.in_bytes(environments) == set()


def test_no_secret_was_in_a_temporary_file(life):
    assert life.canaries.in_bytes(b"\n".join(life.watch.contents)) == set()


def test_each_secret_would_have_been_found(life):
    """The control: planted in a log file, in a state, in what is compressed, each is named."""
    log = life.home / "pulumi" / "planted.log"
    for name, forms in life.canaries.forms.items():
        for form in forms:
            log.write_bytes(b"2026-11-23 error: cannot read {" + form + b"}\n")
            assert life.canaries.in_files([life.home], allowed=life.allowed) == {f"{log}: {name}"}
    log.unlink()
    assert "the passphrase" in life.canaries.in_bytes((life.home / "passphrase").read_bytes())


def test_nothing_of_the_operators_environment_reached_pulumi(life):
    """CRD-13: another passphrase there is not tried, and no switch of theirs is on."""
    environments = b"\0".join(life.watch.environments)

    assert environments
    assert [n for n, v in MEANT.items() if f"{n}={v}".encode() in environments] == []


@pytest.mark.parametrize(
    ("what", "why"),
    [("no passphrase", "passphrase is empty"), ("wrong passphrase", "not the one")],
)
def test_without_the_passphrase_the_state_stays_as_it_was(life, what, why):
    """CRD-13; Pulumi itself once emptied it (its issue 9541)."""
    assert life.states["before"]
    assert life.states[what] == life.states["before"]
    assert why in life.ends[what].stderr
