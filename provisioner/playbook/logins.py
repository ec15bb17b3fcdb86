"""Logins in addresses of proxies and package indexes: ansible-runner writes down what it sees.

So the process that it runs in has none of them in its environment. The one module that needs
them, which fetches programs on this machine, reads them from a file that is on no disk.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import MutableMapping

WHERE = "PRACTICUM_LOGINS"
"""The variable that names the file, where there is one."""

_MAY_HOLD_ONE = re.compile(r"PIP_[A-Z_]+|(https?|all)_proxy", re.IGNORECASE)


def put_aside(environment: MutableMapping[str, str]) -> None:
    """Take every variable with a login out of an environment, and name the file in it.

    The file lives as long as this process, and only its own user can open it. Where a system
    cannot have one, the logins are gone.
    """
    found = {name: value for name, value in environment.items()
             if "@" in value and _MAY_HOLD_ONE.fullmatch(name)}  # fmt: skip
    for name in found:
        del environment[name]
    if found and hasattr(os, "memfd_create"):
        file = os.memfd_create("logins")  # no child inherits it
        os.write(file, json.dumps(found).encode())
        environment[WHERE] = f"/proc/{os.getpid()}/fd/{file}"
