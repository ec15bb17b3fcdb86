"""What a cohort file says of lab hosts: where they are, and what students get on them."""

import re
from collections import Counter
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, field_validator, model_validator

from ..errors import InputError
from . import keys
from .strict import Strict
from .values import Cpu, FileName, FilePath, Memory, Storage, Text, Whole, matching, wrong

__all__ = ["AccountLimits", "Accounts", "ClassSecrets", "Dotfiles", "Fork", "Host", "Ports"]

LAST_PORT = 65_535
FIRST_FREE_PORT = 1024
UIDS = (1_000, 60_000)
"""What Debian's ``login.defs`` has for people."""

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAMED = rf"(?i:{_LABEL}(\.{_LABEL})*\.?)"
_GIT = (
    r"https://(?!-)[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9._~/+-]+"
    r"|ssh://([a-z_][a-z0-9_-]*@)?(?!-)[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9._~/+-]+"
    r"|[a-z_][a-z0-9_-]*@(?!-)[A-Za-z0-9.-]+:(?!-)[A-Za-z0-9._~/+-]+"
)

_REGISTRY = rf"{_LABEL}(\.{_LABEL})+(:[0-9]+)?"
_MIRROR = r"https://(?!-)[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?"

Tool = Literal[
    "age", "gpg", "sops", "pass", "passage", "dotfiles", "containerd", "docker", "kubectl", "kind",
    "git_server",
]  # fmt: skip


def _address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        if len(value) > 253 or not re.fullmatch(_NAMED, value):
            wrong("is no host name or address, such as lab1.example.org or 192.0.2.10")
    return value


def _port(value: int) -> int:
    return value if 1 <= value <= LAST_PORT else wrong(f"must be 1 to {LAST_PORT}")


def _repository(value: str) -> str:
    """Take what git fetches over HTTPS or SSH; ``ext::`` and ``file:`` run or read things."""
    if not re.fullmatch(_GIT, value) or ".." in value.split("/"):
        wrong(
            "must be a repository over https or ssh, without a password in it, such as"
            " https://git.example.org/course/dotfiles.git"
        )
    return value


def _recipient(value: str) -> str:
    try:
        return keys.parse(value).text
    except InputError as error:
        wrong(str(error))


def _mirror(value: str) -> str:
    if not re.fullmatch(_MIRROR, value):
        wrong("must be https, without a login in it, such as https://mirror.example.edu")
    return value


HostPort = Annotated[Whole, AfterValidator(_port)]
HostName = Annotated[
    Text, AfterValidator(matching(_LABEL, "must be a-z, 0-9 and dashes, such as lab1"))
]
UnixUser = Annotated[
    Text, AfterValidator(matching(r"[a-z_][a-z0-9_-]{0,31}", "is no name of a Unix account"))
]
Commit = Annotated[
    Text, AfterValidator(matching(r"[0-9a-f]{40}|[0-9a-f]{64}", "must be a whole commit id"))
]
Repository = Annotated[Text, AfterValidator(_repository)]
Registry = Annotated[
    Text,
    AfterValidator(matching(_REGISTRY, "is no registry's host name, such as docker.io")),
]
Mirror = Annotated[Text, AfterValidator(_mirror)]
Variable = Annotated[Text, AfterValidator(matching(r"[A-Za-z_][A-Za-z0-9_]*", "is no variable"))]


class Host(Strict):
    """A machine that students log in to, and how the operator reaches it."""

    name: HostName
    """What it is called here."""

    address: Annotated[Text, AfterValidator(_address)] | None = None
    """Host name or IP address; not needed with ``connection: local``."""

    port: HostPort = 22
    user: UnixUser = "root"
    """Who the operator logs in as; becomes root by sudo, without a password, where it is not."""

    identity: FilePath | None = None
    """The operator's private key; what ssh finds, or its agent holds, when None."""

    connection: Literal["ssh", "local"] = "ssh"
    """``local`` is the very machine that Practicum runs on."""

    sections: tuple[Text, ...] = ()
    """Whose students are placed here; anybody's when empty."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.connection == "ssh" and self.address is None:
            wrong("needs an address; or, for this very machine, `connection: local`")
        return self


class AccountLimits(Strict):
    """What all that one student runs on a host may take; a student's own limits, not a pod's."""

    cpu: Cpu = "1"
    memory: Memory = "2Gi"
    processes: Whole = 256
    disk: Storage = "10Gi"
    """Kept where the file system has quotas."""


class Ports(Strict):
    """Which TCP ports are students' own, so that two never want one."""

    first: HostPort = 20_000
    each: Whole = 10
    """How many a student has, one after the other."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.first < FIRST_FREE_PORT:
            wrong(f"starts among the system's own: `first` must be {FIRST_FREE_PORT} or more")
        if not 1 <= self.each <= 100:
            wrong("gives too few or too many: `each` must be 1 to 100")
        return self


class Fork(Strict):
    """A student's own dotfiles, in place of the course's."""

    repository: Repository
    commit: Commit


class Dotfiles(Strict):
    """A repository that Dotdrop installs in every student's home, as that student."""

    repository: Repository
    commit: Commit
    """A pinned one: a Dotdrop config runs code."""

    profile: Annotated[
        Text, AfterValidator(matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "is no profile's name"))
    ] = "student"
    variables: Mapping[Variable, Text] = {}
    """What its templates may use; no secret belongs here."""

    forks: Mapping[Text, Fork] = {}
    """By student id."""


class ClassSecrets(Strict):
    """Files that SOPS encrypts to the class, and to nobody who has left it."""

    folder: FileName = "secrets"
    """In the cohort's folder; every ``*.sops.*`` in it reaches the hosts, encrypted."""

    recipients: tuple[Annotated[Text, AfterValidator(_recipient)], ...]
    """Public keys, age or SSH, of those who teach: they can decrypt always."""

    gpg: tuple[FileName, ...] = ()
    """Files in the cohort's folder with armored public keys of those who teach."""

    identity: FilePath | None = None
    """File with the private half of one of these; it is needed when somebody joins or leaves."""

    @field_validator("recipients")
    @classmethod
    def _somebody(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        return recipients or wrong("is empty: nobody who teaches could read them")


class Accounts(Strict):
    """What every student gets on their lab host."""

    student_keys: Literal["student", "provision"] = "student"
    """Who makes the keys on the host: each student, which is the exercise, or Practicum."""

    tools: tuple[Tool, ...] = ("age", "gpg", "sops", "pass", "passage", "dotfiles")
    limits: AccountLimits = AccountLimits()
    ports: Ports = Ports()
    first_uid: Whole = 20_000
    """Numbers of the students' accounts start here; another one for each cohort on a host."""

    dotfiles: Dotfiles | None = None
    secrets: ClassSecrets | None = None
    mirrors: Mapping[Registry, tuple[Mirror, ...]] = {}
    """From where containerd takes images of a registry, before it asks the registry itself."""

    @field_validator("tools")
    @classmethod
    def _once(cls, tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
        return tools if len(set(tools)) == len(tools) else wrong("names a tool twice")

    @field_validator("first_uid")
    @classmethod
    def _for_people(cls, uid: int) -> int:
        if not UIDS[0] <= uid < UIDS[1]:
            wrong(f"must be {UIDS[0]} to {UIDS[1] - 1}, the numbers of people")
        return uid

    @model_validator(mode="after")
    def _decryptable(self) -> Self:
        if self.secrets and "sops" not in self.tools:
            wrong("has secrets but not the tool sops, with which students read them")
        return self

    @model_validator(mode="after")
    def _mirrored(self) -> Self:
        if self.mirrors and "containerd" not in self.tools:
            wrong("has mirrors but not the tool containerd, which takes images from them")
        return self


def different(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    """Refuse two hosts of one name, or one machine twice."""
    if any(count > 1 for count in Counter(host.name for host in hosts).values()):
        wrong("has two hosts of one name")
    places = Counter((host.address or "here", host.port) for host in hosts)
    if any(count > 1 for count in places.values()):
        wrong("has one machine twice")
    return hosts
