"""Runs of the command that a test kills, and what such a run leaves."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from provisioner import cluster
from provisioner.lifecycle.lock import run_name
from provisioner.lifecycle.overview import WAVE_SIZE
from provisioner.pulumi_stack import RUN_MARK, state_file

from .course import Course, environment
from .faults import Gate, Proxy, Request

PROVIDER = "4.25.0"


def start(course: Course, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a command of a course and do not wait for it."""
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        course.command(*arguments), env=environment(), start_new_session=True, **(usual | options)
    )


def start_up(course: Course) -> subprocess.Popen[str]:
    return start(course, "up", course.name, "--yes")


def is_last(request: Request) -> bool:
    """Say whether a request makes a student's last object, which hangs on all others."""
    return request.changes and "/rolebindings/practicum-student" in request.path


def reach(gate: Gate, run: subprocess.Popen[str]) -> None:
    """Wait until a run stands at a gate."""
    deadline = time.monotonic() + 200
    while not gate.reached.wait(0.1):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline, "the run never came to the gate"


@contextmanager
def resting(course: Course, far: Proxy) -> Iterator[subprocess.Popen[str]]:
    """Start an `up`, and yield it before its first wave, with the guard up and no namespace made.

    Its workers are stopped until the block is left. The run itself lives, and gives its signs
    of life: it can rest for minutes, for no request of its own waits for an answer.
    """
    gate = Gate(at=lambda r: "dryRun" in r.path and r.agent.startswith("practicum"))
    far.reset(gate)
    run = start_up(course)
    reach(gate, run)
    workers = strays(course)
    assert workers, "one brought the guard up, and waits for the wave"
    for worker in workers:
        worker.suspend()
    gate.opened.set()
    try:
        yield run
    finally:
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.resume()


def strays(course: Course) -> list[psutil.Process]:
    """Every process that a run on this cohort started and that still lives."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(RUN_MARK) == run_name(course.home, course.name)
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def await_no_strays(course: Course) -> None:
    """See that nothing of a run lives on; what was killed takes a moment to be gone."""
    deadline = time.monotonic() + 30
    while found := strays(course):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def kill_all(course: Course, run: subprocess.Popen[str]) -> None:
    """End a run and all that it started in one moment, as a power cut would."""
    with suppress(ProcessLookupError):
        os.kill(run.pid, signal.SIGSTOP)  # else its workers see it die, and end in order
    while found := strays(course):  # one may have been started while we looked
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.02)  # they are zombies then, as long as the run stands still
    with suppress(ProcessLookupError):
        os.kill(run.pid, signal.SIGKILL)


def kill_family(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it started, where no mark tells what that is."""
    first = psutil.Process(process.pid)
    for one in [first, *first.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # it may have ended by itself meanwhile
            one.kill()
    process.communicate()


def namespaces(course: Course) -> set[str]:
    """The students' namespaces of a cohort."""
    selector = f"practicum.dev/cohort={course.name},practicum.dev/student"
    listed = course.admin("get", "namespaces", "-l", selector, "-o", "name").split()
    return {name.removeprefix("namespace/") for name in listed}


def everything(course: Course) -> dict[str, tuple[str, str]]:
    """UID and content of all that a cohort has on the cluster, by kind and name."""
    kinds = ",".join({resource.plural for resource in cluster.RESOURCES.values()})
    text = course.admin(
        "get", kinds, "-A", "-l", f"practicum.dev/cohort={course.name}", "-o", "json",
        "--show-managed-fields",
    )  # fmt: skip
    return {
        f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}": (
            item["metadata"]["uid"],
            _content(item),
        )
        for item in json.loads(text)["items"]
    }


def _content(item: dict[str, Any]) -> str:
    """All of an object, who wrote it and when; but for what controllers say in its status."""
    metadata = item["metadata"]
    managers = [one for one in metadata["managedFields"] if one.get("subresource") != "status"]
    kept = {**metadata, "managedFields": managers, "resourceVersion": ""}
    return json.dumps({**item, "metadata": kept, "status": None}, sort_keys=True)


def state_of(course: Course, part: str = "wave-01") -> Path:
    """The file of a stack's state."""
    path = state_file.path_of(f"file://{course.home / 'state'}", f"{course.name}.{part}")
    assert path is not None
    return path


def saved(course: Course, part: str = "wave-01") -> Any:
    """A stack's state, which has to be whole."""
    found = state_file.read(state_of(course, part), f"{course.name}.{part}", provider=PROVIDER)
    assert found is not None
    return found


def in_state(course: Course, part: str = "wave-01") -> set[str]:
    """Names of the students, or the guard, that a state knows."""
    names = {one["urn"].rpartition("::")[2] for one in saved(course, part).resources
             if "practicum:kubernetes:" in one["type"]}  # fmt: skip
    return {name.partition("/")[0] for name in names}


def locks(course: Course) -> list[str]:
    """Stacks of a cohort that Pulumi holds locked, rightly or not."""
    folder = course.home / "state" / ".pulumi" / "locks" / "organization" / "practicum"
    return sorted(path.parent.name for path in folder.glob(f"{course.name}.*/*.json"))


def check_converged(course: Course, ids: list[str]) -> None:
    """All is as wanted, and nothing of anybody else's is left: cluster, state, processes."""
    assert course.actions() == dict.fromkeys(ids, "same")
    assert namespaces(course) == {course.namespace(id) for id in ids}
    accounts = course.admin("get", "serviceaccounts", "-n", f"practicum-{course.name}",
                            "-l", "practicum.dev/student", "-o", "name").split()  # fmt: skip
    assert sorted(accounts) == sorted(f"serviceaccount/s{id}" for id in ids)
    waves = [f"wave-{number:02}" for number in range(1, math.ceil(len(ids) / WAVE_SIZE) + 1)]
    assert set().union(*(in_state(course, wave) for wave in waves)) == {f"s{id}" for id in ids}
    assert [saved(course, wave).pending for wave in waves] == [[]] * len(waves)
    assert in_state(course, "guard") == {"guard"}
    assert locks(course) == []
    await_no_strays(course)
    claim = course.admin("get", "namespace", f"practicum-{course.name}", "-o", "json")
    assert cluster.claim_of(json.loads(claim)) is None


def put_behind(
    course: Course, port: int, folder: Path, ids: Iterable[str], **cohort: Any
) -> Course:
    """Write a cohort whose every request goes through a proxy, and remember how it is written."""
    path = _kubeconfig_through(course, port, folder)
    course.fixed = {"cluster": {"kubeconfig": str(path), "context": "rehearsal"}, **cohort}
    course.write(ids, **course.fixed)
    return course


def _kubeconfig_through(course: Course, port: int, folder: Path) -> Path:
    """Write a kubeconfig of an administrator with a token, for a port of this machine."""
    name = f"through-{course.name}"
    course.admin("create", "serviceaccount", name, "-n", "default")
    course.admin("create", "clusterrolebinding", name, "--clusterrole=cluster-admin",
                 f"--serviceaccount=default:{name}")  # fmt: skip
    course.await_right(f"system:serviceaccount:default:{name}", "*", "*")
    token = course.admin("create", "token", name, "-n", "default", "--duration=4h").strip()
    config = yaml.safe_load(course.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
