"""One operation on a stack with one cluster, in a process of its own that a test may kill.

Called with the operation, the folder of the stack, and the cluster's description as JSON;
prints what changed, or why it failed, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pulumi import automation

from infra.kind_cluster import KindCluster, KindClusterArgs


def main(operation: str, folder: Path, cluster: dict[str, Any]) -> dict[str, Any]:
    def program() -> None:
        KindCluster("cluster", KindClusterArgs(**cluster))

    backend = automation.ProjectBackend(os.environ["PULUMI_BACKEND_URL"])
    stack = automation.create_or_select_stack(
        "course.cluster",
        project_name="practicum",
        program=program,
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(folder),
            project_settings=automation.ProjectSettings("practicum", "python", backend=backend),
        ),
    )

    def run() -> dict[str, Any]:
        done = getattr(stack, operation)(color="never", on_output=sys.stderr.write)
        return {"changes": done.summary.resource_changes}

    try:
        with suppress(automation.ConcurrentUpdateError):
            return run()
        stack.cancel()  # as every run of Practicum does after one that was killed
        return run()
    except automation.CommandError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))))
