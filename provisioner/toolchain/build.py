"""Builds a pinned program: in a folder aside, looked at, and only then put into the cache."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import shell
from ..errors import ToolError
from . import golang, provider
from .asking import Memory, ask
from .cache import Cache
from .pins import PROVIDER_MODULE, Pin

EVERY = 15.0
"""Seconds between two lines that say that a build still runs."""

LAST_LINES = 15

ATTEMPTS = 3
"""A first build fetches hundreds of modules: one lost connection is no reason to give up."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Builds into one cache, with whatever Go there is."""

    cache: Cache
    memory: Memory
    say: Callable[[str], None]
    every: float = EVERY

    def build(self, pin: Pin, place: str) -> Path:
        """Build one program and put it into the cache. The cache's lock must be held.

        Args:
            pin: The program.
            place: Where it stands among those to build: "2 of 6".

        Raises:
            MissingToolError: If there is no Go that is new enough.
            ToolError: If the build fails, or gives something that does not work.
        """
        module = self.cache.tools / pin.module
        go = golang.find(golang.wanted(module), lambda go: self.memory.version(go, ("version",)))
        self.say(f"building {pin.name} {pin.version} ({place}; {_duration(pin)})")
        began = time.monotonic()
        staging = self.cache.make_staging(pin)
        try:
            self._compile(go, pin, module, staging)
            _check(pin, staging / pin.name)
            path = self.cache.place(pin, staging / pin.name, staging)
        except OSError as error:
            raise ToolError(
                f"{pin.name} cannot be put into the cache: {error.strerror or error}.",
                hint=golang.hint(str(error).lower()),
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        self.say(f"built {pin.name} {pin.version} in {time.monotonic() - began:.0f} s")
        return path

    def _compile(self, go: Path, pin: Pin, module: Path, staging: Path) -> None:
        env = golang.environment(go) | ({"CGO_ENABLED": "0"} if pin.static else {})
        output = staging / "build.log"
        flags = ["-trimpath", "-mod=readonly", f"-ldflags={' '.join(pin.ldflags)}"]
        if pin.package == ".":
            flags.append(f"-overlay={_overlay(go, env, pin, module, staging)}")
        command: list[str | Path] = [go, "build", *flags, "-o", staging / pin.name, pin.package]
        began = time.monotonic()

        def tick() -> None:
            self.say(f"still building {pin.name}: {time.monotonic() - began:.0f} s so far")

        for attempt in range(1, ATTEMPTS + 1):
            process = shell.start(command, log_file=output, env=env, cwd=module)
            code = shell.follow(process, every=self.every, tick=tick)
            if code == 0:
                return
            written = output.read_text(errors="replace")
            if attempt == ATTEMPTS or not golang.is_network(written):
                raise _failure(pin, f"go exited with {code}", written)
            self.say(f"the network failed; trying to build {pin.name} again")
            output.unlink()


def _failure(pin: Pin, what: str, written: str) -> ToolError:
    return ToolError(
        f"{pin.name} {pin.version} could not be built ({what}).",
        hint=golang.hint(written),
        details="\n".join(written.strip().splitlines()[-LAST_LINES:]),
    )


def _overlay(go: Path, env: dict[str, str], pin: Pin, module: Path, staging: Path) -> Path:
    try:
        source = golang.module_folder(go, env, PROVIDER_MODULE, module)
    except ToolError as error:
        raise _failure(pin, "its module cannot be had", error.details or "") from error
    embedded = staging / "embedded"
    embedded.mkdir()
    return provider.make_overlay(source, module, pin.version, embedded)


def _check(pin: Pin, program: Path) -> None:
    """A binary that cannot say its version is not one: a linker may be cut short too."""
    version = ask(program, pin.ask)
    if version != pin.version:
        raise ToolError(
            f"The {pin.name} that was just built says that it is {version or 'nothing'}, "
            f"not {pin.version}.",
            hint="The pins below tools/ and in the code differ: take both from the repository.",
        )


def _duration(pin: Pin) -> str:
    if pin.minutes < 1:
        return "less than a minute"
    return f"about {pin.minutes:g} minute" + ("s" if pin.minutes > 1 else "")
