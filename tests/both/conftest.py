"""One course on each backend: the same tests hold for both.

The course with namespaces is on the rehearsal; that with kind clusters on the container
engine of this machine, or of the rig, and without one its half is skipped.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from ..cluster.conftest import control_plane, kubectl  # noqa: F401
from ..kind.conftest import engine, node_image  # noqa: F401
from .life import Life, OnKind, OnNamespaces

BACKENDS = [
    pytest.param("namespace", marks=pytest.mark.cluster),
    # The image takes 13 minutes to make where it is not cached.
    pytest.param("kind", marks=[pytest.mark.kind, pytest.mark.timeout(1800)]),
]


@pytest.fixture(params=BACKENDS)
def new_life(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Life]:
    """Make a course of some students on one of the backends; it ends with the test."""
    made: list[Life] = []

    def make(*ids: str) -> Life:
        folder: Path = tmp_path_factory.mktemp("life")
        name = f"life{uuid.uuid4().hex[:6]}"
        kind = request.param == "kind"
        needed = ("engine", "node_image") if kind else ("control_plane", "kubectl")
        life = (OnKind if kind else OnNamespaces).make(
            name, folder, *map(request.getfixturevalue, needed)
        )
        made.append(life)
        life.course.write(ids, **life.settings)
        return life

    yield make
    for life in made:
        life.end()
