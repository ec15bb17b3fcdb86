"""What ``--verbose`` does: the log on standard error, without secrets."""

from __future__ import annotations

import logging

from ..redaction import redact


class _Redacted(logging.Formatter):
    """Takes secrets out of a whole line, its traceback with it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def to_standard_error() -> None:
    """Log everything that is done, by us and by the libraries that we use."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacted("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG, handlers=[handler])
