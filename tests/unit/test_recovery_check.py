"""What one would go on from after a loss is looked at by `doctor`, before it is needed."""

from __future__ import annotations

import json

import pyrage
import pytest

from provisioner.lifecycle.checks.recovery_check import recovery_findings
from provisioner.settings import Settings

from ..sample import cohort
from .test_journal import cut

KEY = str(pyrage.x25519.Identity.generate().to_public())


@pytest.fixture
def settings(tmp_path):
    return Settings(stacks=tmp_path / "stacks", home=tmp_path / "home")


def found(settings, **fields):
    folder = settings.stacks / "mls26"
    findings = recovery_findings(settings, cohort(folder=folder, **fields))
    return {one.about: one for one in findings}


def test_what_a_second_operator_needs_is_named(settings):
    told = found(settings, course_key=KEY)["hand-over"].found

    assert f"the folder {settings.stacks / 'mls26'} (git)" in told
    assert f"the state: file://{settings.home / 'state'}" in told
    assert f"the passphrase that opens it: {settings.home / 'passphrase'}" in told
    assert f"the private half of the course key {KEY}" in told
    assert "course key" not in found(settings)["hand-over"].found


def test_a_run_that_did_not_end_is_a_warning_with_what_to_run(settings):
    assert found(settings)["last run"].verdict == "ok"
    settings.home.mkdir(mode=0o700)
    cut(settings)

    last = found(settings)["last run"]

    assert last.verdict == "warning"
    assert "the `up` of" in last.found
    assert last.fix.endswith("practicum status mls26")


def test_a_damaged_state_is_told_with_what_mends_it(settings):
    path = settings.home / "state" / ".pulumi" / "stacks" / "practicum" / "mls26.guard.json"
    path.parent.mkdir(parents=True)
    assert found(settings)["saved states"].verdict == "ok"
    path.write_bytes(b"{")

    states = found(settings)["saved states"]

    assert states.verdict == "failed"
    assert states.found.startswith("mls26.guard: it is empty, cut off or no JSON")
    assert states.fix.endswith("practicum adopt mls26")


SAVED = {
    "version": 3,
    "checkpoint": {
        "stack": "organization/practicum/mls26.guard",
        "latest": {
            "manifest": {"version": "v3.250.0"},
            "secrets_providers": {
                "type": "passphrase",
                # Pulumi's own, of a stack that was made for this test.
                "state": {
                    "salt": "v1:J9BsEEaF9FU=:v1:VpMWOJ3IpuPCAgTD:N6Zr9tSFbLjWZs8bJ06zdPW/zHYd5A=="
                },
            },
        },
    },
}


@pytest.mark.parametrize(
    ("typed", "verdict"), [("what the tests open\n", "ok"), ("another one", "failed")]
)
def test_a_passphrase_that_opens_nothing_is_told_before_a_run_needs_it(settings, typed, verdict):
    path = settings.home / "state" / ".pulumi" / "stacks" / "practicum" / "mls26.guard.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(SAVED))
    (settings.home / "passphrase").write_text(typed)

    states = found(settings)["saved states"]

    assert states.verdict == verdict
    assert ("does not open them" in states.found) is (verdict == "failed")
