"""The hosts that the tests of the roles share."""

from .rig import engine, host_image, new_host, operator_key

__all__ = ["engine", "host_image", "new_host", "operator_key"]
