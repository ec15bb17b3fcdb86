"""What a person sees on a terminal: a question, a table that is too wide, and colours."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from provisioner.cli import options, practicum
from provisioner.cli.changing import Manner, carry
from provisioner.report import status, usage_text

from ..unit.test_report import reading_of

DEMO = Path(__file__).parents[2] / "stacks" / "demo"

ASKING = """
import click
from provisioner.cli.options import agree, say
from provisioner.report import live

with live.progress(say) as progress:
    progress.step("Looking", 2)
    try:
        agree("Change [all] 7 of them?", progress)
        say("agreed")
    except click.Abort:
        say("not agreed")
    progress.step("Changing", 3)
"""


def on_a_terminal(code, answer):
    """Run Python with a terminal for everything; returns what was shown there."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += (part := os.read(ours, 65536))
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()


@pytest.mark.parametrize(("answer", "end"), [("y", "agreed"), ("n", "not agreed")])
def test_a_question_amid_progress_is_shown_whole_and_nothing_is_drawn_over_it(answer, end):
    shown = on_a_terminal(ASKING, answer)

    question = "Change [all] 7 of them? [y/N]: "
    assert question in shown
    before, _, after = shown.partition(question)
    assert before.count("Looking") >= 1
    assert end in after
    assert "Looking" not in after, "it begins anew below the answer"
    assert "Changing" in after


def test_a_no_ends_a_command_with_the_code_for_it(tmp_path):
    def run(*arguments, answer=None):
        where = ["--stacks", str(tmp_path / "stacks"), "--home", str(tmp_path / "home")]
        return CliRunner().invoke(practicum, [*where, *map(str, arguments)], input=answer)

    run("init", "demo2")
    roster = (tmp_path / "stacks" / "demo2" / "roster.csv").read_text()
    export = DEMO / "canvas-gradebook.csv"

    refused = run("roster", "import", "demo2", export, "--from", "canvas", answer="n\n")

    assert refused.exit_code == 130
    assert refused.stderr.endswith("Stopped; nothing was changed.\n")
    assert (tmp_path / "stacks" / "demo2" / "roster.csv").read_text() == roster


def test_a_dry_run_prints_the_plan_as_json_and_nothing_else(monkeypatch, capsys):
    reading = reading_of(["1"], changed=["1"])
    call = lambda confirm, _: confirm(reading, ("a note",)) or None  # noqa: E731

    carry("?", Manner(yes=False, dry_run=True, as_json=True), call, lambda _: ["kept first"])

    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["dry_run"], document["notes"]) == (True, ["kept first", "a note"])
    assert [(one["id"], one["action"]) for one in document["students"]] == [("1", "change")]
    assert "kept first" in err


def test_a_state_that_nobody_can_keep_is_refused_at_once(tmp_path):
    result = CliRunner().invoke(
        practicum, ["--state", "nope://x", "--stacks", str(tmp_path), "up", "demo", "--yes"]
    )

    assert result.exit_code == 3
    assert result.stderr.startswith("Error: --state is no address of a state.\nHint: It begins")


# A table


def row(id="20261336", **cells):
    full = dict.fromkeys(status.COLUMNS, "x" * 12) | {"id": id, "phase": "ready"} | cells
    return tuple(full[name] for name in status.COLUMNS)


def shown(monkeypatch, capsys, width, rows):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    options.show_table(status.COLUMNS, rows, status.SPARE)
    return capsys.readouterr()


def test_a_narrow_terminal_goes_without_columns_and_never_without_who_it_is(monkeypatch, capsys):
    out, err = shown(monkeypatch, capsys, 80, [row("20261336"), row("20261337")])

    assert "20261336" in out
    assert "20261337" in out
    assert "ready" in out
    assert "…" not in out
    assert "recipient" not in out
    assert "recipient, namespace" in err
    assert max(map(len, click.unstyle(out).splitlines())) <= 80


def test_a_wide_terminal_has_every_column_that_says_something(monkeypatch, capsys):
    out, err = shown(monkeypatch, capsys, 200, [row(memory="", cpu="")])

    assert "recipient" in out
    assert "memory" not in out
    assert err == ""


def test_a_table_without_rows_is_shown_too(monkeypatch, capsys):
    assert "phase" in shown(monkeypatch, capsys, 80, [])[0]


def test_what_a_narrow_terminal_goes_without_are_columns():
    assert set(status.SPARE) < set(status.COLUMNS)
    assert set(usage_text.SPARE) < set(usage_text.COLUMNS)


# Colours


@pytest.mark.parametrize(("value", "coloured"), [("1", False), ("", True)])
def test_who_wants_no_colours_gets_none(tmp_path, value, coloured):
    result = CliRunner().invoke(
        practicum, ["--stacks", str(tmp_path), "validate", "nope"],
        color=True, env={"NO_COLOR": value},
    )  # fmt: skip

    assert result.exit_code == 3
    assert (click.unstyle(result.stderr) != result.stderr) is coloured
