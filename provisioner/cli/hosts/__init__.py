"""``practicum hosts``: the machines that students log in to."""

from __future__ import annotations

import click

from .looking import plan, status
from .pinning import scan
from .setting_up import down, up


@click.group()
def hosts() -> None:
    """Make lab hosts ready by Ansible over SSH, keep them right, clean them up.

    Hosts stand under `hosts` in the cohort file, what students get there under `accounts`.

    \b
    Examples:
      practicum hosts scan demo            compare and pin the hosts' keys, once
      practicum hosts plan demo
      practicum hosts up demo
      practicum hosts down demo
    """


for command in (plan, up, status, down, scan):
    hosts.add_command(command)
