"""A peer: Pulumi as its documentation shows it, one stack of typed resources, no option set.

The Automation API with its defaults: it saves a checkpoint at every step, runs as many
operations at once as the engine thinks fit, and keeps to the provider's own request rate.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pulumi import CustomResource, ResourceOptions, automation

from infra.kubernetes_objects import declare, resource_name


def main() -> None:
    """Bring the objects of a file up in a stack of their own, with state in files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    objects = [json.loads(item["body"]) for item in json.loads(options.file.read_bytes())]
    options.state.mkdir()
    stack = automation.create_stack(
        "all",
        project_name="bench",
        program=lambda: _declare(objects),
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(options.state),
            pulumi_home=str(options.state / "home"),
            project_settings=automation.ProjectSettings(
                "bench", "python", backend=automation.ProjectBackend(f"file://{options.state}")
            ),
            env_vars={"KUBECONFIG": options.kubeconfig, "PULUMI_CONFIG_PASSPHRASE": "bench"},
        ),
    )
    stack.up()


def _declare(objects: list[dict[str, Any]]) -> None:
    namespaces: dict[str, CustomResource] = {}
    for manifest in objects:
        inside = namespaces.get(manifest["metadata"].get("namespace"))
        opts = ResourceOptions(depends_on=[inside] if inside else None)
        made = declare(
            resource_name(manifest["metadata"].get("namespace", "all"), manifest), manifest, opts
        )
        if manifest["kind"] == "Namespace":
            namespaces[manifest["metadata"]["name"]] = made


if __name__ == "__main__":
    main()
