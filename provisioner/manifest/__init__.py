"""What a cohort is on the cluster, as plain data: the one rendering that all parts use.

``plan`` compares it with what runs, the Pulumi program registers it, ``render`` prints
it. Pure functions of (cohort, record): the same input gives the same objects, and what
the API server would default is spelled out, so that a comparison can be exact.
"""

from .authentication import authentication
from .egress import reaches
from .environment import environment, student_binding
from .group import WAY_IN, group
from .guard import guard
from .kind_cluster import KIND_CLUSTER, as_object, cluster_part, kind_cluster
from .labels import (
    COHORT,
    GENERATION,
    GROUP,
    PREFIX,
    QUOTA,
    RENDERED_BY,
    RENDERING,
    STUDENT,
    STUDENT_ID,
    SUSPENDED,
    UNTIL,
    WAVE,
    belongs_to,
    selector,
)
from .objects import Manifest, ObjectKey, key_of
from .role import ARCHIVE, WITH_SECRETS, credentials_rules, manage_rule, role_name
from .stack import GUARD, groups_part, stack_name

__all__ = [
    "ARCHIVE",
    "COHORT",
    "GENERATION",
    "GROUP",
    "GUARD",
    "KIND_CLUSTER",
    "PREFIX",
    "QUOTA",
    "RENDERED_BY",
    "RENDERING",
    "STUDENT",
    "STUDENT_ID",
    "SUSPENDED",
    "UNTIL",
    "WAVE",
    "WAY_IN",
    "WITH_SECRETS",
    "Manifest",
    "ObjectKey",
    "as_object",
    "authentication",
    "belongs_to",
    "cluster_part",
    "credentials_rules",
    "environment",
    "group",
    "groups_part",
    "guard",
    "key_of",
    "kind_cluster",
    "manage_rule",
    "reaches",
    "role_name",
    "selector",
    "stack_name",
    "student_binding",
]
