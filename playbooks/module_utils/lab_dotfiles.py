"""What a dotfiles repository may hold: read from its commit before anything of it is run.

Dotdrop runs shell commands while it loads a repository's configuration, so this reads the
configuration without Dotdrop. It refuses what reaches out of the repository or out of the
home, and what only Dotdrop itself could tell. What runs all the same runs confined.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

MOST_BYTES = 50 << 20
MOST_FILES = 5_000
MOST_CONFIG_BYTES = 256 << 10

REMOTE = re.compile(
    r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?/[A-Za-z0-9._~/+-]+"
    r"|ssh://([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?/[A-Za-z0-9._~/+-]+"
    r"|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._~/+-]+"
)
COMMIT = re.compile(r"[0-9a-f]{40}")
IN_SSH = frozenset({"config", "allowed_signers", "authorized_age_keys"})
"""What dotfiles may put into ``~/.ssh``: nothing that says who may log in, or runs then."""
TEMPLATE = re.compile(r"\{\{@@|\{%@@|\{#@@|\$|`")

PATHS = ("dotpath", "workdir", "import_variables", "import_actions", "func_file", "filter_file")
"""Settings of Dotdrop's that name a file or a folder."""


@dataclass(frozen=True)
class Entry:
    """One line of ``git ls-tree``."""

    mode: str
    size: int
    path: str


def read_tree(listed: str) -> list[Entry]:
    """Read what ``git ls-tree -r -l -z`` prints."""
    entries = []
    for line in filter(None, listed.split("\0")):
        facts, _, path = line.partition("\t")
        mode, _, _, size = facts.split()
        entries.append(Entry(mode, 0 if size == "-" else int(size), path))
    return entries


def remote_mistake(repository: str, commit: str) -> str | None:
    """Say what is wrong with where a repository is to come from; None when nothing is."""
    if not REMOTE.fullmatch(repository) or ".." in repository:
        return "its address is none of https://… and ssh://… without a password"
    if not COMMIT.fullmatch(commit):
        return "it is not pinned: a commit is 40 hexadecimal digits"
    return None


def tree_mistakes(entries: list[Entry]) -> list[str]:
    """Say what in a tree cannot be had, without reading any file."""
    mistakes = []
    if sum(entry.size for entry in entries) > MOST_BYTES or len(entries) > MOST_FILES:
        mistakes.append("it is too big")
    if any(entry.mode == "160000" or entry.path == ".gitmodules" for entry in entries):
        mistakes.append("it has a submodule")
    return mistakes


def link_mistake(path: str, target: str) -> str | None:
    """Say where a symbolic link leads, when that is out of the repository."""
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if posixpath.isabs(target) or inside == ".." or inside.startswith("../"):
        return f"the link {path} leads out of it"
    return None


def attributes_mistake(text: str) -> str | None:
    """Say whether attributes ask Git to run a program on a file's content."""
    found = re.search(r"\b(filter|diff|merge)=", text)
    return f"its attributes name a {found[1]} driver" if found else None


def config_mistakes(config: object, profile: str) -> list[str]:
    """Say what in a Dotdrop configuration is refused."""
    if not isinstance(config, dict):
        return ["its configuration is none of Dotdrop's"]
    mistakes = []
    settings, dotfiles, profiles = (config.get(k) or {} for k in ("config", "dotfiles", "profiles"))
    if not all(isinstance(part, dict) for part in (settings, dotfiles, profiles)):
        return ["its configuration is none of Dotdrop's"]
    mistakes = _settings_mistakes(settings)
    for name, dotfile in dotfiles.items():
        mistakes += _dotfile_mistakes(str(name), dotfile)
    if profile not in profiles:
        mistakes.append(f"it has no profile {profile}")
    if not all(_only_inside(found) for found in profiles.values()):
        mistakes.append("a profile imports a file from outside of it")
    return mistakes


def _settings_mistakes(settings: dict[str, object]) -> list[str]:
    found = ["it imports other configurations"] if settings.get("import_configs") else []
    for key in PATHS:
        values = settings.get(key) or []
        for value in values if isinstance(values, list) else [values]:
            if not _inside(value) and not (key == "workdir" and target_mistake(value) is None):
                found.append(f"its {key} lies outside of it")
    return found


def _only_inside(profile: object) -> bool:
    """Say whether a profile takes nothing from outside of the repository."""
    if not profile:
        return True
    paths = profile.get("import") or [] if isinstance(profile, dict) else [None]
    return isinstance(paths, list) and all(map(_inside, paths))


def _dotfile_mistakes(name: str, dotfile: object) -> list[str]:
    if not isinstance(dotfile, dict):
        return [f"the dotfile {name} is none"]
    found = []
    if "src" in dotfile and not _inside(dotfile["src"]):
        found.append(f"the source of {name} lies outside of it")
    mistake = target_mistake(dotfile.get("dst"))
    if mistake:
        found.append(f"the target of {name} {mistake}")
    return found


def target_mistake(target: object) -> str | None:
    """Say what is wrong with where a dotfile is put; None when nothing is.

    >>> target_mistake("~/.bashrc")
    >>> target_mistake("~/../s2/.bashrc")
    'lies outside of the home'
    """
    if not isinstance(target, str) or not target:
        return "is missing"
    if TEMPLATE.search(target):
        return "can be told by Dotdrop only"
    inside = posixpath.normpath(target)
    parts = inside.split("/")
    if parts[0] != "~" or ".." in parts or len(parts) < 2:
        return "lies outside of the home"
    if parts[1] == ".ssh" and (len(parts) != 3 or parts[2] not in IN_SSH):
        return "would decide who may log in"
    return None


def _inside(path: object) -> bool:
    """Say whether a path stays in the repository whatever Dotdrop makes of it."""
    if not isinstance(path, str) or TEMPLATE.search(path):
        return False
    inside = posixpath.normpath(path)
    return not (posixpath.isabs(inside) or inside.startswith(("~", "../")) or inside == "..")
