"""Pulumi's provider protocol, for the one resource that there is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from .. import __version__, toolchain
from ..errors import PracticumError
from ..kind.cluster import Clusters
from ..kind.docker import Engine
from ..kind.found import Found
from ..kind.looking import look
from ..kind.wanted import Wanted
from . import differing

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that a preview does not know yet: Pulumi's own sign for it."""

SCHEMA = '{"name": "practicum", "resources": {"practicum:kind:Cluster": {}}}'

Request = Any
Response = Any


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine."""

    def __init__(self) -> None:
        self.engine = Engine()

    def GetPluginInfo(self, _request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Say which version this is."""
        return plugin_pb2.PluginInfo(version=__version__)

    def GetSchema(self, _request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Say which resources there are."""
        return provider_pb2.GetSchemaResponse(schema=SCHEMA)

    def CheckConfig(self, request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Take every setting: the engine's address is in the environment."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, _request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """No setting makes another provider of this one."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, _request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Say what we want to be sent: no secrets, no resources as values."""
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, _request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Let what is under way finish: half a cluster is no use to anybody."""
        return empty_pb2.Empty()

    def Check(self, request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Refuse what kind would refuse later, and fill in what was left out."""
        news = _read(request.news)
        if UNKNOWN in str(news):
            return provider_pb2.CheckResponse(inputs=request.news)
        try:
            wanted = Wanted.from_inputs(news)
        except (KeyError, TypeError, ValueError) as error:
            failure = provider_pb2.CheckFailure(property=str(error), reason="missing or no number")
            return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])
        failures = [
            provider_pb2.CheckFailure(property=name, reason=why) for name, why in wanted.mistakes()
        ]
        return provider_pb2.CheckResponse(inputs=_write(wanted.to_outputs()), failures=failures)

    def Diff(self, request: Request, _context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Say what changes, and whether kind can do that to a cluster that is there."""
        changes, replaces = differing.properties(_read(request.olds), _read(request.news))
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if changes else kinds.DIFF_NONE,
            diffs=changes,
            replaces=replaces,
            # The new one has the name and the ports of the old one.
            deleteBeforeReplace=True,
        )

    def Create(self, request: Request, context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Make a cluster, or take over what a killed run left of it."""
        inputs = _read(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        wanted = Wanted.from_inputs(inputs)
        found = _explained(context, lambda: self._clusters().ensure(wanted))
        return provider_pb2.CreateResponse(id=wanted.name, properties=_write(_outputs(found)))

    def Read(self, request: Request, context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Say what is there; nothing, when the cluster is gone or another's."""
        state = _read(request.properties)
        found = _explained(context, lambda: look(self.engine, request.id))
        if not found or not found.belongs_to(state.get("cohort", ""), state.get("student", "")):
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=_write(_outputs(found)),
            inputs=_write(found.as_wanted().to_outputs()),
        )

    def Update(self, request: Request, context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Stop or start the nodes: all else makes a new cluster."""
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        wanted = Wanted.from_inputs(_read(request.news))
        found = _explained(context, lambda: self._clusters().set_running(wanted))
        return provider_pb2.UpdateResponse(properties=_write(_outputs(found)))

    def Delete(self, request: Request, context: grpc.ServicerContext) -> Response:  # noqa: N802
        """Remove the cluster with all that belongs to it."""
        state = _read(request.properties)
        _explained(
            context,
            lambda: self._clusters().remove(request.id, state["cohort"], state["student"]),
        )
        return empty_pb2.Empty()

    def _clusters(self) -> Clusters:
        def say(line: str) -> None:
            sys.stderr.write(f"{line}\n")

        kind = toolchain.find(toolchain.KIND, say=say)[toolchain.KIND].path
        return Clusters(engine=self.engine, kind=kind, say=say)


def _outputs(found: Found) -> dict[str, Any]:
    return {
        **found.as_wanted().to_outputs(),
        "running": found.runs,
        "complete": found.complete,
        "server": found.server,
    }


def _explained(context: grpc.ServicerContext, call: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Run a call; what we can explain, the engine is told in our words."""
    try:
        return call()
    except PracticumError as error:
        _refuse(context, error)


def _refuse(context: grpc.ServicerContext, error: PracticumError) -> NoReturn:
    # Reports show the last line: what a program said comes before what we make of it.
    said = " ".join(part for part in (error.message, error.hint or "") if part)
    text = "\n".join(part for part in (error.details or "", said) if part)
    context.abort(grpc.StatusCode.UNKNOWN, text)
    raise AssertionError  # abort has raised


def _read(properties: struct_pb2.Struct) -> dict[str, Any]:
    return dict(json_format.MessageToDict(properties))


def _write(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    written = struct_pb2.Struct()
    written.update(properties)
    return written
