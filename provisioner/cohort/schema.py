"""What a cohort file may say: every key, with its default and what it means.

Keys that later issues build stand here already, so that a file that uses one is told
*not yet supported* at that key and not that it has made a spelling mistake.

The modules of the schema do without ``from __future__ import annotations``: that makes texts of
all types, and Pydantic would compile each of them again.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from .. import names
from .access import Cluster
from .environment import Environment
from .hosts import Accounts, Host, different
from .kind import Kind
from .oidc import Auth, Login, Oidc
from .quota import Quota
from .staff import AgeRecipient, Assistant, Section
from .strict import Strict
from .term import Term
from .values import FileName, Image, LaterList, LaterNothing, Operator, Text, Truth, wrong

__all__ = ["Cohort", "Groups"]

TOOL_IMAGE = (
    "registry.k8s.io/e2e-test-images/agnhost:2.53"
    "@sha256:99c6b4bb4a1e1df3f0b3752168c89358794d02258ebebc26bf21c29399011a85"
)
"""Kubernetes' own image for tests of networks; it has `tar` as well."""


class Groups(Strict):
    """What students who work together share."""

    namespace: Truth = False
    """Whether each group of the roster has a namespace of its own."""

    quota: Quota | None = None
    """Ceiling of one group; that of a student when None."""


class Cohort(Strict):
    """A course in one term: what each of its students gets, and where."""

    name: str
    """The name of its folder."""

    folder: Path
    """``stacks/<name>``, with the cohort file, the roster and the students' keys."""

    course: Text
    """The course's title, for people."""

    term: Term

    backend: Literal["namespace", "kind"] = "namespace"
    """A namespace a student, or a kind cluster a student."""

    roster: FileName = "roster.csv"
    """The file in the folder that says who takes the course."""

    protect: Truth = False
    """Refuse to take the cohort down until this is false again."""

    cluster: Cluster | None = Field(default=None, validate_default=True)
    """``rehearsal``, or the kubeconfig and the context of a real cluster, which all share."""

    kind: Kind | None = Field(default=None, validate_default=True)
    """What a cluster of each student's own is, and where; None where they have namespaces."""

    operators: tuple[Operator, ...] = ()
    """Who runs Practicum, as the cluster knows them; whoever may do everything there when empty."""

    assistants: tuple[Assistant, ...] = ()

    course_key: AgeRecipient | None = None
    """The age recipient that archives are encrypted to."""

    environment: Environment = Environment()

    tool_image: Image = TOOL_IMAGE
    """What Practicum's own pods are made of: those of `verify --live`, and those that copy volumes."""

    auth: Auth = "token"
    """How students prove who they are: a token that we mint, or the school's login."""

    hosts: Annotated[tuple[Host, ...], AfterValidator(different)] = ()
    """Machines that students log in to."""

    accounts: Accounts = Accounts()
    """What students get on the hosts."""

    schedule: LaterList = ()
    sections: tuple[Section, ...] = ()
    """Parts of the course whose assistants see these alone."""

    groups: Groups = Groups()
    retention: LaterNothing = None

    @field_validator("cluster", mode="before")
    @classmethod
    def _of_namespaces(cls, said: object, info: ValidationInfo) -> object:
        """Ask for a cluster exactly where students share one."""
        backend = info.data.get("backend")
        if said is None and backend == "namespace":
            wrong("is missing", "missing")
        if said is not None and backend == "kind":
            wrong("is for `backend: namespace`; engines for kind clusters stand under `kind`")
        return said

    @field_validator("kind", mode="before")
    @classmethod
    def _of_kind(cls, said: object, info: ValidationInfo) -> object:
        """Fill in the defaults exactly where students have a cluster each."""
        if said is not None and info.data.get("backend") == "namespace":
            wrong("is for `backend: kind`")
        return {} if said is None and info.data.get("backend") == "kind" else said

    @field_validator("environment")
    @classmethod
    def _from_elsewhere(cls, environment: Environment, info: ValidationInfo) -> Environment:
        """Refuse what a cluster of one's own has no place for, and what `down` would delete."""
        if info.data.get("backend") == "kind":
            for key in ("pull_secrets", "shared_volumes"):
                if getattr(environment, key):
                    wrong(f"sets {key}, which is for `backend: namespace`, not for kind clusters")
        cohort = info.data.get("name", "")
        for secret in environment.pull_secrets:
            if names.is_own_namespace(cohort, secret.namespace):
                wrong(f"takes a pull secret from {secret.namespace}, which goes with this course")
        return environment

    @field_validator("auth", "groups")
    @classmethod
    def _on_one_cluster(cls, said: Auth | Groups, info: ValidationInfo) -> Auth | Groups:
        """Refuse what a cluster of one's own has no place for."""
        shared = isinstance(said, Login) or (isinstance(said, Groups) and said.namespace)
        if shared and info.data.get("backend") == "kind":
            wrong("is for `backend: namespace`: kind clusters share nothing, and know no school")
        return said

    @field_validator("operators")
    @classmethod
    def _once(cls, operators: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(operators)) < len(operators):
            wrong("names somebody twice")
        return operators

    @field_validator("assistants")
    @classmethod
    def _one_of_each(cls, assistants: tuple[Assistant, ...]) -> tuple[Assistant, ...]:
        for what in ("user", "key", "name"):
            said = [value for one in assistants if (value := getattr(one, what))]
            if len(set(said)) < len(said):
                wrong(f"names a {what} twice")
        return assistants

    @field_validator("sections")
    @classmethod
    def _looked_after(
        cls, sections: tuple[Section, ...], info: ValidationInfo
    ) -> tuple[Section, ...]:
        said = [section.name for section in sections]
        if len(set(said)) < len(said):
            wrong("names a section twice")
        known = {assistant.name for assistant in info.data.get("assistants", ())}
        strange = any(name not in known for one in sections for name in one.assistants)
        if strange and "assistants" in info.data:
            wrong("names somebody who is not in `assistants`")
        return sections

    @field_validator("groups")
    @classmethod
    def _room_for_a_pod(cls, groups: Groups, info: ValidationInfo) -> Groups:
        """Refuse limits that no pod of a group could keep."""
        environment = info.data.get("environment")
        if groups.quota and environment:
            environment.holding(groups.quota)
        return groups

    @property
    def oidc(self) -> Oidc | None:
        """The school's login, where students use that; None where we mint tokens."""
        return self.auth.oidc if isinstance(self.auth, Login) else None

    @property
    def shows_secrets(self) -> bool:
        """Whether some assistant may read Secrets."""
        return any(assistant.secrets for assistant in self.assistants)

    @property
    def operators_copy(self) -> bool:
        """Whether operators need a right of ours to keep copies of pull secrets."""
        return bool(self.operators and self.environment.pull_secrets)

    @property
    def roster_file(self) -> Path:
        """Where the roster lies."""
        return self.folder / self.roster

    @property
    def keys_folder(self) -> Path:
        """Where the students' public keys lie, one file each."""
        return self.folder / "keys"

    @property
    def hosts_file(self) -> Path:
        """Where that lies which Practicum decided for each student on the lab hosts."""
        return self.folder / "hosts.json"

    @property
    def clusters_file(self) -> Path:
        """Where that lies which Practicum decided for each student's kind cluster."""
        return self.folder / "clusters.json"

    @property
    def known_hosts_file(self) -> Path:
        """Where the lab hosts' pinned keys lie, as OpenSSH writes them."""
        return self.folder / "known_hosts"

    @property
    def records_file(self) -> Path:
        """Where that lies which Practicum decided for each student."""
        return self.folder / "students.json"
