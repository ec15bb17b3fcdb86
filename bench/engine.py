"""The container engine that the tests bring, for what is measured on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.hosts import rig_image
from tests.hosts.rig_engine import Engine, running_engine

from .stage import CaseError


@contextmanager
def running() -> Iterator[Engine]:
    """Have an engine; one is started where the tests may do so.

    Raises:
        CaseError: If there is none, and none may be started.
    """
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(running_engine(rig_image.folder() / "engine"))
        except pytest.skip.Exception as none:
            raise CaseError(str(none)) from None
        yield engine
