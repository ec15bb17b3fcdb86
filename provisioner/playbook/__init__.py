"""The one door to Ansible: run a playbook on lab hosts, and say how each host fared.

Ansible runs in a worker process with an environment of its own making: what ansible-runner
writes to its private folder is whatever environment it finds, and ours has a passphrase in
it. The folder is new for each run, only we may enter it, and it is gone at the end.
"""

from __future__ import annotations

from .host_keys import HostKey, Pinned, known_hosts_lines, pinned_keys, place, scan
from .places import playbook_file
from .play import IDLE, LONGEST, Play
from .results import HostResult, State
from .run import Run

__all__ = [
    "IDLE",
    "LONGEST",
    "HostKey",
    "HostResult",
    "Pinned",
    "Play",
    "Run",
    "State",
    "known_hosts_lines",
    "pinned_keys",
    "place",
    "playbook_file",
    "scan",
]
