"""The programs inside a kind node and its images, for machines without an image registry.

They are always built, never taken from ``PATH``: what goes into an image is decided by its
recipe. All are static, for most of them are alone in theirs.
"""

from __future__ import annotations

from dataclasses import replace

from .pins import KUBERNETES, PINS, Pin
from .versions import Range

BUILT = {"gitCommit": "0" * 40, "buildDate": "1970-01-01T00:00:00Z"}
"""kubeadm reads these; an unknown commit and day keep the binary the same wherever it is built."""

PAUSE = "3.10.1"


def _stamp() -> tuple[str, ...]:
    """Tell the linker what Kubernetes' programs say of themselves."""
    major, minor, _ = KUBERNETES.split(".")
    version = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    values = {**version, "gitTreeState": "clean", **BUILT}
    return tuple(
        part
        for variable, value in values.items()
        for part in ("-X", f"k8s.io/component-base/version.{variable}={value}")
    )


def _kubernetes(name: str, minutes: float, *, ask: tuple[str, ...] = ("--version",)) -> Pin:
    return Pin(
        name=name,
        version=KUBERNETES,
        accepts=Range(KUBERNETES, "2"),
        module="kubernetes-node",
        package=f"k8s.io/kubernetes/cmd/{name}",
        ldflags=("-s", "-w", *_stamp()),
        ask=ask,
        minutes=minutes,
        static=True,
    )


_ALL = (
    _kubernetes("kubelet", 3),
    _kubernetes("kubeadm", 1, ask=("version", "-o", "short")),
    _kubernetes("kube-proxy", 0.5),
    _kubernetes("kubectl", 1, ask=("version", "--client")),
    _kubernetes("kube-apiserver", 2),
    _kubernetes("kube-controller-manager", 1),
    _kubernetes("kube-scheduler", 0.5),
    replace(PINS["etcd"], static=True),
    Pin(
        name="coredns",
        version="1.12.1",
        accepts=Range("1.12.1", "1.13"),
        module="coredns",
        package="github.com/coredns/coredns",
        ask=("-version",),
        minutes=2,
        static=True,
    ),
    Pin(
        name="pause",
        version=PAUSE,
        accepts=Range(PAUSE, "4"),
        module="pause",
        package="practicum.example/tools/pause",
        minutes=0.1,
        static=True,
    ),
)

NODE_PINS = {pin.name: pin for pin in _ALL}
"""By the name of the program, in the order in which they are built."""
