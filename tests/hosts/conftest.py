"""The hosts that the tests of the roles share."""

from .course import changed, course, program_cache, provisioned, removed
from .rig import engine, host_image, new_host, operator_key

__all__ = [
    "changed", "course", "engine", "host_image", "new_host", "operator_key", "program_cache",
    "provisioned", "removed",
]  # fmt: skip
