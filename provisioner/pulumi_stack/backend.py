"""Where Pulumi keeps its state, and the environment that its processes get."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .. import private_file, shell
from ..errors import ToolError

PARALLEL = 64
"""Operations a stack has in flight: latency then costs nothing (measured at 25 ms)."""

RUN_MARK = "PRACTICUM_RUN"
"""In the environment of all that a run starts, so that strays can be told by it."""

BUCKETS = ("s3://", "gs://", "azblob://")

PATIENCE = 60.0
"""Seconds in which a bucket says whether it is there: Pulumi itself tries three times."""

KEPT = ("PULUMI_ACCESS_TOKEN",)
"""The only PULUMI_ variable of the operator that passes: others change what a run does
(``PULUMI_K8S_DELETE_UNREACHABLE``, for one, drops objects from the state)."""


DEAD = {"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "10", "HTTP2_PING_TIMEOUT_SECONDS": "10"}
"""How the provider tells a dead connection from a slow server: it asks after ten seconds of
silence, and waits as long for an answer. All of its requests share one connection."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Pulumi's state backend and the folders that go with it."""

    home: Path
    """Practicum's home; state is below it unless ``url`` says otherwise."""

    url: str
    """A Pulumi backend URL: ``file://…``, ``s3://…``, ``gs://…``, ``azblob://…``, ``https://…``."""

    tools: tuple[Path, ...]
    """Folders of the Pulumi engine and provider; they come first on PATH."""

    run: str
    """Names the run in the environment of what it starts."""

    @property
    def passphrase(self) -> Path:
        """File that holds the passphrase of the stacks' secrets provider."""
        return self.home / "passphrase"

    def work_dir(self, cohort: str) -> Path:
        """Return the folder with the cohort's ``Pulumi.<stack>.yaml`` files."""
        return self.home / "pulumi" / cohort

    def pulumi_homes(self, cohort: str) -> Path:
        """Return what holds a folder a stack: Pulumi's workspace file is unsafe when shared."""
        return self.work_dir(cohort) / "home"

    def log(self, cohort: str, stack: str) -> Path:
        """Return the file with what the engine said of a stack, without secrets."""
        return self.work_dir(cohort) / "logs" / f"{stack}.log"

    def prepare(self, cohort: str) -> None:
        """Make the folders and the passphrase, where they are missing.

        Raises:
            InputError: If the passphrase is empty, or others may read it.
        """
        private_file.make_folder(self.work_dir(cohort))
        if self.url.startswith("file://"):
            private_file.make_folder(Path(self.url.removeprefix("file://")))
        if not self.passphrase.exists():
            private_file.write(self.passphrase, secrets.token_urlsafe(32).encode())
        private_file.require_private(self.passphrase)

    def refuse_unreachable(self, cohort: str) -> None:
        """Stop where the bucket with the state is not there, or not ours to use.

        Pulumi would say so in its own words, of each stack, after the records were written.
        A folder has been made.

        Raises:
            ToolError: If that is so.
        """
        if not self.url.startswith(BUCKETS):
            return
        with TemporaryDirectory() as home:  # Pulumi notes there which backend it asked last
            env = self.environment(cohort) | {"PULUMI_HOME": home}
            try:
                shell.run("pulumi", "whoami", "--non-interactive", env=env, timeout=PATIENCE)
            except ToolError as error:
                raise ToolError(
                    f"The state at {self.url} cannot be used; nothing was changed.",
                    details=error.details or error.message,
                    hint="Make the bucket, or mend --state, the network or your login for it.",
                ) from error

    def environment(self, cohort: str) -> dict[str, str]:
        """Return the whole environment of a worker; Pulumi gets its own home below this one."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in KEPT or not name.startswith(("PULUMI_", "KUBECONFIG"))
        }
        path = os.pathsep.join([*map(str, self.tools), os.environ.get("PATH", os.defpath)])
        return {
            **DEAD,
            **kept,
            "PATH": path,
            RUN_MARK: self.run,
            "PULUMI_HOME": str(self.pulumi_homes(cohort)),
            "PULUMI_BACKEND_URL": self.url,
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            # A checkpoint a step costs more than all else together. A killed run leaves
            # the old state; the next one applies the same objects again and converges.
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
