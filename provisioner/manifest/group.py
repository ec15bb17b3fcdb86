"""What the members of a group share: a namespace with the fences of a student's.

It is rendered as a student's environment is, so what holds in one holds in the other, and
the cohort's policies select both. It has no account: its members come with their own, and
with the role that they have at home.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..cohort import Group, Record
from . import labels
from .environment import environment, student_binding
from .objects import Manifest

if TYPE_CHECKING:  # the schema takes long to import
    from ..cohort import Cohort

WAY_IN = "practicum-student"
"""Name of the RoleBinding that lets a student in."""


def group(cohort: Cohort, group: Group, records: Mapping[str, Record]) -> list[Manifest]:
    """Render everything that a group shares, in order of creation.

    Args:
        cohort: The cohort file.
        group: The group.
        records: The students' records, by id. Whoever has no way into the own namespace,
            because they are suspended or have left, has none into this one.
    """
    fences = [
        one
        for one in environment(_with_its_quota(cohort), _as_student(group))
        if one["metadata"].get("namespace", group.namespace) == group.namespace
        and one["metadata"]["name"] != WAY_IN
    ]
    annotations = fences[0]["metadata"]["annotations"]
    del annotations[labels.STUDENT_ID]
    annotations[labels.GROUP] = group.title
    return fences + _way_in(cohort, group, records)


def _as_student(group: Group) -> Record:
    return Record(
        id=group.title,
        name=group.name,
        namespace=group.namespace,
        wave=group.wave,
        generation=1,
        section=group.section,
    )


def _with_its_quota(cohort: Cohort) -> Cohort:
    quota = cohort.groups.quota
    if quota is None:
        return cohort
    return cohort.model_copy(update={"environment": cohort.environment.holding(quota)})


def _way_in(cohort: Cohort, group: Group, records: Mapping[str, Record]) -> list[Manifest]:
    """Return the binding of the members: of those whom their own lets in."""
    members = [records[id] for id in group.members if id in records and not records[id].dropped]
    own = [binding for member in members if (binding := student_binding(cohort, member))]
    if not own:
        return []
    metadata = {
        "name": WAY_IN,
        "namespace": group.namespace,
        "labels": labels.of_student(cohort.name, _as_student(group)),
    }
    subjects = [subject for one in own for subject in one["subjects"]]
    return [{**own[0], "metadata": metadata, "subjects": subjects}]
