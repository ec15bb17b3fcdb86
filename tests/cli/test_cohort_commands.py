"""`init`, `validate` and `roster import`, as an instructor uses them in one term."""

from __future__ import annotations

import json
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner

from provisioner.cli import practicum
from provisioner.cohort import load, load_students

DEMO = Path(__file__).parents[2] / "stacks" / "demo"


@pytest.fixture
def run(tmp_path):
    def run(*arguments, answer=None):
        folders = ["--stacks", str(tmp_path / "stacks"), "--home", str(tmp_path / "home")]
        return CliRunner().invoke(practicum, [*folders, *map(str, arguments)], input=answer)

    return run


@pytest.fixture
def imported(run, tmp_path):
    """A cohort whose roster is the demo's first export; returns the roster file."""
    assert run("init", "demo2").exit_code == 0
    result = run("roster", "import", "demo2", DEMO / "canvas-gradebook.csv", "--from", "canvas",
                 "--yes")  # fmt: skip
    assert result.exit_code == 0, result.output
    return tmp_path / "stacks" / "demo2" / "roster.csv"


def test_what_init_writes_is_valid_at_once(run, tmp_path):
    result = run("init", "demo2")

    assert result.exit_code == 0, result.output
    assert "practicum validate demo2" in result.output
    assert run("validate", "demo2").exit_code == 0
    cohort = load(tmp_path / "stacks", "demo2")
    assert cohort.cluster == "rehearsal"
    assert len(load_students(cohort)) == 2


def test_what_init_writes_for_kind_clusters_is_valid_at_once(run, tmp_path):
    result = run("init", "demo2", "--backend", "kind")

    assert result.exit_code == 0, result.output
    assert run("validate", "demo2").exit_code == 0
    kind = load(tmp_path / "stacks", "demo2").kind
    assert kind
    assert ([engine.name for engine in kind.engines], kind.accept_host_root) == (["local"], False)


def test_init_keeps_the_private_half_of_the_course_key_out_of_the_stacks(run, tmp_path):
    run("init", "demo2")

    private = tmp_path / "home" / "keys" / "demo2.agekey"
    identity = pyrage.x25519.Identity.from_str(private.read_text().strip())
    cohort = load(tmp_path / "stacks", "demo2")
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.parent.stat().st_mode & 0o777 == 0o700
    assert cohort.course_key == str(identity.to_public())
    written = [p.read_text() for p in (tmp_path / "stacks").rglob("*") if p.is_file()]
    assert not any("AGE-SECRET-KEY" in text for text in written)


def test_lab_hosts_of_a_protected_cohort_keep_what_they_have(run, tmp_path):
    run("init", "demo2")
    file = tmp_path / "stacks" / "demo2" / "cohort.yaml"
    protected = file.read_text().replace("protect: false", "protect: true")
    file.write_text(f"{protected}\nhosts: [{{name: lab1, address: 192.0.2.1}}]\n")

    result = run("hosts", "down", "demo2", "--yes", "demo2")

    assert result.exit_code == 3
    assert "demo2 is protected." in result.stderr
    assert not (tmp_path / "home" / "receipts").exists()


def test_init_twice_changes_nothing(run, tmp_path):
    run("init", "demo2")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    result = run("init", "demo2")

    assert result.exit_code == 3
    assert "nothing was written" in result.stderr
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_init_after_the_folder_was_deleted_keeps_the_course_key(run, tmp_path):
    """An archive of last year opens with it and nothing else."""
    run("init", "demo2")
    first = load(tmp_path / "stacks", "demo2").course_key
    (tmp_path / "stacks" / "demo2" / "cohort.yaml").unlink()

    result = run("init", "demo2")

    assert result.exit_code == 0, result.output
    assert load(tmp_path / "stacks", "demo2").course_key == first


def test_init_takes_a_cluster_of_ones_own(run, tmp_path):
    context = 'a "quoted": context'

    result = run("init", "demo2", "--kubeconfig", "~/my kube/config", "--context", context)

    assert result.exit_code == 0, result.output
    assert load(tmp_path / "stacks", "demo2").cluster.context == context


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--kubeconfig", "k"], "belong together"),
        (["--context", "c"], "belong together"),
        (["--cluster", "rehearsal", "--kubeconfig", "k", "--context", "c"], "two clusters"),
        (["--backend", "kind", "--cluster", "rehearsal"], "has no other cluster"),
    ],
)
def test_init_refuses_half_a_cluster_and_one_too_many(run, tmp_path, options, reason):
    result = run("init", "demo2", *options)

    assert result.exit_code == 3
    assert reason in result.stderr
    assert not list(tmp_path.iterdir())


def test_git_ignores_what_is_personal(run, tmp_path):
    run("init", "demo2")

    ignored = (tmp_path / "stacks" / "demo2" / ".gitignore").read_text().splitlines()
    personal = {"students.json", "groups.json", "clusters.json", "hosts.json"}
    assert {"*.csv", *personal} <= set(ignored)
    assert not {"cohort.yaml", "keys/"} & set(ignored)


def test_validate_counts_what_is_there(run, imported):
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    (imported.parent / "keys" / "20261037").write_text(key + "\n")
    (imported.parent / "keys" / "20269999").write_text(key + "\n")

    result = run("validate", "demo2", "--json")

    summary = json.loads(result.stdout)
    assert (summary["students"], summary["keyed"]) == (30, 1)
    assert len(summary["unkeyed"]) == 29
    assert sum(summary["sections"].values()) == 30
    assert summary["notes"] == [f"{imported.parent / 'keys' / '20269999'} is nobody's key"]


def test_validate_names_the_columns_that_it_reads_past(run, imported):
    imported.write_text("id,name,year\n1,Ada,2\n")

    result = run("validate", "demo2")

    assert result.exit_code == 0
    assert "the roster's column year" in result.stdout


def test_an_import_shows_the_difference_before_it_asks(run, imported):
    before = imported.read_bytes()
    export = DEMO / "canvas-gradebook-week6.csv"

    result = run("roster", "import", "demo2", export, "--from", "canvas", answer="n\n")

    assert result.exit_code == 130
    lines = [line for line in result.stdout.splitlines() if line[0] in "+-~"]
    assert [line.split()[0] for line in lines] == ["+", "-", "~"]
    assert "1 join, 1 leave, 1 changed, 28 same" in result.stdout
    assert "Write this roster?" in result.stderr
    assert imported.read_bytes() == before


def test_an_import_that_is_agreed_to_is_written_and_then_the_same(run, imported):
    export = DEMO / "canvas-gradebook-week6.csv"

    first = run("roster", "import", "demo2", export, "--from", "canvas", answer="y\n")
    again = run("roster", "import", "demo2", export, "--from", "canvas", "--json")

    assert "Wrote " in first.stdout
    assert "told by: practicum keys import" in first.stderr, "what an export does not hold"
    document = json.loads(again.stdout)
    assert (document["joins"], document["leaves"], document["same"]) == ([], [], 30)
    assert document["written"] is False


def test_an_import_does_what_the_refusal_of_an_empty_roster_says(run, imported):
    imported.write_text("id,name\n")

    refused = run("validate", "demo2")
    export = DEMO / "canvas-gradebook.csv"
    done = run("roster", "import", "demo2", export, "--from", "canvas", "--yes")

    assert (refused.exit_code, done.exit_code) == (3, 0), done.stderr
    assert "roster.csv:1:1: there is no student below the header; import some" in refused.stderr
    assert run("validate", "demo2").exit_code == 0


def test_who_stays_stays_in_place(run, imported):
    before = imported.read_text().splitlines()
    export = DEMO / "canvas-gradebook-week6.csv"

    run("roster", "import", "demo2", export, "--from", "canvas", "--yes")

    after = imported.read_text().splitlines()
    assert len([line for line in before if line not in after]) == 2
    assert [line for line in before if line in after] == [line for line in after if line in before]


def test_a_dry_run_and_an_import_without_an_answer_write_nothing(run, imported):
    before = imported.read_bytes()
    command = ["roster", "import", "demo2", DEMO / "canvas-gradebook-week6.csv", "--from", "canvas"]

    dry = run(*command, "--dry-run", "--yes")
    silent = run(*command)

    assert (dry.exit_code, silent.exit_code) == (0, 3)
    assert "nobody answered" in silent.stderr
    assert imported.read_bytes() == before


@pytest.mark.parametrize(("allow", "code"), [([], 3), (["19"], 3), (["20"], 0)])
def test_a_shrunken_export_needs_the_exact_number(run, imported, tmp_path, allow, code):
    """A filtered gradebook view exports one section, and nobody sees it in the file."""
    lines = (DEMO / "canvas-gradebook.csv").read_text().splitlines(keepends=True)
    short = tmp_path / "short.csv"
    short.write_text("".join(lines[:12]))
    before = imported.read_bytes()
    options = [part for number in allow for part in ("--allow-drop", number)]

    result = run("roster", "import", "demo2", short, "--from", "canvas", "--yes", *options)

    assert result.exit_code == code, result.output
    assert (imported.read_bytes() == before) == bool(code)
    if code:
        assert "--allow-drop 20" in result.stderr


def test_a_name_cannot_move_the_cursor(run, imported, tmp_path):
    """INP-15: it is refused at import, and what is refused is not printed raw either."""
    export = tmp_path / "export.csv"
    export.write_text("id,name\n1,\x1b[2JAda\n")

    result = run("roster", "import", "demo2", export, "--from", "csv", "--yes")

    assert result.exit_code == 3
    assert "\x1b" not in result.output


def test_json_shows_ids_and_no_names(run, imported):
    export = DEMO / "canvas-gradebook-week6.csv"

    result = run("roster", "import", "demo2", export, "--from", "canvas", "--dry-run", "--json")

    assert json.loads(result.stdout)["renames"] == ["20261297"]
    assert "Moreau" not in result.output


def test_what_an_export_has_no_column_for_stays_as_it_is(run, imported):
    """A gradebook knows no groups; that it has none does not mean that nobody is in one."""
    header, *lines = imported.read_text().splitlines()
    teams = [f"{line}kim{n}@example.org,Team {n % 3}" for n, line in enumerate(lines)]
    imported.write_text("\n".join([f"{header},group", *teams, ""]))

    result = run("roster", "import", "demo2", DEMO / "canvas-gradebook.csv", "--from", "canvas")

    assert "0 join, 0 leave, 0 changed, 30 same" in result.stdout


def test_a_move_between_groups_is_shown_and_written(run, imported, tmp_path):
    rows = ["id,name,Project", "20260001,Ada,Alpha", "20260002,Bo,Beta", ""]
    export = tmp_path / "teams.csv"
    export.write_text("\n".join(rows))
    command = ["roster", "import", "demo2", export, "--from", "csv", "--group-column", "Project"]
    run(*command, "--yes", "--allow-drop", "30")
    export.write_text("\n".join(rows).replace("Beta", "Alpha"))

    result = run(*command, "--yes")

    assert "~ 20260002  group: Beta -> Alpha" in result.stdout
    assert "20260002,Bo,,,Alpha" in imported.read_text()


def test_a_likely_new_id_is_told_with_what_keeps_the_work(run, imported, tmp_path):
    export = tmp_path / "gradebook.csv"
    text = (DEMO / "canvas-gradebook.csv").read_text()
    old = imported.read_text().splitlines()[1].split(",")[0]
    export.write_text(text.replace(old, "20269999"))
    command = ["roster", "import", "demo2", export, "--from", "canvas", "--dry-run"]

    shown, document = run(*command), json.loads(run(*command, "--json").stdout)

    assert f"? {old} leaves and 20269999 joins, with the same name." in shown.stdout
    assert "practicum rename" in shown.stderr
    assert document["likely_new_ids"] == [{"leaves": old, "joins": "20269999", "same": "name"}]


@pytest.mark.parametrize(("said", "code"), [("8", 0), ("9", 3), ("eight", 3), ("any", 0)])
def test_a_number_of_digits_is_held_against_every_id(run, imported, said, code):
    export = DEMO / "canvas-gradebook.csv"

    result = run("roster", "import", "demo2", export, "--from", "canvas", "--id-digits", said)

    assert result.exit_code == code, result.output


@pytest.mark.parametrize("command", [["init"], ["validate"], ["roster"], ["roster", "import"]])
def test_every_command_has_help(run, command):
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "practicum " in result.stdout or command == ["roster"]
