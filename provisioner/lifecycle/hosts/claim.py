"""Hold lab hosts for the length of a run, for operators on other machines to see."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from ... import playbook
from ...settings import Settings
from .. import place

RELEASE = "release-hosts"
"""The playbook that lets go of what a run could not finish."""


def of(settings: Settings) -> dict[str, Any]:
    """Return the claim of this process; it ends by itself when no run can last that long."""
    return {
        "place": place.of(settings.home),
        "holder": f"process {os.getpid()} on {socket.gethostname()}",
        "seconds": playbook.LONGEST,
    }


def holder(told: Mapping[str, Any]) -> str:
    """Return who else holds a host, from what it reported; empty where nobody does."""
    return str((told.get("lab_claim") or {}).get("holder") or "")
