"""How we and the students reach the cluster that all share."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from .strict import Strict
from .values import Address, FilePath, Text

__all__ = ["Cluster", "ClusterAccess"]


class ClusterAccess(Strict):
    """A cluster of one's own, and how we and the students reach it."""

    kubeconfig: FilePath
    """Relative to the current directory; ``~`` is the home directory."""

    context: Text
    """Always written out: whatever context is current is somebody's accident."""

    student_server: Address | None = None
    """The https address that students reach; the kubeconfig's own when None."""

    student_ca: FilePath | None = None
    """A PEM file with the authority of ``student_server``; the kubeconfig's when None."""


def _which_cluster(value: Any) -> str:  # noqa: ANN401  (Pydantic's signature)
    return "<access>" if isinstance(value, dict | ClusterAccess) else "<name>"


Cluster = Annotated[
    Annotated[Literal["rehearsal"], Tag("<name>")] | Annotated[ClusterAccess, Tag("<access>")],
    Discriminator(_which_cluster),
]
