"""Three students, a kind cluster each: hand-out, a day's work, a night's rest, a leaver, the end.

``make demo-kind`` runs this, on this machine's Docker; where there is none,
PRACTICUM_TEST_INSTALL=1 brings an engine. Where no node image is at hand, one is built from
package registries, once, in a quarter of an hour. It exits with 1 if anything turns out other
than told.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kind_course import (
    LEAVER,
    NAME,
    STUDENT,
    WEB,
    answer,
    files_of,
    host_port,
    lay_out,
)
from stage import CannotPlayError, Stage, UnexpectedError, played

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".practicum" / "demo-kind"
sys.path.insert(0, str(ROOT))
from provisioner.errors import MissingToolError  # noqa: E402
from provisioner.kind.docker import Engine  # noqa: E402


def main() -> int:
    """Play the demo from the start; returns the exit code."""
    return played(FOLDER, _play)


def _play(stage: Stage) -> None:
    _clear(stage)
    with _engine():
        try:
            _tell_story(stage)
        finally:
            _leave_nothing(stage)


@contextmanager
def _engine() -> Iterator[None]:
    """Have a container engine: this machine's, or the one that the tests bring.

    Raises:
        CannotPlayError: If there is none, and none may be brought.
    """
    try:
        Engine().require()
    except MissingToolError as error:
        if os.environ.get("PRACTICUM_TEST_INSTALL") != "1":
            raise CannotPlayError(error.message.rstrip(".")) from None
        from tests.hosts import rig_image
        from tests.hosts.rig_engine import running_engine

        with running_engine(rig_image.folder() / "engine") as found:
            os.environ["DOCKER_HOST"] = found.address or ""
            yield
    else:
        yield


def _tell_story(stage: Stage) -> None:
    _image(stage)
    _course(stage)
    _up(stage)
    kubeconfig = _handout(stage)
    _work(stage, kubeconfig)
    _rest(stage)
    _leave(stage)
    _down(stage)


def _image(stage: Stage) -> None:
    stage.chapter(
        "The programs and the node image",
        """Pulumi and kind are taken from PATH, or built once from pinned sources. A node of kind
        is a container; its image is built from package registries alone where this machine has
        none. The very first time this takes a quarter of an hour each, later no time.""",
    )
    stage.run("practicum toolchain", lines=1000)
    tools = {
        tool["name"]: tool["path"] for tool in stage.ask("practicum toolchain --json")["tools"]
    }
    stage.programs["kubectl"] = tools["kubectl"]
    stage.run("practicum kind image build", lines=1000)


def _course(stage: Stage) -> None:
    stage.chapter(
        "The course",
        """Three students handed in SSH keys. Each gets a cluster of their own, with one host port
        that leads into it. How many would fit on this machine?""",
    )
    said = stage.run(f"practicum archive key {NAME}")
    [line] = [line for line in said.splitlines() if line.startswith("course_key: ")]
    with (files_of(stage) / "cohort.yaml").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    said = stage.run(f"practicum validate {NAME}")
    stage.expect("3 with a key" in said, "all have a key")
    said = stage.run(f"practicum capacity {NAME}")
    stage.expect("yes, it fits" in said, "three clusters fit on this machine")


def _up(stage: Stage) -> None:
    stage.chapter(
        "Plan, and up",
        """The plan says plainly what kind is not: a wall between a student and this machine. `up`
        makes the clusters, as many at a time as there are cores.""",
    )
    said = stage.run(f"practicum plan {NAME}")
    stage.expect("no isolation" in said, "the plan says that kind isolates nobody")
    said = stage.run(f"practicum up {NAME} --yes")
    stage.expect("3 created" in said and " 0 failed" in said, "three clusters were made")


def _handout(stage: Stage) -> Path:
    stage.chapter(
        "The hand-out",
        """Each student gets the kubeconfig of their cluster's admin, encrypted to their own key.
        It lies in no other file, and in no state.""",
    )
    stage.run(f"practicum handout {NAME}")
    path = stage.folder / "students" / "kubeconfig"
    sealed = stage.folder / ".practicum" / "handout" / NAME / f"{STUDENT}.kubeconfig.age"
    path.write_bytes(_opened(stage, sealed))
    path.chmod(0o600)
    stage.tell("\nA student opens the file (the demo does it with the same library):")
    stage.tell(f"$ age -d -i ~/.ssh/id_ed25519 -o kubeconfig {sealed.name}", code="1")
    return path


def _opened(stage: Stage, sealed: Path) -> bytes:
    from pyrage import decrypt, ssh

    private = ssh.Identity.from_buffer((stage.folder / "students" / STUDENT).read_bytes())
    return bytes(decrypt(sealed.read_bytes(), [private]))


def _work(stage: Stage, kubeconfig: Path) -> None:
    stage.chapter(
        f"What the student {STUDENT} does",
        """A whole cluster: nodes, namespaces, definitions. A deployment answers behind a Service,
        from outside too, on the host port that is this student's own.""",
    )
    own = {"KUBECONFIG": str(kubeconfig), "HOME": str(kubeconfig.parent)}
    stage.run("kubectl get nodes", env=own)
    path = "'-o=jsonpath={.items[0].spec.containers[0].image}'"
    image = stage.run(f"kubectl -n kube-system get pod -l component=etcd {path}", env=own)
    (stage.folder / "web.yaml").write_text(WEB.replace("IMAGE", image.strip()))
    stage.run("kubectl apply -f web.yaml", env=own)
    stage.run("kubectl rollout status deployment/web --timeout=90s", env=own, lines=3)
    stage.tell(f"\n$ curl http://127.0.0.1:{host_port(stage)}/version", code="1")
    stage.tell(f"  {answer(stage)}")


def _rest(stage: Stage) -> None:
    stage.chapter(
        "A night's rest",
        """Suspended clusters take no memory and no core. What is in them stays, and the same
        kubeconfig works afterwards.""",
    )
    stage.run(f"practicum suspend {NAME} {STUDENT} --yes")
    stage.run(f"practicum status {NAME}", lines=10)
    stage.run(f"practicum resume {NAME} {STUDENT} --yes")
    stage.tell(f"\n$ curl http://127.0.0.1:{host_port(stage)}/version", code="1")
    stage.tell(f"  {answer(stage)}")


def _leave(stage: Stage) -> None:
    stage.chapter(
        "Somebody leaves",
        f"""{LEAVER} drops the course: the work is archived, encrypted, read back, and then the
        cluster goes. The others are not touched.""",
    )
    said = stage.run(f"practicum drop {NAME} {LEAVER} --yes")
    stage.expect("1 removed" in said, "one cluster was removed")
    kept = list((stage.folder / ".practicum" / "archive" / NAME).glob(f"{LEAVER}.*.age"))
    stage.expect(len(kept) == 1, "the leaver's work was kept")
    stage.run(f"practicum archive open {kept[0].relative_to(stage.folder)}"
              f" --identity .practicum/keys/{NAME}.agekey", lines=6)  # fmt: skip


def _down(stage: Stage) -> None:
    stage.chapter(
        "The end",
        """`down` archives, deletes, and searches the engine and this machine for a container, a
        network, a volume or a kubeconfig that is left.""",
    )
    said = stage.run(f"practicum down {NAME} --yes {NAME}", lines=20)
    stage.expect("Proved: nothing is left." in said, "nothing is left")
    stage.tell(
        "\nThat was a course of clusters. On your own: docs/how-to/kind-clusters.md", code="1"
    )


def _clear(stage: Stage) -> None:
    """Begin from nothing, also after a demo that was killed, with a key for each student."""
    if files_of(stage).exists():
        with _engine():
            _leave_nothing(stage)
    shutil.rmtree(stage.folder, ignore_errors=True)
    lay_out(stage)
    stage.tell("Practicum: a cluster of their own for each student. All names are invented.")
    stage.tell(f"\n$ cd {os.path.relpath(stage.folder)}", code="1")


def _leave_nothing(stage: Stage) -> None:
    """Take down what an interrupted demo has left."""
    try:
        stage.ask(f"practicum down {NAME} --yes {NAME} --no-archive --json")
    except UnexpectedError as error:
        sys.stderr.write(f"Clusters may still run: expected that {error}\n")


if __name__ == "__main__":
    sys.exit(main())
