"""What Practicum hands out, and no word more: anybody can encrypt to a public key.

A kubeconfig can have `kubectl` run programs, read files, trust any server and go through any
proxy. What Practicum writes into one is little, and told here key by key; all else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError

SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}

KEYS = {
    "clusters": {"server", "certificate-authority-data"},
    "users": {"token", "client-certificate-data", "client-key-data", "exec"},
    "contexts": {"cluster", "user", "namespace"},
}
"""What an entry may say; `credential.kubeconfig` writes these."""

LOGIN = {"apiVersion", "command", "args", "interactiveMode"}

FLAGS = (
    "--oidc-issuer-url=",
    "--oidc-client-id=",
    "--oidc-extra-scope=",
    "--certificate-authority-data=",
)
"""What the school's login is told. The plug-in has flags that name programs and files, too."""


def refuse_foreign(config: Mapping[str, Any]) -> None:
    """Stop where a kubeconfig is not what Practicum hands out.

    Raises:
        InputError: If it is not one context by one name, if kubectl would run a program for
            it, or if it says anything that Practicum does not write.
    """
    name = config.get("current-context")
    found = {section: _only(config, section, name) for section in SECTIONS}
    if found["contexts"].get("cluster") != name or found["contexts"].get("user") != name:
        raise _broken()
    user = found["users"]
    if "auth-provider" in user or not _is_login(user.get("exec")):
        raise InputError(
            "The hand-out would have kubectl run a program on this machine; nothing was changed.",
            hint="Ask the course's staff whether this file is theirs.",
        )
    _refuse_other_words(found)


def _only(config: Mapping[str, Any], section: str, name: object) -> Mapping[str, Any]:
    """Return what the one entry of a section says.

    Raises:
        InputError: If there are several, or none, or it has another name.
    """
    entries, kind = config.get(section) or [], SECTIONS[section]
    # A second entry of the name would be the one that is written, and not the one that is judged.
    if len(entries) != 1 or entries[0].keys() != {"name", kind}:
        raise _broken()
    found = entries[0][kind]
    if not _is_text(name) or entries[0]["name"] != name or not isinstance(found, dict):
        raise _broken()
    return found


def _is_login(program: object) -> bool:
    """Say whether it is the school's login, which is all that a hand-out ever runs; or nothing."""
    if program is None:
        return True
    if not isinstance(program, dict) or not program.keys() <= LOGIN:
        return False
    given = program.get("args")
    if program.get("command") != "kubectl" or not isinstance(given, list):
        return False
    told = given[2:]
    return given[:2] == ["oidc-login", "get-token"] and all(
        _is_text(one) and one.startswith(FLAGS) for one in told
    )


def _refuse_other_words(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Stop at a key that Practicum does not write, or a value that is no plain text.

    Raises:
        InputError: If there is one. No value is repeated.
    """
    for section, said in found.items():
        other = [key for key in said if key not in KEYS[section]]
        if other:
            raise InputError(
                f"The hand-out has {_shown(other[0])} under {section}, which Practicum never"
                " writes; nothing was changed.",
                hint="Ask the course's staff whether this file is theirs.",
            )
        if not all(_is_text(value) for key, value in said.items() if key != "exec"):
            raise _broken()
    if not {"server"} <= found["clusters"].keys():
        raise _broken()


def _is_text(value: object) -> bool:
    """Say whether it is a text of one line that a terminal does not obey."""
    return isinstance(value, str) and bool(value) and value.isprintable()


def _shown(key: object) -> str:
    return "".join(one for one in str(key) if one.isprintable())[:40]


def _broken() -> InputError:
    return InputError("The hand-out is not a whole kubeconfig. Ask for it again.")
