"""One kind cluster: made, taken over, stopped, started, removed. Each may be repeated.

A run that was killed leaves a cluster that is whole, or half of one. The whole one is taken
over; the half is removed and made anew. What another made under that name is not touched, nor
what another is making.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .. import shell
from ..errors import ToolError
from . import locks, mishap, pod_routes
from . import nodes as all_nodes
from .docker import PATIENCE as PATIENCE_OF_ENGINE
from .docker import Engine
from .found import (
    CLUSTER,
    COHORT,
    COMPLETE,
    MAKER,
    NAMES,
    RECIPE,
    STUDENT,
    Found,
    network_name,
)
from .looking import look
from .wanted import Wanted

Say = Callable[[str], None]

OPTIONS = ("--driver", "bridge", "--opt", "com.docker.network.bridge.enable_ip_masquerade=true")


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """The clusters of one engine."""

    engine: Engine
    kind: Path
    """The program."""

    say: Say

    def ensure(self, wanted: Wanted) -> Found:
        """Have a cluster; return what is there then.

        Raises:
            ToolError: If there is a stranger's of that name, another is just making it, or it
                cannot be made.
        """
        with locks.held(self.engine, wanted.name, self.say) as held:
            found = self._own(wanted.name, wanted.cohort, wanted.student)
            if found and not _is_as_wanted(found, wanted):
                self._remove(wanted.name, held)
                found = look(self.engine, wanted.name)
            if not found:
                self._make_or_clear(wanted, held)
                found = look(self.engine, wanted.name)
            return self._run_or_stop(found, running=wanted.running)

    def set_running(self, wanted: Wanted) -> Found:
        """Stop or start the nodes; everything in them stays.

        Raises:
            ToolError: If the cluster is gone or a stranger's, or the engine fails.
        """
        with locks.held(self.engine, wanted.name, self.say):
            found = self._own(wanted.name, wanted.cohort, wanted.student)
            if not found.nodes:
                raise ToolError(f"The cluster {wanted.name} is gone.")
            return self._run_or_stop(found, running=wanted.running)

    def remove(self, name: str, cohort: str, student: str) -> None:
        """Remove a cluster with its network and volumes; one that is gone is no mistake.

        Raises:
            ToolError: If it is a stranger's, another is just making it, or something of it stays.
        """
        with locks.held(self.engine, name, self.say) as held:
            if self._own(name, cohort, student):
                self._remove(name, held)

    def kubeconfig(self, name: str) -> str:
        """Return the kubeconfig of the cluster's admin, as it lies in the first node alone.

        kind's own way to it would hold all that the node says, which its student decides. The
        server's address in it is the node's own.

        Raises:
            ToolError: If there is no such cluster, or the node does not give it.
        """
        command = ("cat", "/etc/kubernetes/admin.conf")
        return self.engine.inside(f"{name}-control-plane", *command, timeout=PATIENCE_OF_ENGINE)

    def _own(self, name: str, cohort: str, student: str) -> Found:
        found = look(self.engine, name)
        if found and not found.belongs_to(cohort, student):
            raise ToolError(
                f"There is a cluster {name} that is not this student's; it was not touched.",
                hint=f"Look at it with: docker ps -a --filter label=io.x-k8s.kind.cluster={name}",
            )
        locks.refuse_what_another_makes(self.engine, found)
        return found

    def _make_or_clear(self, wanted: Wanted, held: int) -> None:
        self._refuse_other_architecture(wanted.image)
        self._claim(wanted)
        try:
            self._make(wanted, held)
        except ToolError as error:
            with suppress(ToolError):  # an engine that died says nothing more of use
                self._remove(wanted.name, held)  # half a cluster holds memory, and ports
            raise mishap.explained(error, wanted) from None

    def _refuse_other_architecture(self, image: str) -> None:
        """Stop where the engine has the image, and could not start it.

        Raises:
            ToolError: If that is so.
        """
        command = ("image", "inspect", "--format", "{{.Architecture}}", image)
        try:
            its = self.engine.run(*command, timeout=PATIENCE_OF_ENGINE).strip()
        except ToolError:
            return  # kind fetches it, and says why it cannot
        engines = self.engine.run("version", "--format", "{{.Server.Arch}}").strip()
        if its and its != engines:
            raise mishap.of_architecture(image, its, engines)

    def _claim(self, wanted: Wanted) -> None:
        """Make the network, which only one can: what another machine is making is not touched.

        Raises:
            ToolError: If it is there, or cannot be made.
        """
        labels = {
            CLUSTER: wanted.name,
            COHORT: wanted.cohort,
            STUDENT: wanted.student,
            RECIPE: wanted.digest(),
            NAMES: ",".join(wanted.names),
            MAKER: locks.whose(self.engine),
        }
        labelled = [part for label in labels.items() for part in ("--label", "=".join(label))]
        try:
            self.engine.run("network", "create", *OPTIONS, *labelled, network_name(wanted.name))
        except ToolError as error:
            raise mishap.explained(error, wanted) from None

    def _make(self, wanted: Wanted, held: int) -> None:
        with _nowhere() as kubeconfig:
            told = ("--kubeconfig", str(kubeconfig), "--config", "-")
            command = ("create", "cluster", "--name", wanted.name, *told)
            self._kind(command, held=held, stdin=wanted.kind_config())
        all_nodes.await_ready(self.engine, wanted.nodes[0])
        pod_routes.keep(self.engine, wanted.nodes)
        self.engine.inside(wanted.nodes[0], "touch", COMPLETE, timeout=PATIENCE_OF_ENGINE)

    def _remove(self, name: str, held: int) -> None:
        with _nowhere() as kubeconfig:
            command = ("delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig))
            self._kind(command, held=held)
        if look(self.engine, name).labels is not None:
            self.engine.run("network", "rm", network_name(name))
        if look(self.engine, name):
            raise ToolError(f"Something of the cluster {name} is still there.")

    def _run_or_stop(self, found: Found, *, running: bool) -> Found:
        """Start or stop the nodes that are not as wanted; returns what is there then."""
        nodes = [node.name for node in found.nodes if node.running != running]
        if not nodes:
            return found
        if running:
            all_nodes.start(self.engine, found, nodes)
        else:
            all_nodes.stop(self.engine, nodes)
        return look(self.engine, found.name)

    def _kind(self, command: tuple[str, ...], *, held: int, stdin: str | None = None) -> None:
        env = self.engine.environment()
        cluster = command[command.index("--name") + 1]
        env |= {"KIND_EXPERIMENTAL_DOCKER_NETWORK": network_name(cluster)}
        env.pop("KUBECONFIG", None)
        shell.run(
            self.kind,
            *command,
            env=env,
            stdin=stdin,
            timeout=locks.LONGEST,
            keep_open=(held,),
        )


def _is_as_wanted(found: Found, wanted: Wanted) -> bool:
    """Whether it is whole, and was made from the same description."""
    made_from = (found.labels or {}).get(RECIPE)
    return found.complete and made_from == wanted.digest()


@contextmanager
def _nowhere() -> Iterator[Path]:
    """Give kind a kubeconfig to write to that keeps nothing, with a lock of its own beside it.

    kind always writes one, and by itself into ``~/.kube/config`` under a lock that makes
    others fail. The admin's credential is asked for when it is needed.
    """
    with tempfile.TemporaryDirectory(prefix="practicum-kind-") as folder:
        path = Path(folder) / "kubeconfig"
        path.symlink_to(os.devnull)
        yield path
