"""Put a context into a kubeconfig, and leave every other one as it is."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError
from .hand_out import SECTIONS, refuse_foreign

MOST = 8 << 20
"""Bytes of a kubeconfig."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What was put where."""

    path: Path
    context: str
    namespace: str
    server: str
    replaced: bool
    """Whether an older one of the same name was there."""

    before: str
    """The context that was current; empty where there was none."""


def place(environment: Mapping[str, str], home: Path) -> Path:
    """Return the file that kubectl writes to: the first of KUBECONFIG, else the usual one."""
    named = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    there = [Path(part) for part in named if Path(part).is_file()]
    return (there or [Path(part) for part in named] or [home / ".kube" / "config"])[0]


@dataclass(frozen=True, kw_only=True)
class Clash:
    """Something of the hand-out's name that leads to another cluster."""

    name: str
    there: str
    """The server that it leads to; empty where it is no whole access."""

    new: str
    """The server of the hand-out."""

    differs: tuple[str, ...] = ()
    """What is not the same, by the kubeconfig's words."""

    def __str__(self) -> str:
        if self.there == self.new and self.differs:
            other = ", ".join(self.differs)
            return f"{self.name} is there already, for {self.there} with another {other}"
        where = f", for {self.there}" if self.there else " as something else"
        return f"{self.name} is there already{where}; the hand-out is for {self.new}"


Agree = Callable[[Clash], bool]
"""Asks a person whether what is there may go."""


def put(content: bytes, path: Path, agree: Agree = lambda _: False) -> Merged:
    """Merge a handed-out kubeconfig into one that is there, or make it.

    Its context becomes the current one. What is there by its name is replaced unasked where it
    leads to the same cluster: then it is an earlier hand-out.

    Args:
        content: What was in the hand-out.
        path: The student's kubeconfig.
        agree: Asked where what is there leads elsewhere: anybody can encrypt to a public key.

    Raises:
        InputError: If one of the two is no kubeconfig, the file cannot be written, or what is
            there is to stay.
    """
    new = _config(content, "The hand-out")
    refuse_foreign(new)
    old, there = _present(path)
    clash = _clash(old, new)
    if clash and not agree(clash):
        raise InputError(
            f"{clash}. Nothing was changed.",
            hint="If the course has moved there, say --replace. If nobody told you so, ask the"
            " course's staff before you open the file.",
        )
    merged, name = _with(old, new), str(new["current-context"])
    context = _entry(new, "contexts", name)
    cluster = _entry(new, "clusters", str(context.get("cluster")))
    if merged != old:
        _write(path, yaml.safe_dump(merged, sort_keys=False, allow_unicode=True).encode())
    return Merged(
        path=path,
        context=name,
        namespace=str(context.get("namespace") or ""),
        server=str(cluster.get("server") or ""),
        replaced=there and any(one.get("name") == name for one in old.get("contexts") or []),
        before=str(old.get("current-context") or ""),
    )


def _clash(old: Mapping[str, Any], new: Mapping[str, Any]) -> Clash | None:
    """Return what is there by the hand-out's name and leads elsewhere."""
    name = str(new["current-context"])
    there = {section: _named(old, section, name) for section in SECTIONS}
    if not any(there.values()):
        return None
    context = there["contexts"] or {"cluster": name, "user": name}
    cluster = _named(old, "clusters", str(context.get("cluster"))) or {}
    fresh, wanted = _entry(new, "clusters", name), _entry(new, "contexts", name)
    differs = [key for key in {**fresh, **cluster} if fresh.get(key) != cluster.get(key)]
    differs += ["namespace"] if context.get("namespace") != wanted.get("namespace") else []
    own = (context.get("cluster"), context.get("user")) == (name, name)
    if own and not differs:
        return None
    server = str(cluster.get("server") or "")
    told = tuple(map(str, differs))
    return Clash(name=name, there=server, new=str(fresh["server"]), differs=told)


def _named(config: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any] | None:
    for one in config.get(section) or []:
        found = one.get(SECTIONS[section])
        if one.get("name") == name:
            return found if isinstance(found, dict) else {"": ""}
    return None


def _present(path: Path) -> tuple[dict[str, Any], bool]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, False
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    return (_config(content, str(path)), True) if content.strip() else ({}, False)


def _config(content: bytes, what: str) -> dict[str, Any]:
    """Read a kubeconfig.

    Raises:
        InputError: If it is none. Nothing that it holds is repeated.
    """
    if len(content) > MOST:  # a part of it might be a kubeconfig, without the rest
        raise InputError(f"{what} is larger than {MOST >> 20} MiB; nothing was changed.")
    try:
        config = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):  # no such day, no such number, too deep
        config = None
    if not isinstance(config, dict) or not all(_is_list(config.get(key)) for key in SECTIONS):
        raise InputError(
            f"{what} is no kubeconfig; nothing was changed.",
            hint="Name another file with: --kubeconfig FILE",
        )
    return config


def _is_list(section: Any) -> bool:  # noqa: ANN401  (YAML)
    entries = section or []
    return isinstance(entries, list) and all(isinstance(one, dict) for one in entries)


def _with(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kubeconfig that was there, with what was handed out; that is current then."""
    lists = {section: _merged(old.get(section) or [], new[section][0]) for section in SECTIONS}
    kind = {"apiVersion": "v1", "kind": "Config", "current-context": str(new["current-context"])}
    return {**old, **lists, **kind}


def _merged(old: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all of them, the new one in the place of the old one of its name."""
    for place, one in enumerate(old):
        if one.get("name") == new["name"]:
            return [*old[:place], new, *old[place + 1 :]]
    return [*old, new]


def _entry(config: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    found = _named(config, section, name)
    if found and "" not in found:
        return found
    raise InputError("The hand-out is not a whole kubeconfig. Ask for it again.")


def _write(path: Path, content: bytes) -> None:
    """Write the whole file, for its owner alone, or leave what was there.

    A link, as dotfiles put one there, stays a link.

    Raises:
        InputError: If it cannot be written.
    """
    real = Path(os.path.realpath(path))
    part = real.with_name(f".{real.name}.{secrets.token_hex(4)}")
    try:
        real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(real)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise InputError(f"{path} cannot be written: {error.strerror}.") from None
