"""The course that ``make demo-kind`` plays: its files, and what a student shows the world."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import yaml
from stage import CannotPlayError, Stage

NAME = "own26"
IDS = tuple(str(20260001 + number) for number in range(3))
STUDENT, LEAVER = IDS[0], IDS[1]
PORT = 30080

WEB = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: web
          image: IMAGE
          imagePullPolicy: Never
          args: [--listen-client-urls=http://0.0.0.0:2379, --advertise-client-urls=http://web:2379]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  type: NodePort
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 2379, nodePort: {PORT}}}]
"""
"""A web server of an image that every node has: etcd, which answers HTTP."""


def files_of(stage: Stage) -> Path:
    """Return the folder of the course."""
    return stage.folder / "stacks" / NAME


def lay_out(stage: Stage) -> None:
    """Write the course's files, and make a key for each student."""
    (files_of(stage) / "keys").mkdir(parents=True)
    private = stage.folder / "students"
    private.mkdir(mode=0o700)
    for id in IDS:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private / id], check=True
        )
        shutil.copy(private / f"{id}.pub", files_of(stage) / "keys" / id)
    rows = "".join(f"{id},Student {id[-2:]}\n" for id in IDS)
    (files_of(stage) / "roster.csv").write_text(f"id,name\n{rows}")
    (files_of(stage) / "cohort.yaml").write_text(_cohort())


def _cohort() -> str:
    document = {
        "course": "Clusters of one's own",
        "term": {"starts": "2026-09-01", "ends": "2030-12-19"},
        "backend": "kind",
        "kind": {"ports": [PORT], "port_range": _free_ports()},
    }
    return yaml.safe_dump(document, sort_keys=False)


def _free_ports() -> dict[str, int]:
    """Find host ports on which nobody listens: another course may have the usual ones."""
    for first in range(34_100, 39_000, 10):
        with ExitStack() as stack:
            try:
                for port in range(first, first + 2 * len(IDS)):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return {"first": first, "last": first + 9}
    raise CannotPlayError("no ports are free")


def host_port(stage: Stage) -> int:
    """Return the host port that leads into the student's cluster."""
    document = json.loads((files_of(stage) / "clusters.json").read_text())
    [berth] = [one for one in document["students"].values() if one["id"] == STUDENT]
    return int(berth["ports"][0][0])


def answer(stage: Stage, seconds: float = 90) -> str:
    """Ask the student's Service until it answers: after a start it takes a moment."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{host_port(stage)}/version", timeout=3) as found:
                return str(found.read().decode())
        except (URLError, OSError):
            stage.expect(time.monotonic() < end, f"the Service answers within {seconds:g} s")
            time.sleep(0.5)
