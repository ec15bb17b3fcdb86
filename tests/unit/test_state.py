"""A saved state that is cut off, somebody else's or too new is never given to the engine."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from provisioner.pulumi_stack import state, state_file
from provisioner.pulumi_stack.stale import is_garbled
from provisioner.pulumi_stack.state import DamagedStateError, NewerStateError, parse, tidy
from provisioner.settings import Settings

STACK = "mls26.wave-01"
OURS = "4.25.0"


def urn(kind, name):
    return f"urn:pulumi:{STACK}::practicum::{kind}::{name}"


ROOT = urn("pulumi:pulumi:Stack", f"practicum-{STACK}")
PROVIDER = urn("pulumi:providers:kubernetes", "cluster")
NAMESPACE = "practicum:kubernetes:StudentEnvironment$kubernetes:core/v1:Namespace"


def of_student(name):
    component = urn("practicum:kubernetes:StudentEnvironment", name)
    namespace = urn(NAMESPACE, f"{name}/namespace/mls26--{name}")
    quota = urn(NAMESPACE.replace("Namespace", "ResourceQuota"), f"{name}/resourcequota/practicum")
    return [
        {"urn": component, "type": "practicum:kubernetes:StudentEnvironment", "parent": ROOT},
        {"urn": namespace, "type": "kubernetes:core/v1:Namespace", "parent": component,
         "provider": f"{PROVIDER}::id"},
        {"urn": quota, "type": "kubernetes:core/v1:ResourceQuota", "parent": component,
         "provider": f"{PROVIDER}::id", "dependencies": [namespace], "deletedWith": namespace},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "folder"),
    [
        ("", "{here}/.practicum/state"),
        ("file://~/state", "/home/ops/state"),
        ("file://~", "/home/ops"),
        ("file://state", "{here}/state"),
        ("file:///srv/state", "/srv/state"),
        ("file:///srv/~/state", "/srv/~/state"),
    ],
)
def test_the_folder_of_the_state_is_the_one_that_pulumi_takes(tmp_path, monkeypatch, said, folder):
    """Pulumi knows what ~ is, and is started in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ops")
    there = folder.format(here=tmp_path)

    url = Settings(stacks=Path("stacks"), home=Path(".practicum"), state=said).state_url

    assert url == f"file://{there}"
    assert state_file.path_of(url, STACK).is_relative_to(there)


@pytest.mark.parametrize("url", ["s3://bucket/~/x", "gs://b", "https://api.pulumi.com"])
def test_any_other_backend_is_taken_as_it_is_said(url):
    assert Settings(stacks=Path("stacks"), home=Path("home"), state=url).state_url == url


def names_of(*students):
    return {
        text
        for name in students
        for text in (name, f"{name}/namespace/mls26--{name}", f"{name}/resourcequota/practicum")
    }


@pytest.fixture
def document():
    """What the file backend keeps of a wave of two."""
    resources = [
        {"urn": ROOT, "type": "pulumi:pulumi:Stack"},
        {"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "inputs": {"version": OURS}},
        *of_student("s1"),
        *of_student("s2"),
    ]
    latest = {"manifest": {"version": "v3.250.0"}, "resources": resources}
    return {
        "version": 3,
        "checkpoint": {"stack": f"organization/practicum/{STACK}", "latest": latest},
    }


def read(document):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse(content, STACK, provider=OURS)


def change(document, **fields):
    changed = copy.deepcopy(document)
    changed.update(fields)
    return changed


def test_a_sound_state_is_taken(document):
    assert len(read(document).resources) == 8
    assert read(document).pending == []
    empty = change(document, checkpoint={"stack": f"organization/practicum/{STACK}"})
    assert read(empty).resources == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 64, b"{", b"[]", b"{}", b'{"version": 3}', b"null", b"\xff\xfe", b'{"version":"3"}'],
)  # fmt: skip
def test_what_is_empty_or_garbage_is_damaged(content):
    """An engine takes ``{}`` for a stack with nothing in it."""
    with pytest.raises(DamagedStateError):
        read(content)


def test_a_state_that_is_cut_off_anywhere_is_damaged(document):
    whole = json.dumps(document).encode()

    for end in range(0, len(whole) - 1, 97):
        with pytest.raises(DamagedStateError):
            read(whole[:end])


def test_the_state_of_another_stack_is_damaged(document):
    other = copy.deepcopy(document)
    other["checkpoint"]["stack"] = "organization/practicum/other.wave-01"
    with pytest.raises(DamagedStateError, match=r"it is the state of .*other\.wave-01"):
        read(other)
    renamed = json.loads(json.dumps(document).replace(f"urn:pulumi:{STACK}", "urn:pulumi:x.wave-1"))
    with pytest.raises(DamagedStateError, match="which is another stack's"):
        read(renamed)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_resource_without_what_it_hangs_on_is_damaged(document, missing):
    """The provider, a component, a namespace: each is what others hang on."""
    del document["checkpoint"]["latest"]["resources"][missing]

    with pytest.raises(DamagedStateError, match="which is not in it"):
        read(document)


@pytest.mark.parametrize("resource", [{}, {"urn": 5}, {"urn": ROOT}, "text", None])
def test_resources_of_another_shape_are_damaged(document, resource):
    document["checkpoint"]["latest"]["resources"] = [resource]

    with pytest.raises(DamagedStateError):
        read(document)


def test_a_later_format_or_provider_is_refused_and_an_earlier_one_is_not(document):
    with pytest.raises(NewerStateError, match="format 5"):
        read(change(document, version=5))
    provider = document["checkpoint"]["latest"]["resources"][1]["inputs"]
    provider["version"] = "4.29.1"
    with pytest.raises(NewerStateError, match=r"4\.29\.1 .* ours is 4\.25\.0"):
        read(document)
    for fine in ("4.24.3", "4.25.9", "v4.25.0"):
        provider["version"] = fine
        assert read(document)


def test_an_earlier_format_is_not_ours(document):
    with pytest.raises(DamagedStateError):
        read(change(document, version=1))


def test_a_state_that_is_as_wanted_is_left_alone(document):
    assert tidy(read(document), names_of("s1", "s2")) is None
    assert tidy(read(document), names_of("s1", "s2", "s3")) is None


def test_who_is_not_wanted_is_taken_out_with_all_that_is_theirs(document):
    tidied = tidy(read(document), names_of("s2"))

    assert [one["urn"].rpartition("::")[2] for one in tidied.resources[2:]] == [
        "s2", "s2/namespace/mls26--s2", "s2/resourcequota/practicum"
    ]  # fmt: skip
    assert tidied.resources[:2] == read(document).resources[:2]
    state.check(tidied, STACK, provider=OURS)


def test_what_hangs_on_something_that_goes_hangs_on_it_no_more(document):
    wanted = names_of("s1", "s2") - {"s1/namespace/mls26--s1"}

    tidied = tidy(read(document), wanted)

    state.check(tidied, STACK, provider=OURS)
    [quota] = [one for one in tidied.resources if one["urn"].endswith("s1/resourcequota/practicum")]
    assert (quota["dependencies"], quota.get("deletedWith")) == ([], None)


def test_what_was_under_way_is_forgotten_and_nothing_else(document):
    latest = document["checkpoint"]["latest"]
    latest["pending_operations"] = [{"resource": of_student("s3")[1], "type": "creating"}]

    tidied = tidy(read(document), names_of("s1", "s2"))

    assert tidied.pending == []
    assert tidied.resources == read(document).resources


def test_what_an_engine_was_about_to_delete_is_taken_out(document):
    """A replacement that was half done leaves the old one marked; by name both are the same."""
    document["checkpoint"]["latest"]["resources"][-1]["delete"] = True

    tidied = tidy(read(document), names_of("s1", "s2"))

    assert len(tidied.resources) == 7


# Files


@pytest.fixture
def file(tmp_path, document):
    path = state_file.path_of(f"file://{tmp_path}", STACK)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    return path


def test_where_a_state_lies_is_known_for_folders_only(tmp_path):
    path = state_file.path_of(f"file://{tmp_path}", STACK)

    assert path == tmp_path / ".pulumi/stacks/practicum/mls26.wave-01.json"
    assert state_file.path_of("s3://bucket/x", STACK) is None


def test_no_state_is_no_damage(tmp_path):
    assert state_file.read(tmp_path / "none.json", STACK, provider=OURS) is None


def test_a_damaged_state_is_restored_from_the_one_before_and_kept(file):
    good = file.read_bytes()
    state_file.backup_of(file).write_bytes(good)
    file.write_bytes(good[:100])

    kept = state_file.restore(file, STACK, provider=OURS)

    assert file.read_bytes() == good
    assert kept.read_bytes() == good[:100]
    assert kept.name.startswith("mls26.wave-01.json.damaged-")


@pytest.mark.parametrize("backup", [None, b"", b"{}", b"cut"])
def test_without_a_good_backup_a_damaged_state_stays_as_it_is(file, backup):
    file.write_bytes(b"cut")
    if backup is not None:
        state_file.backup_of(file).write_bytes(backup)

    assert state_file.restore(file, STACK, provider=OURS) is None
    assert file.read_bytes() == b"cut"


def test_what_is_set_aside_is_no_state_any_more_and_still_there(file):
    content = file.read_bytes()

    kept = state_file.set_aside(file)

    assert not file.exists()
    assert kept.read_bytes() == content
    assert kept.suffix != ".json", "Pulumi takes every *.json there for a stack"


def test_of_pulumis_history_the_last_runs_are_kept(tmp_path):
    folder = tmp_path / ".pulumi" / "history" / "practicum" / "mls26.wave-01"
    folder.mkdir(parents=True)
    for run in range(10, 17):
        for kind in ("history", "checkpoint"):
            (folder / f"mls26.wave-01-{run}.{kind}.json").touch()
    (folder / "notes").touch()

    state_file.shorten_history(f"file://{tmp_path}", "mls26.wave-01")

    kept = [f"mls26.wave-01-{run}.{kind}.json" for run in (14, 15, 16)
            for kind in ("checkpoint", "history")]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == sorted([*kept, "notes"])
    state_file.shorten_history(f"file://{tmp_path}", "mls26.none")
    state_file.shorten_history("s3://bucket", "mls26.wave-01")


def test_a_lock_that_names_nobody_is_cleared_and_one_that_does_is_not(tmp_path):
    folder = tmp_path / ".pulumi/locks/organization/practicum" / STACK
    folder.mkdir(parents=True)
    for name, content in {
        "empty": b"", "torn": b'{"pid": 1', "list": b"[]", "nobody": b"{}",
        "whole": b'{"pid": 1, "hostname": "vm", "username": "ops"}',
    }.items():  # fmt: skip
        (folder / f"{name}.json").write_bytes(content)

    cleared = state_file.clear_garbled_locks(f"file://{tmp_path}", STACK)

    assert sorted(cleared) == ["empty.json", "list.json", "nobody.json", "torn.json"]
    assert [one.name for one in folder.iterdir()] == ["whole.json"]
    assert state_file.clear_garbled_locks("s3://bucket", STACK) == []


def test_a_lock_of_a_live_holder_is_whole():
    assert not is_garbled(b'{"pid": 7, "username": "x", "hostname": "vm", "timestamp": "now"}')
