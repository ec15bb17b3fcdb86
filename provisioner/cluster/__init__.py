"""The one door to Kubernetes: nothing else in the package talks to an API server."""

from typing import TYPE_CHECKING

from .. import late

if TYPE_CHECKING:
    from ..manifest import MANAGER
    from .answers import ApiError, NotKnownError
    from .change import apply, await_absent, await_gone, check, delete, take_away
    from .claim import SECONDS as CLAIM_SECONDS
    from .claim import Claim, claim_of, is_going, is_tied, refuse_going
    from .claim import take as take_claim
    from .claim import write as write_claim
    from .client import Client
    from .contents import Whereabouts, list_type, look_around, namespaced_types
    from .counting import await_counted, uncounted
    from .creation import create, read_object
    from .follow import AGAIN, Follower
    from .kubeconfig import Access, load
    from .kubeconfig import parse as parse_kubeconfig
    from .many import ask_many
    from .observe import Found, Listing, list_cohort, look_for_strangers, made_by_us, read
    from .openness import (
        MAY_ASK,
        answers_the_unknown,
        given_to_everybody,
        minds_pod_security,
        strangers_may,
    )
    from .probe import longest_token
    from .resources import RESOURCES, path_of
    from .rights import Right, may, uid_of, version, whoami
    from .rights import listed as listed_rights
    from .rights import missing as missing_rights
    from .rights import needed as needed_rights
    from .rights import suspension as suspension_rights
    from .role_objects import impersonator, roles
    from .room import read_room
    from .running import NotRunError, await_pod, has_ended, is_ready, remove_pod
    from .running import containers as pod_containers
    from .running import make as make_in
    from .searching import Search, search
    from .secrets import (
        Source,
        look_at,
        read_source,
        version_of,
        with_copies,
        write_copy,
    )
    from .served_types import Type, listable, served
    from .stuck import finalize
    from .transport import WORKERS

__all__ = [
    "AGAIN",
    "CLAIM_SECONDS",
    "MANAGER",
    "MAY_ASK",
    "RESOURCES",
    "WORKERS",
    "Access",
    "ApiError",
    "Claim",
    "Client",
    "Follower",
    "Found",
    "Listing",
    "NotKnownError",
    "NotRunError",
    "Right",
    "Search",
    "Source",
    "Type",
    "Whereabouts",
    "answers_the_unknown",
    "apply",
    "ask_many",
    "await_absent",
    "await_counted",
    "await_gone",
    "await_pod",
    "check",
    "claim_of",
    "create",
    "delete",
    "finalize",
    "given_to_everybody",
    "has_ended",
    "impersonator",
    "is_going",
    "is_ready",
    "is_tied",
    "list_cohort",
    "list_type",
    "listable",
    "listed_rights",
    "load",
    "longest_token",
    "look_around",
    "look_at",
    "look_for_strangers",
    "made_by_us",
    "make_in",
    "may",
    "minds_pod_security",
    "missing_rights",
    "namespaced_types",
    "needed_rights",
    "parse_kubeconfig",
    "path_of",
    "pod_containers",
    "read",
    "read_object",
    "read_room",
    "read_source",
    "refuse_going",
    "remove_pod",
    "roles",
    "search",
    "served",
    "strangers_may",
    "suspension_rights",
    "take_away",
    "take_claim",
    "uid_of",
    "uncounted",
    "version",
    "version_of",
    "whoami",
    "with_copies",
    "write_claim",
    "write_copy",
]

__getattr__ = late.parts(
    __name__,
    {
        "answers": "ApiError, NotKnownError",
        "change": "apply, await_absent, await_gone, check, delete, take_away",
        "claim": "SECONDS as CLAIM_SECONDS, Claim, claim_of, is_going, is_tied, refuse_going, "
        "take as take_claim, write as write_claim",
        "client": "Client",
        "contents": "Whereabouts, list_type, look_around, namespaced_types",
        "counting": "await_counted, uncounted",
        "creation": "create, read_object",
        "follow": "AGAIN, Follower",
        "kubeconfig": "Access, load, parse as parse_kubeconfig",
        "many": "ask_many",
        "observe": "MANAGER, Found, Listing, list_cohort, look_for_strangers, made_by_us, read",
        "openness": "MAY_ASK, answers_the_unknown, given_to_everybody, minds_pod_security, "
        "strangers_may",
        "probe": "longest_token",
        "resources": "RESOURCES, path_of",
        "rights": "Right, may, uid_of, version, whoami, listed as listed_rights, missing as "
        "missing_rights, needed as needed_rights, suspension as "
        "suspension_rights",
        "role_objects": "impersonator, roles",
        "room": "read_room",
        "running": "NotRunError, await_pod, containers as pod_containers, has_ended, is_ready, "
        "make as make_in, remove_pod",
        "searching": "Search, search",
        "secrets": "Source, look_at, read_source, version_of, with_copies, write_copy",
        "served_types": "Type, listable, served",
        "stuck": "finalize",
        "transport": "WORKERS",
    },
)
