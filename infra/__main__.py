"""Entry point for the plain Pulumi command: the stack's name says what to register."""

from __future__ import annotations

from pathlib import Path

import pulumi

from infra.program import ClusterTarget, declare_stack
from provisioner import cohort as cohorts
from provisioner.cohort import clusters
from provisioner.cohort import groups as group_file
from provisioner.cohort import records as record_file

stack = pulumi.get_stack()
root = Path(pulumi.get_root_directory())
cohort = cohorts.load(root / "stacks", stack.split(".")[0])
records = record_file.load(cohort.folder / "students.json")
config = pulumi.Config()
asked = config.get if cohort.kind else config.require
declare_stack(
    stack,
    cohort,
    records.values(),
    ClusterTarget(kubeconfig=asked("kubeconfig") or "", context=asked("context") or ""),
    group_file.load(group_file.file_of(cohort)).values(),
    clusters.load(cohort.clusters_file) if cohort.kind else None,
)
