"""Progress of hosts: what each is at, in the display that `up` has."""

from __future__ import annotations

import io

from rich.console import Console

from provisioner.report import live


def test_without_a_terminal_a_host_is_told_of_now_and_then(monkeypatch):
    said, now = [], [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    lines = live._Lines(said.append)
    lines.step("Preparing hosts", 2)

    for second in range(12):
        now[0] = float(second)
        lines.doing("lab1", f"task {second}")

    assert said == [
        "Preparing hosts (2) …",
        "Preparing hosts: lab1: task 5",
        "Preparing hosts: lab1: task 10",
    ]


def test_on_a_terminal_each_host_has_a_line_with_its_task_which_goes_with_the_step():
    out = io.StringIO()
    bar = live._Bar(Console(file=out, force_terminal=True, width=100))
    bar.step("Preparing hosts", 2)
    for host, task in (
        ("lab1", "install age"),
        ("lab2", "install sops"),
        ("lab1", "make accounts"),
    ):
        bar.doing(host, task)

    shown = {task.description.strip(): task.fields["student"] for task in bar._bars.tasks}
    assert shown == {"Preparing hosts": "", "lab1": "make accounts", "lab2": "install sops"}

    bar.step("Asking hosts")
    assert [task.description for task in bar._bars.tasks] == ["Preparing hosts", "Asking hosts"]
    bar.close()
