"""Whose logins a rehearsal takes: an AuthenticationConfiguration that a person gives us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from .. import private_file
from ..errors import InputError, PracticumError
from .layout import Layout

KIND = "AuthenticationConfiguration"
GROUP = "apiserver.config.k8s.io/"


@contextmanager
def taken_up(layout: Layout, content: bytes | None) -> Iterator[bool]:
    """Keep a configuration for the API server, and the old one should it not start with it.

    Args:
        layout: The rehearsal.
        content: The configuration; what there is stays when None.

    Yields:
        Whether the API server must be started again for it.

    Raises:
        InputError: If it is no such configuration.
    """
    path = layout.authentication
    before = path.read_bytes() if path.exists() else None
    if content is None or content == before:
        yield False
        return
    _refuse_another(content)
    layout.make_folders()
    private_file.write(path, content)
    try:
        yield True
    except PracticumError:
        path.unlink(missing_ok=True)
        if before is not None:
            private_file.write(path, before)
        raise


def _refuse_another(content: bytes) -> None:
    try:
        document = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError):
        document = None
    found = document if isinstance(document, dict) else {}
    if found.get("kind") != KIND or not str(found.get("apiVersion")).startswith(GROUP):
        raise InputError(
            f"--authentication-config: this is no {KIND} of {GROUP}v1.",
            hint="Print one with: practicum render COHORT --authentication-config",
        )
