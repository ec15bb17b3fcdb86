"""What an id, a name, a section and an email may look like, and what mangled ones do.

An id is never mended: somebody's environment hangs on it. A spreadsheet's scientific
notation, a lost zero or a full-width digit is told, and stays where it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

MAX_ID = 64
MAX_NAME = 200

_ALLOWED = re.compile(r"[A-Za-z0-9._@+-]+")
_MANGLED = (
    (re.compile(r"[0-9]+[.,][0-9]+[eE][+-]?[0-9]+|[0-9]+[eE]\+[0-9]+"), "scientific notation"),
    (re.compile(r"[0-9]+[.,]0+"), "a decimal number"),
    (re.compile(r"[0-9]{1,3}([,. '\u00a0][0-9]{3})+"), "thousands with separators"),
    (re.compile(r"'.*|=.*"), "a spreadsheet's mark for text"),
    (re.compile(r"#.*"), "a spreadsheet's sign that a cell is too narrow, or wrong"),
)
_ID_MISTAKES: dict[str, tuple[str, Callable[[str], object]]] = {
    "the id is empty": ("fill it in", lambda id: not id.strip()),
    "white space surrounds the id": ("delete it", lambda id: id != id.strip()),
    "the id has a character in it that cannot be seen": (
        "type it anew",
        lambda id: not id.isprintable(),
    ),
    "the id has full-width characters": (
        "type it in half width",
        lambda id: id != unicodedata.normalize("NFKC", id),
    ),
    "the id starts with system:, which belongs to Kubernetes": (
        "take another",
        lambda id: id.startswith("system:"),
    ),
    f"the id is longer than {MAX_ID} characters": ("shorten it", lambda id: len(id) > MAX_ID),
    "the id has other characters in it than A-Z a-z 0-9 . _ @ + -": (
        "take another",
        lambda id: not _ALLOWED.fullmatch(id),
    ),
    "the id begins with neither a letter nor a digit": (
        "take another",
        lambda id: not id[0].isalnum(),
    ),
    "the id has two dots in a row": ("take another", lambda id: ".." in id),
}
"""What can be wrong with an id, with what to do; the first that holds is told."""

_AS_TEXT = "export it again with the column as text"
_EMAIL = re.compile(r"[^\s@,;:<>\"()]+@[^\s@,;:<>\"()]+")
_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d"))
"""Persian and Indic names need these two, although nobody sees them."""


def id_mistake(text: str) -> tuple[str, str] | None:
    """Return what is wrong with an id, and what to do; None when nothing is."""
    for pattern, what in _MANGLED:
        if pattern.fullmatch(text):
            return f"the id was changed by a spreadsheet: {what}", _AS_TEXT
    for what, (fix, is_there) in _ID_MISTAKES.items():
        if is_there(text):
            return what, fix
    return None


def name_mistake(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a tidied name or section; None when nothing is."""
    if not text.translate(_JOINERS).isprintable():
        return "a character stands here that cannot be seen, or turns the text around", "delete it"
    if len(text) > MAX_NAME:
        return f"this is longer than {MAX_NAME} characters", "shorten it"
    return None


def email_mistake(text: str) -> tuple[str, str] | None:
    """Return what is wrong with an email address; None when nothing is, or there is none."""
    if text and not (_EMAIL.fullmatch(text) and text.isprintable()):
        return "this is not one email address", "write it as kim@example.org"
    return None


def tidy(text: str) -> str:
    r"""Return a name with one plain space where there was any kind of white space.

    >>> tidy(" Ada\u00a0 Lovelace ")
    'Ada Lovelace'
    """
    spaces = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    return re.sub(" +", " ", spaces).strip()


def likeness(id: str) -> str:
    """Return what two ids share that a person would take for one.

    >>> likeness("0042") == likeness("42"), likeness("Ada") == likeness("ada")
    (True, True)
    """
    folded = unicodedata.normalize("NFKC", id).casefold()
    return folded.lstrip("0") or "0" if folded.isdigit() else folded
