"""Run the Pulumi program without an engine, and record what it registers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor


class _Echo(pulumi.runtime.Mocks):
    """Every resource comes back exactly as it was asked for."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"the program asks a provider: {args.token}")


@dataclass(frozen=True)
class Registered:
    """One registration, as the engine would get it."""

    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any] = field(repr=False)
    dependencies: frozenset[str] = field(repr=False)
    provider: str = field(repr=False)
    deleted_with: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    custom: bool = field(repr=False)

    @property
    def kind(self) -> str:
        return self.type.rpartition(":")[2]

    @property
    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = self.inputs["metadata"]
        return found


class Recorder(MockMonitor):
    """Stands where the engine would be; keeps what is registered, and the outputs."""

    def __init__(self) -> None:
        super().__init__(_Echo())
        self._registered: list[Registered] = []
        self.outputs: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  (gRPC's name)
        response = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self._registered.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    urn=response.urn,
                    parent=request.parent,
                    inputs=pulumi.runtime.rpc.deserialize_properties(request.object),
                    dependencies=frozenset(request.dependencies),
                    provider=request.provider,
                    deleted_with=request.deletedWith,
                    secrets=tuple(request.additionalSecretOutputs),
                    custom=request.custom,
                )
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  (gRPC's name)
        # The stack's own are empty, and on a busy machine may come after the test has looked.
        if "::pulumi:pulumi:Stack::" not in request.urn:
            self.outputs[request.urn] = pulumi.runtime.rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)

    @property
    def registered(self) -> list[Registered]:
        """Everything, by name: the order is the event loop's, and tells nothing."""
        return sorted(self._registered, key=lambda item: item.urn)

    def of_kind(self, kind: str) -> list[Registered]:
        return [item for item in self.registered if item.kind == kind]

    def one(self, name: str) -> Registered:
        [found] = [item for item in self.registered if item.name == name]
        return found

    @property
    def objects(self) -> list[Registered]:
        """What would be made on the cluster."""
        return [item for item in self.registered if item.type.startswith("kubernetes:")]

    @property
    def components(self) -> list[Registered]:
        return [item for item in self.registered if not item.custom]


Run = Callable[..., Recorder]


@pytest.fixture
def run() -> Iterator[Run]:
    """Run a program to its end, each time as a stack of its own with a loop of its own."""
    loops = []

    def run(
        program: Callable[[], Any], stack: str = "mls26.wave-01", root: Path = Path()
    ) -> Recorder:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])
        recorder = Recorder()
        pulumi.runtime.set_mocks(
            recorder.mocks, "practicum", stack, preview=False, monitor=recorder
        )
        pulumi.runtime.settings.SETTINGS.root_directory = str(root)

        @pulumi.runtime.test
        def to_the_end() -> None:
            program()

        to_the_end()
        return recorder

    yield run
    for loop in loops:
        loop.close()
    asyncio.set_event_loop(None)
