"""The students' modules as Python, found as Ansible finds them beside a playbook."""

from __future__ import annotations

import sys
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

import ansible.module_utils

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
ansible.module_utils.__path__.append(str(PLAYBOOKS / "module_utils"))


def shared(name: str) -> ModuleType:
    """Import what modules share."""
    return import_module(f"ansible.module_utils.{name}")


def library(name: str) -> ModuleType:
    """Import a module."""
    spec = util.spec_from_file_location(name, PLAYBOOKS / "library" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
