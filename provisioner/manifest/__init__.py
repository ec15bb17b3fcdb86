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
    SHARED_VOLUMES,
    STUDENT,
    STUDENT_ID,
    SUSPENDED,
    TIE,
    UNTIL,
    WAVE,
    belongs_to,
    selector,
)
from .objects import MANAGER, Manifest, ObjectKey, key_of
from .pull_secrets import COPY_OF, NOT_READ, SOURCE, Versions, copies, is_copy, named_by
from .role import (
    ARCHIVE,
    COPIES_BINDING,
    PULL_SECRETS,
    WITH_SECRETS,
    credentials_rules,
    manage_rule,
    role_name,
)
from .stack import GUARD, groups_part, stack_name

__all__ = [
    "ARCHIVE",
    "COHORT",
    "COPIES_BINDING",
    "COPY_OF",
    "GENERATION",
    "GROUP",
    "GUARD",
    "KIND_CLUSTER",
    "MANAGER",
    "NOT_READ",
    "PREFIX",
    "PULL_SECRETS",
    "QUOTA",
    "RENDERED_BY",
    "RENDERING",
    "SHARED_VOLUMES",
    "SOURCE",
    "STUDENT",
    "STUDENT_ID",
    "SUSPENDED",
    "TIE",
    "UNTIL",
    "WAVE",
    "WAY_IN",
    "WITH_SECRETS",
    "Manifest",
    "ObjectKey",
    "Versions",
    "as_object",
    "authentication",
    "belongs_to",
    "cluster_part",
    "copies",
    "credentials_rules",
    "environment",
    "group",
    "groups_part",
    "guard",
    "is_copy",
    "key_of",
    "kind_cluster",
    "manage_rule",
    "named_by",
    "reaches",
    "role_name",
    "selector",
    "stack_name",
    "student_binding",
]
