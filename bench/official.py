"""A peer: the official Python client in threads, as most programs of this kind are written."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

THREADS = 16


def main() -> None:
    """Apply the objects of a file on the server's side, namespaces first."""
    from kubernetes import config, dynamic

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    client = dynamic.DynamicClient(config.new_client_from_config(options.kubeconfig))
    objects = [json.loads(item["body"]) for item in json.loads(options.file.read_bytes())]

    def apply(manifest: dict[str, Any]) -> None:
        resource = client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        client.server_side_apply(
            resource,
            manifest,
            namespace=manifest["metadata"].get("namespace"),
            field_manager="bench",
            force_conflicts=True,
        )

    with ThreadPoolExecutor(THREADS) as threads:
        for first in (True, False):
            some = [item for item in objects if (item["kind"] == "Namespace") == first]
            list(threads.map(apply, some))


if __name__ == "__main__":
    main()
