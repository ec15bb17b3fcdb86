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
    from .environment import Environment, Limits, Quota
    from .groups import Group
    from .keys import Recipient
    from .loading import FILE, load
    from .oidc import Oidc
    from .records import Record
    from .schema import Assistant, ClusterAccess, Cohort, Groups, Section, Term
    from .students import Student, load_students

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
]

__getattr__ = late.parts(
    __name__,
    {
        "environment": "Environment, Limits, Quota",
        "groups": "Group",
        "keys": "Recipient",
        "loading": "FILE, load",
        "oidc": "Oidc",
        "records": "Record",
        "schema": "Assistant, ClusterAccess, Cohort, Groups, Section, Term",
        "students": "Student, load_students",
    },
)
