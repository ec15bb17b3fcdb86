"""The kinds of value that a cohort file holds, and what is wrong with a bad one.

A message says what is expected and never repeats what was typed: somebody will paste
a password where a quantity goes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from .. import quantity

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_NO_COUNT = "must be a whole number of at most nine digits, such as 20"
_SERVICE = re.compile(r"system:(admin|serviceaccount:[a-z0-9-]+:[a-z0-9.-]+)")
_LINK_LOCAL = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))


def wrong(what: str, kind: str = "practicum") -> NoReturn:
    """Stop with a message of our own at the field that is being read."""
    raise PydanticCustomError(kind, "{what}", {"what": what})


def _text(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            wrong("is empty")
        if not value.isprintable():
            wrong("has a control character, or one that cannot be seen, in it")
    return value


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if _DATE.fullmatch(value) else wrong("is no date")
    except ValueError:
        wrong("is no date; write it as 2026-09-01")


def _whole(value: object) -> object:
    if isinstance(value, bool):
        wrong("must be a whole number, not true or false")
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else wrong(_NO_COUNT)
    return value


def _truth(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            wrong("must be true or false")
        return value == "true"
    return value


def _amount(least: str, most: str, example: str) -> Callable[[object], object]:
    low, high = quantity.parse(least), quantity.parse(most)

    def check(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            wrong(f"must be a quantity, such as {example}")
        try:
            amount = quantity.parse(value)
        except ValueError as error:
            wrong(str(error))
        _within(amount, low, high, f"{least} to {most}, such as {example}")
        return value

    return check


def _within(amount: Decimal, low: Decimal, high: Decimal, span: str) -> None:
    if amount < 0:
        wrong(f"is negative; allowed is {span}")
    if not low <= amount <= high:
        size = "small" if amount < low else "large"
        wrong(f"is too {size}; allowed is {span}")


def _network(value: object) -> object:
    if not isinstance(value, str):
        wrong("must be a network, such as 203.0.113.0/24")
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        wrong("is no network; write it as 203.0.113.0/24, with no bit set after the prefix")
    if network.prefixlen == 0:
        wrong("is every address, private ones too; write `egress: internet`")
    if any(network.version == near.version and network.overlaps(near) for near in _LINK_LOCAL):
        wrong("holds link-local addresses, where clouds serve their credentials")
    return value


def _user(value: object) -> object:
    if isinstance(value, str) and value.startswith("system:"):
        wrong("starts with system:, which belongs to Kubernetes")
    return _text(value)


def _operator(value: object) -> object:
    """Let through the two of Kubernetes' own users that do run tools: pipelines, and k3s'."""
    if isinstance(value, str) and _SERVICE.fullmatch(value):
        return value
    return _user(value)


def https(example: str) -> Callable[[str], str]:
    """Take an https address without credentials, query or fragment, and show how one looks."""

    def check(value: str) -> str:
        try:
            parts = urlsplit(value)
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            wrong(f"is no address; write it as {example}")
        if parts.scheme != "https" or not parts.hostname or not port_is_fine:
            wrong(f"must be an https address, such as {example}")
        if parts.username or parts.password:
            wrong("must not hold a user name or a password")
        if parts.query or parts.fragment:
            wrong("must end after the path")
        return value

    return check


def _path(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        wrong("is empty")
    if isinstance(value, str) and "\0" in value:
        wrong("has a control character in it")
    try:
        return Path(value).expanduser() if isinstance(value, str | Path) else value
    except RuntimeError:
        wrong("starts with ~ and a user who has no home here")


def _file_name(value: str) -> str:
    if "/" in value or "\\" in value or value.startswith("."):
        wrong("must be the name of a file in the cohort's folder, such as roster.csv")
    return value


def matching(pattern: str, what: str) -> Callable[[str], str]:
    """Take a text that fits a pattern as a whole, and say what is taken."""

    def check(value: str) -> str:  # nearly all are of what a cohort file does not say
        return value if re.fullmatch(pattern, value) else wrong(what)

    return check


_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


def _later(*typed: object) -> Callable[[object], object]:
    """Let through the ways to write the default, and nothing else."""

    def check(value: object) -> object:
        if value not in typed:
            wrong("not yet supported", "not_yet_supported")
        return typed[0]

    return check


Text = Annotated[str, BeforeValidator(_text)]
Date = Annotated[date, BeforeValidator(_date)]
Whole = Annotated[int, BeforeValidator(_whole)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Operator = Annotated[str, BeforeValidator(_operator)]
User = Annotated[str, BeforeValidator(_user)]
Network = Annotated[str, BeforeValidator(_network)]
Address = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(https("https://kubernetes.example.org:6443")),
]
FilePath = Annotated[Path, BeforeValidator(_path)]
FileName = Annotated[str, BeforeValidator(_text), AfterValidator(_file_name)]
HostName = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(matching(rf"{_LABEL}(\.{_LABEL})+", "is no host name, such as lab.example.org")),
]
ObjectName = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(matching(rf"{_LABEL}(\.{_LABEL})*", "is no name of a Kubernetes object")),
]
NamespaceName = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(matching(_LABEL, "is no name of a namespace")),
]
ClaimName = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(matching(_LABEL, "is no name of a volume; it has a-z, 0-9 and dashes")),
]
Image = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(
        matching(
            r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)+(:[A-Za-z0-9_][A-Za-z0-9._-]*)?"
            r"(@sha256:[0-9a-f]{64})?",
            "is no image; write the registry, the name, and a tag or digest, such as"
            " registry.example.org/lab/tools:1.2",
        )
    ),
]
ImagePattern = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(
        matching(
            r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9*][a-z0-9._*-]*)+",
            "is no pattern of images; write the registry and the name without tag, such as"
            " docker.io/library/* or ghcr.io/mycourse/notebook",
        )
    ),
]
Cpu = Annotated[str, BeforeValidator(_amount("1m", "1024", "500m or 2"))]
Memory = Annotated[str, BeforeValidator(_amount("1Mi", "16Ti", "512Mi or 4Gi"))]
Storage = Annotated[str, BeforeValidator(_amount("1Mi", "1Pi", "10Gi"))]
LaterList = Annotated[tuple[str, ...], BeforeValidator(_later((), [], {}))]
LaterNothing = Annotated[None, BeforeValidator(_later(None))]
