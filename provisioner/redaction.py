"""Take out of a text what opens something: what other programs say is not ours to choose.

It is the second fence. The first is that no secret is given to a program in a way that
it could repeat; see ``docs/explanation.md``.
"""

from __future__ import annotations

import re
import threading
from typing import TextIO

MARK = "[redacted]"

LONGEST_KEY = 64 * 1024
"""Characters that are held back for the end of a private key that has begun."""

_SECRETS: list[tuple[re.Pattern[str], str]] = [
    # Up to its end, or to that of the text: half a key is a secret too.
    (
        re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(-----END \1-----|\Z)", re.DOTALL),
        MARK,
    ),
    (re.compile(r"\bAGE-SECRET-KEY-[A-Z0-9-]+", re.IGNORECASE), MARK),
    # PEM in base64, as a kubeconfig has it; a certificate looks the same and goes too.
    (re.compile(r"\bLS0tLS1CRUdJTi[\w+/=-]+"), MARK),
    (re.compile(r"\beyJ[\w-]{8,}(\.[\w-]*){1,2}"), MARK),  # a JSON web token
    (re.compile(r"\b(Bearer\s+)[^\s\"'\\]+", re.IGNORECASE), rf"\1{MARK}"),
    (re.compile(r"(\w://)[^\s/@:\"']+:[^\s/@\"']+@"), rf"\1{MARK}@"),
    (
        re.compile(
            r"\b((?:token|password|passphrase|client-key-data)\\?[\"']?\s*[:=]\s*\\?[\"']?)"
            r"[^\s\"'\\,}]{12,}",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
]


def redact(text: str) -> str:
    """Return a text without private keys, tokens and passwords.

    >>> redact("401 for Bearer abc.def, key AGE-SECRET-KEY-1QQ")
    '401 for Bearer [redacted] key [redacted]'
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class RedactedStream:
    """Stands in for a text stream, and writes whole lines without their secrets.

    Threads may share it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Take some text; a line is written when it, and a key that began in it, ends."""
        with self._lock:
            self._held += text
            whole, newline, rest = self._held.rpartition("\n")
            if newline and (not _is_open(whole) or len(self._held) > LONGEST_KEY):
                self._stream.write(redact(whole) + "\n")
                self._held = rest
        return len(text)

    def flush(self) -> None:
        """Write what is whole; half a line waits for its other half."""
        self._stream.flush()

    def close(self) -> None:
        """Write what is left. The stream below stays open."""
        with self._lock:
            self._stream.write(redact(self._held))
            self._stream.flush()
            self._held = ""

    def fileno(self) -> int:
        """Return the descriptor of the stream below, which redacts nothing."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Say no: nothing that is redacted is drawn in place."""
        return False


def _is_open(text: str) -> bool:
    begin = text.rfind("PRIVATE KEY-----")
    return begin >= 0 and "-----BEGIN" in text[max(0, begin - 40) : begin]
