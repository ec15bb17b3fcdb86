"""The corpus of attacks: one YAML file a case, read strictly and without a default verdict.

A case says who tries what and where, the text that the refusal must contain, the guard
that must give it, and a compliant twin that must be accepted. The form is described in
``docs/explanation.md``; a file that strays from it is refused with its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from ..errors import InputError, Problem

IDENTITIES = ("student", "assistant", "workload", "authenticated", "operator")
PLACES = ("own", "neighbour", "foreign", "other", "cluster")
LEVELS = ("baseline", "restricted")
NEEDS = (
    *LEVELS, "gpu", "images", "ingress", "no-gpu", "no-ingress", "runtime-class", "storage-classes",
)  # fmt: skip
VERBS = (
    "get", "list", "watch", "create", "update", "patch", "jsonpatch", "strategic", "apply",
    "delete", "deletecollection",
)  # fmt: skip
GUARDS = ("rbac", "pod-security", "quota", "limits", "api")
POLICY = "policy:"

KEYS = {
    "requirement", "standards", "what", "as", "where", "needs", "since", "request", "object",
    "setup", "expect", "denied_by", "twin",
}  # fmt: skip
NEEDED = ("requirement", "what", "request", "expect", "denied_by", "twin")
REQUEST_KEYS = {"verb", "resource", "group", "subresource", "name"}
TWIN_KEYS = {"where", "request", "object"}
ID = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request that an identity makes."""

    who: str
    where: str
    verb: str
    resource: str
    group: str | None = None
    """The API group; the usual one of the resource when None."""

    below: str = ""
    """The subresource."""

    name: str | None = None
    body: Any = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """An attempt that must be refused for one reason, and its twin that must not be."""

    id: str
    topic: str
    """The folder that it lies in."""

    requirements: tuple[str, ...]
    what: str
    attempt: Attempt
    twin: Attempt
    expect: str
    guard: str
    needs: tuple[str, ...] = ()
    """What the course must ask for (a Pod Security level at least, a setting), or the cluster have."""

    since: tuple[int, int] = (0, 0)
    """The first Kubernetes that has what is attacked; an older one drops it unseen."""

    standards: tuple[str, ...] = ()
    setup: tuple[dict[str, Any], ...] = field(default=())


@cache
def load() -> tuple[Case, ...]:
    """Read every case of the package.

    Raises:
        InputError: If a file is not what a case must be; all of them are told.
    """
    return load_from(resources.files(__package__) / "cases")


def load_from(folder: Traversable) -> tuple[Case, ...]:
    """Read every case below a folder, in the order of their paths.

    Raises:
        InputError: If a file is not what a case must be; all of them are told.
    """
    cases: list[Case] = []
    problems: list[Problem] = []
    for topic, file in _files(folder):
        where = f"{topic}/{file.name}"
        try:
            cases.append(_case(file.name.removesuffix(".yaml"), topic, _document(file)))
        except ValueError as error:
            problems.append(Problem(where, str(error)))
    seen: dict[str, str] = {}
    for case in cases:
        if case.id in seen:
            problems.append(Problem(f"{case.topic}/{case.id}", f"is also in {seen[case.id]}"))
        seen[case.id] = case.topic
    if problems:
        raise InputError("Some cases of the verification are damaged.", problems=problems)
    return tuple(cases)


def _files(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    for topic in sorted(folder.iterdir(), key=lambda item: item.name):
        if topic.is_dir():
            for file in sorted(topic.iterdir(), key=lambda item: item.name):
                if file.name.endswith(".yaml"):
                    yield topic.name, file


def _document(file: Traversable) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ValueError("is no YAML") from None
    if not isinstance(document, dict):
        raise ValueError("is not a mapping")  # noqa: TRY004  (all mistakes are told alike)
    return document


def _case(id: str, topic: str, document: Mapping[str, Any]) -> Case:
    _only(document, KEYS, "a case")
    for key in NEEDED:
        if not document.get(key):
            raise ValueError(f"says no {key}")
    if not ID.fullmatch(id):
        raise ValueError("the name of the file must be a-z, 0-9 and dashes")
    twin = document["twin"]
    _only(twin, TWIN_KEYS, "the twin")
    if not twin:
        raise ValueError("the twin is the case itself")
    return Case(
        id=id,
        topic=topic,
        requirements=_names(document["requirement"]),
        what=str(document["what"]),
        attempt=_attempt(document),
        twin=_attempt({**document, **twin}),
        expect=str(document["expect"]),
        guard=_guard(str(document["denied_by"])),
        needs=tuple(_one_of("needs", n, NEEDS) for n in _names(document.get("needs") or ())),
        since=_version(document.get("since")),
        standards=_names(document.get("standards") or ()),
        setup=tuple(document.get("setup") or ()),
    )


def _attempt(document: Mapping[str, Any]) -> Attempt:
    request = document["request"]
    _only(request, REQUEST_KEYS, "the request")
    group = request.get("group")
    return Attempt(
        who=_one_of("as", str(document.get("as", "student")), IDENTITIES),
        where=_one_of("where", str(document.get("where", "own")), PLACES),
        verb=_one_of("verb", str(request.get("verb")), VERBS),
        resource=str(request["resource"]) if request.get("resource") else _none("resource"),
        group=None if group is None else str(group),
        below=str(request.get("subresource") or ""),
        name=str(request["name"]) if request.get("name") else None,
        body=document.get("object"),
    )


def _none(key: str) -> str:
    raise ValueError(f"says no {key}")


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401  (whatever the file holds)
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _version(value: Any) -> tuple[int, int]:  # noqa: ANN401
    if value is None:
        return (0, 0)
    numbers = re.fullmatch(r"(\d+)\.(\d+)", value) if isinstance(value, str) else None
    if not numbers:
        raise ValueError('since is no version; write it in quotes, as "1.34"')
    return int(numbers[1]), int(numbers[2])


def _guard(value: str) -> str:
    if value.startswith(POLICY) and value != POLICY:
        return value
    return _one_of("denied_by", value, GUARDS)


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{key} is none of {', '.join(allowed)}")
    return value


def _only(value: Any, allowed: set[str], what: str) -> None:  # noqa: ANN401
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a mapping")  # noqa: TRY004
    if odd := sorted(str(key) for key in value.keys() - allowed):
        raise ValueError(f"{what} has keys that mean nothing: {', '.join(odd)}")
