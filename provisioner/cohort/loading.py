"""How a cohort is read from ``stacks/<name>/cohort.yaml``: whole, or with every mistake."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from .. import names
from ..errors import InputError, Problem
from . import yaml_file
from .access import ClusterAccess
from .given import Csi, Nfs, PullSecret, SharedVolume, VolumeSource
from .hosts import ClassSecrets, Dotfiles, Fork, Host
from .kind import Kind, KindEngine
from .oidc import Login
from .quota import Quota
from .schema import Cohort
from .staff import Assistant, Section
from .yaml_file import Document, Value

FILE = "cohort.yaml"

_SAID = {
    "missing": (" is missing", "add it"),
    "literal_error": (" must be {expected}", ""),
    "not_yet_supported": (" is not yet supported", "delete the line"),
    "practicum": (" {msg}", ""),
    "model_type": (" must have keys of its own, indented below it", ""),
    "tuple_type": (" must be a list, one `- …` a line", ""),
    "string_type": (" must be a text", ""),
    "path_type": (" must be the path of a file", ""),
}
"""Pydantic's kinds of mistake in our words, with what to do; no value is among them."""


_TAGS = {"<name>", "<access>", "<networks>", "<oidc>"}
"""What Pydantic puts between the keys where the schema has a choice."""

_ALSO = {
    "cluster": "or give a kubeconfig and a context, indented below it",
    "environment.egress": "or give a list of networks",
    "auth": "or give oidc, with an issuer and a client_id, indented below it",
}
"""Keys that take more than one kind of value."""


def load(stacks: Path, name: str) -> Cohort:
    """Read a cohort file, with every default filled in.

    | what is in the file                 | what happens                                     |
    | ----------------------------------- | ------------------------------------------------ |
    | no folder, or no file in it         | refused; names the cohorts that are most like it |
    | a key that is missing               | its default; refused where there is none         |
    | a key that is unknown               | refused, with the key that is most like it       |
    | a key twice, an alias, a tag        | refused                                          |
    | a key with nothing after it         | refused: say something, or delete the line       |
    | a key of a later issue              | refused: *not yet supported*; its default passes |
    | ``no``, ``0123``, ``12:30``         | those characters, never a truth, number or time  |
    | a quantity that is none, or absurd  | refused, with what is allowed                    |
    | limits above the quota              | refused: no pod could ever keep them             |
    | several mistakes                    | all of them, each with line and column           |

    Args:
        stacks: The folder that holds a folder a cohort.
        name: The cohort's name, which is its folder's.

    Raises:
        InputError: If there is no such cohort, or its file has mistakes.
    """
    folder = _folder(stacks, name)
    path = folder / FILE
    document = yaml_file.read(path)
    if not isinstance(document.value, dict):
        raise InputError(f"{path} says nothing.", hint=f"Write it anew with: practicum init {name}")
    problems = list(_empty_values(path, document))
    problems += _our_own_keys(path, document)
    try:
        cohort = Cohort.model_validate({**_filled(document.value), "name": name, "folder": folder})
    except ValidationError as error:
        problems += [_explain(path, document, item) for item in _errors(document, error)]
    if problems:
        raise _mistakes(path, problems)
    return cohort


def _folder(stacks: Path, name: str) -> Path:
    mistake = names.cohort_mistake(name)
    if mistake:
        problem = Problem(f"COHORT {name!a}"[:60], mistake, "take another name")
        raise InputError("This is no name for a cohort.", problems=[problem])
    folder = stacks / name
    if (folder / FILE).is_file():
        return folder
    there = sorted(path.parent.name for path in stacks.glob(f"*/{FILE}"))
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Write one with: practicum init {name}"
    raise InputError(f"There is no cohort {name}: {folder / FILE} does not exist.", hint=hint)


def _empty_values(path: Path, document: Document) -> list[Problem]:
    return [
        Problem(
            _where(path, document, at), f"`{at[-1]}` has nothing after it", "say what, or delete it"
        )
        for at in document.places
        if at and _at(document.value, at) is None
    ]


def _our_own_keys(path: Path, document: Document) -> list[Problem]:
    """Refuse what the folder says, before it is mixed with what the file says."""
    return [
        Problem(
            _where(path, document, (key,)), f"`{key}` is not written here", "it is the folder's"
        )
        for key in ("name", "folder")
        if (key,) in document.keys
    ]


def _filled(value: Value) -> Any:  # noqa: ANN401  (what Pydantic takes)
    """Leave out what has no value, so that it is told once and not twice."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_filled(item) for item in value if item is not None]
    return value


def _errors(document: Document, error: ValidationError) -> list[Any]:
    """Return Pydantic's complaints, less those about keys that were told as empty."""
    items = error.errors(include_url=False, include_input=False)
    return [item for item in items if item["type"] != "missing" or _loc(item) not in document.keys]


def _loc(item: Any) -> tuple[str | int, ...]:  # noqa: ANN401
    """Return the keys that lead to a mistake, without the names of our own tags."""
    *front, last = item["loc"]
    whole = [part for part in front if part not in _TAGS]
    is_a_key = item["type"] == "extra_forbidden" or last not in _TAGS
    return (*whole, last) if is_a_key else tuple(whole)


def _explain(path: Path, document: Document, item: Any) -> Problem:  # noqa: ANN401
    """Turn one of Pydantic's complaints into a line that an instructor can act on."""
    at = _loc(item)
    field = ".".join(str(part) for part in at)
    where = _where(path, document, at)
    if item["type"] == "extra_forbidden":
        # What is no word may be a secret that was pasted without its key.
        word = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,30}", str(at[-1]))
        what = f"there is no key `{field}`" if word else "there is no such key"
        return Problem(where, what, _nearest(at))
    if item["type"] == "practicum" and not field:
        return Problem(where, item["msg"])
    what, fix = _SAID.get(item["type"], (f": {item['msg']}", ""))
    what = what.format(**{"msg": item["msg"], **item.get("ctx", {})})
    return Problem(where, f"`{field}`{what}", _ALSO.get(field, fix))


def _nearest(at: tuple[str | int, ...]) -> str:
    allowed = _keys_of(at[:-1])
    near = difflib.get_close_matches(str(at[-1]), allowed, n=1)
    return f"did you mean `{near[0]}`?" if near else f"allowed are {', '.join(allowed)}"


def _keys_of(at: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the schema has in one place."""
    special: dict[object, type[BaseModel]] = {
        "cluster": ClusterAccess,
        "assistants": Assistant,
        "auth": Login,
        "sections": Section,
        "quota": Quota,
        "hosts": Host,
        "kind": Kind,
        "engines": KindEngine,
        "dotfiles": Dotfiles,
        "secrets": ClassSecrets,
        "pull_secrets": PullSecret,
        "shared_volumes": SharedVolume,
        "from": VolumeSource,
        "nfs": Nfs,
        "csi": Csi,
    }
    model: type[BaseModel] = Cohort
    for place, part in enumerate(at):
        if place and at[place - 1] == "forks":
            model = Fork
        elif isinstance(part, str):
            annotation = special.get(part) or model.model_fields[part].annotation
            model = annotation if isinstance(annotation, type) else model
    ours = ("name", "folder") if model is Cohort else ()
    said = [field.alias or key for key, field in model.model_fields.items()]
    return [key for key in said if key not in ours]


def _where(path: Path, document: Document, at: tuple[str | int, ...]) -> str:
    """Return file, line and column of the key, or of the nearest thing around it."""
    while at and at not in document.places:
        at = at[:-1]
    line, column = document.keys.get(at) or document.places.get(at, (1, 1))
    return f"{path}:{line}:{column}"


def _at(value: Value, at: tuple[str | int, ...]) -> Value:
    for part in at:
        value = value[part] if isinstance(value, dict | list) else None  # type: ignore[index]
    return value


def _mistakes(path: Path, problems: list[Problem]) -> InputError:
    def place(problem: Problem) -> tuple[int, ...]:
        return tuple(int(part) for part in problem.where.rsplit(":", 2)[1:])

    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return InputError(
        f"{path} has {count}.",
        problems=sorted(problems, key=place),
        hint="Every key is explained in docs/reference/cohort-file.md.",
    )
