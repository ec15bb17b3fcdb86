"""The one door to Kubernetes: nothing else in the package talks to an API server."""

from .change import await_gone, check, delete, take_away
from .client import ApiError, Client
from .kubeconfig import Access, load
from .observe import MANAGER, Found, list_cohort, look_for_strangers, read
from .probe import longest_token
from .resources import RESOURCES, path_of
from .rights import Right, may, version
from .rights import listed as listed_rights
from .rights import missing as missing_rights
from .rights import needed as needed_rights
from .roles import roles
from .search import Search, discover, search

__all__ = [
    "MANAGER",
    "RESOURCES",
    "Access",
    "ApiError",
    "Client",
    "Found",
    "Right",
    "Search",
    "await_gone",
    "check",
    "delete",
    "discover",
    "list_cohort",
    "listed_rights",
    "load",
    "longest_token",
    "look_for_strangers",
    "may",
    "missing_rights",
    "needed_rights",
    "path_of",
    "read",
    "roles",
    "search",
    "take_away",
    "version",
]
