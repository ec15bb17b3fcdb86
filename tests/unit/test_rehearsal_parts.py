"""The parts of the rehearsal that need no control plane: processes, certificates, logs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from cryptography import x509

from provisioner.rehearsal import certificates, logs, processes
from provisioner.rehearsal.layout import Layout
from provisioner.rehearsal.processes import Started
from provisioner.rehearsal.record import Ports, Record, choose_ports

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def layout(tmp_path) -> Layout:
    made = Layout.below(tmp_path)
    made.make_folders()
    return made


@pytest.fixture
def spawn() -> Iterator[object]:
    """Start a process that calls itself what a test wants."""
    children = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([name, "-c", SLEEP, *arguments], executable=sys.executable)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()


def test_a_process_is_known_by_its_id_and_its_start():
    began = psutil.Process().create_time()

    assert Started(name="etcd", pid=os.getpid(), began=began).process is not None
    assert Started(name="etcd", pid=os.getpid(), began=began - 60).process is None


def test_a_process_that_nobody_wrote_down_is_found_by_its_command_line(layout, spawn, tmp_path):
    ours = spawn("/opt/kwok", f"--kubeconfig={layout.root}/config/kwok.kubeconfig")
    spawn("/opt/kwok", f"--kubeconfig={tmp_path}/other/rehearsal/config/kwok.kubeconfig")
    spawn("/opt/editor", f"--open={layout.root}/kubeconfig")
    spawn("/opt/kwok")

    assert [process.pid for process in processes.find_all((), layout)] == [ours.pid]


def test_a_recycled_id_is_left_alone(layout, spawn):
    stranger = spawn("/opt/etcd")

    assert processes.find_all([Started(name="etcd", pid=stranger.pid, began=1.0)], layout) == []


def test_stop_waits_until_a_process_is_gone(layout, spawn):
    child = spawn("/opt/etcd", f"--data-dir={layout.root}/etcd")

    processes.stop(processes.find_all((), layout), patience=5)

    assert not psutil.pid_exists(child.pid)
    assert processes.find_all((), layout) == []


def test_certificates_are_made_once_and_renewed_before_they_end(layout, monkeypatch):
    monkeypatch.setattr(certificates, "DAYS", certificates.RENEW_DAYS - 1)
    certificates.ensure(layout)
    authority, first = (layout.certificate(name).read_bytes() for name in ("ca", "admin"))
    monkeypatch.undo()

    certificates.ensure(layout)
    renewed = layout.certificate("admin").read_bytes()
    certificates.ensure(layout)

    assert renewed != first
    assert layout.certificate("admin").read_bytes() == renewed
    assert layout.certificate("ca").read_bytes() == authority


def test_certificates_of_etcd_and_of_the_api_have_authorities_of_their_own(layout):
    certificates.ensure(layout)

    def load(name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(layout.certificate(name).read_bytes())

    load("admin").verify_directly_issued_by(load("ca"))
    load("etcd-client").verify_directly_issued_by(load("etcd-ca"))
    with pytest.raises(ValueError, match="subject does not match"):
        load("etcd-client").verify_directly_issued_by(load("ca"))


@pytest.mark.parametrize(
    ("lines", "telling"),
    [
        (
            ["I1 fine", "E1123 09:00:00.1 1 a.go:1] bad", "I2 fine"],
            ["E1123 09:00:00.1 1 a.go:1] bad"],
        ),
        (["F1123 09:00:00.1 1 a.go:1] fatal"], ["F1123 09:00:00.1 1 a.go:1] fatal"]),
        (["Error: unknown flag: --x", "usage"], ["Error: unknown flag: --x"]),
        (["panic: nil", "goroutine 1"], ["panic: nil"]),
        (['{"level":"info"}', '{"level":"fatal","msg":"x"}'], ['{"level":"fatal","msg":"x"}']),
        (["W1123 09:00:00.1 1 a.go:1] an error: but harmless", "last"], None),
        ([f"E1123 {n}" for n in range(9)], [f"E1123 {n}" for n in range(3, 9)]),
        (["just", "words"], ["just", "words"]),
        ([], []),
    ],
)
def test_the_lines_that_tell_are_picked(lines, telling):
    expected = lines if telling is None else telling

    assert logs.telling("\n".join(lines)).splitlines() == expected


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"ports": {"etcd": 1}}', "\x00"])
def test_a_broken_record_is_none(layout, content):
    layout.record.write_text(content)

    assert Record.load(layout) is None


def test_a_record_is_read_as_it_was_written(layout):
    ports = Ports(apiserver=1, etcd=2, peer=3)
    record = Record(ports=ports, version="1.34.9").with_process(
        Started(name="etcd", pid=7, began=1.5)
    )

    record.save(layout)

    assert Record.load(layout) == record


def test_free_ports_are_kept():
    first = choose_ports(None)

    assert choose_ports(first) == first
