"""Ten students on two lab hosts: scan, plan, up, a day of work, a student who leaves, down.

``make demo-hosts`` runs this. The hosts are containers with systemd and sshd, made from
Debian's packages, on this machine's Docker; where there is none, PRACTICUM_TEST_INSTALL=1
installs one. Everything that is done to them goes over SSH, by the commands that are
printed. It exits with 1 if anything turns out other than told.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from stage import CannotPlayError, Stage, played

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".practicum" / "demo-hosts"
IDS = tuple(str(20260001 + number) for number in range(10))
STUDENT, LEAVER = IDS[0], IDS[1]

sys.path.insert(0, str(ROOT))
from tests.hosts import rig_image, web  # noqa: E402  (the rig of the tests makes the hosts)
from tests.hosts.rig_engine import running_engine  # noqa: E402
from tests.hosts.rig_host import LabHost, start_host  # noqa: E402


def main() -> int:
    """Play the demo from the start; returns the exit code."""
    return played(FOLDER, _play_if_possible)


def _play_if_possible(stage: Stage) -> None:
    try:
        _play(stage)
    except pytest.skip.Exception as reason:
        raise CannotPlayError(reason.msg) from None


def _play(stage: Stage) -> None:
    course = Course(stage)
    course.clear()
    stage.chapter(
        "Two machines",
        """Containers with Debian, systemd and sshd stand for two lab hosts. The first time their
        image is made from packages, which takes two minutes.""",
    )
    with running_engine(rig_image.folder() / "engine") as engine:
        image = rig_image.ensure_image(engine)
        hosts = []
        try:
            for name in ("lab1", "lab2"):
                hosts.append(start_host(engine, image, course.operator, name))
            course.hosts = hosts
            _tell_story(stage, course)
        finally:
            for host in hosts:
                engine.docker("rm", "--force", "--volumes", host.container)


class Course:
    """The files of the demo's course, and what its students do on their hosts."""

    hosts: list[LabHost]

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.files = stage.folder / "stacks" / "labs26"
        self.private = stage.folder / "students"
        self.operator = self.private / "operator"

    def clear(self) -> None:
        """Begin from nothing, with a key for the operator and for each student."""
        shutil.rmtree(self.stage.folder, ignore_errors=True)
        (self.files / "keys").mkdir(parents=True)
        self.private.mkdir(mode=0o700)
        for name in ("operator", *IDS):
            command = [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                str(self.private / name),
            ]
            subprocess.run(command, check=True)
        for id in IDS:
            shutil.copy(self.private / f"{id}.pub", self.files / "keys" / id)
        self.roster(IDS)

    def roster(self, ids: tuple[str, ...]) -> None:
        """Write who takes the course."""
        rows = "".join(f"{id},Student {id[-2:]}\n" for id in ids)
        (self.files / "roster.csv").write_text(f"id,name\n{rows}")

    def serve_dotfiles(self) -> str:
        """Put the course's dotfiles where hosts can fetch them by https; returns the commit."""
        folder = self.private / "dotfiles"
        folder.mkdir()
        case = {
            "dotfiles": {"f_aliases": {"src": "x", "dst": "~/.bash_aliases"}},
            "files": {"dotfiles/x": "alias k=kubectl\n"},
        }
        commit = web.make_repository(folder, "course", case)
        for host in self.hosts:
            web.serve(host, folder)
        return commit

    def write(self, course_key: str, teacher: str) -> None:
        """Write the cohort file."""
        dotfiles = {"repository": f"{web.ADDRESS}/course.git", "commit": self.serve_dotfiles()}
        document = {
            "course": "A day on lab hosts",
            "term": {"starts": "2026-09-01", "ends": "2027-12-19"},
            "cluster": "rehearsal",
            "course_key": course_key,
            "hosts": [
                {"name": host.name, "address": host.address, "port": host.port, "user": "ops",
                 "identity": str(self.operator)}
                for host in self.hosts
            ],
            "accounts": {
                "tools": ["age", "gpg", "sops", "pass", "passage", "dotfiles", "containerd"],
                "dotfiles": dotfiles,
                "secrets": {"recipients": [teacher], "identity": str(self.private / "teacher")},
            },
        }  # fmt: skip
        (self.files / "cohort.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def seal(self, teacher: str) -> None:
        """Write the class's secret, encrypted to who teaches."""
        (self.files / "secrets").mkdir()
        plain = self.private / "plain.yaml"
        plain.write_text("registry_password: only-for-the-class\n")
        sops = Path(sys.executable).parent / "sops"
        said = subprocess.run(
            [sops, "--disable-version-check", "encrypt", "--age", teacher, plain],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        plain.unlink()
        (self.files / "secrets" / "class.sops.yaml").write_text(said)

    def on_host(self, id: str, command: str) -> str:
        """Have a student log in by SSH and do something; returns what was said."""
        self.stage.tell(f"{id}$ {command}", code="2")
        for host in self.hosts:
            done = host.login(f"s{id}", self.private / id, command)
            if done.returncode != 255:
                self.stage.tell((done.stdout + done.stderr).strip())
                return done.stdout
        self.stage.tell("(no login)")
        return ""

    def send_key(self, id: str) -> None:
        """Put the student's own private key where the student has it at home."""
        for host in self.hosts:
            key = (self.private / id).read_text()
            if host.succeeds(f"id s{id}"):
                where = f"/home/s{id}/.ssh/id_ed25519"
                host.shell(f"cat > {where}; chown s{id}: {where}; chmod 600 {where}", stdin=key)


def _tell_story(stage: Stage, course: Course) -> None:
    _course(stage, course)
    _pin(stage, course)
    _up(stage)
    _work(stage, course)
    _nothing_to_do(stage)
    _leave(stage, course)
    _down(stage)


def _course(stage: Stage, course: Course) -> None:
    from pyrage import x25519

    stage.chapter(
        "The course",
        """Ten students handed in SSH keys. The cohort file names two hosts; the class has a secret,
        encrypted with SOPS, which so far only the teacher can read.""",
    )
    teacher, archive = x25519.Identity.generate(), x25519.Identity.generate()
    (course.private / "teacher").write_text(str(teacher))
    (course.private / "archive").write_text(str(archive))
    course.write(str(archive.to_public()), str(teacher.to_public()))
    course.seal(str(teacher.to_public()))
    said = stage.run("practicum validate labs26")
    stage.expect("lab1 (5), lab2 (5)" in said, "five students are on each host")


def _pin(stage: Stage, course: Course) -> None:
    stage.chapter(
        "The hosts' own keys",
        """Over the network anybody can show a key: it is pinned when somebody has compared it with
        the machine's console, as is done here.""",
    )
    for host in course.hosts:
        shown = host.run("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").split()[1]
        stage.run(f"practicum hosts scan labs26 --limit {host.name} --expect {shown}")


def _up(stage: Stage) -> None:
    stage.chapter(
        "Plan, and up",
        """The plan asks each host what it has. `up` makes accounts, installs tools, gives limits,
        and lets the class read its secret.""",
    )
    stage.run("practicum hosts plan labs26")
    said = stage.run("practicum hosts up labs26 --yes")
    stage.expect("2 of 2 hosts done" in said, "both hosts are done")
    stage.run("practicum hosts status labs26")


def _work(stage: Stage, course: Course) -> None:
    stage.chapter("A student's day", "Over SSH, with the student's own key and no other.")
    course.send_key(STUDENT)
    stage.expect(f"s{STUDENT}" in course.on_host(STUDENT, "id -un"), "the student is logged in")
    said = course.on_host(STUDENT, "dotdrop --version; cat ~/.bash_aliases")
    stage.expect("alias k=kubectl" in said, "dotdrop has installed the course's dotfiles")
    secret = "sops -d /srv/practicum/labs26/secrets/class.sops.yaml"
    opened = f"SOPS_AGE_SSH_PRIVATE_KEY_FILE=$HOME/.ssh/id_ed25519 {secret}"
    stage.expect("only-for-the-class" in course.on_host(STUDENT, opened), "a member can read it")
    course.send_key(LEAVER)
    stage.expect("only-for-the-class" in course.on_host(LEAVER, opened), "so can the other")
    course.on_host(LEAVER, "echo 'my work' > notes.txt")
    said = course.hosts[0].shell("ctr version")
    stage.tell(f"lab1# ctr version\n{said.strip()}")
    stage.expect("Server:" in said, "containerd answers")


def _nothing_to_do(stage: Stage) -> None:
    stage.chapter("Once more", "A second run changes nothing.")
    hosts = stage.ask("practicum hosts up labs26 --yes --json")["hosts"]
    stage.expect({host["changed"] for host in hosts} == {0}, "nothing was changed")
    stage.tell("Nothing was changed on either host.")


def _leave(stage: Stage, course: Course) -> None:
    stage.chapter(
        "Somebody leaves",
        f"""{LEAVER} is no longer in the roster: the home is archived, the account goes, and the
        class's secret is encrypted anew.""",
    )
    course.roster(tuple(id for id in IDS if id != LEAVER))
    said = stage.run("practicum hosts up labs26 --yes")
    stage.expect(f"archived {LEAVER}" in said, "the home was archived")
    stage.expect(course.on_host(LEAVER, "id") == "", "nobody can log in there any more")
    sops = Path(sys.executable).parent / "sops"
    done = subprocess.run(
        [sops, "--disable-version-check", "-d", course.files / "secrets" / "class.sops.yaml"],
        env={"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(course.private / LEAVER), "HOME": "/"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    stage.expect(done.returncode != 0, "who left cannot decrypt the secret")
    stage.tell(f"With the key of {LEAVER}, sops -d says: {done.stderr.strip().splitlines()[0]}")


def _down(stage: Stage) -> None:
    stage.chapter("The end", "Homes are archived, accounts go, and each host is searched.")
    said = stage.run("practicum hosts down labs26 --yes labs26", lines=20)
    stage.expect("Proved: nothing is left." in said, "the proof holds")
    stage.tell("\nThat was a day on lab hosts. On your own: docs/how-to/lab-hosts.md", code="1")


if __name__ == "__main__":
    sys.exit(main())
