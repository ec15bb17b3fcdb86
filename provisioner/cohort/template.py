"""The example that ``practicum init`` writes: complete, commented, and valid at once."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from .. import names, private_file
from ..errors import InputError, MissingToolError, Problem
from .access import ClusterAccess
from .loading import FILE

WEEKS = 16

_COHORT = """\
# The cohort {name}: one course in one term.
# Check this file with: practicum validate {name}

course: Course title
term:
  starts: {starts}
  ends: {ends}
  grace_days: 14            # credentials end this many days after the term

{backend}
roster: roster.csv          # id,name and, if you like, section,email,group
protect: false              # true: `practicum down` refuses until this is false again

{cluster}

# Who runs Practicum, as the cluster knows them. Without this: whoever may do everything there.
# operators: [kim@example.org]

# Who may look into every environment, but into no Secrets, and change nothing.
# assistants:
#   - {{name: Lee Jiwoo, user: lee@example.org}}

# Who looks after one part of the course only, and whether each group of the roster
# shares a namespace of its own.
# sections:
#   - {{name: A, assistants: [Lee Jiwoo]}}
# groups: {{namespace: true, quota: {{cpu: "4", memory: 8Gi}}}}

# Archives are encrypted to this key. Its private half is in {private}:
# keep a copy somewhere safe, and never in git.
course_key: {course_key}

environment:
  pod_security: baseline    # or restricted, once the images of the course run without root
  quota:                    # the ceiling of one student
    cpu: "2"
    memory: 4Gi
    ephemeral: 10Gi         # disk that goes with the pod
    storage: 10Gi           # disk of volumes
    volumes: 5
    pods: 20
    services: 10
    secrets: 30
    configmaps: 30
  limits:
    default: {{cpu: 500m, memory: 512Mi, ephemeral: 1Gi}}   # of a container that says nothing
    request: {{cpu: 50m, memory: 64Mi, ephemeral: 64Mi}}
  egress: internet          # all but private networks; or none, or a list of networks

auth: token                 # encrypted to each student's key; or oidc: the school's login
"""

_REHEARSAL = """\
# A Kubernetes control plane on this machine, without real pods: practicum rehearsal up
# A cluster of your own instead:
# cluster:
#   kubeconfig: ~/.kube/config
#   context: my-context
#   student_server: https://kubernetes.example.org:6443
cluster: rehearsal"""

_KIND = """\
# What each student's cluster is, and where. A kind cluster gives no isolation from its host:
# docs/how-to/kind-clusters.md says what that means.
kind:
  workers: 0                # nodes beside the first one
  ports: []                 # of the node, such as [30080]: each gets a host port of the student's own
  memory: 900Mi             # what a cluster takes; as many are made as there is room for
  engines: [local]          # or {name: lab1, ssh: ops@lab1.example.org, address: 0.0.0.0}
  accept_host_root: false   # true: students may be given clusters on a host that others use too"""

_BACKENDS = {
    "namespace": "backend: namespace          # a namespace a student",
    "kind": "backend: kind               # a kind cluster a student",
}

_IGNORED = """\
# Rosters and exports are personal data, and so are the ids in students.json, groups.json,
# clusters.json and hosts.json. In a private repository you may want these in git: delete their lines.
# Keys are public.
*.csv
*.xls
*.xlsx
students.json
groups.json
clusters.json
hosts.json
"""

_ROSTER = """\
id,name,section,email
20260001,Ada Example,A,ada@example.org
20260002,김보기,B,bogi@example.org
"""

_KEYS = """\
One file a student, named by the id in the roster, with one public key in one line:

* an age recipient (age1...), or
* an SSH public key: ssh-ed25519, or ssh-rsa of at least 2048 bits.

    cp ~/Downloads/id_ed25519.pub keys/20260001

Only public halves. A student without a file has an environment and no kubeconfig yet.
"""


def init(
    stacks: Path,
    name: str,
    *,
    home: Path,
    backend: str = "namespace",
    cluster: Literal["rehearsal"] | ClusterAccess = "rehearsal",
    today: date | None = None,
) -> list[Path]:
    """Write a new cohort, and the key that its archives will be encrypted to.

    Args:
        stacks: The folder that holds a folder a cohort.
        name: The cohort's name.
        home: Where the private half of the course key goes.
        backend: What a student gets.
        cluster: Where.
        today: The first day of the term that is written; now when None.

    Returns:
        The files that were written.

    Raises:
        InputError: If the name is none, or the cohort exists, or cannot be written.
        MissingToolError: If keys cannot be made here.
    """
    folder = stacks / name
    _refuse(folder, name)
    private = home / "keys" / f"{name}.agekey"
    written = [] if private.exists() else [private]
    starts = today or datetime.now(tz=UTC).date()
    text = _COHORT.format(
        name=name,
        starts=starts,
        ends=starts + timedelta(weeks=WEEKS),
        backend=_BACKENDS[backend],
        cluster=_where(backend, cluster),
        private=private,
        course_key=course_key(private),
    )
    files = {
        folder / ".gitignore": _IGNORED,
        folder / "roster.csv": _ROSTER,
        folder / "keys" / "README": _KEYS,
        folder / FILE: text,
    }
    return [*written, *_write(folder, files)]


def _refuse(folder: Path, name: str) -> None:
    mistake = names.cohort_mistake(name)
    if mistake:
        problem = Problem("COHORT", mistake, "take another name")
        raise InputError("This is no name for a cohort.", problems=[problem])
    if (folder / FILE).exists():
        raise InputError(
            f"{folder / FILE} exists; nothing was written.",
            hint=f"Look at it with: practicum validate {name}",
        )


def _where(backend: str, cluster: Literal["rehearsal"] | ClusterAccess) -> str:
    if backend == "kind":
        return _KIND
    return _REHEARSAL if cluster == "rehearsal" else _access(cluster)


def _access(cluster: ClusterAccess) -> str:
    """Return the cluster's lines; JSON's quotes are YAML's, so any path is one text."""
    plain = cluster.model_dump(mode="json", exclude_none=True)
    lines = [f"  {key}: {json.dumps(value)}" for key, value in plain.items()]
    return "\n".join(["cluster:", *lines])


def course_key(private: Path) -> str:
    """Return the public half of the key that archives are encrypted to, of a new one if need be.

    Args:
        private: Where the private half lies, or is written.

    Raises:
        InputError: If what lies there is no key, or it cannot be written.
        MissingToolError: If keys cannot be made here.
    """
    try:
        from pyrage import IdentityError, x25519  # on no other path
    except ImportError:
        raise MissingToolError(
            "Making keys needs the operator's part of Practicum.",
            hint="Install it with: pip install 'practicum-lab[operator]'",
        ) from None
    if private.exists():
        private_file.require_private(private)
        lines = private.read_text(encoding="utf-8").split()
        try:
            return str(x25519.Identity.from_str(lines[-1]).to_public())
        except (IndexError, IdentityError):
            raise InputError(f"{private} holds no age key.", hint="Move it away.") from None
    identity = x25519.Identity.generate()
    private_file.make_folder(private.parent)
    private_file.write(private, f"{identity}\n".encode())
    return str(identity.to_public())


def _write(folder: Path, files: dict[Path, str]) -> list[Path]:
    """Write what is not there yet: an export may lie in the folder already."""
    missing = [path for path in files if not path.exists()]
    try:
        (folder / "keys").mkdir(parents=True, exist_ok=True)
        for path in missing:
            _create(path, files[path])
    except OSError as error:
        raise private_file.unwritable(folder, error) from None
    return missing


def _create(path: Path, text: str) -> None:
    """Make a new file; people's data is nobody else's from the first byte on."""
    mode = 0o600 if path.suffix == ".csv" else 0o644
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
