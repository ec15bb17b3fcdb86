"""What a cohort is, who is in it, and what was decided for each student.

A cohort is a folder, ``stacks/<name>``:

* ``cohort.yaml``    what each student gets, and where: `load`
* ``roster.csv``     who takes the course: `load_students`
* ``keys/<id>``      one public key a student: `keys`
* ``students.json``  what Practicum decided for each student: `records`
* ``groups.json``    the same for groups that share a namespace: `groups`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import late

if TYPE_CHECKING:  # the schema takes longer to import than a cluster to answer
    from .access import ClusterAccess
    from .environment import Environment
    from .groups import Group
    from .keys import Recipient
    from .limits import Limits
    from .loading import FILE, load
    from .oidc import Oidc
    from .quota import Quota
    from .records import Record
    from .schema import Cohort, Groups
    from .staff import Assistant, Section
    from .students import Student, load_students, students_by_id
    from .term import Term

__all__ = [
    "FILE",
    "Assistant",
    "ClusterAccess",
    "Cohort",
    "Environment",
    "Group",
    "Groups",
    "Limits",
    "Oidc",
    "Quota",
    "Recipient",
    "Record",
    "Section",
    "Student",
    "Term",
    "load",
    "load_students",
    "students_by_id",
]

__getattr__ = late.parts(
    __name__,
    {
        "access": "ClusterAccess",
        "environment": "Environment",
        "groups": "Group",
        "keys": "Recipient",
        "limits": "Limits",
        "loading": "FILE, load",
        "oidc": "Oidc",
        "quota": "Quota",
        "records": "Record",
        "schema": "Cohort, Groups",
        "staff": "Assistant, Section",
        "students": "Student, load_students, students_by_id",
        "term": "Term",
    },
)
