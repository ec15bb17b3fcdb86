"""The class cluster, and courses on it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator

import pytest

from provisioner.kind.docker import Engine
from tests.kind.conftest import engine, node_image

from . import rig
from .class_course import ClassCourse

__all__ = ["class_cluster", "engine", "new_class", "node_image"]


@pytest.fixture(scope="session")
def class_cluster(
    engine: Engine, node_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[rig.ClassCluster]:
    """Three nodes that all tests share; whoever changes it puts it back."""
    folder = tmp_path_factory.mktemp("class-cluster")
    with rig.running(engine, node_image, folder, _say) as made:
        yield made


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def new_class(
    class_cluster: rig.ClassCluster,
    numbers: Iterator[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], ClassCourse]]:
    """Make a course of one's own on the cluster; it is gone when the test ends."""
    made: list[ClassCourse] = []

    def new() -> ClassCourse:
        folder = tmp_path_factory.mktemp("class")
        made.append(ClassCourse.on(class_cluster, f"class{next(numbers)}", folder))
        return made[-1]

    yield new
    for course in made:
        selector = f"--selector=practicum.dev/cohort={course.name}"
        course.admin("delete", "namespaces", selector, "--wait=false")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
