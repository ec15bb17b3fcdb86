"""A run whose cluster stops answering says in one line what is through and what is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.cluster.answers import unreachable
from provisioner.errors import ClusterError
from provisioner.lifecycle import afterwards
from provisioner.settings import Settings

from .test_report import reading_of

SETTINGS = Settings(stacks=Path("stacks"), home=Path("home"))
WHY = "the cluster could not be read again. The cluster at https://k cannot be reached: timed out."


@pytest.mark.parametrize(
    ("failed", "told"),
    [
        ({}, f"4 of 4 environments are through: {WHY}"),
        (
            {"s1": "it told nothing"},
            f"3 of 4 environments are through; what has come of the other 1 is unknown: {WHY}",
        ),
    ],
)
def test_what_is_through_is_said_and_what_is_not_known(monkeypatch, failed, told):
    def read(*_):
        raise unreachable("https://k", TimeoutError("timed out"))

    monkeypatch.setattr(afterwards, "read", read)

    with pytest.raises(ClusterError) as caught:
        afterwards.read_again(SETTINGS, reading_of(["1", "2"], changed=["3"], left=["4"]), failed)

    assert caught.value.message == told
    assert caught.value.hint == (
        "Nothing is lost. When it answers, run the same again; it does what is left:"
        " practicum up mls26"
    )
