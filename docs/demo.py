"""A course of 30 students on one machine: from a Canvas export to a proven teardown.

``make demo`` runs this. Every command line that it prints is run for real, on a real API
server; only the pods are simulated. It exits with 1 if anything turns out other than told.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from people import Class
from stage import Stage, UnexpectedError, played

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".practicum" / "demo"
ADMIN = "--kubeconfig .practicum/rehearsal/kubeconfig"

STUDENT, NEIGHBOUR, LEAVER, REPAIRED = "20261336", "20261388", "20261167", "20261037"


def main() -> int:
    """Play the demo from the start; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", action="store_true", help="Leave the course and cluster up.")
    chosen = parser.parse_args()
    return played(FOLDER, lambda stage: _play(stage, keep=chosen.keep))


def _play(stage: Stage, *, keep: bool) -> None:
    stays_up = False
    try:
        _clear(stage)
        _tell_story(stage, keep=keep)
        stays_up = keep
    finally:
        if not stays_up:
            _stop_rehearsal(stage)


def _tell_story(stage: Stage, *, keep: bool) -> None:
    _tools(stage)
    _rehearsal(stage)
    students = _roster(stage)
    _environments(stage)
    _handout(stage)
    with tempfile.TemporaryDirectory(prefix="practicum-demo-") as private:
        leaver = students.open(LEAVER, Path(private))
        _student(stage, students.open(STUDENT, Path(private)))
        _nothing_to_do(stage)
        _week_six(stage, leaver)
    _drift(stage)
    _verify(stage)
    if keep:
        stage.tell(f"\nEverything stays up. Go on in: cd {FOLDER}")
        return
    _down(stage)
    stage.tell("\nThat was a term. On your own cluster: README.md", code="1")


def _tools(stage: Stage) -> None:
    stage.chapter(
        "The programs",
        """Practicum drives Pulumi and, for a rehearsal, a real Kubernetes control plane. Each
        program is taken from PATH, or built once from pinned sources: the very first time this
        takes about 15 minutes, later no time.""",
    )
    stage.run("practicum toolchain", lines=1000)
    tools = {
        tool["name"]: tool["path"] for tool in stage.ask("practicum toolchain --json")["tools"]
    }
    stage.programs["kubectl"] = tools["kubectl"]


def _rehearsal(stage: Stage) -> None:
    stage.chapter(
        "A cluster to rehearse on",
        """etcd, the API server, the controllers and the scheduler start as local processes. Nodes
        are simulated: pods are scheduled and "run", and never start a container.""",
    )
    stage.run("practicum rehearsal up")


def _roster(stage: Stage) -> Class:
    stage.chapter(
        "The roster",
        """The course has 30 students. Canvas exports its gradebook; the import shows who joins
        and who leaves before it writes roster.csv. The Test Student is no student.""",
    )
    export = "stacks/demo/canvas-gradebook.csv"
    said = stage.run(f"practicum roster import demo {export} --from canvas --yes", lines=8)
    stage.expect("30 join" in said, "30 students join")
    students = Class(stage.folder / "stacks" / "demo", stage.folder / "students")
    said = stage.run("practicum archive key demo")
    [line] = [line for line in said.splitlines() if line.startswith("course_key: ")]
    with (stage.folder / "stacks" / "demo" / "cohort.yaml").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    stage.tell("\nThe line is in cohort.yaml now; what students make will be archived to it.")
    stage.tell(f"\nStudents hand in public keys: {students.hand_in_keys()}.")
    said = stage.run("practicum validate demo")
    stage.expect("28 with a key" in said, "28 students have a key")
    return students


def _environments(stage: Stage) -> None:
    stage.chapter(
        "The plan, and the environments",
        """A plan reads the cluster and compares; it changes nothing. `up` shows the same plan,
        and makes for each student a namespace with quota, limits, network policy, account and
        role. A real Pulumi program does that, and its state lies in .practicum/.""",
    )
    stage.run("practicum plan demo")
    said = stage.run("practicum up demo --yes")
    stage.expect("30 created" in said and " 0 failed" in said, "30 students were created")
    stage.run("practicum status demo", lines=10)
    phases = [student["phase"] for student in stage.ask("practicum status demo --json")["students"]]
    stage.expect(phases == ["ready"] * 30, "all 30 are ready")


def _handout(stage: Stage) -> None:
    stage.chapter(
        "The hand-out",
        """Each student gets a kubeconfig, encrypted to their own public key: it can be sent by any
        way. It ends with the term. Two students have no key yet, and wait.""",
    )
    stage.run("practicum handout demo", lines=6)
    kept = stage.ask("practicum handout demo --json")
    stage.expect(len(kept["kept"]) == 28 and not kept["issued"], "a second hand-out mints nothing")
    stage.tell("\nA student opens the file (the demo does it with the same library):")
    stage.tell(f"$ age -d -i key.txt -o kubeconfig {STUDENT}.kubeconfig.age", code="1")


def _student(stage: Stage, kubeconfig: Path) -> None:
    stage.chapter(
        f"What the student {STUDENT} can do",
        """The rest is plain kubectl. In the own namespace a student works as usual; next door
        the API server refuses.""",
    )
    own = {"KUBECONFIG": str(kubeconfig), "HOME": str(kubeconfig.parent)}
    stage.run("kubectl create configmap notes --from-literal=week=1", env=own)
    stage.run("kubectl create deployment web --image=nginx:1.29 --replicas=2", env=own)
    stage.run("kubectl rollout status deployment/web --timeout=60s", env=own, lines=4)
    stage.run("kubectl get pods --output=wide", env=own)
    next_door = f"kubectl get pods --namespace demo--s{NEIGHBOUR}"
    for line in (next_door, "kubectl delete networkpolicy practicum", "kubectl get nodes"):
        said = stage.run(line, env=own, exits=1, lines=2)
        stage.expect("Forbidden" in said, f"`{line}` is forbidden")


def _nothing_to_do(stage: Stage) -> None:
    stage.chapter(
        "Again, and nothing happens",
        "`up` touches only what differs. The second time it does not even start Pulumi.",
    )
    said = stage.run("practicum up demo --yes")
    stage.expect("30 already right" in said, "a second up changes nothing")
    stage.expect(stage.ask("practicum up demo --yes --json")["processes"] == 0, "Pulumi rests")


def _week_six(stage: Stage, leaver: Path) -> None:
    stage.chapter(
        "Week six: the roster changes",
        f"""One student joins, one has a new family name, and {LEAVER} drops the course. Their
        kubeconfig works until `up`, and is dead afterwards.""",
    )
    theirs = {"KUBECONFIG": str(leaver), "HOME": str(leaver.parent)}
    stage.run("kubectl auth whoami", env=theirs, lines=3)
    export = "stacks/demo/canvas-gradebook-week6.csv"
    said = stage.run(f"practicum roster import demo {export} --from canvas --yes")
    stage.expect("1 join, 1 leave, 1 changed" in said, "one joins, one leaves, one is renamed")
    stage.run("practicum plan demo")
    said = stage.run("practicum up demo --yes")
    stage.expect("1 created" in said and "1 removed" in said, "one was created, one removed")
    stage.tell("\nThe API server remembers a token for up to ten seconds; then:")
    stage.wait_until("kubectl auth whoami", env=theirs, exits=1)
    said = stage.run("kubectl auth whoami", env=theirs, exits=1, lines=3)
    stage.expect("Unauthorized" in said, "the leaver's kubeconfig is dead")
    [kept] = (stage.folder / ".practicum" / "archive" / "demo").glob(f"{LEAVER}.*.age")
    stage.tell(
        "\nWhat the leaver had was archived before it went, and opens with the course's key:"
    )
    key = ".practicum/keys/demo.agekey"
    said = stage.run(f"practicum archive open {kept.relative_to(stage.folder)} --identity {key}")
    stage.expect(f"demo: {LEAVER}," in said, "the archive opens, and is the leaver's")


def _drift(stage: Stage) -> None:
    stage.chapter(
        "Somebody changes things by hand",
        """An administrator deletes a student's quota. The plan sees it, because it compares with
        the cluster and not with a state file; `up` puts it back.""",
    )
    stage.run(f"kubectl {ADMIN} delete resourcequota practicum --namespace demo--s{REPAIRED}")
    said = stage.run("practicum plan demo")
    stage.expect(REPAIRED in said and "1 to change" in said, "the plan shows the lost quota")
    said = stage.run("practicum up demo --yes")
    stage.expect("1 changed" in said, "up repaired it")
    stage.run(f"kubectl {ADMIN} get resourcequota practicum --namespace demo--s{REPAIRED} -o name")


def _verify(stage: Stage) -> None:
    stage.chapter(
        "Is it really so?",
        """`verify` tries it: with credentials of its own it asks for every right that the server
        knows, and makes hundreds of requests that must be refused, each for the right reason
        and beside a twin that must be taken. What only running pods could show is *unproven*.""",
    )
    said = stage.run("practicum verify demo --html proof.html", lines=6)
    stage.expect("demo: passed;" in said, "verify passes")


def _down(stage: Stage) -> None:
    stage.chapter(
        "The end of the term",
        """`down` archives what students made, deletes what is the course's, then searches every type of object that the cluster
        can list for anything left, and writes a receipt. The name must be typed.""",
    )
    said = stage.run("practicum down demo --yes demo")
    stage.expect("Proved: nothing is left." in said, "nothing is left of the course")
    stage.run("practicum down demo --yes demo", lines=3)
    stage.run("practicum rehearsal down")
    stage.expect(not stage.ask("practicum rehearsal status --json")["running"], "nothing runs")


def _clear(stage: Stage) -> None:
    """Start from nothing, also after a demo that was killed or kept."""
    _stop_rehearsal(stage)
    shutil.rmtree(FOLDER, ignore_errors=True)
    ours = shutil.ignore_patterns("roster.csv", "students.json", "keys")
    shutil.copytree(ROOT / "stacks" / "demo", FOLDER / "stacks" / "demo", ignore=ours)
    stage.tell("Practicum, from a roster to a proven teardown. All names are invented.", code="1")
    stage.tell(f"\n$ cd {os.path.relpath(FOLDER)}", code="1")


def _stop_rehearsal(stage: Stage) -> None:
    """Leave nothing running, whatever happened; a second Ctrl-C must not prevent it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (FOLDER / ".practicum" / "rehearsal").exists():
        try:
            stage.ask("practicum rehearsal down --json")
        except UnexpectedError as error:
            sys.stderr.write(f"The rehearsal may still run: expected that {error}\n")
    signal.signal(signal.SIGINT, before)


if __name__ == "__main__":
    sys.exit(main())
