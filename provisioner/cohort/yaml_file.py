"""YAML for people: every value stays the text that was typed, and knows its place.

Nothing is guessed: ``no``, ``0123``, ``12:30`` and ``1_000`` are those characters, and
the schema says what becomes of them. What makes a file mean something else than it
shows is refused: a key twice, aliases and anchors (412 bytes can stand for 800 MB),
merge keys, tags, several documents, nesting deeper than 20.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from ..errors import InputError, Problem

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
Path_: TypeAlias = "tuple[str | int, ...]"

MAX_BYTES = 1 << 20
MAX_DEPTH = 20

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a YAML file says, and where it says it."""

    value: Value
    """Mappings, lists and texts; None where a key has nothing after it."""

    places: Mapping[Path_, tuple[int, int]]
    """Line and column of each value, by the keys and indexes that lead to it."""

    keys: Mapping[Path_, tuple[int, int]]
    """Line and column of each key."""


def read(path: Path) -> Document:
    """Read one YAML document.

    Raises:
        InputError: If the file cannot be read, is not YAML, or uses what is refused;
            it lists every mistake with line and column.
    """
    text = _decode(path, _bytes(path))
    _check_characters(path, text)
    reader = _Reader(str(path))
    try:
        value = reader.document(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML.", problems=[_syntax(path, error)]) from None
    if reader.problems:
        raise InputError(f"{path} has YAML that is refused.", problems=reader.problems)
    return Document(value=value, places=reader.places, keys=reader.keys)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InputError(f"{path} cannot be read: {reason}.") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path} is larger than 1 MiB, more than is read of a file.")
    return data


def _decode(path: Path, data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _one(path, (1, 1), "the file is UTF-16", "save it as UTF-8")
    if data.startswith(codecs.BOM_UTF8):
        raise _one(path, (1, 1), "a byte order mark comes first", "save it as UTF-8 without BOM")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        raise _one(path, (line, column), "this is not UTF-8", "save the file as UTF-8") from None


def _check_characters(path: Path, text: str) -> None:
    """Refuse what YAML itself would refuse with words that nobody understands."""
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\0" in line:
            where = f"{path}:{number}:{line.index(chr(0)) + 1}"
            problems.append(Problem(where, "there is a NUL character", "delete it"))
        elif "\t" in indent:
            where = f"{path}:{number}:{indent.index(chr(9)) + 1}"
            problems.append(Problem(where, "a tab indents this line", "use spaces"))
        elif "\u00a0" in indent:
            where = f"{path}:{number}:{indent.index(chr(0xA0)) + 1}"
            problems.append(Problem(where, "a no-break space indents this line", "use spaces"))
    if problems:
        raise InputError(f"{path} is not YAML.", problems=problems)


class _Reader:
    """Walks the events of one document and notes places and mistakes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Path_, tuple[int, int]] = {}
        self.keys: dict[Path_, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def document(self, text: str) -> Value:
        events = iter(yaml.parse(text, Loader=_Loader))
        value: Value = None
        count = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                if count > 1:
                    self._refuse(event, "a second document starts", "keep one document a file")
                    return value
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(event, events, ())
        return value

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], at: Path_) -> Value:
        self.places[at] = _place(event)
        if len(at) > MAX_DEPTH:
            mark = f"{self.file}:{_line(event)}"
            problem = Problem(mark, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
            raise InputError(f"{self.file} has YAML that is refused.", problems=[problem])
        if isinstance(event, yaml.NodeEvent):
            self._check(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, at)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, at)
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style in (None, "")
            return None if plain and event.value == "" else str(event.value)
        return None  # an alias: noted by _check

    def _mapping(self, events: Iterator[yaml.Event], at: Path_) -> dict[str, Value]:
        result: dict[str, Value] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, events, at)
            twice = key in result
            if twice:
                first = self.keys[(*at, key)][0]
                self._refuse(event, f"this key stands in line {first} already", "keep one of them")
            else:
                self.keys[(*at, key)] = _place(event)
            value = self._node(next(events), events, (*at, key))
            if not twice:
                result[key] = value
        return result

    def _key(self, event: yaml.Event, events: Iterator[yaml.Event], at: Path_) -> str:
        if isinstance(event, yaml.ScalarEvent):
            self._check(event)
            if event.value == "<<" and event.style in (None, ""):
                self._refuse(event, "merge keys are refused", "write the values out")
            return str(event.value)
        self._refuse(event, "a key must be a text", "write it as one word")
        self._node(event, events, (*at, "?"))
        return f"?{_line(event)}"

    def _sequence(self, events: Iterator[yaml.Event], at: Path_) -> list[Value]:
        result: list[Value] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            result.append(self._node(event, events, (*at, len(result))))
        return result

    def _check(self, event: yaml.NodeEvent) -> None:
        """Note what makes YAML say something else than it shows."""
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, "aliases are refused", "write the value out")
        elif event.anchor:
            self._refuse(event, "anchors are refused", "delete the &name")
        if getattr(event, "tag", None):
            self._refuse(event, "tags are refused", "delete the !tag")

    def _refuse(self, event: yaml.Event, what: str, fix: str) -> None:
        self.problems.append(Problem(f"{self.file}:{_line(event)}", what, fix))


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _line(event: yaml.Event) -> str:
    return ":".join(map(str, _place(event)))


def _syntax(path: Path, error: yaml.YAMLError) -> Problem:
    """Return the parser's complaint; it names no value, only what it looked for."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    what = getattr(error, "problem", None) or "a character that YAML does not allow"
    return Problem(where, f"this is not YAML: {what}")


def _one(path: Path, place: tuple[int, int], what: str, fix: str) -> InputError:
    line, column = place
    problem = Problem(f"{path}:{line}:{column}", what, fix)
    return InputError(f"{path} is not YAML.", problems=[problem])
