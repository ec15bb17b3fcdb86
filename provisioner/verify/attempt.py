"""Make one attempt of a case: which request it is, and what the server said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..cluster import ApiError, Client, NotKnownError, Type
from . import course
from .case import Attempt, Case
from .scene import Scene

METHODS = {
    "get": "GET", "list": "GET", "watch": "GET", "create": "POST", "update": "PUT",
    "patch": "PATCH", "jsonpatch": "PATCH", "strategic": "PATCH", "apply": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETE",
}  # fmt: skip
CONTENT = {
    "patch": "application/merge-patch+json",
    "jsonpatch": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
WHOLE = ("list", "watch", "deletecollection")
"""Verbs on all objects of a type."""

NO_DRY_RUN = ("exec", "attach", "portforward", "proxy", "token")
REVIEWS = ("authorization.k8s.io", "authentication.k8s.io")

Table = Mapping[tuple[str, str, str | None], Type]
"""Types by plural, subresource and group; under None the first group that has it."""


@dataclass(frozen=True)
class Answer:
    """What the server said; the status is 0 when it could not be asked."""

    status: int
    message: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the request was taken."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the request was turned down, and not merely lost."""
        return 400 <= self.status < 500


def index(types: Iterable[Type]) -> Table:
    """Sort types so that a case finds the one that it names."""
    found: dict[tuple[str, str, str | None], Type] = {}
    for one in types:
        found[one.plural, one.below, one.group] = one
        found.setdefault((one.plural, one.below, None), one)
    return found


def send(scene: Scene, table: Table, case: Case, attempt: Attempt) -> Answer:
    """Make one attempt, as a dry run wherever the API has one.

    Raises:
        ClusterError: If the server cannot be reached.
    """
    served = table[attempt.resource, attempt.below, attempt.group]
    body = _body(scene, case, attempt, served)
    name = _name(scene, case, attempt, body)
    namespace = scene.place(attempt.where)
    path = served.path(namespace, "" if _whole(attempt) else name)
    client = scene.identities[attempt.who]
    try:
        return _answer(client, attempt, path, body)
    except NotKnownError as error:
        return Answer(0, error.message)


def _answer(client: Client, attempt: Attempt, path: str, body: Any) -> Answer:  # noqa: ANN401
    query: dict[str, str] = {}
    if attempt.verb == "watch":
        query = {"watch": "true", "timeoutSeconds": "1"}
    elif METHODS[attempt.verb] != "GET" and attempt.below not in NO_DRY_RUN:
        query = {"dryRun": "All"}
    if attempt.verb == "apply":
        query |= {"fieldManager": "verify", "force": "true"}
    try:
        if attempt.verb == "watch":
            with suppress(StopIteration):
                next(client.watch(path, query={}, seconds=1))
        else:
            content = CONTENT.get(attempt.verb, "application/json")
            client.request(METHODS[attempt.verb], path, body=body, query=query, content=content)
    except ApiError as error:
        return Answer(error.status, error.message)
    return Answer(200)


def _whole(attempt: Attempt) -> bool:
    return attempt.verb in WHOLE or (attempt.verb == "create" and not attempt.below)


def _body(scene: Scene, case: Case, attempt: Attempt, served: Type) -> Any:  # noqa: ANN401
    body = fill(course.adapted(scene.cohort, attempt.body), scene.words)
    if attempt.verb in ("create", "update", "apply"):
        body = body if isinstance(body, dict) else {}
        kind = {"apiVersion": served.version_of_kind, "kind": served.kind}
        named = {} if _is_a_question(attempt, served) else {"name": _default_name(case)}
        return {**kind, **body, "metadata": {**named, **(body.get("metadata") or {})}}
    return body if attempt.verb in CONTENT else None


def _is_a_question(attempt: Attempt, served: Type) -> bool:
    """Reviews and tokens are answers, not objects: they have no name and are never kept."""
    return served.group in REVIEWS or attempt.below == "token"


def _name(scene: Scene, case: Case, attempt: Attempt, body: Any) -> str:  # noqa: ANN401
    if attempt.name:
        return str(fill(attempt.name, scene.words))
    if attempt.resource == "namespaces" and scene.place(attempt.where):
        return scene.place(attempt.where)
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return str((metadata or {}).get("name") or _default_name(case))


def _default_name(case: Case) -> str:
    return f"verify-{case.id}"[:63].rstrip("-")


def fill(value: Any, words: Mapping[str, str]) -> Any:  # noqa: ANN401  (plain data)
    """Put the scene's names in the place of the words in braces."""
    if isinstance(value, str):
        for word, name in words.items():
            value = value.replace(word, name)
        return value
    if isinstance(value, Mapping):
        return {fill(key, words): fill(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, words) for item in value]
    return value
