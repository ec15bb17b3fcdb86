"""What Pulumi's Python SDK does for every resource and nobody here reads: left out.

A cohort registers thousands of resources, and to register is most of what a worker does:
these take three quarters of its CPU time away. The names are the SDK's own, which is
pinned; a test looks for each of them and for what is registered.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any, cast

import pulumi
from pulumi import _types
from pulumi.runtime import resource, rpc, stack
from pulumi.runtime.proto.resource_pb2 import RegisterResourceResponse
from pulumi.runtime.proto.source_pb2 import StackTrace

_resolve, _wait, _unwrap = rpc.resolve_outputs, stack.wait_for_rpcs, _types.unwrap_type


def spare() -> None:
    """Leave it out, in this process, from now on. The shares are of what was left before."""
    # Each is a blocking call to the engine: a third.
    pulumi.log.debug = lambda *_, **__: None
    # Where in our code a resource was made: two fifths, and our paths in the state.
    nowhere = StackTrace()
    resource._get_stack_trace = lambda: nowhere
    # The live object, decoded into typed classes: the program uses URN and id alone. A sixth.
    nothing = RegisterResourceResponse().object
    rpc.resolve_outputs = lambda made, _given, _answered, *rest: _resolve(
        made, nothing, nothing, *rest
    )
    # Called right after the program, it sees no registration yet, and then waits for
    # thousands of outputs at once, again and again. A third.
    stack.wait_for_rpcs = _wait_for_registrations
    # The same few types, looked into for every value. A tenth.
    _types.unwrap_type = functools.cache(_unwrap)
    # A name that is used only where there is no engine. A quarter.
    resource.create_urn = lambda *_: cast(Any, _NOBODYS)


async def _wait_for_registrations(await_all_outstanding_tasks: bool = True) -> None:  # noqa: FBT001, FBT002
    await asyncio.sleep(0)
    await _wait(await_all_outstanding_tasks)


class _Nobodys:
    """Stands in for the output that would hold a name."""

    async def future(self) -> str:
        return ""


_NOBODYS = _Nobodys()
