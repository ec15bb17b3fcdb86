"""The inventory of one run: values for Ansible that it must never read as a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

GROUP = "labs"


class _Dumper(yaml.SafeDumper):
    """Marks every value that could be read as a template; keys stay keys.

    What is marked, Ansible reads as YAML once more: `"0123"` would be the number 83. So what
    holds no brace is not marked, and is quoted.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401  (PyYAML's signature)
        """Repeat what is the same for two hosts: a plain copy is read easier."""
        return True

    def represent_mapping(
        self,
        tag: str,
        mapping: Any,  # noqa: ANN401
        flow_style: bool | None = None,  # noqa: FBT001
    ) -> yaml.MappingNode:
        """Take the mark from the keys again: a marked key is no key to Ansible."""
        node = super().represent_mapping(tag, mapping, flow_style)
        for key, _ in node.value:
            key.tag = "tag:yaml.org,2002:str"
        return node


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    tag = "!unsafe" if "{" in value else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, value, style='"')


_Dumper.add_representer(str, _text)


def render(hosts: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return an inventory in YAML, with all hosts in one group.

    What a roster or a cohort file holds stays what was typed, also
    ``{{ lookup('pipe', 'id') }}``.

    Args:
        hosts: Each host's variables, by its name; both names are ours.
    """
    document = {GROUP: {"hosts": {name: _plain(its) for name, its in hosts.items()}}}
    text = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000_000
    )
    return text.encode()


def _plain(value: Any) -> Any:  # noqa: ANN401  (JSON)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
